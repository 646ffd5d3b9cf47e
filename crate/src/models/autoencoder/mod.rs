//! Autoencoders.

mod ready_made;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use super::fit::check_decoder;
use super::start_at_mean::start_at_mean;
use super::{Codec, in_batches};
use crate::nn::{Activation, Layer, Parameters, Pass, Sequential, Summary};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, ops};

/// An encoder that compresses an example to a code, and a decoder that restores the example from
/// it.
///
/// The decoder outputs logits, which a sigmoid maps to `[0, 1]`; the sigmoid belongs to the model,
/// not to the decoder. Training minimises the mean binary cross-entropy between an example and its
/// reconstruction; see [`Autoencoder::with_output`] for other outputs.
///
/// [`Autoencoder::basic`] and [`Autoencoder::deep`] are the ones of the INF-395 course, for images
/// of 28 x 28.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let encoder = Sequential::input(&[156])
///     .then("hidden", Dense::units(64).activation(Activation::Tanh))
///     .then("code", Dense::units(8))
///     .build(&mut rng)?;
/// let decoder = Sequential::input(&[8])
///     .then("hidden", Dense::units(64).activation(Activation::Tanh))
///     .then("spectrum", Dense::units(156))
///     .build(&mut rng)?;
/// let model = Autoencoder::new(encoder, decoder)?;
/// let spectra = rng.uniform(0.0, 1.0, &[5, 156])?;
/// assert_eq!(model.encode(&spectra)?.dims(), [5, 8]);
/// assert_eq!(model.reconstruct(&spectra)?.dims(), [5, 156]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Autoencoder {
    encoder: Sequential,
    decoder: Sequential,
    output: Activation,
}

impl Autoencoder {
    /// An autoencoder with these networks. Clones of a network share its weights.
    ///
    /// # Errors
    /// If the decoder does not take the encoder's output, or its own output does not have the shape
    /// of the encoder's input; the error names the shapes.
    pub fn new(encoder: Sequential, decoder: Sequential) -> Result<Self> {
        let code = encoder.output_shape(encoder.input_shape())?;
        check_decoder("Autoencoder", &encoder, &code, &decoder)?;
        Ok(Self {
            encoder,
            decoder,
            output: Activation::Sigmoid,
        })
    }

    /// Replaces the activation of the output; the weights stay the same. Cross-entropy needs the
    /// probabilities that a sigmoid gives, so with any other activation the loss is the mean
    /// squared error.
    pub fn with_output(mut self, activation: Activation) -> Self {
        self.output = activation;
        self
    }

    /// Sets the bias of the decoder's last layer so that the decoder starts at the mean of
    /// `examples` `[n, ..]`. Training then only has to learn how the examples differ from it.
    ///
    /// A dense layer has a bias for each number of an example, and starts at the mean example; a
    /// convolution has one for each channel, and starts at the channel's mean.
    ///
    /// # Errors
    /// If the examples have the wrong shape, the output is not a sigmoid, or the decoder's last
    /// layer has no bias.
    pub fn start_at_mean(&self, examples: &Tensor) -> Result<()> {
        if self.output != Activation::Sigmoid {
            return Err(Error::argument(
                "the activation of the output",
                format!("{:?}", self.output),
                "a sigmoid to start at the log-odds of the mean",
            ));
        }
        start_at_mean(&self.decoder, examples)
    }

    /// The codes `[n, ..]` of examples `[n, ..]`.
    ///
    /// # Errors
    /// If the examples do not fit the encoder.
    pub fn encode(&self, examples: &Tensor) -> Result<Tensor> {
        in_batches(examples, |examples| {
            self.encoder.apply(examples, &mut Pass::Evaluate)
        })
    }

    /// The examples `[n, ..]` decoded from codes `[n, ..]`.
    ///
    /// # Errors
    /// If the codes do not fit the decoder.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        in_batches(codes, |codes| {
            let logits = self.decoder.apply(codes, &mut Pass::Evaluate)?;
            self.output.apply(&logits)
        })
    }

    /// The reconstructions of examples `[n, ..]`, which are encoded and decoded again.
    ///
    /// # Errors
    /// If the examples do not fit the encoder.
    pub fn reconstruct(&self, examples: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(examples)?)
    }

    /// The same as [`Autoencoder::reconstruct`], under the name that Keras uses.
    ///
    /// # Errors
    /// If the examples do not fit the encoder.
    pub fn predict(&self, examples: &Tensor) -> Result<Tensor> {
        self.reconstruct(examples)
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
}

impl Model for Autoencoder {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let codes = self.encoder.apply(&batch.inputs, pass)?;
        let logits = self.decoder.apply(&codes, pass)?;
        let loss = match self.output {
            Activation::Sigmoid => ops::bce_with_logits(&logits, &batch.inputs, Reduction::Mean)?,
            output => ops::mse(&output.apply(&logits)?, &batch.inputs, Reduction::Mean)?,
        };
        Ok(Losses::new("loss", loss))
    }
}

impl Codec for Autoencoder {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.encode(images)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decode(codes)
    }
}
