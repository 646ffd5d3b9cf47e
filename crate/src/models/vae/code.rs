//! Codes that are Gaussian distributions.

use candle_core::Tensor;

use crate::{Result, Seed};

/// The distribution of the codes of some images: a Gaussian for each image and latent dimension.
///
/// ```
/// use cuaderno::{models::GaussianCode, prelude::*};
/// let code = GaussianCode {
///     mean: Tensor::new(&[[3f32]], &Device::Cpu)?,
///     log_var: Tensor::new(&[[-200f32]], &Device::Cpu)?,
/// };
/// assert_eq!(code.sample(6202)?.to_vec2::<f32>()?, [[3.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianCode {
    /// The means, `[n, latent]`.
    pub mean: Tensor,
    /// The natural logarithms of the variances, `[n, latent]`.
    pub log_var: Tensor,
}

impl GaussianCode {
    /// The variances `[n, latent]`.
    pub fn variance(&self) -> Result<Tensor> {
        Ok(self.log_var.exp()?)
    }

    /// One sample of each distribution, `[n, latent]`. It is computed as `z = mean + exp(log_var /
    /// 2) * noise` with standard normal noise, so that gradients reach mean and variance (the
    /// reparameterisation trick).
    pub fn sample(&self, seed: impl Seed) -> Result<Tensor> {
        let noise = seed.draw(|rng| rng.normal(0.0, 1.0, self.mean.dims()))?;
        let noise = noise
            .to_dtype(self.mean.dtype())?
            .to_device(self.mean.device())?;
        let deviation = (&self.log_var * 0.5)?.exp()?;
        Ok((&self.mean + (deviation * noise)?)?)
    }
}
