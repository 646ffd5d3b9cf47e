//! M1: a variational autoencoder for numbers that are not pixels, such as spectra.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::fit::check_decoder;
use super::in_batches;
use super::vae::{GaussianCode, heads, split};
use crate::nn::{
    Activation, Dense, Initialiser, Layer, Parameter, Parameters, Pass, Sequential, Summary,
};
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Rng, Seed, ops};

/// The seed of the codes that an evaluation draws.
const EVALUATION: u64 = 0;

/// The hyperparameters of an [`M1`] with one hidden layer on each side. A run keeps them beside its
/// weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct M1Settings {
    /// The numbers of a spectrum.
    pub bands: usize,
    /// The units of the encoder's hidden layer, and of the decoder's.
    pub hidden: usize,
    /// The numbers of a code.
    pub latent: usize,
}

impl M1Settings {
    /// Builds the model: `bands-hidden-latent-hidden-bands` with ReLUs, initialised as in PyTorch.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn build(&self, seed: impl Seed) -> Result<M1> {
        let dense = |units| Dense::units(units).initialiser(Initialiser::PyTorch);
        let hidden = || dense(self.hidden).activation(Activation::Relu);
        let encoder = Sequential::input(&[self.bands])
            .then("hidden", hidden())
            .then("code", heads(dense(self.latent)));
        let decoder = Sequential::input(&[self.latent])
            .then("hidden", hidden())
            .then("spectrum", dense(self.bands));
        seed.draw(|rng| M1::new(encoder.build(&mut *rng)?, decoder.build(rng)?))
    }
}

/// The latent-feature model M1 (Kingma, Rezende, Mohamed and Welling 2014): a variational autoencoder
/// that is trained on all spectra, labelled or not, and whose code is what a classifier then gets to
/// see.
///
/// The decoder gives the mean of each band, and the model learns how much noise there is around it,
/// one variance for each band. So the loss is a bound on the negative logarithm of a density, in nats
/// a spectrum: `loss = r_loss + kl`, where `r_loss` is [`ops::gaussian_nll`] and `kl` is
/// [`ops::gaussian_kl`]. It is a bound in evaluation, too, where the codes are drawn from a seed that
/// is always the same. A density may be above 1, so the loss may be negative.
///
/// Inside, networks see each band with mean 0 and variance 1: [`M1::standardise`] takes both from the
/// spectra to train on. They are buffers among the model's parameters and are kept with them; the
/// losses are those of the spectra as they were given.
///
/// ```
/// use cuaderno::{models::M1Settings, prelude::*};
/// let scene = spectral_scene([16, 16], 6202)?;
/// let m1 = M1Settings { bands: 96, hidden: 32, latent: 3 }.build(6202)?;
/// m1.standardise(&scene.spectra)?;
/// Trainer::new(Adam::new(1e-3)).epochs(2).quiet().fit(&m1, &scene, &scene)?;
/// let code = m1.encode(&scene.spectra)?; // a distribution for each spectrum
/// assert_eq!((code.mean.dims(), code.variance()?.dims()), (&[256, 3][..], &[256, 3][..]));
/// assert_eq!(m1.sample(5, 6202)?.dims(), [5, 96]); // spectra that nobody measured
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct M1 {
    encoder: Sequential,
    decoder: Sequential,
    mean: Parameter,
    deviation: Parameter,
    log_noise: Parameter,
}

impl M1 {
    /// A model with these networks. The encoder takes `[bands]` and outputs `[2 * latent]`, the means
    /// and then the log-variances; the decoder takes `[latent]` and outputs `[bands]`, without an
    /// activation.
    ///
    /// # Errors
    /// If the networks do not fit each other; the error names the shapes.
    pub fn new(encoder: Sequential, decoder: Sequential) -> Result<Self> {
        let code = encoder.output_shape(encoder.input_shape())?;
        let (&[bands], &[both]) = (encoder.input_shape(), &code[..]) else {
            return Err(unfit(encoder.input_shape(), &code));
        };
        if both == 0 || both % 2 == 1 {
            return Err(unfit(encoder.input_shape(), &code));
        }
        check_decoder("M1", &encoder, &[both / 2], &decoder)?;
        let zeros = Tensor::zeros(bands, DType::F32, &Device::Cpu)?;
        Ok(Self {
            encoder,
            decoder,
            mean: Parameter::buffer(&zeros)?,
            deviation: Parameter::buffer(&zeros.ones_like()?)?,
            log_noise: Parameter::new(&zeros)?,
        })
    }

    /// Takes the mean and the standard deviation of each band from `spectra` `[n, bands]`, which are
    /// those to train on. A band that hardly varies counts as one with a thousandth of the largest
    /// deviation.
    ///
    /// # Errors
    /// If they have other bands, or all spectra are the same.
    pub fn standardise(&self, spectra: &Tensor) -> Result<()> {
        let mean = spectra.mean(0)?;
        let variance = spectra.broadcast_sub(&mean)?.sqr()?.mean(0)?;
        let largest = f64::from(variance.max_all()?.to_scalar::<f32>()?);
        if !(largest > 0.0 && largest.is_finite()) {
            return Err(Error::argument(
                "the largest variance of a band",
                largest,
                "above 0 and finite: spectra that are all the same cannot be learnt from",
            ));
        }
        self.mean.set(&mean)?;
        self.deviation
            .set(&variance.maximum(1e-6 * largest)?.sqrt()?)
    }

    /// The distributions q(z|x) of the codes of spectra `[n, bands]`: means and log-variances `[n,
    /// latent]`. These are the features; `.sample(seed)` draws from them.
    ///
    /// # Errors
    /// If the spectra have other bands.
    pub fn encode(&self, spectra: &Tensor) -> Result<GaussianCode> {
        split(&in_batches(spectra, |spectra| {
            self.encoder
                .apply(&self.inside(spectra)?, &mut Pass::Evaluate)
        })?)
    }

    /// The mean spectra `[n, bands]` of codes `[n, latent]`, without noise.
    ///
    /// # Errors
    /// If a code does not have `latent` numbers.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        in_batches(codes, |codes| {
            let inside = self.decoder.apply(codes, &mut Pass::Evaluate)?;
            let scaled = inside.broadcast_mul(&self.deviation.tensor())?;
            Ok(scaled.broadcast_add(&self.mean.tensor())?)
        })
    }

    /// The spectra decoded from the means of the codes of `spectra` `[n, bands]`.
    ///
    /// # Errors
    /// If the spectra have other bands.
    pub fn reconstruct(&self, spectra: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(spectra)?.mean)
    }

    /// The mean spectra of `n` codes drawn from the standard normal distribution, `[n, bands]`.
    ///
    /// # Errors
    /// If candle cannot make the tensors.
    pub fn sample(&self, n: usize, seed: impl Seed) -> Result<Tensor> {
        let codes = seed.draw(|rng| rng.normal(0.0, 1.0, &[n, self.latent()]))?;
        self.decode(&codes)
    }

    /// The standard deviation of the noise that the model sees in each band, `[bands]`.
    ///
    /// # Errors
    /// If candle cannot compute it.
    pub fn noise(&self) -> Result<Tensor> {
        let noise = (self.log_noise.var().as_detached_tensor() * 0.5)?.exp()?;
        Ok((noise * self.deviation.tensor())?)
    }

    /// The number of latent dimensions.
    pub fn latent(&self) -> usize {
        self.decoder.input_shape()[0]
    }

    /// A table of the layers of both halves and the sampling between them.
    ///
    /// # Errors
    /// As [`Sequential::summary`].
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(self.encoder.input_shape());
        summary.add_all(&self.encoder)?;
        summary.add_step("sample", "Sampling", &[self.latent()]);
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }

    /// What makes features of spectra, the notes' v: the encoder and the standardisation.
    pub fn v(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .with("mean", &self.mean)
            .with("deviation", &self.deviation)
    }

    /// What makes spectra of features, the notes' w: the decoder, the noise and the standardisation.
    pub fn w(&self) -> Parameters {
        Parameters::new()
            .nest("decoder", self.decoder.parameters())
            .with("log_noise", &self.log_noise)
            .with("mean", &self.mean)
            .with("deviation", &self.deviation)
    }

    /// The two networks by name, as a diagram shows them.
    pub(crate) fn halves(&self) -> [(&'static str, &Sequential); 2] {
        [("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    /// Spectra as the networks see them.
    fn inside(&self, spectra: &Tensor) -> Result<Tensor> {
        let bands = self.mean.dims();
        if spectra.dims().get(1..) != Some(&bands[..]) {
            return Err(Error::shape(
                "M1",
                format!(
                    "the spectra are {:?}, but the model was built for [n, {}].",
                    spectra.dims(),
                    bands[0]
                ),
            ));
        }
        let centred = spectra.broadcast_sub(&self.mean.tensor())?;
        Ok(centred.broadcast_div(&self.deviation.tensor())?)
    }
}

impl Model for M1 {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
            .with("log_noise", &self.log_noise)
            .with("mean", &self.mean)
            .with("deviation", &self.deviation)
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let x = self.inside(&batch.inputs)?;
        let code = split(&self.encoder.apply(&x, pass)?)?;
        let z = match pass {
            Pass::Train(rng) => code.sample(rng)?,
            Pass::Evaluate => code.sample(&mut Rng::new(EVALUATION))?,
        };
        let mean = self.decoder.apply(&z, pass)?;
        let nll = ops::gaussian_nll(&x, &mean, &self.log_noise.tensor())?.mean_all()?;
        // A density in the spectra's own units: each deviation stretches its band.
        let r_loss = (nll + self.deviation.tensor().log()?.sum_all()?)?;
        let kl = ops::gaussian_kl(&code.mean, &code.log_var)?.mean_all()?;
        Ok(Losses::new("loss", (&r_loss + &kl)?)
            .with("r_loss", r_loss)
            .with("kl", kl))
    }
}

fn unfit(bands: &[usize], code: &[usize]) -> Error {
    Error::shape(
        "M1",
        format!(
            "the encoder takes {bands:?} and gives {code:?}; it must take [bands] and give [2 * latent], \
             the means and the log-variances of a code."
        ),
    )
}
