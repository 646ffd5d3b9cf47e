//! Callbacks between batches and epochs.

use super::History;
use crate::Result;
use crate::nn::Parameters;

/// An object whose methods are called during training.
///
/// ```
/// use cuaderno::{prelude::*, train::{Callback, Training}};
///
/// #[derive(Debug)]
/// struct EveryTenSteps;
///
/// impl Callback for EveryTenSteps {
///     fn batch_done(&mut self, training: &mut Training) -> cuaderno::Result<()> {
///         if training.step % 10 == 0 {
///             println!("step {}: {:?}", training.step, training.losses);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Callback: std::fmt::Debug {
    /// Called after each step.
    ///
    /// # Errors
    /// Any error ends the training.
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        let _ = training;
        Ok(())
    }

    /// Called after each epoch and its validation.
    ///
    /// # Errors
    /// Any error ends the training.
    fn epoch_done(&mut self, training: &mut Training) -> Result<()> {
        let _ = training;
        Ok(())
    }

    /// The callback's state, from which a training can be resumed.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Restores a state that [`Callback::state`] returned.
    fn restore(&mut self, state: &[f64]) {
        let _ = state;
    }
}

/// A running training as a [`Callback`] sees it, with methods to end it.
#[derive(Debug)]
pub struct Training<'a> {
    /// The model's parameters.
    pub parameters: &'a Parameters,
    /// The epochs that are done.
    pub history: &'a History,
    /// The epoch that is running or has just ended, counted from 1.
    pub epoch: usize,
    /// The number of steps so far, including those before an interruption.
    pub step: u64,
    /// The losses of the last batch, the minimised one first.
    pub losses: &'a [(&'a str, f64)],
    pub(super) stop: Option<Stop>,
}

#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) reason: String,
    pub(super) finished: bool,
}

impl Training<'_> {
    /// Ends the training for good.
    pub fn finish(&mut self, reason: impl Into<String>) {
        self.stop = Some(Stop {
            reason: reason.into(),
            finished: true,
        });
    }

    /// Ends the training for now. If it is resumed, it continues from here.
    pub fn interrupt(&mut self, reason: impl Into<String>) {
        self.stop = Some(Stop {
            reason: reason.into(),
            finished: false,
        });
    }

    /// The mean of a part of the loss on the validation examples after the last epoch. If `part` is
    /// `None`, this is the minimised part.
    pub(super) fn validated(&self, part: Option<&str>) -> Result<f64> {
        let measures = self.history.last().map_or(&[][..], |epoch| &epoch.valid);
        let measure = match part {
            Some(name) => measures.iter().find(|m| m.name == name),
            None => measures.first(),
        };
        let names: Vec<&str> = measures.iter().map(|m| m.name.as_str()).collect();
        measure.map(|m| m.mean).ok_or_else(|| {
            crate::Error::argument(
                "the part to watch",
                format!("{part:?}"),
                format!("one of {names:?}, which the model returns"),
            )
        })
    }
}
