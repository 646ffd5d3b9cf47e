//! Binary cross-entropy.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::{Reduction, check_same_shape};
use crate::Result;
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::ops::{Activation, fallback};

/// Binary cross-entropy between targets in `[0, 1]` and `sigmoid(logits)`, of one shape:
/// `-t ln(sigmoid(x)) - (1 - t) ln(1 - sigmoid(x))`, computed as
/// `max(x, 0) - x t + ln(1 + exp(-|x|))`. PyTorch's `binary_cross_entropy_with_logits`.
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
    let scale = reduction.scale(name, logits.elem_count())?;
    if fallback::fused(logits) && reduction != Reduction::None {
        let (logits, targets) = (logits.contiguous()?, targets.contiguous()?);
        return for_float!(logits.dtype(), T => {
            let op = Bce::<T> { scale, element: PhantomData };
            Ok(logits.apply_op2(&targets, op)?)
        });
    }
    let softplus = Activation::Softplus.composed(logits)?;
    reduction.of(name, &(softplus - (logits * targets)?)?)
}

struct Bce<T> {
    scale: f64,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp2 for Bce<T> {
    fn name(&self) -> &'static str {
        "bce_with_logits"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let sum = T::dispatch(Sum {
            logits: elements::<T>(logits, logits_layout)?,
            targets: elements::<T>(targets, targets_layout)?,
        });
        let loss = vec![T::of(sum * self.scale)];
        Ok((T::to_cpu_storage_owned(loss), ().into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _loss: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = gradient.to_scalar::<T>()? * T::of(self.scale);
        let of_logits = if logits.track_op() {
            let values = T::dispatch(Gradient {
                logits: &Elements::<T>::of(logits)?,
                targets: &Elements::<T>::of(targets)?,
                scale,
            });
            Some(Tensor::from_vec(values, logits.shape(), logits.device())?)
        } else {
            None
        };
        let of_targets = if targets.track_op() {
            Some((logits.detach() * -scale.to_f64())?)
        } else {
            None
        };
        Ok((of_logits, of_targets))
    }
}

struct Sum<'a, T> {
    logits: &'a [T],
    targets: &'a [T],
}

impl<T: Float> WithSimd for Sum<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        simd::zip_sum(self.logits, self.targets, |x, t| {
            x.at_least(T::zero()) - x * t + (-x.abs()).exp::<S>().ln_1p::<S>()
        })
    }
}

struct Gradient<'a, T> {
    logits: &'a [T],
    targets: &'a [T],
    scale: T,
}

impl<T: Float> WithSimd for Gradient<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let scale = self.scale;
        simd::zip_map(self.logits, self.targets, |x, t| {
            (x.sigmoid::<S>() - t) * scale
        })
    }
}
