//! Observers, to which a training reports while it runs.

use std::fmt::Debug;
use std::sync::OnceLock;

use super::{History, Measure};

/// Shows a training step by step.
pub(crate) trait Observer: Debug {
    /// Called after each batch.
    fn batch_done(&mut self, standing: &Standing) {
        let _ = standing;
    }

    /// Called after each epoch and its validation.
    fn epoch_done(&mut self, history: &History);

    /// Called after the last epoch.
    fn training_done(&mut self, history: &History);
}

/// The progress of a training.
pub(crate) struct Standing<'a> {
    /// The epoch that is running, counted from 1.
    pub(crate) epoch: usize,
    pub(crate) epochs: usize,
    /// The batches of this epoch that are done.
    pub(crate) batch: usize,
    pub(crate) batches: usize,
    /// The mean losses of this epoch so far. They are computed only when they are shown.
    pub(crate) losses: &'a dyn Fn() -> Vec<Measure>,
}

/// Makes an observer for a training.
type Make = fn() -> Box<dyn Observer>;

/// Makes the observers of trainings that are not quiet, if set; otherwise they are [`Lines`].
static LIVE: OnceLock<Make> = OnceLock::new();

/// Sets `make` to make the observers of all later trainings that are not quiet. Only the first call
/// counts, since a process either runs in a notebook or does not.
pub(crate) fn observe_with(make: Make) {
    LIVE.get_or_init(|| make);
}

/// The observer for a training: live in a notebook, one line for each epoch elsewhere.
pub(super) fn observer(quiet: bool) -> Box<dyn Observer> {
    match LIVE.get() {
        _ if quiet => Box::new(Silence),
        Some(make) => make(),
        None => Box::new(Lines),
    }
}

/// Shows nothing.
#[derive(Debug)]
struct Silence;

impl Observer for Silence {
    fn epoch_done(&mut self, _: &History) {}
    fn training_done(&mut self, _: &History) {}
}

/// Prints a line for each epoch: for programs, headless runs and files.
#[derive(Debug)]
struct Lines;

impl Observer for Lines {
    fn epoch_done(&mut self, history: &History) {
        if let Some(epoch) = history.last() {
            println!("{epoch}");
        }
    }

    fn training_done(&mut self, history: &History) {
        if let Some(reason) = &history.stopped {
            println!("stopped: {reason}");
        }
    }
}
