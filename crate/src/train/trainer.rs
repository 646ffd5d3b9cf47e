//! How a training is to be done.

use std::path::PathBuf;

use serde::Serialize;

use super::{Adversaries, Callback, Examples, History, Model};
use crate::Result;
use crate::optim::{Optimiser, Schedule};

/// Minimises what a [`Model`] declares, by mini-batches in an order drawn anew each epoch.
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
    pub(super) quiet: bool,
}

/// What [`Trainer::settings`] tells.
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
    /// One epoch in batches of 32 (Keras' default) with seed 0, unless told otherwise.
    pub fn new(optimiser: impl Optimiser + 'static) -> Self {
        Self::with_optimisers([Box::new(optimiser)])
    }

    /// Trains `model` in place and returns what happened.
    ///
    /// # Errors
    /// If there are no examples, the batch size is 0, an argument of the optimiser or the schedule
    /// is out of its range, or the model fails on a batch; if the loss is no longer a number, which
    /// names the batch; if a folder to resume from was left by another training.
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
    /// Trains two networks against each other, each by its own optimiser. One epoch in batches of 32
    /// with seed 0, unless told otherwise.
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

    /// Trains both networks in place and returns what happened. In each step the discriminator moves
    /// before the generator. A schedule and a clipped norm hold for each of them by itself; the
    /// history's learning rate is the discriminator's, whose loss is the one that
    /// [`EarlyStopping`](super::EarlyStopping) and [`Checkpoint`](super::Checkpoint) watch unless
    /// told otherwise. Validation draws the same codes after each epoch.
    ///
    /// # Errors
    /// As [`Trainer::fit`] of one model.
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
            quiet: false,
        }
    }

    /// What decides the weights that a training ends with, apart from the model and the examples.
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

    /// Passes over the training examples.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Examples a step; an epoch's last batch is smaller if they do not divide evenly.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Decides the order of the examples and what dropout and sampling draw.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the learning rate goes on from the optimiser's, epoch by epoch.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Scales gradients down whose norm, over all parameters, is above this.
    pub fn clip_norm(mut self, max_norm: f64) -> Self {
        self.clip_norm = Some(max_norm);
        self
    }

    /// Adds something to be called after each batch and each epoch, in the order added.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Keeps everything that the training consists of in this folder, after each epoch and when it
    /// is interrupted, and goes on from there if there is something: two halves give the same bits
    /// as one whole.
    pub fn resume(mut self, folder: impl Into<PathBuf>) -> Self {
        self.resume = Some(folder.into());
        self
    }

    /// Shows and prints nothing.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }
}
