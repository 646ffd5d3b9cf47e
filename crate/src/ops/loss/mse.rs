//! Mean squared error.

use candle_core::Tensor;

use super::pointwise::{Pointwise, pointwise};
use super::{Reduction, check_same_shape};
use crate::Result;
use crate::numerics::simd::{Float, Simd};
use crate::ops::fallback;

/// The mean (or sum) of `(prediction - target)²` over all elements of two tensors of the same
/// shape.
///
/// # Errors
/// If shapes or element types differ, or for the mean of an empty batch.
pub fn mse(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same_shape("mse", ("prediction", prediction), ("target", target))?;
    if fallback::fused(prediction) && reduction != Reduction::None {
        return pointwise::<Mse>(prediction, target, reduction);
    }
    reduction.of("mse", &(prediction - target)?.sqr()?)
}

struct Mse;

impl Pointwise for Mse {
    const NAME: &'static str = "mse";

    #[inline(always)]
    fn loss<T: Float, S: Simd>(prediction: T, target: T) -> T {
        (prediction - target) * (prediction - target)
    }

    #[inline(always)]
    fn slope<T: Float, S: Simd>(prediction: T, target: T) -> T {
        let difference = prediction - target;
        difference + difference
    }

    #[inline(always)]
    fn target_slope<T: Float>(prediction: T, target: T) -> T {
        let difference = target - prediction;
        difference + difference
    }
}
