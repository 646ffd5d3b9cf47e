//! A VAE whose code is a category and a style, made to find categories that mean something.

use candle_core::{D, DType, Device, Tensor};

use super::{likeliest, one_hot};
use crate::data::{Distortion, distort};
use crate::models::start_at_mean::start_at_mean;
use crate::models::vae::{GaussianCode, IMAGE, PIXELS, VaeArchitecture};
use crate::models::{Codec, decode, in_batches};
use crate::nn::{Activation, Dense, Layer, Parameters, Pass, Plan, Sequential, Summary};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Rng, ops};

/// The temperature of the samples of a category in training.
const TEMPERATURE: f64 = 2.0 / 3.0;

/// A VAE with a joint code: one of some categories for what an image shows, and Gaussian numbers for
/// its style (E. Dupont, *Learning disentangled joint continuous and discrete representations*,
/// NeurIPS 2018).
///
/// Besides the bound it maximises the mutual information ([`ops::mutual_information`]) between the
/// category of an image and that of the same image [`distort`]ed, times a weight: all categories are
/// to be used, each image is to have one, and turning or shifting it a little is not to change it.
/// What is minimised is `loss = bound - weight * information` with `bound = r_loss + kl`, all
/// means over the images in nats; `r_loss` is the binary cross-entropy summed over the pixels, `kl`
/// the divergence of category and style from the uniform and the standard normal distribution. The
/// bound stays that of a VAE, so its value can be compared with others'.
///
/// When it is evaluated, the code is the likeliest category and the style's mean, and `information`
/// is that of an image and itself.
///
/// The layers are those of INF-395, section 4.2, with strides of 2 already in the first two
/// convolutions, which makes it several times faster.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let vae = JointVae::new(10, 8, 300.0, &mut rng)?;
/// let styles = rng.normal(0.0, 1.0, &[5, 8])?;
/// assert_eq!(vae.draw(7, &styles)?.dims(), [5, 1, 28, 28]); // five styles of one category
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct JointVae {
    encoder: Sequential,
    logits: Dense,
    mean: Dense,
    log_var: Dense,
    decoder: Sequential,
    information_weight: f64,
}

impl JointVae {
    /// What may happen to a digit without making it another one.
    pub const DISTORTION: Distortion = Distortion {
        degrees: 15.0,
        pixels: 2.0,
        scale: 0.15,
    };

    /// A fresh VAE of that many categories and numbers of style, with weights as in Keras.
    ///
    /// # Errors
    /// If there are no categories or no style, or the weight of the information is negative or not
    /// finite.
    pub fn new(
        categories: usize,
        style: usize,
        information_weight: f64,
        rng: &mut Rng,
    ) -> Result<Self> {
        if !(information_weight >= 0.0 && information_weight.is_finite()) {
            return Err(Error::argument(
                "the weight of the information",
                information_weight,
                "a finite number, zero or above",
            ));
        }
        let architecture = VaeArchitecture::new(categories + style)
            .encoder([32, 32, 64], [3, 3, 3], [2, 2, 1])
            .decoder([32, 32, 1], [3, 3, 3], [1, 2, 2])
            .hidden(128)
            .activation(Activation::Relu);
        let encoder = architecture.encoder_plan().build(rng)?;
        let features = encoder.output_shape(&IMAGE)?;
        Ok(Self {
            encoder,
            logits: Dense::units(categories).build(&features, rng)?,
            mean: Dense::units(style).build(&features, rng)?,
            log_var: Dense::units(style).build(&features, rng)?,
            decoder: architecture.decoder_plan().build(rng)?,
            information_weight,
        })
    }

    /// Sets the bias of the last convolution so that the decoder starts at the mean grey of `images`
    /// `[n, 1, 28, 28]`, and has no need of the code to get there.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn start_at_mean(&self, images: &Tensor) -> Result<()> {
        start_at_mean(&self.decoder, images)
    }

    /// The likeliest category, `[n]` of u32, of each of the images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn categories(&self, images: &Tensor) -> Result<Tensor> {
        likeliest(&in_batches(images, |images| {
            Ok(self.code(images, &mut Pass::Evaluate)?.0)
        })?)
    }

    /// The codes `[n, categories + style]` of images `[n, 1, 28, 28]`: a 1 at the likeliest
    /// category, then the style's mean.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn encode(&self, images: &Tensor) -> Result<Tensor> {
        in_batches(images, |images| {
            let (logits, style) = self.code(images, &mut Pass::Evaluate)?;
            self.joined(&likeliest(&logits)?, &style.mean)
        })
    }

    /// The images `[n, 1, 28, 28]` of codes `[n, categories + style]`, with pixels in `[0, 1]`.
    ///
    /// # Errors
    /// If the codes have another shape.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        decode(&self.decoder, codes)
    }

    /// What is left of images `[n, 1, 28, 28]` after going through their codes.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?)
    }

    /// The images `[n, 1, 28, 28]` of one category in the styles `[n, style]`.
    ///
    /// # Errors
    /// If there is no such category, or the styles have another shape.
    pub fn draw(&self, category: u32, styles: &Tensor) -> Result<Tensor> {
        if category as usize >= self.count() {
            return Err(Error::argument(
                "the category to draw",
                category,
                format!("below {}, the number of categories", self.count()),
            ));
        }
        let category = Tensor::full(category, styles.dims()[0], &Device::Cpu)?;
        self.decode(&self.joined(&category, styles)?)
    }

    /// The image of each category in the middle of all styles, `[categories, 1, 28, 28]`.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn prototypes(&self) -> Result<Tensor> {
        let all = Tensor::arange(0, self.count() as u32, &Device::Cpu)?;
        let middle = Tensor::zeros((self.count(), self.style()), DType::F32, &Device::Cpu)?;
        self.decode(&self.joined(&all, &middle)?)
    }

    /// The images `[n, 1, 28, 28]` of `n` categories and styles drawn at random.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Result<Tensor> {
        let categories: Vec<u32> = (0..n).map(|_| rng.below(self.count()) as u32).collect();
        let styles = rng.normal(0.0, 1.0, &[n, self.style()])?;
        self.decode(&self.joined(&Tensor::new(categories, &Device::Cpu)?, &styles)?)
    }

    /// Layer, output shape and parameters of both halves.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&IMAGE);
        summary.add_all(&self.encoder)?;
        summary.add("logits", &self.logits)?;
        summary.add_beside("mean", &self.mean)?;
        summary.add_beside("log_var", &self.log_var)?;
        summary.add_step("code", "Concatenate", &[self.count() + self.style()]);
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// The number of categories.
    fn count(&self) -> usize {
        self.logits.weight().dims()[0]
    }

    /// The numbers of a style.
    fn style(&self) -> usize {
        self.mean.weight().dims()[0]
    }

    /// The codes of categories `[n]` and styles `[n, style]`.
    fn joined(&self, categories: &Tensor, styles: &Tensor) -> Result<Tensor> {
        let category = one_hot(categories, self.count(), styles.dtype())?;
        Ok(Tensor::cat(&[&category, styles], 1)?)
    }

    fn code(&self, images: &Tensor, pass: &mut Pass) -> Result<(Tensor, GaussianCode)> {
        let features = self.encoder.apply(images, pass)?;
        let style = GaussianCode {
            mean: self.mean.apply(&features, pass)?,
            log_var: self.log_var.apply(&features, pass)?,
        };
        Ok((self.logits.apply(&features, pass)?, style))
    }

    /// What the categories of the images, given by their logits, tell of those of another view.
    fn information(&self, images: &Tensor, logits: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let p = ops::softmax(logits, D::Minus1)?;
        let Pass::Train(rng) = pass else {
            return ops::mutual_information(&p, &p);
        };
        let others = distort(images, Self::DISTORTION, rng)?;
        let features = self.encoder.apply(&others, pass)?;
        let q = ops::softmax(&self.logits.apply(&features, pass)?, D::Minus1)?;
        ops::mutual_information(&p, &q)
    }
}

impl Model for JointVae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("logits", self.logits.parameters())
            .nest("mean", self.mean.parameters())
            .nest("log_var", self.log_var.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let (logits, style) = self.code(&batch.inputs, pass)?;
        let code = match pass {
            Pass::Train(rng) => {
                let category = ops::gumbel_softmax(&logits, TEMPERATURE, false, rng)?;
                Tensor::cat(&[category, style.sample(rng)?], 1)?
            }
            Pass::Evaluate => self.joined(&likeliest(&logits)?, &style.mean)?,
        };
        let pixels = self.decoder.apply(&code, pass)?;
        let per_pixel = ops::bce_with_logits(&pixels, &batch.inputs, Reduction::Mean)?;
        let r_loss = (per_pixel * PIXELS as f64)?;
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

/// The code of an image is its likeliest category and the mean of its style.
impl Codec for JointVae {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.encode(images)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
