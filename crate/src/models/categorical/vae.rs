//! A VAE whose code is a category: INF-395, section 4.3.

use candle_core::{D, DType, Device, Tensor};

use super::{likeliest, numbers, one_hot};
use crate::models::fit::check_decoder;
use crate::models::start_at_mean::start_at_mean;
use crate::models::vae::VaeArchitecture;
use crate::models::{Codec, decode, in_batches};
use crate::nn::{Dense, Layer, Parameters, Pass, Sequential, Summary};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Seed, ops};

/// A VAE whose code is a category. The encoder outputs a logit for each category, training decodes
/// a relaxed sample of their distribution ([`ops::gumbel_softmax`]), and the divergence from the
/// uniform distribution is part of the loss.
///
/// It minimises `loss = r_loss + kl`, both means over the examples in nats; `r_loss` is the binary
/// cross-entropy summed over the numbers of an example. In evaluation the code is the most likely
/// category instead of a sample.
///
/// ```
/// use cuaderno::prelude::*;
/// let images = Rng::new(1).uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let vae = CategoricalVae::inf395(10, 6202)?;
/// assert_eq!(vae.categories(&images)?.dims(), [5]);
/// assert_eq!(vae.prototypes()?.dims(), [10, 1, 28, 28]); // one image a category
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CategoricalVae {
    encoder: Sequential,
    decoder: Sequential,
    temperature: f64,
}

impl CategoricalVae {
    /// A VAE with these networks and a temperature of 2/3. The encoder outputs a logit for each
    /// category; the decoder takes a code of as many numbers and outputs logits, which a sigmoid
    /// maps to `[0, 1]`.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mut rng = Rng::new(6202);
    /// let encoder = Sequential::input(&[156])
    ///     .then("hidden", Dense::units(64).activation(Activation::Relu))
    ///     .then("logits", Dense::units(4))
    ///     .build(&mut rng)?;
    /// let decoder = Sequential::input(&[4]).then("spectrum", Dense::units(156)).build(&mut rng)?;
    /// let vae = CategoricalVae::new(encoder, decoder)?;
    /// assert_eq!(vae.prototypes()?.dims(), [4, 156]); // one spectrum a category
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the encoder does not end in `[categories]`, or the networks do not fit each other; the
    /// error names the shapes.
    pub fn new(encoder: Sequential, decoder: Sequential) -> Result<Self> {
        let code = encoder.output_shape(encoder.input_shape())?;
        if !matches!(code[..], [categories] if categories > 0) {
            return Err(Error::shape(
                "CategoricalVae",
                format!(
                    "the encoder gives {code:?}; it must end in [categories], a logit for each."
                ),
            ));
        }
        check_decoder("CategoricalVae", &encoder, &code, &decoder)?;
        Ok(Self {
            encoder,
            decoder,
            temperature: 2.0 / 3.0,
        })
    }

    /// The model of INF-395, section 4.3: `categories` categories between the networks of
    /// [`VaeArchitecture::inf395`], with weights initialised as in Keras.
    ///
    /// # Errors
    /// If `categories` is 0.
    pub fn inf395(categories: usize, seed: impl Seed) -> Result<Self> {
        let architecture = VaeArchitecture::inf395(categories);
        let encoder = architecture.encoder_plan();
        let encoder = encoder.then("logits", Dense::units(categories));
        let decoder = architecture.decoder_plan();
        seed.draw(|rng| Self::new(encoder.build(&mut *rng)?, decoder.build(rng)?))
    }

    /// Sets the temperature of the samples in training: the lower it is, the closer they are to a
    /// single category. Training fails if it is not positive.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets the bias of the decoder's last layer so that the decoder starts at the mean of `images`
    /// `[n, ..]`, or of each of their channels if that layer is a convolution. Training then need
    /// not use the code to get there.
    ///
    /// # Errors
    /// If the images have the wrong shape, or the decoder's last layer has no bias.
    pub fn start_at_mean(&self, images: &Tensor) -> Result<()> {
        start_at_mean(&self.decoder, images)
    }

    /// The probabilities `[n, categories]` of the categories of images `[n, ..]`.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn probabilities(&self, images: &Tensor) -> Result<Tensor> {
        in_batches(images, |images| {
            ops::softmax(&self.encoder.apply(images, &mut Pass::Evaluate)?, D::Minus1)
        })
    }

    /// The most likely category, `[n]` of u32, of each of the images `[n, ..]`.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn categories(&self, images: &Tensor) -> Result<Tensor> {
        likeliest(&self.probabilities(images)?)
    }

    /// The codes `[n, categories]` of images `[n, ..]`, with a 1 at the most likely category.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.one_hot(&self.categories(images)?)
    }

    /// The images `[n, ..]` decoded from codes `[n, categories]`, with pixels in `[0, 1]`. A code
    /// has a 1 at its category, or is a mixture of several.
    ///
    /// # Errors
    /// If the codes have the wrong shape.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// The reconstructions of images `[n, ..]`: the images of their most likely categories.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?)
    }

    /// The same as [`CategoricalVae::reconstruct`], under the name that Keras uses.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn predict(&self, images: &Tensor) -> Result<Tensor> {
        self.reconstruct(images)
    }

    /// The image of each category, `[categories, ..]`. There are no others that this model can
    /// draw.
    pub fn prototypes(&self) -> Result<Tensor> {
        let all = Tensor::arange(0, self.count() as u32, &Device::Cpu)?;
        self.decode(&self.one_hot(&all)?)
    }

    /// The images `[n, ..]` of `n` categories, drawn from the uniform distribution.
    pub fn sample(&self, n: usize, seed: impl Seed) -> Result<Tensor> {
        seed.draw(|rng| {
            let drawn: Vec<u32> = (0..n).map(|_| rng.below(self.count()) as u32).collect();
            self.decode(&self.one_hot(&Tensor::new(drawn, &Device::Cpu)?)?)
        })
    }

    /// A table of the layers of both halves, with output shapes and parameter counts.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(self.encoder.input_shape());
        summary.add_all(&self.encoder)?;
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// The two networks by name, as a diagram shows them.
    pub(crate) fn halves(&self) -> [(&'static str, &Sequential); 2] {
        [("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    /// The number of categories.
    fn count(&self) -> usize {
        self.decoder.input_shape()[0]
    }

    fn one_hot(&self, categories: &Tensor) -> Result<Tensor> {
        one_hot(categories, self.count(), DType::F32)
    }
}

impl Model for CategoricalVae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.encoder.apply(&batch.inputs, pass)?;
        let code = match pass {
            Pass::Train(rng) => ops::gumbel_softmax(&logits, self.temperature, false, rng)?,
            Pass::Evaluate => one_hot(&likeliest(&logits)?, self.count(), logits.dtype())?,
        };
        let pixels = self.decoder.apply(&code, pass)?;
        let per_pixel = ops::bce_with_logits(&pixels, &batch.inputs, Reduction::Mean)?;
        let r_loss = (per_pixel * numbers(&self.encoder))?;
        let kl = ops::categorical_kl(&logits)?.mean_all()?;
        let loss = (&r_loss + &kl)?;
        Ok(Losses::new("loss", loss)
            .with("r_loss", r_loss)
            .with("kl", kl))
    }
}

/// The code of an image has a 1 at its most likely category.
impl Codec for CategoricalVae {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.one_hot(&self.categories(images)?)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
