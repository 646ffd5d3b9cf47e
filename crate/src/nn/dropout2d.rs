//! Dropout of whole channels.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::{Result, ops};

/// In training, sets each channel of images or sequences to zero with some probability and scales
/// the others up: see [`ops::dropout2d`](crate::ops::dropout2d). In evaluation it does nothing.
///
/// ```
/// use cuaderno::{nn::{Dropout2d, Layer}, prelude::*};
/// let x = Tensor::ones((1, 100, 4, 4), DType::F32, &Device::Cpu)?;
/// let y = Dropout2d::rate(0.5).apply(&x, &mut Pass::Train(&mut Rng::new(6202)))?;
/// let channels = y.flatten_from(2)?.max(2)?.to_vec2::<f32>()?;
/// let zeros = channels[0].iter().filter(|&&y| y == 0.0).count();
/// assert!((30..70).contains(&zeros));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dropout2d {
    probability: f64,
}

impl Dropout2d {
    /// A layer that drops a channel with this probability, in `[0, 1)`.
    pub fn rate(probability: f64) -> Self {
        Self { probability }
    }
}

impl Layer for Dropout2d {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        match pass {
            Pass::Evaluate => Ok(input.clone()),
            Pass::Train(rng) => ops::dropout2d(input, self.probability, rng),
        }
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn kind(&self) -> String {
        format!("Dropout2d {}", self.probability)
    }
}

forward_is_evaluation!(Dropout2d);
