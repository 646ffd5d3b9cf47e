//! What a training tells of itself while it runs.

use std::fmt::Debug;

use super::{History, Measure};
use crate::notebook;

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

/// The observer for the place where the program runs: live in a notebook, one line per epoch elsewhere.
pub(super) fn observer(quiet: bool) -> Box<dyn Observer> {
    if quiet {
        Box::new(Silence)
    } else if notebook::is_live() {
        Box::new(notebook::LiveTraining::new())
    } else {
        Box::new(Lines)
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
