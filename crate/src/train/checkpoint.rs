//! Saving weights during training.

use std::path::PathBuf;

use super::{Callback, Training};
use crate::Result;

/// Writes the weights to a folder after each epoch. `Parameters::load` reads them.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    every_epoch: bool,
    best: f64,
}

impl Checkpoint {
    /// Keeps the weights of the epoch with the lowest validation loss in `weights.safetensors`.
    pub fn best(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_epoch: false,
            best: f64::INFINITY,
        }
    }

    /// Keeps the weights of every epoch in files named after the epoch and its validation loss,
    /// such as `weights-001-58.83.safetensors`, and the latest ones in `weights.safetensors`.
    pub fn every_epoch(folder: impl Into<PathBuf>) -> Self {
        Self {
            every_epoch: true,
            ..Self::best(folder)
        }
    }
}

impl Callback for Checkpoint {
    fn epoch_done(&mut self, training: &mut Training) -> Result<()> {
        let value = training.validated(None)?;
        let better = value < self.best;
        if self.every_epoch {
            let name = format!("weights-{:03}-{value:.2}.safetensors", training.epoch);
            training.parameters.save(self.folder.join(name))?;
        }
        if self.every_epoch || better {
            let path = self.folder.join("weights.safetensors");
            training.parameters.save(path)?;
        }
        self.best = self.best.min(value);
        Ok(())
    }

    fn state(&self) -> Vec<f64> {
        vec![self.best]
    }

    fn restore(&mut self, state: &[f64]) {
        if let &[best] = state {
            self.best = best;
        }
    }
}
