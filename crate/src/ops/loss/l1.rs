//! Mean absolute error.

use candle_core::Tensor;

use super::{Reduction, check_same_shape};
use crate::Result;

/// The mean (or sum) of `|prediction - target|` over all elements of two tensors of the same shape.
/// It is PyTorch's `l1_loss` and Keras' mean absolute error. Where both are equal the gradient is
/// zero.
///
/// ```
/// use cuaderno::{ops::{self, Reduction}, prelude::*};
///
/// let prediction = Tensor::new(&[1f32, 2.0, 5.0], &Device::Cpu)?;
/// let target = Tensor::new(&[1f32, 4.0, 4.0], &Device::Cpu)?;
/// let loss = ops::l1(&prediction, &target, Reduction::Mean)?;
/// assert_eq!(loss.to_scalar::<f32>()?, 1.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If shapes or element types differ, or for the mean of an empty batch.
pub fn l1(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same_shape("l1", ("prediction", prediction), ("target", target))?;
    let difference = (prediction - target)?;
    // candle's slope of `|x|` at zero is 1.
    let slope = difference.detach().sign()?;
    reduction.of("l1", &(difference * slope)?)
}
