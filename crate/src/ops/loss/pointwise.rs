//! Losses that are sums over the elements of a prediction and a target.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::Reduction;
use crate::Result;
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};

/// The loss of one element and its slopes. The functions are compiled into the kernels' loops, so
/// they must be `#[inline(always)]`.
pub(super) trait Pointwise: Send + Sync + 'static {
    /// The operation's name in candle's errors.
    const NAME: &'static str;

    /// The loss of one element.
    fn loss<T: Float, S: Simd>(prediction: T, target: T) -> T;

    /// Its derivative with respect to the prediction.
    fn slope<T: Float, S: Simd>(prediction: T, target: T) -> T;

    /// Its derivative with respect to the target.
    fn target_slope<T: Float>(prediction: T, target: T) -> T;
}

/// The mean or the sum of the losses of two tensors of the same shape, on the CPU.
///
/// # Errors
/// For the mean of an empty batch.
pub(super) fn pointwise<P: Pointwise>(
    prediction: &Tensor,
    target: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    let scale = reduction.scale(P::NAME, prediction.elem_count())?;
    let (prediction, target) = (prediction.contiguous()?, target.contiguous()?);
    for_float!(prediction.dtype(), T => {
        let op = Loss::<P, T> { scale, kind: PhantomData };
        Ok(prediction.apply_op2(&target, op)?)
    })
}

struct Loss<P, T> {
    scale: f64,
    kind: PhantomData<(P, T)>,
}

impl<P: Pointwise, T: Float> CustomOp2 for Loss<P, T> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(
        &self,
        prediction: &CpuStorage,
        prediction_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let sum = T::dispatch(Sum::<P, T> {
            prediction: elements::<T>(prediction, prediction_layout)?,
            target: elements::<T>(target, target_layout)?,
            kind: PhantomData,
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
        let scale = gradient.to_scalar::<T>()? * T::of(self.scale);
        let gradient_of = |tensor: &Tensor, of_target: bool| {
            let values = T::dispatch(Gradient::<P, T> {
                prediction: &Elements::<T>::of(prediction)?,
                target: &Elements::<T>::of(target)?,
                scale,
                of_target,
                kind: PhantomData,
            });
            Tensor::from_vec(values, tensor.shape(), tensor.device())
        };
        let of_prediction = (prediction.track_op()).then(|| gradient_of(prediction, false));
        let of_target = (target.track_op()).then(|| gradient_of(target, true));
        Ok((of_prediction.transpose()?, of_target.transpose()?))
    }
}

struct Sum<'a, P, T> {
    prediction: &'a [T],
    target: &'a [T],
    kind: PhantomData<P>,
}

impl<P: Pointwise, T: Float> WithSimd for Sum<'_, P, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        simd::zip_sum(self.prediction, self.target, |x, t| P::loss::<T, S>(x, t))
    }
}

struct Gradient<'a, P, T> {
    prediction: &'a [T],
    target: &'a [T],
    scale: T,
    of_target: bool,
    kind: PhantomData<P>,
}

impl<P: Pointwise, T: Float> WithSimd for Gradient<'_, P, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let (x, t, scale) = (self.prediction, self.target, self.scale);
        if self.of_target {
            simd::zip_map(x, t, |x, t| P::target_slope::<T>(x, t) * scale)
        } else {
            simd::zip_map(x, t, |x, t| P::slope::<T, S>(x, t) * scale)
        }
    }
}
