//! Early stopping.

use super::{Callback, Training};
use crate::Result;

/// Ends a training when a part of the validation loss has not fallen for `patience` epochs.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: usize,
    part: Option<String>,
    best: f64,
    waited: usize,
}

impl EarlyStopping {
    /// Stops after this many epochs without a fall of the loss that the model minimises.
    pub fn patience(epochs: usize) -> Self {
        Self {
            patience: epochs,
            part: None,
            best: f64::INFINITY,
            waited: 0,
        }
    }

    /// Watches the part of this name instead, such as `kl`.
    pub fn part(mut self, name: &str) -> Self {
        self.part = Some(name.to_owned());
        self
    }
}

impl Callback for EarlyStopping {
    fn epoch_done(&mut self, training: &mut Training) -> Result<()> {
        let value = training.validated(self.part.as_deref())?;
        if value < self.best {
            (self.best, self.waited) = (value, 0);
            return Ok(());
        }
        self.waited += 1;
        if self.waited >= self.patience {
            training.finish(format!(
                "no better for {} epochs than {:.5}",
                self.waited, self.best
            ));
        }
        Ok(())
    }

    fn state(&self) -> Vec<f64> {
        vec![self.best, self.waited as f64]
    }

    fn restore(&mut self, state: &[f64]) {
        if let &[best, waited] = state {
            (self.best, self.waited) = (best, waited as usize);
        }
    }
}
