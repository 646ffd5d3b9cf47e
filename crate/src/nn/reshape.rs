//! Reshaping of examples.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::{Error, Result};

/// Gives each example a new shape with the same number of elements: `[batch, 3136]` becomes
/// `[batch, 64, 7, 7]`.
///
/// ```
/// use cuaderno::{nn::Reshape, prelude::*};
/// let x = Rng::new(1).normal(0.0, 1.0, &[5, 12])?;
/// assert_eq!(Reshape::to(&[3, 2, 2]).forward(&x)?.dims(), [5, 3, 2, 2]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reshape(Vec<usize>);

impl Reshape {
    /// A layer that reshapes examples to this shape, without the batch dimension.
    pub fn to(shape: &[usize]) -> Self {
        Self(shape.to_vec())
    }
}

impl Layer for Reshape {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let Some((batch, example)) = input.dims().split_first() else {
            return Err(Error::shape("Reshape", "the input is a single number."));
        };
        let shape = [&[*batch], &self.output_shape(example)?[..]].concat();
        Ok(input.reshape(shape)?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let (found, wanted): (usize, usize) = (input.iter().product(), self.0.iter().product());
        if found != wanted {
            return Err(Error::shape(
                "Reshape",
                format!(
                    "an example is {input:?}, which is {found} numbers, but {:?} has {wanted}.",
                    self.0
                ),
            ));
        }
        Ok(self.0.clone())
    }

    fn kind(&self) -> String {
        "Reshape".into()
    }
}

forward_is_evaluation!(Reshape);
