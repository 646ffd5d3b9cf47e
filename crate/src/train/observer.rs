//! What training reports while it runs.

use std::fmt::Debug;
use std::sync::OnceLock;

use super::{History, Measure};

/// Sees a training step by step and shows it in one way or another.
pub(crate) trait Observer: Debug {
    /// After each batch.
    fn batch_done(&mut self, standing: &Standing) {
        let _ = standing;
    }

    /// After each epoch and its validation.
    fn epoch_done(&mut self, history: &History);

    /// After the last.
    fn training_done(&mut self, history: &History);
}

/// How far a training has come.
pub(crate) struct Standing<'a> {
    /// The epoch that is running, counted from 1.
    pub(crate) epoch: usize,
    pub(crate) epochs: usize,
    /// Batches of this epoch so far.
    pub(crate) batch: usize,
    pub(crate) batches: usize,
    /// The means of this epoch's losses; worked out only where they are shown.
    pub(crate) losses: &'a dyn Fn() -> Vec<Measure>,
}

/// Makes the observer of a training.
type Make = fn() -> Box<dyn Observer>;

/// What observes trainings that are not quiet, if it is not [`Lines`].
static LIVE: OnceLock<Make> = OnceLock::new();

/// Lets what `make` returns observe every training from now on that is not quiet. The first call
/// decides: a process is in a notebook or is not.
pub(crate) fn observe_with(make: Make) {
    LIVE.get_or_init(|| make);
}

/// The observer of a training: live in a notebook, one line per epoch elsewhere.
pub(super) fn observer(quiet: bool) -> Box<dyn Observer> {
    match LIVE.get() {
        _ if quiet => Box::new(Silence),
        Some(make) => make(),
        None => Box::new(Lines),
    }
}

/// Tells nothing.
#[derive(Debug)]
struct Silence;

impl Observer for Silence {
    fn epoch_done(&mut self, _: &History) {}
    fn training_done(&mut self, _: &History) {}
}

/// Prints one line per epoch: for programs, headless runs and files.
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
