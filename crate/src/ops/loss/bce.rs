//! Binary cross-entropy.

use candle_core::Tensor;

use super::pointwise::{Pointwise, pointwise};
use super::{Reduction, check_same_shape};
use crate::Result;
use crate::numerics::simd::{Float, Simd};
use crate::ops::{Activation, fallback};

/// Binary cross-entropy between targets in `[0, 1]` and `sigmoid(logits)`, which have the same
/// shape: `-t ln(sigmoid(x)) - (1 - t) ln(1 - sigmoid(x))`, computed as `max(x, 0) - x t + ln(1 +
/// exp(-|x|))`. It is PyTorch's `binary_cross_entropy_with_logits`.
///
/// ```
/// use cuaderno::{ops::{self, Reduction}, prelude::*};
///
/// let logits = Tensor::new(&[-120f32, 120.0], &Device::Cpu)?;
/// let targets = Tensor::new(&[1f32, 1.0], &Device::Cpu)?;
/// let loss = ops::bce_with_logits(&logits, &targets, Reduction::Mean)?;
/// assert_eq!(loss.to_scalar::<f32>()?, 60.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If shapes or element types differ, or for the mean of an empty batch.
pub fn bce_with_logits(logits: &Tensor, targets: &Tensor, reduction: Reduction) -> Result<Tensor> {
    let name = "bce_with_logits";
    check_same_shape(name, ("logits", logits), ("targets", targets))?;
    if fallback::fused(logits) && reduction != Reduction::None {
        return pointwise::<Bce>(logits, targets, reduction);
    }
    let softplus = Activation::Softplus.composed(logits)?;
    reduction.of(name, &(softplus - (logits * targets)?)?)
}

struct Bce;

impl Pointwise for Bce {
    const NAME: &'static str = "bce_with_logits";

    #[inline(always)]
    fn loss<T: Float, S: Simd>(logit: T, target: T) -> T {
        logit.at_least(T::zero()) - logit * target + (-logit.abs()).exp::<S>().ln_1p::<S>()
    }

    #[inline(always)]
    fn slope<T: Float, S: Simd>(logit: T, target: T) -> T {
        logit.sigmoid::<S>() - target
    }

    #[inline(always)]
    fn target_slope<T: Float>(logit: T, _: T) -> T {
        -logit
    }
}
