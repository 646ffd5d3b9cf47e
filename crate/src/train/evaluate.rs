//! Evaluation: losses without training.

use super::tally::Tally;
use super::{Batch, Examples, Losses, Measure, Model};
use crate::nn::no_grad;
use crate::{Error, Result};

/// The numbers in the inputs of a batch: at most 4 MB, so that the outputs of a convolution still
/// fit into memory.
const NUMBERS: usize = 1 << 20;

/// A model's losses over all examples, computed in large batches and without gradients.
///
/// # Errors
/// If there are no examples or the model fails on a batch.
pub fn evaluate(model: &dyn Model, examples: &dyn Examples) -> Result<Vec<Measure>> {
    model.evaluate(examples)
}

/// The means of `losses` over all examples, computed in large batches and without gradients.
pub(super) fn measure(
    examples: &dyn Examples,
    mut losses: impl FnMut(&Batch) -> Result<Vec<Losses>>,
) -> Result<Vec<Measure>> {
    if examples.is_empty() {
        return Err(Error::argument("the number of examples", 0, "at least 1"));
    }
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    let example = examples.batch(&indices[..1])?.inputs.elem_count();
    let batch_size = (NUMBERS / example.max(1)).clamp(1, 1000);
    let mut tally = Tally::default();
    no_grad(|| {
        for indices in indices.chunks(batch_size) {
            for losses in losses(&examples.batch(indices)?)? {
                tally.add(&losses.values()?, losses.weight_of(indices.len()));
            }
        }
        Ok(tally.measures())
    })
}
