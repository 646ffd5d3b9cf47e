//! Binary cross-entropy with a weight for positives.

use candle_core::Tensor;

use super::{Reduction, check_same_shape};
use crate::ops::Activation;
use crate::{Error, Result};

/// [`bce_with_logits`](super::bce_with_logits) with positives weighted by `pos_weight`:
/// `-pos_weight t ln(sigmoid(x)) - (1 - t) ln(1 - sigmoid(x))`. A weight above 1 makes up for rare
/// positives; a common choice is the number of negatives for each positive.
///
/// `pos_weight` has the last dimensions of the logits, or 1 in their place: `[labels]` for logits
/// `[batch, labels]`. As in PyTorch, the mean divides by the number of elements.
///
/// ```
/// use cuaderno::{ops::{self, Reduction}, prelude::*};
///
/// let logits = Tensor::new(&[[0f32, 0.0]], &Device::Cpu)?;
/// let targets = Tensor::new(&[[1f32, 0.0]], &Device::Cpu)?;
/// let pos_weight = Tensor::new(&[3f32, 3.0], &Device::Cpu)?;
/// let loss = ops::weighted_bce_with_logits(&logits, &targets, &pos_weight, Reduction::Sum)?;
/// assert!((loss.to_scalar::<f32>()? - 4.0 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, element types differ, or for the mean of an empty batch.
pub fn weighted_bce_with_logits(
    logits: &Tensor,
    targets: &Tensor,
    pos_weight: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    let name = "weighted_bce_with_logits";
    check_same_shape(name, ("logits", logits), ("targets", targets))?;
    let pos_weight = pos_weight.broadcast_as(logits.shape()).map_err(|_| {
        Error::shape(
            name,
            format!(
                "the pos_weight {:?} does not fit the logits {:?}; it must be their last dimensions, such as [labels] for [batch, labels].",
                pos_weight.dims(),
                logits.dims()
            ),
        )
    })?;
    check_same_shape(name, ("logits", logits), ("pos_weight", &pos_weight))?;
    // -ln(sigmoid(x)); adding x gives -ln(1 - sigmoid(x)).
    let positive = Activation::Softplus.apply(&logits.neg()?)?;
    let weight = ((&pos_weight - 1.0)? * targets)?.affine(1.0, 1.0)?;
    let negative = (logits - (logits * targets)?)?;
    reduction.of(name, &(negative + (weight * positive)?)?)
}
