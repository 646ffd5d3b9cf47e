//! Mean squared error.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::{Reduction, check_same_shape};
use crate::Result;
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::ops::fallback;

/// The mean (or sum) of `(prediction - target)²` over all elements of two tensors of one shape.
///
/// # Errors
/// If shapes or element types differ, or for the mean of an empty batch.
pub fn mse(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same_shape("mse", ("prediction", prediction), ("target", target))?;
    let scale = reduction.scale("mse", prediction.elem_count())?;
    if fallback::fused(prediction) && reduction != Reduction::None {
        let (prediction, target) = (prediction.contiguous()?, target.contiguous()?);
        return for_float!(prediction.dtype(), T => {
            let op = Mse::<T> { scale, element: PhantomData };
            Ok(prediction.apply_op2(&target, op)?)
        });
    }
    reduction.of("mse", &(prediction - target)?.sqr()?)
}

struct Mse<T> {
    scale: f64,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp2 for Mse<T> {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn cpu_fwd(
        &self,
        prediction: &CpuStorage,
        prediction_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let sum = T::dispatch(Sum {
            prediction: elements::<T>(prediction, prediction_layout)?,
            target: elements::<T>(target, target_layout)?,
        });
        let loss = vec![T::of(sum * self.scale)];
        Ok((T::to_cpu_storage_owned(loss), ().into()))
    }

    fn bwd(
        &self,
        prediction: &Tensor,
        target: &Tensor,
        _loss: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = gradient.to_scalar::<T>()? * T::of(2.0 * self.scale);
        let gradient_of = |tensor: &Tensor, scale: T| {
            let values = T::dispatch(Gradient {
                prediction: &Elements::<T>::of(prediction)?,
                target: &Elements::<T>::of(target)?,
                scale,
            });
            Tensor::from_vec(values, tensor.shape(), tensor.device())
        };
        let of_prediction = prediction
            .track_op()
            .then(|| gradient_of(prediction, scale));
        let of_target = target.track_op().then(|| gradient_of(target, -scale));
        Ok((of_prediction.transpose()?, of_target.transpose()?))
    }
}

struct Sum<'a, T> {
    prediction: &'a [T],
    target: &'a [T],
}

impl<T: Float> WithSimd for Sum<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        simd::zip_sum(self.prediction, self.target, |p, t| (p - t) * (p - t))
    }
}

struct Gradient<'a, T> {
    prediction: &'a [T],
    target: &'a [T],
    scale: T,
}

impl<T: Float> WithSimd for Gradient<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let scale = self.scale;
        simd::zip_map(self.prediction, self.target, |p, t| (p - t) * scale)
    }
}
