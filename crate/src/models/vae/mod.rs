//! Variational autoencoders with a Gaussian code (Kingma & Welling 2013).

mod architecture;
mod code;
#[cfg(test)]
mod tests;

pub use architecture::{Convolution, VaeArchitecture};
pub use code::GaussianCode;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::fit::check_decoder;
use super::{Codec, decode, in_batches};
use crate::nn::{
    Activation, Dense, DensePlan, Flatten, Initialiser, Layer, Parallel, ParallelPlan, Parameters,
    Pass, Reshape, Sequential, Summary,
};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Seed, ops};

const IMAGE: [usize; 3] = [1, 28, 28];
const PIXELS: usize = 784;

/// The error of a reconstructed pixel. The loss of an image is the mean error of its pixels, times
/// a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PixelLoss {
    /// Binary cross-entropy, with a pixel as the probability of ink. With the factor 784, the
    /// number of pixels, the loss is a bound in nats.
    Bce,
    /// The squared error.
    Mse,
}

/// An autoencoder whose code is a Gaussian distribution. The encoder outputs a mean and a
/// log-variance for each latent dimension, training decodes a sample of this distribution, and its
/// divergence from the standard normal distribution is part of the loss.
///
/// It minimises `loss = r_loss + kl`, both means over the images. `r_loss` is a factor times the
/// mean [`PixelLoss`] of an image; `kl` is the divergence in nats, summed over the latent
/// dimensions. In evaluation z is the mean instead of a sample.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let images = rng.uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let vae = Vae::dense(400, 20, 6202)?;
/// let code = vae.encode(&images)?;
/// assert_eq!((code.mean.dims(), code.log_var.dims()), (&[5, 20][..], &[5, 20][..]));
/// assert_eq!(vae.reconstruct(&images)?.dims(), [5, 1, 28, 28]);
/// assert_eq!(vae.sample(3, &mut rng)?.dims(), [3, 1, 28, 28]); // digits that nobody wrote
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vae {
    encoder: Sequential,
    decoder: Sequential,
    pixel_loss: PixelLoss,
    r_loss_factor: f64,
}

impl Vae {
    /// A VAE with these networks. For a code of `latent` numbers the encoder outputs `2 * latent`,
    /// the means and then the log-variances; the decoder outputs logits, which a sigmoid turns into
    /// pixels. The reconstruction loss is the cross-entropy summed over all pixels, which makes the
    /// loss a bound in nats.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mut rng = Rng::new(6202);
    /// let heads = Parallel::concat(1)
    ///     .branch("mean", Dense::units(2))
    ///     .branch("log_var", Dense::units(2));
    /// let encoder = Sequential::input(&[156])
    ///     .then("hidden", Dense::units(64).activation(Activation::Relu))
    ///     .then("code", heads)
    ///     .build(&mut rng)?;
    /// let decoder = Sequential::input(&[2])
    ///     .then("hidden", Dense::units(64).activation(Activation::Relu))
    ///     .then("spectrum", Dense::units(156))
    ///     .build(&mut rng)?;
    /// let vae = Vae::new(encoder, decoder)?.r_loss(PixelLoss::Mse, 1000.0)?;
    /// assert_eq!(vae.sample(3, &mut rng)?.dims(), [3, 156]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the networks do not fit each other; the error names the shapes.
    pub fn new(encoder: Sequential, decoder: Sequential) -> Result<Self> {
        let code = encoder.output_shape(encoder.input_shape())?;
        let [both] = code[..] else {
            return Err(unfit(&code));
        };
        if both == 0 || both % 2 == 1 {
            return Err(unfit(&code));
        }
        check_decoder("Vae", &encoder, &[both / 2], &decoder)?;
        Ok(Self {
            r_loss_factor: encoder.input_shape().iter().product::<usize>() as f64,
            pixel_loss: PixelLoss::Bce,
            encoder,
            decoder,
        })
    }

    /// The model of MA6202 (there with 400 hidden units and 20 latent dimensions):
    /// 784-hidden-latent-hidden-784 with ReLUs, trained on the cross-entropy summed over the pixels
    /// and initialised as in PyTorch. For convolutional models see [`VaeArchitecture`].
    ///
    /// # Errors
    /// If `hidden` or `latent` is 0.
    pub fn dense(hidden: usize, latent: usize, seed: impl Seed) -> Result<Self> {
        let dense = |units| Dense::units(units).initialiser(Initialiser::PyTorch);
        let encoder = Sequential::input(&IMAGE)
            .then("flatten", Flatten)
            .then("hidden", dense(hidden).activation(Activation::Relu))
            .then("code", heads(dense(latent)));
        let decoder = Sequential::input(&[latent])
            .then("hidden", dense(hidden).activation(Activation::Relu))
            .then("pixels", dense(PIXELS))
            .then("reshape", Reshape::to(&IMAGE));
        seed.draw(|rng| Self::new(encoder.build(&mut *rng)?, decoder.build(rng)?))
    }

    /// Sets the reconstruction loss: `factor` times the mean `pixel_loss` over the pixels.
    ///
    /// # Errors
    /// If the factor is negative or not finite.
    pub fn r_loss(mut self, pixel_loss: PixelLoss, factor: f64) -> Result<Self> {
        if !(factor >= 0.0 && factor.is_finite()) {
            return Err(Error::argument(
                "the factor of r_loss",
                factor,
                "a finite number, zero or above",
            ));
        }
        (self.pixel_loss, self.r_loss_factor) = (pixel_loss, factor);
        Ok(self)
    }

    /// The distributions of the codes of images `[n, ..]`, with means and log-variances `[n,
    /// latent]`.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn encode(&self, images: &Tensor) -> Result<GaussianCode> {
        split(&in_batches(images, |images| {
            self.encoder.apply(images, &mut Pass::Evaluate)
        })?)
    }

    /// The images `[n, ..]` decoded from codes `[n, latent]`, with pixels in `[0, 1]`.
    ///
    /// # Errors
    /// If a code does not have `latent` numbers.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// The reconstructions of images `[n, ..]`: the images decoded from the means of their codes.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?.mean)
    }

    /// The images `[n, ..]` decoded from `n` codes drawn from the standard normal distribution.
    pub fn sample(&self, n: usize, seed: impl Seed) -> Result<Tensor> {
        let codes = seed.draw(|rng| rng.normal(0.0, 1.0, &[n, self.latent()]))?;
        self.decode(&codes)
    }

    /// The number of latent dimensions.
    pub fn latent(&self) -> usize {
        self.decoder.input_shape()[0]
    }

    /// The same as [`Vae::reconstruct`], under the name that Keras uses.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn predict(&self, images: &Tensor) -> Result<Tensor> {
        self.reconstruct(images)
    }

    /// A table of the layers of both halves and the sampling between them, with output shapes and
    /// parameter counts.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(self.encoder.input_shape());
        summary.add_all(&self.encoder)?;
        summary.add_step("sample", "Sampling", &[self.latent()]);
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// The network that gives means and log-variances, side by side.
    pub fn encoder(&self) -> &Sequential {
        &self.encoder
    }

    /// The network that gives the logits of pixels.
    pub fn decoder(&self) -> &Sequential {
        &self.decoder
    }

    /// The two networks by name, as a diagram shows them.
    pub(crate) fn halves(&self) -> [(&'static str, &Sequential); 2] {
        [("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn r_loss_of(&self, logits: &Tensor, images: &Tensor) -> Result<Tensor> {
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
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let code = split(&self.encoder.apply(&batch.inputs, pass)?)?;
        let z = match pass {
            Pass::Train(rng) => code.sample(rng)?,
            Pass::Evaluate => code.mean.clone(),
        };
        let logits = self.decoder.apply(&z, pass)?;
        let r_loss = self.r_loss_of(&logits, &batch.inputs)?;
        let kl = ops::gaussian_kl(&code.mean, &code.log_var)?.mean_all()?;
        let loss = (&r_loss + &kl)?;
        Ok(Losses::new("loss", loss)
            .with("r_loss", r_loss)
            .with("kl", kl))
    }
}

/// The last layer of an encoder, which outputs the means and then the log-variances of a code.
pub(super) fn heads(head: DensePlan) -> ParallelPlan {
    Parallel::concat(1)
        .branch("mean", head)
        .branch("log_var", head)
}

/// Splits `[n, 2 * latent]` into means and log-variances.
pub(super) fn split(both: &Tensor) -> Result<GaussianCode> {
    let latent = both.dim(1)? / 2;
    Ok(GaussianCode {
        mean: both.narrow(1, 0, latent)?.contiguous()?,
        log_var: both.narrow(1, latent, latent)?.contiguous()?,
    })
}

fn unfit(code: &[usize]) -> Error {
    Error::shape(
        "Vae",
        format!(
            "the encoder gives {code:?}; it must end in [2 * latent], the means and the log-variances of a code."
        ),
    )
}

/// As a single code for each image, this takes the mean of the distribution.
impl Codec for Vae {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        Ok(self.encode(images)?.mean)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
