//! The trainer.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Adversaries, Callback, Examples, History, Model};
use crate::Result;
use crate::optim::{Optimiser, Schedule};

/// Minimises the loss of a [`Model`] over mini-batches, which are reshuffled in each epoch.
///
/// ```
/// use cuaderno::prelude::*;
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// let model = Autoencoder::basic(4, Activation::Relu, 6202)?;
/// let history = Trainer::new(RmsProp::new(1e-3)).epochs(2).batch_size(32).seed(6202)
///     .fit(&model, &examples, &examples)?;
/// assert_eq!(history.epochs.len(), 2);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer<const PLAYERS: usize = 1> {
    pub(super) optimisers: [Box<dyn Optimiser>; PLAYERS],
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) schedule: Schedule,
    pub(super) clip_norm: Option<f64>,
    pub(super) callbacks: Vec<Box<dyn Callback>>,
    pub(super) resume: Option<PathBuf>,
    /// Whose state is saved, if the training is one that is kept.
    pub(super) identity: Value,
    pub(super) quiet: bool,
}

/// The settings of a training, which [`Trainer::settings`] returns.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Settings {
    optimisers: String,
    schedule: String,
    clip_norm: Option<f64>,
    callbacks: String,
    epochs: usize,
    batch_size: usize,
    pub(super) seed: u64,
}

impl Trainer {
    /// A trainer with this optimiser, by default for one epoch in batches of 32 (Keras' default)
    /// with seed 0.
    pub fn new(optimiser: impl Optimiser + 'static) -> Self {
        Self::with_optimisers([Box::new(optimiser)])
    }

    /// Trains `model` in place and returns the history.
    ///
    /// # Errors
    /// If there are no examples, the batch size is 0, an argument of the optimiser or the schedule
    /// is out of range, or the model fails on a batch; if the loss becomes NaN or infinite (the
    /// error names the batch); if the folder to resume from belongs to another training.
    pub fn fit(
        self,
        model: &dyn Model,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<History> {
        Ok(self.play(&model, train, valid)?.history)
    }
}

impl Trainer<2> {
    /// A trainer for two networks that are trained against each other, each with its own optimiser.
    /// By default it trains for one epoch in batches of 32 with seed 0.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mut rng = Rng::new(6202);
    /// let points = rng.normal(3.0, 0.5, &[64, 2])?;
    /// let examples = TensorExamples::new(points.clone(), points)?;
    /// let generator = Sequential::input(&[2]).then("points", Dense::units(2)).build(&mut rng)?;
    /// let discriminator = Sequential::input(&[2]).then("real", Dense::units(1)).build(&mut rng)?;
    /// let gan = Gan::new(generator, discriminator)?.with_output(Activation::Linear);
    /// let history = Trainer::adversarial(Adam::new(1e-3), Adam::new(1e-3)).epochs(2)
    ///     .fit(&gan, &examples, &examples)?;
    /// assert_eq!(history.parts(), ["discriminator.loss", "discriminator.accuracy", "generator.loss"]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    pub fn adversarial(
        discriminator: impl Optimiser + 'static,
        generator: impl Optimiser + 'static,
    ) -> Self {
        Self::with_optimisers([Box::new(discriminator), Box::new(generator)])
    }

    /// Trains both networks in place and returns the history. In each step the discriminator moves
    /// before the generator. The schedule and the clipping apply to each of them separately. The
    /// learning rate in the history is that of the discriminator, and by default
    /// [`EarlyStopping`](super::EarlyStopping) and [`Checkpoint`](super::Checkpoint) watch the loss
    /// of the discriminator. Validation draws the same codes after each epoch.
    ///
    /// # Errors
    /// As for [`Trainer::fit`] with one model.
    pub fn fit(
        self,
        networks: &dyn Adversaries,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<History> {
        Ok(self.play(&networks, train, valid)?.history)
    }
}

impl<const PLAYERS: usize> Trainer<PLAYERS> {
    fn with_optimisers(optimisers: [Box<dyn Optimiser>; PLAYERS]) -> Self {
        Self {
            optimisers,
            epochs: 1,
            batch_size: 32,
            seed: 0,
            schedule: Schedule::Constant,
            clip_norm: None,
            callbacks: Vec::new(),
            resume: None,
            identity: Value::Null,
            quiet: false,
        }
    }

    /// Everything that decides the trained weights, apart from the model and the examples.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            optimisers: format!("{:?}", self.optimisers),
            schedule: format!("{:?}", self.schedule),
            clip_norm: self.clip_norm,
            callbacks: format!("{:?}", self.callbacks),
            epochs: self.epochs,
            batch_size: self.batch_size,
            seed: self.seed,
        }
    }

    /// Sets the number of passes over the training examples.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of examples in a batch. The last batch of an epoch is smaller if they do not
    /// divide evenly.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets the seed of the order of the examples and of dropout and sampling.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how the learning rate changes from epoch to epoch, starting from the optimiser's.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Clips gradients to this global norm, taken over all parameters together.
    pub fn clip_norm(mut self, max_norm: f64) -> Self {
        self.clip_norm = Some(max_norm);
        self
    }

    /// Adds a callback for each batch and each epoch. Callbacks are called in the order they were
    /// added.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Saves the full state of the training in this folder after each epoch and at an interruption,
    /// and continues from a state that is there already. A resumed training ends with the same bits
    /// as an uninterrupted one.
    pub fn resume(mut self, folder: impl Into<PathBuf>) -> Self {
        self.resume = Some(folder.into());
        self
    }

    /// Turns off progress bars, curves and printed lines.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }
}
