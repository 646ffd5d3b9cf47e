//! The Huber loss: squared near the target, absolute far from it.

use candle_core::Tensor;

use super::{Reduction, check_same_shape};
use crate::{Error, Result};

/// The mean (or sum) of `d² / 2` where the size of `d = prediction - target` is at most `delta`,
/// and of `delta (|d| - delta / 2)` elsewhere, so that outliers have less weight than in
/// [`mse`](super::mse) (Huber, 1964). It is PyTorch's `huber_loss` and Keras' `Huber`, where
/// `delta` is 1 by default. Divided by `delta` it is PyTorch's `smooth_l1_loss`.
///
/// ```
/// use cuaderno::{ops::{self, Reduction}, prelude::*};
///
/// let prediction = Tensor::new(&[1f32, 5.0], &Device::Cpu)?;
/// let target = Tensor::new(&[0f32, 0.0], &Device::Cpu)?;
/// let loss = ops::huber(&prediction, &target, 2.0, Reduction::None)?;
/// assert_eq!(loss.to_vec1::<f32>()?, [0.5, 8.0]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If shapes or element types differ, `delta` is not positive, or for the mean of an empty batch.
pub fn huber(
    prediction: &Tensor,
    target: &Tensor,
    delta: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    check_same_shape("huber", ("prediction", prediction), ("target", target))?;
    if delta.is_nan() || delta <= 0.0 {
        return Err(Error::argument(
            "delta of the Huber loss",
            delta,
            "above zero",
        ));
    }
    let difference = (prediction - target)?;
    // The slope s of the loss, with which both of its branches are s (d - s / 2).
    let constant = difference.detach();
    let far = (constant.sign()? * delta)?;
    let slope = constant.abs()?.gt(delta)?.where_cond(&far, &constant)?;
    let middle = (difference - (&slope * 0.5)?)?;
    reduction.of("huber", &(slope * middle)?)
}
