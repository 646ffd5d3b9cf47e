//! Activation functions as layers.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::Result;
pub use crate::ops::Activation;

impl Activation {
    /// The name in a summary of a layer followed by this activation.
    pub(super) fn after(self, layer: &str) -> String {
        match self {
            Self::Linear => layer.to_owned(),
            _ => format!("{layer} + {}", self.kind()),
        }
    }
}

impl Layer for Activation {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        Activation::apply(*self, input)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn kind(&self) -> String {
        let name = format!("{self:?}");
        name.split(' ').next().unwrap_or_default().to_owned()
    }
}

forward_is_evaluation!(Activation);
