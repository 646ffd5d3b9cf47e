//! Dropout of whole channels.

use candle_core::{DType, Device, Tensor};

use super::dropout;
use crate::{Error, Result, Rng};

/// Sets each channel of each example of `x` `[batch, channels, ..]` to zero with the given
/// probability and divides the others by `1 - probability`. Neighbouring pixels are nearly equal,
/// so dropping single pixels removes little information (Tompson et al., 2015). It is PyTorch's
/// `dropout2d` and Keras' `SpatialDropout2D`, and for training; in evaluation dropout does nothing.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::ones((4, 8, 3, 3), DType::F32, &Device::Cpu)?;
/// let y = ops::dropout2d(&x, 0.5, &mut Rng::new(6202))?;
/// let sums = y.flatten_from(2)?.sum(2)?.to_vec2::<f32>()?;
/// assert!(sums.iter().flatten().all(|&sum| sum == 0.0 || sum == 18.0));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` has fewer than three dimensions, or the probability is not in `[0, 1)`.
pub fn dropout2d(x: &Tensor, probability: f64, rng: &mut Rng) -> Result<Tensor> {
    let &[batch, channels, _, ..] = x.dims() else {
        return Err(Error::shape(
            "dropout2d",
            format!(
                "the input is {:?}, but it must have channels: [batch, channels, ..].",
                x.dims()
            ),
        ));
    };
    let ones = Tensor::ones((batch, channels), DType::F32, &Device::Cpu)?;
    let factors = dropout(&ones, probability, rng)?;
    let mut shape = vec![1; x.rank()];
    shape[..2].copy_from_slice(&[batch, channels]);
    let factors = factors.reshape(shape)?;
    Ok(x.broadcast_mul(&factors.to_dtype(x.dtype())?.to_device(x.device())?)?)
}
