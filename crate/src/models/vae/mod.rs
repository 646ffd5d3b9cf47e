//! Variational autoencoders with a Gaussian code (Kingma & Welling 2013).

mod architecture;
mod code;
#[cfg(test)]
mod tests;

pub use architecture::{Convolution, VaeArchitecture};
pub use code::GaussianCode;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{decode, in_batches};
use crate::nn::{
    Activation, Dense, Flatten, Initialiser, Layer, Parameters, Pass, Plan, Reshape, Sequential,
    Summary,
};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Result, Rng, ops};

pub(super) const IMAGE: [usize; 3] = [1, 28, 28];
pub(super) const PIXELS: usize = 784;

/// What the error of a reconstructed pixel is; the loss of an image is its mean over the pixels,
/// times a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PixelLoss {
    /// Binary cross-entropy: a pixel is a probability of ink. With the factor 784, the number of
    /// pixels, the loss is a bound in nats.
    Bce,
    /// The squared error.
    Mse,
}

/// An autoencoder whose code is a Gaussian distribution: the encoder gives a mean and a
/// log-variance for each latent dimension, training decodes a sample of it, and the divergence from
/// the standard normal distribution is part of the loss.
///
/// It minimises `loss = r_loss + kl`, each the mean over the images: `r_loss` is a factor times
/// the mean [`PixelLoss`] of an image, `kl` the divergence in nats, summed over the latent
/// dimensions. When it is evaluated, z is the mean instead of a sample.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let images = rng.uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let vae = Vae::dense(400, 20, &mut rng)?;
/// let code = vae.encode(&images)?;
/// assert_eq!((code.mean.dims(), code.log_var.dims()), (&[5, 20][..], &[5, 20][..]));
/// assert_eq!(vae.reconstruct(&images)?.dims(), [5, 1, 28, 28]);
/// assert_eq!(vae.sample(3, &mut rng)?.dims(), [3, 1, 28, 28]); // digits that nobody wrote
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vae {
    encoder: Sequential,
    mean: Dense,
    log_var: Dense,
    decoder: Sequential,
    pixel_loss: PixelLoss,
    r_loss_factor: f64,
}

impl Vae {
    /// 784-hidden-latent-hidden-784 with ReLUs, trained on the cross-entropy summed over the pixels
    /// and started as PyTorch starts its layers: MA6202's, with 400 hidden units and 20 latent
    /// numbers. [`VaeArchitecture`] has the convolutional ones.
    ///
    /// # Errors
    /// If `hidden` or `latent` is 0.
    pub fn dense(hidden: usize, latent: usize, rng: &mut Rng) -> Result<Self> {
        let dense = |units| Dense::units(units).initialiser(Initialiser::PyTorch);
        Ok(Self {
            encoder: Sequential::input(&IMAGE)
                .then("flatten", Flatten)
                .then("hidden", dense(hidden).activation(Activation::Relu))
                .build(rng)?,
            mean: dense(latent).build(&[hidden], rng)?,
            log_var: dense(latent).build(&[hidden], rng)?,
            decoder: Sequential::input(&[latent])
                .then("hidden", dense(hidden).activation(Activation::Relu))
                .then("pixels", dense(PIXELS))
                .then("reshape", Reshape::to(&IMAGE))
                .build(rng)?,
            pixel_loss: PixelLoss::Bce,
            r_loss_factor: PIXELS as f64,
        })
    }

    /// The distributions of the codes of images `[n, 1, 28, 28]`: means and log-variances
    /// `[n, latent]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn encode(&self, images: &Tensor) -> Result<GaussianCode> {
        let both = in_batches(images, |images| {
            let code = self.code(images, &mut Pass::Evaluate)?;
            Ok(Tensor::cat(&[code.mean, code.log_var], 1)?)
        })?;
        let latent = both.dim(1)? / 2;
        Ok(GaussianCode {
            mean: both.narrow(1, 0, latent)?.contiguous()?,
            log_var: both.narrow(1, latent, latent)?.contiguous()?,
        })
    }

    /// The images `[n, 1, 28, 28]` of codes `[n, latent]`, with pixels in `[0, 1]`.
    ///
    /// # Errors
    /// If a code does not have `latent` numbers.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// The images of the means of the codes of images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?.mean)
    }

    /// The images `[n, 1, 28, 28]` of `n` codes drawn from the standard normal distribution.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Result<Tensor> {
        self.decode(&rng.normal(0.0, 1.0, &[n, self.latent()])?)
    }

    /// The latent dimensions.
    pub fn latent(&self) -> usize {
        self.mean.weight().dims()[0]
    }

    /// Layer, output shape and parameters of both halves.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&IMAGE);
        summary.add_all(&self.encoder)?;
        summary.add("mean", &self.mean)?;
        summary.add_beside("log_var", &self.log_var)?;
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    fn code(&self, images: &Tensor, pass: &mut Pass) -> Result<GaussianCode> {
        let features = self.encoder.apply(images, pass)?;
        Ok(GaussianCode {
            mean: self.mean.apply(&features, pass)?,
            log_var: self.log_var.apply(&features, pass)?,
        })
    }

    fn r_loss(&self, logits: &Tensor, images: &Tensor) -> Result<Tensor> {
        let per_pixel = match self.pixel_loss {
            PixelLoss::Bce => ops::bce_with_logits(logits, images, Reduction::Mean)?,
            PixelLoss::Mse => {
                let pixels = Activation::Sigmoid.apply(logits)?;
                ops::mse(&pixels, images, Reduction::Mean)?
            }
        };
        Ok((per_pixel * self.r_loss_factor)?)
    }
}

impl Model for Vae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("mean", self.mean.parameters())
            .nest("log_var", self.log_var.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let code = self.code(&batch.inputs, pass)?;
        let z = match pass {
            Pass::Train(rng) => code.sample(rng)?,
            Pass::Evaluate => code.mean.clone(),
        };
        let logits = self.decoder.apply(&z, pass)?;
        let r_loss = self.r_loss(&logits, &batch.inputs)?;
        let kl = ops::gaussian_kl(&code.mean, &code.log_var)?.mean_all()?;
        let loss = (&r_loss + &kl)?;
        Ok(Losses::new("loss", loss)
            .with("r_loss", r_loss)
            .with("kl", kl))
    }
}
