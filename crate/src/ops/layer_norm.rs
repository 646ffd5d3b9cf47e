//! Layer normalisation, which scales each example by its own mean and variance.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, D, Layout, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{fallback, gradient::for_variable};
use crate::numerics::{
    for_float,
    reduce::sum,
    simd::{Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::{Error, Result};

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, with mean and (biased) variance over
/// the last dimensions of `x`, which are those of `weight` and `bias` (Ba et al., 2016). It is
/// PyTorch's `F.layer_norm`, where `epsilon` is 1e-5 by default.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::new(&[[1f32, 3.0], [10.0, 30.0]], &Device::Cpu)?;
/// let (weight, bias) = (Tensor::new(&[1f32, 1.0], &Device::Cpu)?, Tensor::new(&[0f32, 5.0], &Device::Cpu)?);
/// let y = ops::layer_norm(&x, &weight, &bias, 0.0)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0, 6.0], [-1.0, 6.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `weight` and `bias` do not have the last dimensions of `x` and its element type, or `epsilon`
/// is negative.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    check(x, weight, bias)?;
    check_epsilon(epsilon)?;
    if !fallback::fused(x) {
        return composed(x, weight, bias, epsilon);
    }
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    for_float!(x.dtype(), T => Ok(x.apply_op3(&weight, &bias, LayerNorm::<T> {
        epsilon,
        moments: OnceLock::new(),
    })?))
}

fn check(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<()> {
    let normalised = weight.dims();
    if normalised.is_empty()
        || !x.dims().ends_with(normalised)
        || normalised.contains(&0)
        || bias.dims() != normalised
    {
        return Err(Error::shape(
            "layer_norm",
            format!(
                "weight {normalised:?} and bias {:?} do not fit x {:?}; both must be the last \
                 dimensions of x, those to normalise over.",
                bias.dims(),
                x.dims()
            ),
        ));
    }
    same_type(x, &[weight, bias])
}

/// Refuses tensors whose element type is not that of `x`.
pub(super) fn same_type(x: &Tensor, others: &[&Tensor]) -> Result<()> {
    match others.iter().find(|other| other.dtype() != x.dtype()) {
        Some(other) => Err(Error::argument(
            "the element type of a weight, bias or statistic",
            format!("{:?}", other.dtype()),
            format!("that of x, {:?}", x.dtype()),
        )),
        None => Ok(()),
    }
}

pub(super) fn check_epsilon(epsilon: f64) -> Result<()> {
    if epsilon >= 0.0 && epsilon.is_finite() {
        Ok(())
    } else {
        Err(Error::argument("epsilon", epsilon, "zero or positive"))
    }
}

fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let row = weight.elem_count();
    let rows = x.reshape((x.elem_count() / row, row))?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normalised = centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?;
    Ok(normalised
        .broadcast_mul(&weight.flatten_all()?)?
        .broadcast_add(&bias.flatten_all()?)?
        .reshape(x.shape())?)
}

/// The mean and reciprocal deviation of a row.
type Moments<T> = (T, T);

struct LayerNorm<T> {
    epsilon: f64,
    /// The statistics of each row, for the backward pass.
    moments: OnceLock<Vec<Moments<T>>>,
}

/// The number of rows that a thread takes at a time. It depends on their length alone, so that sums
/// over rows do not depend on the number of threads.
fn block(row: usize) -> usize {
    (16_384 / row).max(1)
}

impl<T: Float> CustomOp3 for LayerNorm<T> {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (y, moments) = T::dispatch(Forward {
            x: elements::<T>(x, x_layout)?,
            weight: elements(weight, weight_layout)?,
            bias: elements(bias, bias_layout)?,
            epsilon: T::of(self.epsilon),
        });
        self.moments.get_or_init(|| moments);
        Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(moments) = self.moments.get() else {
            bail!("layer_norm: backward without forward");
        };
        let gradient = gradient.contiguous()?;
        let gradients = T::dispatch(Backward {
            x: &Elements::<T>::of(x)?,
            weight: &Elements::<T>::of(weight)?,
            gradient: &Elements::<T>::of(&gradient)?,
            moments,
            x_is_wanted: x.track_op(),
        });
        let of_x = gradients.x.map(|values| for_variable(x, values));
        Ok((
            of_x.transpose()?.flatten(),
            for_variable(weight, gradients.weight)?,
            for_variable(bias, gradients.bias)?,
        ))
    }
}

struct Forward<'a, T> {
    x: &'a [T],
    weight: &'a [T],
    bias: &'a [T],
    epsilon: T,
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = (Vec<T>, Vec<Moments<T>>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let row = self.weight.len();
        let block = block(row);
        let mut y = vec![T::zero(); self.x.len()];
        let mut moments = vec![(T::zero(), T::zero()); self.x.len() / row];
        y.par_chunks_mut(block * row)
            .zip(self.x.par_chunks(block * row))
            .zip(moments.par_chunks_mut(block))
            .for_each(|((y, x), moments)| {
                simd.vectorize(ForwardRows {
                    forward: &self,
                    x,
                    y,
                    moments,
                });
            });
        (y, moments)
    }
}

struct ForwardRows<'a, T> {
    forward: &'a Forward<'a, T>,
    x: &'a [T],
    y: &'a mut [T],
    moments: &'a mut [Moments<T>],
}

impl<T: Float> WithSimd for ForwardRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Forward {
            weight,
            bias,
            epsilon,
            ..
        } = *self.forward;
        let row = weight.len();
        let len = T::of(row as f64);
        let rows = self.x.chunks_exact(row).zip(self.y.chunks_exact_mut(row));
        for ((x, y), moments) in rows.zip(self.moments) {
            let mean = T::of(sum(x, x, |x, _| x)) / len;
            let variance = T::of(sum(x, x, |x, _| (x - mean) * (x - mean))) / len;
            let scale = T::one() / (variance + epsilon).sqrt();
            for (((y, &x), &weight), &bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = ((x - mean) * scale).fma::<S>(weight, bias);
            }
            *moments = (mean, scale);
        }
    }
}

struct Backward<'a, T> {
    x: &'a [T],
    weight: &'a [T],
    gradient: &'a [T],
    moments: &'a [Moments<T>],
    x_is_wanted: bool,
}

struct Gradients<T> {
    x: Option<Vec<T>>,
    weight: Vec<T>,
    bias: Vec<T>,
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = Gradients<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Gradients<T> {
        let row = self.weight.len();
        let block = block(row);
        let mut x_gradient = vec![T::zero(); self.x.len()];
        let sums: Vec<(Vec<T>, Vec<T>)> = x_gradient
            .par_chunks_mut(block * row)
            .zip(self.x.par_chunks(block * row))
            .zip(self.gradient.par_chunks(block * row))
            .zip(self.moments.par_chunks(block))
            .map(|(((x_gradient, x), gradient), moments)| {
                simd.vectorize(BackwardRows {
                    backward: &self,
                    x,
                    gradient,
                    moments,
                    x_gradient,
                })
            })
            .collect();
        let mut weight = vec![T::zero(); row];
        let mut bias = vec![T::zero(); row];
        for (weight_sums, bias_sums) in sums {
            for (total, sum) in weight.iter_mut().zip(weight_sums) {
                *total += sum;
            }
            for (total, sum) in bias.iter_mut().zip(bias_sums) {
                *total += sum;
            }
        }
        Gradients {
            x: self.x_is_wanted.then_some(x_gradient),
            weight,
            bias,
        }
    }
}

struct BackwardRows<'a, T> {
    backward: &'a Backward<'a, T>,
    x: &'a [T],
    gradient: &'a [T],
    moments: &'a [Moments<T>],
    x_gradient: &'a mut [T],
}

impl<T: Float> WithSimd for BackwardRows<'_, T> {
    /// The gradients of weight and bias over these rows.
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let weight = self.backward.weight;
        let row = weight.len();
        let len = T::of(row as f64);
        let mut weight_sums = vec![T::zero(); row];
        let mut bias_sums = vec![T::zero(); row];
        let rows = self
            .x
            .chunks_exact(row)
            .zip(self.gradient.chunks_exact(row));
        let rows = rows
            .zip(self.moments)
            .zip(self.x_gradient.chunks_exact_mut(row));
        for (((x, gradient), &(mean, scale)), x_gradient) in rows {
            for ((total, &x), &gradient) in weight_sums.iter_mut().zip(x).zip(gradient) {
                *total = ((x - mean) * scale).fma::<S>(gradient, *total);
            }
            for (total, &gradient) in bias_sums.iter_mut().zip(gradient) {
                *total += gradient;
            }
            if !self.backward.x_is_wanted {
                continue;
            }
            // With g = gradient * weight and n the normalised x:
            // scale * (g - mean of g - n * mean of g n).
            for ((out, &gradient), &weight) in x_gradient.iter_mut().zip(gradient).zip(weight) {
                *out = gradient * weight;
            }
            let shift = T::of(sum(x_gradient, x, |g, _| g)) / len;
            let tilt = T::of(sum(x_gradient, x, |g, x| g * ((x - mean) * scale))) / len;
            for (out, &x) in x_gradient.iter_mut().zip(x) {
                *out = (*out - shift - (x - mean) * scale * tilt) * scale;
            }
        }
        (weight_sums, bias_sums)
    }
}
