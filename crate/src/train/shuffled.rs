//! Shuffled batches.

use super::{Batch, Examples};
use crate::{Error, Result, Rng, notebook};

/// The batches of one epoch in random order. They are the batches that a
/// [`Trainer`](super::Trainer) with this seed and batch size takes in this epoch. The last batch
/// holds the remaining examples, so every example appears once. In a notebook, interrupting the
/// cell makes the next batch an error.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let x = rng.normal(0.0, 1.0, &[100, 3])?;
/// let examples = TensorExamples::new(x.clone(), x.sum_keepdim(1)?)?;
/// let layer = Dense::units(1).build(&[3], &mut rng)?;
/// let mut adam = Adam::new(0.1);
/// for epoch in 0..20 {
///     for step in ShuffledBatches::of(&examples, 32, 6202, epoch)? {
///         let mut step = step?;
///         let answer = layer.apply(&step.batch.inputs, &mut Pass::Train(&mut step.rng))?;
///         let loss = answer.sub(&step.batch.targets)?.sqr()?.mean_all()?;
///         adam.step(&layer.parameters(), &backward(&loss)?)?;
///     }
/// }
/// let error = (layer.forward(&x)? - x.sum_keepdim(1)?)?.abs()?.max_all()?;
/// assert!(error.to_scalar::<f32>()? < 0.1);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub struct ShuffledBatches<'a> {
    examples: &'a dyn Examples,
    order: Vec<u32>,
    batch_size: usize,
    epoch: usize,
    next: usize,
    rng: Rng,
}

/// One step of a training loop.
#[derive(Debug)]
pub struct Step {
    /// The examples of this step.
    pub batch: Batch,
    /// The random generator for dropout and sampling in this step.
    pub rng: Rng,
    /// The epoch, the step in it, and the number of its steps. Epoch and step count from 1.
    pub(super) epoch: usize,
    pub(super) number: usize,
    pub(super) steps: usize,
}

impl<'a> ShuffledBatches<'a> {
    /// The batches of `epoch`, counted from 0.
    ///
    /// # Errors
    /// If `batch_size` is 0.
    pub fn of(
        examples: &'a dyn Examples,
        batch_size: usize,
        seed: u64,
        epoch: usize,
    ) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::argument("batch_size", 0, "at least 1"));
        }
        // Derived instead of drawn, so that epoch 5 is the same whether or not epochs 1 to 4 ran
        // before it.
        let rng = Rng::new(seed).child(epoch as u64);
        Ok(Self {
            order: rng.child(0).permutation(examples.len()),
            examples,
            batch_size,
            epoch,
            next: 0,
            rng,
        })
    }

    /// Skips the first batches without reading them.
    pub(super) fn after(mut self, batches: usize) -> Self {
        self.next = batches;
        self
    }
}

impl Iterator for ShuffledBatches<'_> {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Result<Step>> {
        let mut batches = self.order.chunks(self.batch_size);
        let steps = batches.len();
        let indices = batches.nth(self.next)?;
        self.next += 1;
        let batch = notebook::check_stop()
            .and_then(|()| self.examples.training_batch(indices, &self.rng.child(0)));
        Some(batch.map(|batch| Step {
            batch,
            rng: self.rng.child(self.next as u64),
            epoch: self.epoch + 1,
            number: self.next,
            steps,
        }))
    }
}

impl Step {
    /// Refuses a loss that is NaN or infinite.
    pub(super) fn check(&self, (name, value): (&str, f64)) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::Diverged {
            epoch: self.epoch,
            batch: self.number,
            batches: self.steps,
            part: name.to_owned(),
            value,
        })
    }
}
