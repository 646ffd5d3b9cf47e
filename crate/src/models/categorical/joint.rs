//! A VAE whose code is a category and a style, trained to find meaningful categories.

use candle_core::{D, DType, Device, Tensor};

use super::{likeliest, numbers, one_hot};
use crate::data::Augmentation;
use crate::models::fit::check_decoder;
use crate::models::start_at_mean::start_at_mean;
use crate::models::vae::{GaussianCode, VaeArchitecture, split};
use crate::models::{Codec, decode, in_batches};
use crate::nn::{Activation, Dense, Layer, Parallel, Parameters, Pass, Sequential, Summary};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Seed, ops};

/// The temperature of the samples of a category in training.
const TEMPERATURE: f64 = 2.0 / 3.0;

/// A VAE with a joint code: a category for what an image shows, and Gaussian numbers for its style
/// (E. Dupont, *Learning disentangled joint continuous and discrete representations*, NeurIPS
/// 2018).
///
/// Besides the bound it maximises, with a weight, the mutual information
/// ([`ops::mutual_information`]) between the category of an image and that of the same image
/// changed by [`JointVae::distortion`]. This makes the model use all categories, decide on one for each image, and keep
/// it when the image is turned or shifted a little. The model minimises `loss = bound - weight *
/// information` with `bound = r_loss + kl`, all of them means over the images in nats. `r_loss` is
/// the binary cross-entropy summed over the pixels; `kl` is the divergence of category and style
/// from the uniform and the standard normal distribution. The bound is that of a VAE and can be
/// compared with those of other VAEs.
///
/// In evaluation the code is the most likely category and the mean of the style, and `information`
/// compares each image with itself.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let vae = JointVae::convolutional(10, 8, &mut rng)?.information_weight(300.0)?;
/// let styles = rng.normal(0.0, 1.0, &[5, 8])?;
/// assert_eq!(vae.draw(7, &styles)?.dims(), [5, 1, 28, 28]); // five styles of one category
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct JointVae {
    encoder: Sequential,
    decoder: Sequential,
    categories: usize,
    information_weight: f64,
}

impl JointVae {
    /// Changes that do not turn a digit into another one: a small rotation, zoom and shift, drawn
    /// for each image.
    pub fn distortion() -> Augmentation {
        Augmentation::new()
            .rotate(-15.0..=15.0)
            .zoom(0.85..=1.15)
            .shift(-2.0..=2.0, -2.0..=2.0)
    }

    /// A VAE with these networks, for images of any size; the weight of the information is 0. With
    /// a style of `style` numbers, the encoder outputs `categories + 2 * style` numbers: the logits
    /// of the categories, then the means and the log-variances of the style. The decoder takes
    /// `categories + style` numbers and outputs logits, which a sigmoid turns into pixels.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mut rng = Rng::new(6202);
    /// let code = Parallel::concat(1)
    ///     .branch("logits", Dense::units(4))
    ///     .branch("mean", Dense::units(2))
    ///     .branch("log_var", Dense::units(2));
    /// let encoder = Sequential::input(&[3, 8, 8])
    ///     .then("flatten", Flatten)
    ///     .then("hidden", Dense::units(32).activation(Activation::Relu))
    ///     .then("code", code)
    ///     .build(&mut rng)?;
    /// let decoder = Sequential::input(&[4 + 2])
    ///     .then("pixels", Dense::units(3 * 8 * 8))
    ///     .then("reshape", Reshape::to(&[3, 8, 8]))
    ///     .build(&mut rng)?;
    /// let vae = JointVae::new(encoder, decoder, 4)?;
    /// assert_eq!(vae.prototypes()?.dims(), [4, 3, 8, 8]); // one image a category
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the encoder does not take images, or the networks do not fit each other; the error names
    /// the shapes.
    pub fn new(encoder: Sequential, decoder: Sequential, categories: usize) -> Result<Self> {
        let (image, code) = (
            encoder.input_shape(),
            encoder.output_shape(encoder.input_shape())?,
        );
        let refuse = |problem: String| Err(Error::shape("JointVae", problem));
        if image.len() != 3 {
            return refuse(format!(
                "the encoder takes {image:?}; it must take images [channels, height, width], which can be turned and shifted."
            ));
        }
        let style = match code[..] {
            [numbers] if numbers > categories => numbers - categories,
            _ => 0,
        };
        if categories == 0 || style == 0 || style % 2 == 1 {
            return refuse(format!(
                "the encoder gives {code:?}; with {categories} categories it must end in [{categories} + 2 * style], the logits of at least one category, and the means and the log-variances of a style."
            ));
        }
        check_decoder("JointVae", &encoder, &[categories + style / 2], &decoder)?;
        Ok(Self {
            encoder,
            decoder,
            categories,
            information_weight: 0.0,
        })
    }

    /// A model for images of 28 x 28, with the layers of INF-395, section 4.2. The strides of 2 are
    /// in the first two convolutions, which makes it several times faster. The weights are
    /// initialised as in Keras.
    ///
    /// # Errors
    /// If `categories` or `style` is 0.
    pub fn convolutional(categories: usize, style: usize, seed: impl Seed) -> Result<Self> {
        let architecture = VaeArchitecture::new(categories + style)
            .encoder([32, 32, 64], [3, 3, 3], [2, 2, 1])
            .decoder([32, 32, 1], [3, 3, 3], [1, 2, 2])
            .hidden(128)
            .activation(Activation::Relu);
        let code = Parallel::concat(1)
            .branch("logits", Dense::units(categories))
            .branch("mean", Dense::units(style))
            .branch("log_var", Dense::units(style));
        let encoder = architecture.encoder_plan().then("code", code);
        let decoder = architecture.decoder_plan();
        seed.draw(|rng| Self::new(encoder.build(&mut *rng)?, decoder.build(rng)?, categories))
    }

    /// Sets the weight of the information in the loss.
    ///
    /// # Errors
    /// If the weight is negative or not finite.
    pub fn information_weight(mut self, weight: f64) -> Result<Self> {
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::argument(
                "the weight of the information",
                weight,
                "a finite number, zero or above",
            ));
        }
        self.information_weight = weight;
        Ok(self)
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

    /// The most likely category, `[n]` of u32, of each of the images `[n, ..]`.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn categories(&self, images: &Tensor) -> Result<Tensor> {
        likeliest(&in_batches(images, |images| {
            Ok(self.code(images, &mut Pass::Evaluate)?.0)
        })?)
    }

    /// The codes `[n, categories + style]` of images `[n, ..]`: a 1 at the most likely category,
    /// then the mean of the style.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn encode(&self, images: &Tensor) -> Result<Tensor> {
        in_batches(images, |images| {
            let (logits, style) = self.code(images, &mut Pass::Evaluate)?;
            self.joined(&likeliest(&logits)?, &style.mean)
        })
    }

    /// The images `[n, ..]` decoded from codes `[n, categories + style]`, with pixels in `[0, 1]`.
    ///
    /// # Errors
    /// If the codes have the wrong shape.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// The reconstructions of images `[n, ..]`, which are encoded and decoded again.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?)
    }

    /// The same as [`JointVae::reconstruct`], under the name that Keras uses.
    ///
    /// # Errors
    /// If the images have the wrong shape.
    pub fn predict(&self, images: &Tensor) -> Result<Tensor> {
        self.reconstruct(images)
    }

    /// The images `[n, ..]` of one category, one for each of the styles `[n, style]`.
    ///
    /// # Errors
    /// If there is no such category, or the styles have the wrong shape.
    pub fn draw(&self, category: u32, styles: &Tensor) -> Result<Tensor> {
        if category as usize >= self.categories {
            return Err(Error::argument(
                "the category to draw",
                category,
                format!("below {}, the number of categories", self.categories),
            ));
        }
        let category = Tensor::full(category, styles.dims()[0], &Device::Cpu)?;
        self.decode(&self.joined(&category, styles)?)
    }

    /// The image of each category in the mean style, `[categories, ..]`.
    pub fn prototypes(&self) -> Result<Tensor> {
        let all = Tensor::arange(0, self.categories as u32, &Device::Cpu)?;
        let middle = Tensor::zeros((self.categories, self.style()), DType::F32, &Device::Cpu)?;
        self.decode(&self.joined(&all, &middle)?)
    }

    /// The images `[n, ..]` of `n` random categories and styles.
    pub fn sample(&self, n: usize, seed: impl Seed) -> Result<Tensor> {
        seed.draw(|rng| {
            let categories: Vec<u32> = (0..n).map(|_| rng.below(self.categories) as u32).collect();
            let styles = rng.normal(0.0, 1.0, &[n, self.style()])?;
            self.decode(&self.joined(&Tensor::new(categories, &Device::Cpu)?, &styles)?)
        })
    }

    /// A table of the layers of both halves, with output shapes and parameter counts.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(self.encoder.input_shape());
        summary.add_all(&self.encoder)?;
        summary.add_step("sample", "Sampling", &[self.categories + self.style()]);
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// The two networks by name, as a diagram shows them.
    pub(crate) fn halves(&self) -> [(&'static str, &Sequential); 2] {
        [("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    /// The number of values in a style.
    fn style(&self) -> usize {
        self.decoder.input_shape()[0] - self.categories
    }

    /// The codes with these categories `[n]` and styles `[n, style]`.
    fn joined(&self, categories: &Tensor, styles: &Tensor) -> Result<Tensor> {
        let category = one_hot(categories, self.categories, styles.dtype())?;
        Ok(Tensor::cat(&[&category, styles], 1)?)
    }

    /// The logits of the categories and the distributions of the styles.
    fn code(&self, images: &Tensor, pass: &mut Pass) -> Result<(Tensor, GaussianCode)> {
        let code = self.encoder.apply(images, pass)?;
        let logits = code.narrow(1, 0, self.categories)?.contiguous()?;
        let style = code.narrow(1, self.categories, 2 * self.style())?;
        Ok((logits, split(&style)?))
    }

    /// The mutual information between the categories of the images, given by their logits, and
    /// those of the images distorted.
    fn information(&self, images: &Tensor, logits: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let p = ops::softmax(logits, D::Minus1)?;
        let Pass::Train(rng) = pass else {
            return ops::mutual_information(&p, &p);
        };
        let others = Self::distortion().apply(images, rng)?;
        let q = ops::softmax(&self.code(&others, pass)?.0, D::Minus1)?;
        ops::mutual_information(&p, &q)
    }
}

impl Model for JointVae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let (logits, style) = self.code(&batch.inputs, pass)?;
        let code = match pass {
            Pass::Train(rng) => {
                let category = ops::gumbel_softmax(&logits, TEMPERATURE, false, &mut *rng)?;
                Tensor::cat(&[category, style.sample(rng)?], 1)?
            }
            Pass::Evaluate => self.joined(&likeliest(&logits)?, &style.mean)?,
        };
        let pixels = self.decoder.apply(&code, pass)?;
        let per_pixel = ops::bce_with_logits(&pixels, &batch.inputs, Reduction::Mean)?;
        let r_loss = (per_pixel * numbers(&self.encoder))?;
        let of_category = ops::categorical_kl(&logits)?;
        let of_style = ops::gaussian_kl(&style.mean, &style.log_var)?;
        let kl = (of_category + of_style)?.mean_all()?;
        let bound = (&r_loss + &kl)?;
        let information = self.information(&batch.inputs, &logits, pass)?;
        let loss = (&bound - (&information * self.information_weight)?)?;
        Ok(Losses::new("loss", loss)
            .with("bound", bound)
            .with("r_loss", r_loss)
            .with("kl", kl)
            .with("information", information))
    }
}

/// The code of an image is its most likely category and the mean of its style.
impl Codec for JointVae {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.encode(images)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
