//! Limits from outside on a training.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Callback, Training};
use crate::{Error, Result};

/// Interrupts a training between two batches, after some time.
#[derive(Clone, Debug)]
pub struct TimeBudget {
    budget: Duration,
    start: Option<Instant>,
}

impl TimeBudget {
    /// The time counts from the first batch.
    pub fn new(budget: Duration) -> Self {
        Self {
            budget,
            start: None,
        }
    }
}

impl Callback for TimeBudget {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        let start = *self.start.get_or_insert_with(Instant::now);
        if start.elapsed() >= self.budget {
            training.interrupt(format!("the {:?} it was given were over", self.budget));
        }
        Ok(())
    }
}

/// Interrupts a training between two batches once a file exists, and removes the file. This lets
/// another process stop it without losing the variables of a notebook.
#[derive(Clone, Debug)]
pub struct StopFile(PathBuf);

impl StopFile {
    /// Watches for the file at `path`. Its content does not matter.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Callback for StopFile {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if self.0.exists() {
            std::fs::remove_file(&self.0).map_err(|error| Error::io(&self.0, error))?;
            training.interrupt(format!("{} was there", self.0.display()));
        }
        Ok(())
    }
}
