//! Batch normalisation in one pass forward and two backward.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use super::Channels;
use crate::numerics::{
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::ops::gradient::for_variable;

/// The mean and the reciprocal deviation of each channel.
pub(super) fn moments<T: Float>(means: &[T], variances: &[T], epsilon: f64) -> Vec<(T, T)> {
    let scale = |variance: T| T::one() / (variance + T::of(epsilon)).sqrt();
    let moments = means.iter().zip(variances);
    moments
        .map(|(&mean, &variance)| (mean, scale(variance)))
        .collect()
}

/// Computes mean and biased variance of each channel.
pub(super) struct Moments<'a, T> {
    pub(super) shape: Channels,
    pub(super) x: &'a [T],
}

impl<T: Float> WithSimd for Moments<'_, T> {
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { shape, x } = self;
        let count = (shape.batch * shape.inner) as f64;
        let mean_of = |sums: Vec<f64>| simd::map(&sums, |sum| T::of(sum / count));
        let none = vec![(); shape.channels];
        let means = mean_of(shape.sum(simd, x, x, &none, |x, _, ()| x));
        let square = |x: T, _, mean: T| (x - mean) * (x - mean);
        let variances = mean_of(shape.sum(simd, x, x, &means, square));
        (means, variances)
    }
}

/// Batch normalisation as a candle operation with a gradient.
pub(super) struct BatchNorm<T> {
    pub(super) shape: Channels,
    /// Whether mean and variance are those of `x` and thus change with it.
    pub(super) of_batch: bool,
    /// The mean and the reciprocal deviation of each channel.
    pub(super) moments: Vec<(T, T)>,
}

impl<T: Float> CustomOp3 for BatchNorm<T> {
    fn name(&self) -> &'static str {
        "batch_norm"
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
        let y = T::dispatch(Forward {
            op: self,
            x: elements(x, x_layout)?,
            weight: elements(weight, weight_layout)?,
            bias: elements(bias, bias_layout)?,
        });
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
        let gradient = gradient.contiguous()?;
        let gradients = T::dispatch(Backward {
            op: self,
            x: &Elements::of(x)?,
            weight: &Elements::of(weight)?,
            gradient: &Elements::of(&gradient)?,
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
    op: &'a BatchNorm<T>,
    x: &'a [T],
    weight: &'a [T],
    bias: &'a [T],
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let parameters = self.weight.iter().zip(self.bias);
        let of_channel: Vec<(T, T, T)> = parameters
            .zip(&self.op.moments)
            .map(|((&weight, &bias), &(mean, scale))| (mean, scale * weight, bias))
            .collect();
        let x = self.x;
        let shape = self.op.shape;
        shape.map(simd, x, x, &of_channel, |x, _, (mean, scale, bias)| {
            (x - mean).fma::<S>(scale, bias)
        })
    }
}

struct Backward<'a, T> {
    op: &'a BatchNorm<T>,
    x: &'a [T],
    weight: &'a [T],
    gradient: &'a [T],
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
        let BatchNorm {
            shape,
            of_batch,
            ref moments,
        } = *self.op;
        let (x, gradient) = (self.x, self.gradient);
        let bias = shape.sum(simd, x, gradient, moments, |_, g, _| g);
        let weight = shape.sum(simd, x, gradient, moments, |x, g, (mean, scale)| {
            g * ((x - mean) * scale)
        });
        let x_gradient = || {
            // With n the normalised x: weight * scale * (g - mean of g - n * mean of g n), where
            // the two means are there because the statistics depend on x.
            let count = (shape.batch * shape.inner) as f64;
            let mut of_channel = Vec::with_capacity(shape.channels);
            for (channel, &(mean, scale)) in moments.iter().enumerate() {
                let (shift, tilt) = if of_batch {
                    let [g, product] = [bias[channel], weight[channel]].map(|sum| sum / count);
                    (T::of(g), T::of(product) * scale)
                } else {
                    (T::zero(), T::zero())
                };
                of_channel.push((mean, shift, tilt, self.weight[channel] * scale));
            }
            shape.map(
                simd,
                x,
                gradient,
                &of_channel,
                |x, g, (mean, shift, tilt, scale)| (g - shift - (x - mean) * tilt) * scale,
            )
        };
        Gradients {
            x: self.x_is_wanted.then(x_gradient),
            weight: simd::map(&weight, T::of),
            bias: simd::map(&bias, T::of),
        }
    }
}
