//! Layer normalisation.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Initialiser, Parameter, Parameters};
use crate::{Error, Result, Rng, ops};

/// Normalises the last dimension of each example, or the last few together, to mean 0 and variance
/// 1, then scales and shifts each number (Ba et al. 2016). See
/// [`ops::layer_norm`](crate::ops::layer_norm).
///
/// ```
/// use cuaderno::{nn::{LayerNorm, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = LayerNorm::of_features().build(&[75, 32], &mut rng)?;
/// assert_eq!(layer.forward(&rng.normal(3.0, 2.0, &[4, 75, 32])?)?.dims(), [4, 75, 32]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Parameter,
    bias: Parameter,
    epsilon: f64,
}

/// Configuration of a [`LayerNorm`] layer. Scales start at 1 and shifts at 0; epsilon defaults to
/// PyTorch's 1e-5 (Keras' is 1e-3).
#[derive(Clone, Copy, Debug)]
pub struct LayerNormPlan {
    dimensions: usize,
    epsilon: f64,
}

impl LayerNorm {
    /// A layer over the last dimension.
    pub fn of_features() -> LayerNormPlan {
        Self::of_last(1)
    }

    /// A layer over the last `dimensions` dimensions together: 3 for all of an image `[channels,
    /// height, width]`.
    pub fn of_last(dimensions: usize) -> LayerNormPlan {
        LayerNormPlan {
            dimensions,
            epsilon: 1e-5,
        }
    }
}

impl LayerNormPlan {
    /// Sets the small number added to the variance.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Plan for LayerNormPlan {
    type Built = LayerNorm;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<LayerNorm> {
        let first = input.len().checked_sub(self.dimensions);
        let Some(features) = first.map(|first| &input[first..]).filter(|f| !f.is_empty()) else {
            return Err(Error::shape(
                "LayerNorm",
                format!(
                    "an example is {input:?}, which has no last {} dimension(s) to normalise.",
                    self.dimensions
                ),
            ));
        };
        Ok(LayerNorm {
            weight: Parameter::new(&Initialiser::Ones.draw(features, rng)?)?,
            bias: Parameter::new(&Initialiser::Zeros.draw(features, rng)?)?,
            epsilon: self.epsilon,
        })
    }
}

impl Layer for LayerNorm {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let (weight, bias) = (self.weight.tensor(), self.bias.tensor());
        ops::layer_norm(input, &weight, &bias, self.epsilon)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let features = self.weight.dims();
        if !input.ends_with(&features) {
            return Err(Error::shape(
                "LayerNorm",
                format!("an example is {input:?}, but there are scales for {features:?} features."),
            ));
        }
        Ok(input.to_vec())
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("weight", &self.weight)
            .with("bias", &self.bias)
    }

    fn kind(&self) -> String {
        "LayerNorm".into()
    }
}

forward_is_evaluation!(LayerNorm);
