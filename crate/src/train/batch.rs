//! Examples, and batches of them.

use candle_core::Tensor;

use crate::{Error, Result, Rng, notebook};

/// Several examples at once. The first dimension of every tensor counts them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The inputs of the model, such as images `[batch, 1, 28, 28]`.
    pub inputs: Tensor,
    /// The desired outputs, of any rank: labels `[batch]`, tags of words `[batch, time]`, classes
    /// of pixels `[batch, height, width]`. An autoencoder ignores them.
    pub targets: Tensor,
    /// Zero where there is only padding: `[batch, time]` for sentences of different lengths.
    pub mask: Option<Tensor>,
}

impl Batch {
    /// A batch without padding.
    pub fn new(inputs: Tensor, targets: Tensor) -> Self {
        Self {
            inputs,
            targets,
            mask: None,
        }
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.inputs.dims().first().copied().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data set that batches can be drawn from.
pub trait Examples {
    /// The number of examples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples at these indices, in this order.
    ///
    /// # Errors
    /// If an index is not below [`Examples::len`], or an example cannot be read; in a notebook, if
    /// the user has interrupted the cell.
    fn batch(&self, indices: &[u32]) -> Result<Batch>;

    /// The same examples as one epoch of training sees them: what augmentation draws for an example
    /// comes from a child of the epoch's `rng` under the example's index, whatever its batch. If
    /// nothing is drawn, it is [`Examples::batch`].
    ///
    /// # Errors
    /// As [`Examples::batch`].
    fn training_batch(&self, indices: &[u32], rng: &Rng) -> Result<Batch> {
        let _ = rng;
        self.batch(indices)
    }

    /// All examples as one batch.
    ///
    /// # Errors
    /// If an example cannot be read.
    fn all(&self) -> Result<Batch> {
        self.batch(&(0..self.len() as u32).collect::<Vec<_>>())
    }
}

/// Examples whose inputs and targets are tensors in memory.
///
/// ```
/// use cuaderno::{prelude::*, train::TensorExamples};
/// let x = Rng::new(1).uniform(0.0, 1.0, &[100, 3])?;
/// let y = x.sum_keepdim(1)?;
/// let examples = TensorExamples::new(x, y)?;
/// assert_eq!(examples.batch(&[7, 0])?.inputs.dims(), [2, 3]);
/// assert_eq!(examples.all()?.len(), 100);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TensorExamples {
    inputs: Tensor,
    targets: Tensor,
    mask: Option<Tensor>,
}

impl TensorExamples {
    /// Examples with these inputs and targets. The first dimension of both counts the examples.
    ///
    /// # Errors
    /// If these dimensions differ.
    pub fn new(inputs: Tensor, targets: Tensor) -> Result<Self> {
        match (inputs.dims(), targets.dims()) {
            ([n, ..], [m, ..]) if n == m => Ok(Self {
                inputs,
                targets,
                mask: None,
            }),
            (inputs, targets) => Err(Error::shape(
                "examples",
                format!(
                    "the inputs {inputs:?} and the targets {targets:?} must have the same first dimension, one entry an example."
                ),
            )),
        }
    }

    /// Adds a mask to the examples, which is zero where there is padding.
    ///
    /// ```
    /// use cuaderno::{prelude::*, train::TensorExamples};
    /// let words = Tensor::new(&[[7u32, 3, 9], [4, 0, 0]], &Device::Cpu)?; // 0 is padding
    /// let tags = Tensor::new(&[[1u32, 2, 1], [2, 0, 0]], &Device::Cpu)?;
    /// let mask = words.ne(0u32)?;
    /// let sentences = TensorExamples::new(words, tags)?.masked(mask)?;
    /// assert!(sentences.batch(&[1])?.mask.is_some());
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the first dimension of the mask is not the number of examples.
    pub fn masked(mut self, mask: Tensor) -> Result<Self> {
        if mask.dims().first() != Some(&self.len()) {
            return Err(Error::shape(
                "the mask of examples",
                format!(
                    "it is {:?}, but there are {} examples; its first dimension must count them.",
                    mask.dims(),
                    self.len()
                ),
            ));
        }
        self.mask = Some(mask);
        Ok(self)
    }
}

impl Examples for TensorExamples {
    fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        notebook::check_stop()?;
        let indices = Tensor::new(indices, self.inputs.device())?;
        Ok(Batch {
            inputs: self.inputs.index_select(&indices, 0)?,
            targets: self.targets.index_select(&indices, 0)?,
            mask: (self.mask.as_ref())
                .map(|mask| mask.index_select(&indices, 0))
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_batch_keeps_inputs_and_targets_together() {
        let x = Tensor::new(&[[1f32], [2.0], [3.0]], &Device::Cpu).unwrap();
        let y = Tensor::new(&[10u32, 20, 30], &Device::Cpu).unwrap();
        let batch = TensorExamples::new(x, y).unwrap().batch(&[2, 0]).unwrap();
        assert_eq!(batch.inputs.to_vec2::<f32>().unwrap(), [[3.0], [1.0]]);
        assert_eq!(batch.targets.to_vec1::<u32>().unwrap(), [30, 10]);
    }

    #[test]
    fn inputs_without_targets_are_refused() {
        let x = Tensor::new(&[[1f32], [2.0]], &Device::Cpu).unwrap();
        let y = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        let error = TensorExamples::new(x, y).unwrap_err().to_string();
        assert!(error.contains("[2, 1]") && error.contains("[1]"), "{error}");
    }

    #[test]
    fn a_mask_stays_with_its_examples() {
        let words = Tensor::new(&[[1u32, 2], [3, 0]], &Device::Cpu).unwrap();
        let mask = words.ne(0u32).unwrap();
        let examples = TensorExamples::new(words.clone(), words).unwrap();
        let short = mask.narrow(0, 0, 1).unwrap();
        let error = examples.clone().masked(short).unwrap_err().to_string();
        assert!(
            error.contains("[1, 2]") && error.contains("2 examples"),
            "{error}"
        );
        let batch = examples.masked(mask).unwrap().batch(&[1, 0]).unwrap();
        assert_eq!(batch.inputs.to_vec2::<u32>().unwrap(), [[3, 0], [1, 2]]);
        assert_eq!(
            batch.mask.unwrap().to_vec2::<u8>().unwrap(),
            [[1, 0], [1, 1]]
        );
    }
}
