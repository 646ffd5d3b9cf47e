//! PReLU, the ReLU with a learned slope.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::{fallback, gradient::for_variable};
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::{Error, Result};

/// PReLU (He et al. 2015): `x` above zero, `weight * x` elsewhere. The learned `weight` is `[1]`
/// for all numbers, or `[channels]` with one for each channel of `x` `[batch, channels, ..]`.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::new(&[[-2f32, 3.0], [-2.0, -3.0]], &Device::Cpu)?;
/// let weight = Tensor::new(&[0.5f32, 0.1], &Device::Cpu)?;
/// let y = ops::prelu(&x, &weight)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0, 3.0], [-1.0, -0.3]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `weight` is neither `[1]` nor `[channels]`, or its element type is not that of `x`.
pub fn prelu(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let channels = match (weight.dims(), x.dims()) {
        ([1], _) => 1,
        ([n], [_, channels, ..]) if n == channels => *n,
        (other, x) => {
            return Err(Error::shape(
                "prelu",
                format!(
                    "the weight has the shape {other:?} and the input {x:?}; the weight must be [1] or one number a channel, the input's second dimension."
                ),
            ));
        }
    };
    if x.dtype() != weight.dtype() {
        return Err(Error::argument(
            "the element type of the weight of prelu",
            format!("{:?}", weight.dtype()),
            format!(
                "that of the input, {:?}: convert one with `.to_dtype(..)?`",
                x.dtype()
            ),
        ));
    }
    if !fallback::fused(x) {
        return composed(x, weight);
    }
    // With a single weight, the whole tensor counts as one channel.
    let channel_len = match channels {
        1 => x.elem_count(),
        _ => x.dims()[2..].iter().product(),
    };
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    for_float!(x.dtype(), T => {
        let op = Prelu::<T> { channel_len, element: PhantomData };
        Ok(x.apply_op2(&weight, op)?)
    })
}

fn composed(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    if weight.elem_count() > 1 {
        shape[1] = weight.elem_count();
    }
    let zeros = x.zeros_like()?;
    let positive = x.gt(0.0)?;
    let below = positive.where_cond(&zeros, x)?;
    let above = positive.where_cond(x, &zeros)?;
    Ok((above + below.broadcast_mul(&weight.reshape(shape)?)?)?)
}

struct Prelu<T> {
    /// The number of neighbouring elements that share a weight.
    channel_len: usize,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp2 for Prelu<T> {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = T::dispatch(Forward {
            channel_len: self.channel_len,
            x: elements::<T>(x, x_layout)?,
            weight: elements(weight, weight_layout)?,
        });
        Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (of_x, of_weight) = T::dispatch(Backward {
            channel_len: self.channel_len,
            x: &Elements::<T>::of(x)?,
            weight: &Elements::<T>::of(weight)?,
            gradient: &Elements::<T>::of(&gradient)?,
        });
        Ok((for_variable(x, of_x)?, for_variable(weight, of_weight)?))
    }
}

struct Forward<'a, T> {
    channel_len: usize,
    x: &'a [T],
    weight: &'a [T],
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let mut y = Vec::with_capacity(self.x.len());
        let channels = self.x.chunks(self.channel_len.max(1));
        for (channel, &weight) in channels.zip(self.weight.iter().cycle()) {
            simd::append(&mut y, channel.iter(), |&x| {
                if x > T::zero() { x } else { weight * x }
            });
        }
        y
    }
}

struct Backward<'a, T> {
    channel_len: usize,
    x: &'a [T],
    weight: &'a [T],
    gradient: &'a [T],
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (Vec<T>, Vec<T>) {
        let mut of_x = Vec::with_capacity(self.x.len());
        let mut of_weight = vec![0.0; self.weight.len()];
        let len = self.channel_len.max(1);
        let channels = self.x.chunks(len).zip(self.gradient.chunks(len));
        for (index, (x, gradient)) in channels.enumerate() {
            let channel = index % self.weight.len();
            let weight = self.weight[channel];
            simd::append(&mut of_x, x.iter().zip(gradient), |(&x, &g)| {
                if x > T::zero() { g } else { weight * g }
            });
            of_weight[channel] +=
                simd::zip_sum(
                    x,
                    gradient,
                    |x, g| {
                        if x > T::zero() { T::zero() } else { x * g }
                    },
                );
        }
        (of_x, simd::map(&of_weight, T::of))
    }
}
