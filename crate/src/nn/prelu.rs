//! The ReLU with a learned slope below zero.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Initialiser, Parameter, Parameters};
use crate::{Error, Result, Rng, ops};

/// `x` above zero and `slope · x` below, with learned slopes that start at 0.25 as in PyTorch (He et
/// al. 2015).
///
/// ```
/// use cuaderno::{nn::{PRelu, Plan}, prelude::*};
/// let layer = PRelu::shared().build(&[2], &mut Rng::new(1))?;
/// let y = layer.forward(&Tensor::new(&[[-4f32, 3.0]], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0, 3.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PRelu {
    slopes: Parameter,
}

/// Configuration of a [`PRelu`] layer.
#[derive(Clone, Copy, Debug)]
pub struct PReluPlan {
    per_channel: bool,
}

impl PRelu {
    /// A layer with one slope for all numbers.
    pub fn shared() -> PReluPlan {
        PReluPlan { per_channel: false }
    }

    /// A layer with a slope for each channel, the dimension after the batch.
    pub fn per_channel() -> PReluPlan {
        PReluPlan { per_channel: true }
    }
}

impl Plan for PReluPlan {
    type Built = PRelu;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<PRelu> {
        let count = match input.first() {
            _ if !self.per_channel => 1,
            Some(&channels) if channels > 0 => channels,
            _ => return Err(Error::shape("PRelu", "the input has no channels.")),
        };
        let slopes = (Initialiser::Ones.draw(&[count], rng)? * 0.25)?;
        Ok(PRelu {
            slopes: Parameter::new(&slopes)?,
        })
    }
}

impl Layer for PRelu {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        ops::prelu(input, &self.slopes.tensor())
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let slopes = self.slopes.dims()[0];
        if slopes != 1 && input.first() != Some(&slopes) {
            return Err(Error::shape(
                "PRelu",
                format!(
                    "an example is {input:?}, but there is a slope for each of {slopes} channels."
                ),
            ));
        }
        Ok(input.to_vec())
    }

    fn parameters(&self) -> Parameters {
        Parameters::new().with("weight", &self.slopes)
    }

    fn kind(&self) -> String {
        "PRelu".into()
    }
}

forward_is_evaluation!(PRelu);
