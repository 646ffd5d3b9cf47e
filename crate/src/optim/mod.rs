//! Optimisers, which update parameters with their gradients.
//!
//! Every optimiser works in place, in one pass over each parameter, and stores its running averages
//! under the name of the parameter, so that they can be saved with a checkpoint.

mod adadelta;
mod adam;
mod arguments;
mod candle;
mod clip;
mod decay;
mod rmsprop;
mod schedule;
mod sgd;
mod update;

use std::collections::BTreeMap;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

pub use adadelta::Adadelta;
pub use adam::{Adam, AdamW};
pub use candle::CandleOptimiser;
pub use clip::clip_by_norm;
pub use rmsprop::RmsProp;
pub use schedule::Schedule;
pub use sgd::Sgd;

use crate::Result;
use crate::nn::Parameters;

/// A rule that updates parameters with their gradients.
///
/// ```
/// use cuaderno::{nn::{Dense, Plan}, optim::{Adam, Optimiser}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = Dense::units(1).build(&[3], &mut rng)?;
/// let (x, y) = (rng.normal(0.0, 1.0, &[8, 3])?, rng.normal(0.0, 1.0, &[8, 1])?);
/// let loss = || layer.forward(&x)?.sub(&y)?.sqr()?.mean_all();
/// let before = loss()?.to_scalar::<f32>()?;
/// let mut adam = Adam::new(0.1);
/// for _ in 0..50 {
///     adam.step(&layer.parameters(), &loss()?.backward()?)?;
/// }
/// assert!(loss()?.to_scalar::<f32>()? < before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Optimiser: std::fmt::Debug + Send {
    /// Updates every trainable parameter that has a gradient.
    ///
    /// # Errors
    /// If [`Optimiser::check`] fails, a gradient does not have the shape of its parameter, or a
    /// restored state belongs to another model; in a notebook, if the user has interrupted the
    /// cell.
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()>;

    /// Checks that all arguments are in their ranges. [`Optimiser::step`] does this first, and a
    /// `Trainer` before the first batch.
    ///
    /// # Errors
    /// If an argument is out of its range; the error names it.
    fn check(&self) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate from the next step on. It must be positive at the first step; a
    /// schedule may bring it down to 0 later.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// The optimiser's state, for a checkpoint.
    fn state(&self) -> State;

    /// Restores a state returned by [`Optimiser::state`].
    ///
    /// # Errors
    /// If the state belongs to another kind of optimiser.
    fn restore(&mut self, state: &State) -> Result<()>;
}

impl<O: Optimiser + ?Sized> Optimiser for Box<O> {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        (**self).step(parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        (**self).set_learning_rate(learning_rate);
    }

    fn state(&self) -> State {
        (**self).state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (**self).restore(state)
    }
}

/// The state of an optimiser between steps: the number of steps that each parameter has taken, and
/// its running averages, named after the parameter and the average (`encoder.weight.mean`).
#[derive(Clone, Debug)]
pub struct State {
    /// The number of steps in which each parameter had a gradient.
    pub steps: BTreeMap<String, u64>,
    /// Names and values of the averages, sorted by name.
    pub averages: Vec<(String, Tensor)>,
}
