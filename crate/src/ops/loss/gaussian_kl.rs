//! The divergence of a Gaussian code from the standard normal distribution.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::check_same_shape;
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::ops::fallback;
use crate::{Error, Result};

/// The Kullback-Leibler divergence of N(mean, exp(log_variance)) from N(0, 1), in nats, summed over
/// the latent dimensions: `-1/2 Σ (1 + log_variance - mean² - exp(log_variance))` (Kingma & Welling
/// 2013, appendix B). Both tensors are `[batch, latent]`; the result, `[batch]`, has a number for
/// each example.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let mean = Tensor::new(&[[0f32, 0.0], [1.0, 2.0]], &Device::Cpu)?;
/// let log_variance = Tensor::zeros((2, 2), DType::F32, &Device::Cpu)?;
/// let divergence = ops::gaussian_kl(&mean, &log_variance)?;
/// assert_eq!(divergence.to_vec1::<f32>()?, [0.0, 2.5]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If shapes or element types differ, or there is no batch dimension.
pub fn gaussian_kl(mean: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    check_same_shape(
        "gaussian_kl",
        ("mean", mean),
        ("log-variance", log_variance),
    )?;
    let Some(&batch) = mean.dims().first() else {
        return Err(Error::shape(
            "gaussian_kl",
            "the mean is a single number []; it must be [batch, latent].",
        ));
    };
    if fallback::fused(mean) {
        let (mean, log_variance) = (mean.contiguous()?, log_variance.contiguous()?);
        return for_float!(mean.dtype(), T => {
            Ok(mean.apply_op2(&log_variance, GaussianKl::<T>(PhantomData))?)
        });
    }
    let latent = mean.elem_count() / batch.max(1);
    let terms = (((log_variance + 1.0)? - mean.sqr()?)? - log_variance.exp()?)?;
    Ok((terms.reshape((batch, latent))?.sum(1)? * -0.5)?)
}

struct GaussianKl<T>(PhantomData<T>);

impl<T: Float> CustomOp2 for GaussianKl<T> {
    fn name(&self) -> &'static str {
        "gaussian_kl"
    }

    fn cpu_fwd(
        &self,
        mean: &CpuStorage,
        mean_layout: &Layout,
        log_variance: &CpuStorage,
        log_variance_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let batch = mean_layout.dims()[0];
        let divergence = T::dispatch(Divergence {
            batch,
            mean: elements::<T>(mean, mean_layout)?,
            log_variance: elements::<T>(log_variance, log_variance_layout)?,
        });
        Ok((T::to_cpu_storage_owned(divergence), batch.into()))
    }

    fn bwd(
        &self,
        mean: &Tensor,
        log_variance: &Tensor,
        _divergence: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let [of_mean, of_log_variance] = T::dispatch(Gradients {
            mean: &Elements::<T>::of(mean)?,
            log_variance: &Elements::<T>::of(log_variance)?,
            gradient: &Elements::<T>::of(&gradient)?,
        });
        let tensor_like = |values, like: &Tensor| {
            let tracked = like.track_op();
            tracked
                .then(|| Tensor::from_vec(values, like.shape(), like.device()))
                .transpose()
        };
        Ok((
            tensor_like(of_mean, mean)?,
            tensor_like(of_log_variance, log_variance)?,
        ))
    }
}

struct Divergence<'a, T> {
    batch: usize,
    mean: &'a [T],
    log_variance: &'a [T],
}

impl<T: Float> WithSimd for Divergence<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let latent = self.mean.len() / self.batch.max(1);
        let mut divergences = Vec::with_capacity(self.batch);
        for example in 0..self.batch {
            let row = example * latent..(example + 1) * latent;
            let (mean, log_variance) = (&self.mean[row.clone()], &self.log_variance[row]);
            let twice = simd::zip_sum(mean, log_variance, |m, v| m * m + (v.exp_m1::<S>() - v));
            divergences.push(T::of(0.5 * twice));
        }
        divergences
    }
}

struct Gradients<'a, T> {
    mean: &'a [T],
    log_variance: &'a [T],
    gradient: &'a [T],
}

impl<T: Float> WithSimd for Gradients<'_, T> {
    type Output = [Vec<T>; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [Vec<T>; 2] {
        let latent = (self.mean.len() / self.gradient.len().max(1)).max(1);
        let mut of_mean = Vec::with_capacity(self.mean.len());
        let mut of_log_variance = Vec::with_capacity(self.mean.len());
        let examples = self
            .mean
            .chunks(latent)
            .zip(self.log_variance.chunks(latent));
        for ((mean, log_variance), &g) in examples.zip(self.gradient) {
            let half = T::of(0.5) * g;
            simd::append(&mut of_mean, mean.iter(), |&m| g * m);
            simd::append(&mut of_log_variance, log_variance.iter(), |v| {
                half * v.exp_m1::<S>()
            });
        }
        [of_mean, of_log_variance]
    }
}
