//! Softmax and its logarithm along any axis.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, shape::Dim};

use super::fallback;
use crate::Result;
use crate::numerics::{
    for_float,
    lines::Lines,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};

/// `exp(x)` divided by its sum along `dim`: positive numbers that add up to 1. The largest element
/// is subtracted first, so that nothing overflows.
///
/// ```
/// use cuaderno::{candle_core::D, ops, prelude::*};
///
/// let logits = Tensor::new(&[[0f32, 0.0], [1000.0, 0.0]], &Device::Cpu)?;
/// let probabilities = ops::softmax(&logits, D::Minus1)?;
/// assert_eq!(probabilities.to_vec2::<f32>()?, [[0.5, 0.5], [1.0, 0.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` has no such dimension or does not hold floats.
pub fn softmax<D: Dim>(x: &Tensor, dim: D) -> Result<Tensor> {
    let dim = dim.to_index(x.shape(), "softmax")?;
    run(x, dim, Kind::Softmax)
}

/// The logarithm of [`softmax`] along `dim`, which is accurate even where the softmax itself rounds
/// to zero.
///
/// # Errors
/// If `x` has no such dimension or does not hold floats.
pub fn log_softmax<D: Dim>(x: &Tensor, dim: D) -> Result<Tensor> {
    let dim = dim.to_index(x.shape(), "log_softmax")?;
    run(x, dim, Kind::LogSoftmax)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Softmax,
    LogSoftmax,
}

fn run(x: &Tensor, dim: usize, kind: Kind) -> Result<Tensor> {
    if x.elem_count() == 0 {
        return Ok(x.clone()); // candle has no maximum of nothing
    }
    if fallback::fused(x) {
        return for_float!(x.dtype(), T => {
            let op = Softmax::<T> { dim, kind, element: PhantomData };
            Ok(x.contiguous()?.apply_op1(op)?)
        });
    }
    // A shift of a line does not change the result, so the maximum needs no gradient.
    let shifted = x.broadcast_sub(&x.max_keepdim(dim)?.detach())?;
    let exp = shifted.exp()?;
    let sum = exp.sum_keepdim(dim)?;
    Ok(match kind {
        Kind::Softmax => exp.broadcast_div(&sum)?,
        Kind::LogSoftmax => shifted.broadcast_sub(&sum.log()?)?,
    })
}

struct Softmax<T> {
    dim: usize,
    kind: Kind,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp1 for Softmax<T> {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Softmax => "softmax",
            Kind::LogSoftmax => "log_softmax",
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = T::dispatch(Forward {
            kind: self.kind,
            lines: Lines::of(layout.dims(), self.dim),
            x: elements::<T>(x, layout)?,
        });
        Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let gradient = gradient.contiguous()?;
        let values = T::dispatch(Backward {
            kind: self.kind,
            lines: Lines::of(y.dims(), self.dim),
            y: &Elements::<T>::of(y)?,
            gradient: &Elements::<T>::of(&gradient)?,
        });
        Ok(Some(Tensor::from_vec(values, y.shape(), y.device())?))
    }
}

/// The largest element of each line, and the logarithm of the sum of `exp(x - largest)`.
#[inline(always)]
pub(super) fn log_sum_exp<T: Float, S: Simd>(lines: Lines, x: &[T]) -> Vec<(T, T)> {
    let max = lines.max(x);
    let sums = lines.sum(x, x, &max, |x, _, max| (x - max).exp::<S>());
    simd::zip_map(&max, &sums, |max, sum| (max, sum.ln::<S>()))
}

/// The log-probability of an element, given the result of [`log_sum_exp`] for its line.
#[inline(always)]
pub(super) fn log_probability<T: Float>(x: T, (max, ln_sum): (T, T)) -> T {
    (x - max) - ln_sum
}

struct Forward<'a, T> {
    kind: Kind,
    lines: Lines,
    x: &'a [T],
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let (lines, x) = (self.lines, self.x);
        let of_line = log_sum_exp::<T, S>(lines, x);
        match self.kind {
            Kind::Softmax => lines.map(x, x, &of_line, |x, _, of_line| {
                log_probability(x, of_line).exp::<S>()
            }),
            Kind::LogSoftmax => {
                lines.map(x, x, &of_line, |x, _, of_line| log_probability(x, of_line))
            }
        }
    }
}

struct Backward<'a, T> {
    kind: Kind,
    lines: Lines,
    y: &'a [T],
    gradient: &'a [T],
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let (lines, y, gradient) = (self.lines, self.y, self.gradient);
        let none = vec![(); lines.count()];
        match self.kind {
            Kind::Softmax => {
                let dot = lines.sum(y, gradient, &none, |y, g, ()| y * g);
                // Where one `y` is nearly 1, `g - dot` is little more than the rounding error of
                // `dot`, so the rest is summed instead.
                let rest = lines.sum(y, gradient, &dot, |y, g, dot| y * (g - dot));
                let dot: Vec<_> = dot.into_iter().zip(rest).collect();
                lines.map(y, gradient, &dot, |y, g, (dot, rest)| y * (g - dot - rest))
            }
            Kind::LogSoftmax => {
                let total = lines.sum(y, gradient, &none, |_, g, ()| g);
                lines.map(y, gradient, &total, |y, g, total| g - y.exp::<S>() * total)
            }
        }
    }
}
