//! The training loop.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::callback::Stop;
use super::observer::{Observer, Standing, observer};
use super::resume::{Position, ResumeFile};
use super::{Callback, Epoch, Examples, History, Model, ShuffledBatches, Training, evaluate};
use crate::nn::{Parameters, Pass};
use crate::optim::{Optimiser, Schedule, clip_by_norm};
use crate::{Error, Result, notebook, ops};

/// Minimises what a [`Model`] declares, by mini-batches in an order drawn anew each epoch.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*, train::TensorExamples};
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// let model = Autoencoder::basic(4, Activation::Relu, 6202)?;
/// let history = Trainer::new(RmsProp::new(1e-3)).epochs(2).batch_size(32).seed(6202)
///     .fit(&model, &examples, &examples)?;
/// assert_eq!(history.epochs.len(), 2);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    optimiser: Box<dyn Optimiser>,
    epochs: usize,
    batch_size: usize,
    seed: u64,
    schedule: Schedule,
    clip_norm: Option<f64>,
    callbacks: Vec<Box<dyn Callback>>,
    resume: Option<PathBuf>,
    quiet: bool,
}

/// What [`Trainer::settings`] tells.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Settings {
    optimiser: String,
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
        Self {
            optimiser: Box::new(optimiser),
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

    /// What decides the weights that a training ends with, apart from the model and the examples.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            optimiser: format!("{:?}", self.optimiser),
            schedule: format!("{:?}", self.schedule),
            clip_norm: self.clip_norm,
            callbacks: format!("{:?}", self.callbacks),
            epochs: self.epochs,
            batch_size: self.batch_size,
            seed: self.seed,
        }
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
        Ok(self.train(model, train, valid)?.history)
    }

    /// Trains, and returns where the training is then.
    pub(super) fn train(
        mut self,
        model: &dyn Model,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<Position> {
        if train.is_empty() || valid.is_empty() {
            return Err(Error::argument(
                "the number of examples",
                format!("{} to train and {} to validate", train.len(), valid.len()),
                "at least 1 of each",
            ));
        }
        if self.batch_size == 0 {
            return Err(Error::argument("batch_size", 0, "at least 1"));
        }
        self.optimiser.check()?;
        self.schedule.check()?;
        let parameters = model.parameters();
        let initial_rate = self.optimiser.learning_rate();
        let file = self.resume.as_deref().map(ResumeFile::in_folder);
        let mut position = self.start(train.len(), &parameters, file.as_ref())?;
        let mut observer = observer(self.quiet);
        let mut stop = None;

        while position.epoch < self.epochs && !position.finished && stop.is_none() {
            let start = Instant::now();
            let rate = self.schedule.rate(initial_rate, position.epoch);
            self.optimiser.set_learning_rate(rate);
            stop = self.train_epoch(model, &parameters, train, &mut position, &mut *observer)?;
            if stop.is_none() {
                let epoch = Epoch {
                    number: position.epoch + 1,
                    train: std::mem::take(&mut position.tally).measures(),
                    valid: evaluate(model, valid)?,
                    seconds: start.elapsed().as_secs_f64(),
                    learning_rate: rate,
                };
                position.history.epochs.push(epoch);
                observer.epoch_done(&position.history);
                (position.epoch, position.batch) = (position.epoch + 1, 0);
                stop = self.call(
                    &parameters,
                    &position,
                    &[],
                    train.len(),
                    |callback, training| callback.epoch_done(training),
                )?;
            }
            position.finished = stop.as_ref().is_some_and(|stop| stop.finished);
            position.history.stopped = stop.as_ref().map(|stop| stop.reason.clone());
            if let Some(file) = &file {
                let optimiser = self.optimiser.as_ref();
                file.save(&mut position, &parameters, optimiser, &self.callbacks)?;
            }
        }
        observer.training_done(&position.history);
        position.finished |= position.epoch >= self.epochs;
        Ok(position)
    }

    /// The beginning, or where an earlier training was interrupted.
    fn start(
        &mut self,
        examples: usize,
        parameters: &Parameters,
        file: Option<&ResumeFile>,
    ) -> Result<Position> {
        let fresh = Position {
            seed: self.seed,
            batch_size: self.batch_size,
            examples,
            ..Position::default()
        };
        let Some(file) = file.filter(|file| file.exists()) else {
            return Ok(fresh);
        };
        let optimiser = self.optimiser.as_mut();
        let mut position = file.load(&fresh, parameters, optimiser, &mut self.callbacks)?;
        if !position.finished {
            position.history.stopped = None;
        }
        if !self.quiet {
            println!(
                "resuming {} after epoch {}, batch {}",
                file.path().display(),
                position.epoch,
                position.batch
            );
        }
        Ok(position)
    }

    /// Trains on what is left of an epoch, up to where a callback stops it.
    fn train_epoch(
        &mut self,
        model: &dyn Model,
        parameters: &Parameters,
        train: &dyn Examples,
        position: &mut Position,
        observer: &mut dyn Observer,
    ) -> Result<Option<Stop>> {
        let batches = ShuffledBatches::of(train, self.batch_size, self.seed, position.epoch)?;
        for step in batches.after(position.batch) {
            let mut step = step?;
            position.batch += 1;
            let losses = model.losses(&step.batch, &mut Pass::Train(&mut step.rng))?;
            let values = losses.values()?;
            step.check(values[0])?;
            let mut gradients = ops::backward(losses.minimised())?;
            if let Some(max_norm) = self.clip_norm {
                clip_by_norm(parameters, &mut gradients, max_norm)?;
            }
            self.optimiser.step(parameters, &gradients)?;
            position.tally.add(&values, step.batch.len());
            observer.batch_done(&Standing {
                epoch: step.epoch,
                epochs: self.epochs,
                batch: step.number,
                batches: step.steps,
                losses: &|| position.tally.measures(),
            });
            let stop = self.call(
                parameters,
                position,
                &values,
                train.len(),
                |callback, training| callback.batch_done(training),
            )?;
            if stop.is_some() {
                return Ok(stop);
            }
            if notebook::stop_requested() {
                return Ok(Some(Stop {
                    reason: "interrupted".to_owned(),
                    finished: false,
                }));
            }
        }
        Ok(None)
    }

    /// Calls every callback; the first one that stops the training gives the reason.
    fn call(
        &mut self,
        parameters: &Parameters,
        position: &Position,
        losses: &[(&str, f64)],
        examples: usize,
        hook: impl Fn(&mut dyn Callback, &mut Training) -> Result<()>,
    ) -> Result<Option<Stop>> {
        let batches = examples.div_ceil(self.batch_size);
        let mut training = Training {
            parameters,
            history: &position.history,
            epoch: position.epoch + usize::from(position.batch > 0),
            step: (position.epoch * batches + position.batch) as u64,
            losses,
            stop: None,
        };
        let mut stop = None;
        for callback in &mut self.callbacks {
            hook(callback.as_mut(), &mut training)?;
            stop = stop.or(training.stop.take());
        }
        Ok(stop)
    }
}
