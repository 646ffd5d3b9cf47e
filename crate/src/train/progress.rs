//! Progress and history of hand-written training loops.

use std::time::Instant;

use super::observer::{Observer, Standing, observer};
use super::tally::Tally;
use super::{Epoch, History, Losses, Measure, Step};
use crate::Result;
use crate::notebook::{self, Looking};

/// The progress bar, learning curve and history of [`Trainer`](super::Trainer) for a hand-written
/// training loop.
///
/// ```
/// use cuaderno::prelude::*;
/// let mnist = Mnist::sample()?;
/// let model = Autoencoder::basic(8, Activation::Relu, 6202)?;
/// let mut optimiser = RmsProp::new(1e-3);
/// let mut progress = Progress::of_epochs(2);
/// 'training: for epoch in 0..2 {
///     for step in ShuffledBatches::of(&mnist.train, 32, 6202, epoch)? {
///         let mut step = step?;
///         let losses = model.losses(&step.batch, &mut Pass::Train(&mut step.rng))?;
///         optimiser.step(&model.parameters(), &backward(losses.minimised())?)?;
///         if !progress.step_done(&step, &losses)? {
///             break 'training; // the user interrupts the cell
///         }
///     }
///     progress.epoch_done(optimiser.learning_rate(), evaluate(&model, &mnist.test)?);
/// }
/// let history = progress.finish();
/// assert_eq!(history.epochs.len(), 2);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Debug)]
pub struct Progress {
    observer: Box<dyn Observer>,
    epochs: usize,
    history: History,
    tally: Tally,
    start: Instant,
    _looking: Looking,
}

impl Progress {
    /// The progress of a training of `epochs` epochs.
    pub fn of_epochs(epochs: usize) -> Self {
        Self {
            observer: observer(false),
            epochs,
            history: History::default(),
            tally: Tally::default(),
            start: Instant::now(),
            _looking: Looking::new(),
        }
    }

    /// Turns off the bar, the curve and the printed lines.
    pub fn quiet(mut self) -> Self {
        self.observer = observer(true);
        self
    }

    /// Records the losses of a step and moves the bar. Returns whether to continue, which is false
    /// once the user has interrupted the cell.
    ///
    /// # Errors
    /// If the loss has become NaN or infinite (the error names the step), or a part is not a single
    /// number.
    pub fn step_done(&mut self, step: &Step, losses: &Losses) -> Result<bool> {
        let values = losses.values()?;
        step.check(values[0])?;
        let weight = losses.weight_of(step.batch.len());
        self.tally.add(&values, weight);
        self.observer.batch_done(&Standing {
            epoch: step.epoch,
            epochs: self.epochs,
            batch: step.number,
            batches: step.steps,
            losses: &|| self.tally.measures(),
        });
        let interrupted = notebook::stop_requested();
        if interrupted {
            self.history.stopped = Some("interrupted".to_owned());
        }
        Ok(!interrupted)
    }

    /// Ends an epoch. `learning_rate` is that of its steps, `valid` the result of
    /// [`evaluate`](super::evaluate) on the validation examples.
    pub fn epoch_done(&mut self, learning_rate: f64, valid: Vec<Measure>) {
        self.history.epochs.push(Epoch {
            number: self.history.epochs.len() + 1,
            seconds: self.start.elapsed().as_secs_f64(),
            learning_rate,
            train: std::mem::take(&mut self.tally).measures(),
            valid,
        });
        self.start = Instant::now();
        self.observer.epoch_done(&self.history);
    }

    /// Ends the training and returns its history.
    pub fn finish(mut self) -> History {
        self.observer.training_done(&self.history);
        self.history
    }
}
