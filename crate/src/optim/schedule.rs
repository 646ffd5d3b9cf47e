//! Schedules of the learning rate.

use super::arguments::{above_zero, not_negative};
use crate::{Error, Result};

/// How the learning rate changes from epoch to epoch, starting from the optimiser's own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// The learning rate stays the same.
    #[default]
    Constant,
    /// It is multiplied by `factor` after every `epochs` epochs (PyTorch's `StepLR`).
    Step {
        /// The number of epochs between two changes, at least 1.
        epochs: usize,
        /// The factor, which must be positive.
        factor: f64,
    },
    /// It falls along half a cosine to `minimum` within `epochs` epochs, and stays there
    /// (PyTorch's `CosineAnnealingLR`; Loshchilov & Hutter 2017).
    Cosine {
        /// The number of epochs until the minimum, at least 1.
        epochs: usize,
        /// The final learning rate, at least 0.
        minimum: f64,
    },
}

impl Schedule {
    /// Checks that all arguments are in their ranges, as a `Trainer` does before the first batch.
    ///
    /// # Errors
    /// If an argument is out of its range; the error names it.
    pub fn check(self) -> Result<()> {
        let epochs = match self {
            Self::Constant => return Ok(()),
            Self::Step { epochs, factor } => {
                above_zero("the factor of a schedule", factor)?;
                epochs
            }
            Self::Cosine { epochs, minimum } => {
                not_negative("the minimum of a schedule", minimum)?;
                epochs
            }
        };
        if epochs == 0 {
            let name = "the number of epochs in a schedule";
            return Err(Error::argument(name, epochs, "1 or above"));
        }
        Ok(())
    }

    /// The learning rate in `epoch`, counted from 0, if it is `initial` in the first.
    ///
    /// ```
    /// use cuaderno::optim::Schedule;
    /// let schedule = Schedule::Step { epochs: 10, factor: 0.5 };
    /// assert_eq!(schedule.rate(0.1, 25), 0.025);
    /// ```
    pub fn rate(self, initial: f64, epoch: usize) -> f64 {
        match self {
            Self::Constant => initial,
            Self::Step { epochs, factor } => initial * factor.powf((epoch / epochs.max(1)) as f64),
            Self::Cosine { epochs, minimum } => {
                let done = (epoch as f64 / epochs.max(1) as f64).min(1.0);
                let cosine = (std::f64::consts::PI * done).cos();
                minimum + (initial - minimum) * (1.0 + cosine) / 2.0
            }
        }
    }
}
