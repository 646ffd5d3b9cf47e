//! Flattening of all dimensions except the batch.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::Result;

/// Turns each example into a row: `[batch, 1, 28, 28]` becomes `[batch, 784]`.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Layer for Flatten {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        Ok(input.flatten_from(1)?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![input.iter().product()])
    }

    fn kind(&self) -> String {
        "Flatten".into()
    }
}

forward_is_evaluation!(Flatten);
