//! The categorical VAE of INF-395, section 4.3.

use candle_core::{D, DType, Device, Tensor};

use super::{likeliest, one_hot};
use crate::models::start_at_mean::start_at_mean;
use crate::models::vae::{IMAGE, PIXELS, VaeArchitecture};
use crate::models::{Codec, decode, in_batches};
use crate::nn::{Dense, Layer, Parameters, Pass, Plan, Sequential, Summary};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Result, Rng, ops};

/// A VAE whose code is one of some categories: the encoder gives a logit for each, training decodes
/// a relaxed sample of their distribution ([`ops::gumbel_softmax`]), and the divergence from the
/// uniform distribution is part of the loss. Encoder and decoder are those of
/// [`VaeArchitecture::inf395`].
///
/// It minimises `loss = r_loss + kl`, each the mean over the images, in nats: `r_loss` is the binary
/// cross-entropy summed over the pixels. When it is evaluated, the code is the likeliest category
/// instead of a sample.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let images = rng.uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let vae = CategoricalVae::new(10, &mut rng)?;
/// assert_eq!(vae.categories(&images)?.dims(), [5]);
/// assert_eq!(vae.prototypes()?.dims(), [10, 1, 28, 28]); // one image a category
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CategoricalVae {
    encoder: Sequential,
    logits: Dense,
    decoder: Sequential,
    temperature: f64,
}

impl CategoricalVae {
    /// A fresh VAE of that many categories, with a temperature of 2/3 and weights as in Keras.
    ///
    /// # Errors
    /// If there are no categories.
    pub fn new(categories: usize, rng: &mut Rng) -> Result<Self> {
        let architecture = VaeArchitecture::inf395(categories);
        let encoder = architecture.encoder_plan().build(rng)?;
        let features = encoder.output_shape(&IMAGE)?;
        Ok(Self {
            encoder,
            logits: Dense::units(categories).build(&features, rng)?,
            decoder: architecture.decoder_plan().build(rng)?,
            temperature: 2.0 / 3.0,
        })
    }

    /// The same weights with another temperature of the samples in training: the colder, the nearer
    /// they are to one category. A training fails if it is not positive.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets the bias of the last convolution so that the decoder starts at the mean grey of `images`
    /// `[n, 1, 28, 28]`, and has no need of the code to get there.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn start_at_mean(&self, images: &Tensor) -> Result<()> {
        start_at_mean(&self.decoder, images)
    }

    /// The probability of each category, `[n, categories]`, of images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn probabilities(&self, images: &Tensor) -> Result<Tensor> {
        in_batches(images, |images| {
            ops::softmax(&self.logits(images, &mut Pass::Evaluate)?, D::Minus1)
        })
    }

    /// The likeliest category, `[n]` of u32, of each of the images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn categories(&self, images: &Tensor) -> Result<Tensor> {
        likeliest(&self.probabilities(images)?)
    }

    /// The images `[n, 1, 28, 28]` of codes `[n, categories]`, with pixels in `[0, 1]`. A code is a
    /// 1 at its category, or a mixture.
    ///
    /// # Errors
    /// If the codes have another shape.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// The images of the likeliest categories of images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.one_hot(&self.categories(images)?)?)
    }

    /// The image of each category, `[categories, 1, 28, 28]`: all that it can draw.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn prototypes(&self) -> Result<Tensor> {
        let all = Tensor::arange(0, self.count() as u32, &Device::Cpu)?;
        self.decode(&self.one_hot(&all)?)
    }

    /// The images `[n, 1, 28, 28]` of `n` categories drawn from the uniform distribution.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Result<Tensor> {
        let drawn: Vec<u32> = (0..n).map(|_| rng.below(self.count()) as u32).collect();
        self.decode(&self.one_hot(&Tensor::new(drawn, &Device::Cpu)?)?)
    }

    /// Layer, output shape and parameters of both halves.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&IMAGE);
        summary.add_all(&self.encoder)?;
        summary.add("logits", &self.logits)?;
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// The number of categories.
    fn count(&self) -> usize {
        self.logits.weight().dims()[0]
    }

    fn one_hot(&self, categories: &Tensor) -> Result<Tensor> {
        one_hot(categories, self.count(), DType::F32)
    }

    fn logits(&self, images: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let features = self.encoder.apply(images, pass)?;
        self.logits.apply(&features, pass)
    }
}

impl Model for CategoricalVae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("logits", self.logits.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.logits(&batch.inputs, pass)?;
        let code = match pass {
            Pass::Train(rng) => ops::gumbel_softmax(&logits, self.temperature, false, rng)?,
            Pass::Evaluate => one_hot(&likeliest(&logits)?, self.count(), logits.dtype())?,
        };
        let pixels = self.decoder.apply(&code, pass)?;
        let per_pixel = ops::bce_with_logits(&pixels, &batch.inputs, Reduction::Mean)?;
        let r_loss = (per_pixel * PIXELS as f64)?;
        let kl = ops::categorical_kl(&logits)?.mean_all()?;
        let loss = (&r_loss + &kl)?;
        Ok(Losses::new("loss", loss)
            .with("r_loss", r_loss)
            .with("kl", kl))
    }
}

/// The code of an image is a 1 at its likeliest category.
impl Codec for CategoricalVae {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.one_hot(&self.categories(images)?)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
