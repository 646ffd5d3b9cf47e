//! Dropout.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::{Result, ops};

/// In training, sets each number to zero with some probability and scales the others up: see
/// [`ops::dropout`](crate::ops::dropout) (Srivastava et al. 2014). In evaluation it does nothing.
///
/// ```
/// use cuaderno::{nn::{Dropout, Layer}, prelude::*};
/// let x = Tensor::ones(1000, DType::F32, &Device::Cpu)?;
/// let y = Dropout::rate(0.5).apply(&x, &mut Pass::Train(&mut Rng::new(6202)))?;
/// let zeros = y.to_vec1::<f32>()?.iter().filter(|&&y| y == 0.0).count();
/// assert!((400..600).contains(&zeros));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    probability: f64,
}

impl Dropout {
    /// A layer that drops a number with this probability, in `[0, 1)`.
    pub fn rate(probability: f64) -> Self {
        Self { probability }
    }
}

impl Layer for Dropout {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        match pass {
            Pass::Evaluate => Ok(input.clone()),
            Pass::Train(rng) => ops::dropout(input, self.probability, rng),
        }
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn kind(&self) -> String {
        format!("Dropout {}", self.probability)
    }
}

forward_is_evaluation!(Dropout);
