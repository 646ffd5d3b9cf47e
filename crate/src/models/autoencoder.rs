//! The basic autoencoder of INF-395, section 4.1: 784-latent-784.

use candle_core::Tensor;

use super::mean_image::log_odds;
use crate::nn::{Activation, Dense, Flatten, Layer, Parameters, Pass, Plan, Summary, no_grad};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Rng, ops};

const IMAGE: [usize; 3] = [1, 28, 28];
const PIXELS: usize = 784;

/// One hidden layer that compresses a 28x28 image to `latent` numbers, and one that restores it.
///
/// The pixels come from a sigmoid, and it is trained on the mean binary cross-entropy per pixel
/// between image and reconstruction; see [`Autoencoder::with_output`] for others. The weights start
/// as in Keras, which the course used: Glorot-uniform, with zero biases.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let mut rng = Rng::new(6202);
/// let images = rng.uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let model = Autoencoder::new(8, Activation::Relu, &mut rng)?;
/// assert_eq!(model.encode(&images)?.dims(), [5, 8]);
/// assert_eq!(model.reconstruct(&images)?.dims(), [5, 1, 28, 28]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Autoencoder {
    encoder: Dense,
    decoder: Dense,
    output: Activation,
}

impl Autoencoder {
    /// A fresh autoencoder with a code of `latent` numbers, to which `activation` is applied.
    ///
    /// # Errors
    /// If `latent` is 0.
    pub fn new(latent: usize, activation: Activation, rng: &mut Rng) -> Result<Self> {
        Ok(Self {
            encoder: Dense::units(latent)
                .activation(activation)
                .build(&[PIXELS], rng)?,
            decoder: Dense::units(PIXELS).build(&[latent], rng)?,
            output: Activation::Sigmoid,
        })
    }

    /// The same weights with another activation of the pixels. Only a sigmoid gives probabilities,
    /// which cross-entropy needs: with any other the mean squared error is minimised.
    pub fn with_output(mut self, activation: Activation) -> Self {
        self.output = activation;
        self
    }

    /// Sets the decoder's bias so that a code of zeros decodes to the mean of `images`
    /// `[n, 1, 28, 28]`. What is left to learn is how images differ from it.
    ///
    /// # Errors
    /// If an image does not have 784 pixels, or the pixels do not come from a sigmoid.
    pub fn start_at_mean(&self, images: &Tensor) -> Result<()> {
        if self.output != Activation::Sigmoid {
            return Err(Error::argument(
                "the activation of the pixels",
                format!("{:?}", self.output),
                "a sigmoid to start at the log-odds of the mean image",
            ));
        }
        let mean = images.flatten_from(1)?.mean(0)?;
        match self.decoder.bias() {
            Some(bias) => bias.set(&log_odds(&mean)?),
            None => Ok(()),
        }
    }

    /// The codes `[n, latent]` of images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If an image does not have 784 pixels.
    pub fn encode(&self, images: &Tensor) -> Result<Tensor> {
        no_grad(|| self.codes(images, &mut Pass::Evaluate))
    }

    /// The images `[n, 1, 28, 28]` of codes `[n, latent]`.
    ///
    /// # Errors
    /// If a code does not have `latent` numbers.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        no_grad(|| {
            let pixels = self.decoder.apply(codes, &mut Pass::Evaluate)?;
            Ok(self.output.apply(&pixels)?.reshape(((), 1, 28, 28))?)
        })
    }

    /// What is left of images `[n, 1, 28, 28]` after going through their codes.
    ///
    /// # Errors
    /// If an image does not have 784 pixels.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(images)?)
    }

    /// Layer, output shape and parameters of both halves.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&IMAGE);
        summary.add("flatten", &Flatten)?;
        summary.add("encoder", &self.encoder)?;
        summary.add("decoder", &self.decoder)?;
        Ok(summary)
    }

    fn codes(&self, images: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.encoder.apply(&images.flatten_from(1)?, pass)
    }
}

impl Model for Autoencoder {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let codes = self.codes(&batch.inputs, pass)?;
        let pixels = self.decoder.apply(&codes, pass)?;
        let images = batch.inputs.flatten_from(1)?;
        let loss = match self.output {
            Activation::Sigmoid => ops::bce_with_logits(&pixels, &images, Reduction::Mean)?,
            output => ops::mse(&output.apply(&pixels)?, &images, Reduction::Mean)?,
        };
        Ok(Losses::new("loss", loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::RmsProp;
    use crate::train::{Examples, TensorExamples, Trainer, evaluate};

    fn model(latent: usize) -> Autoencoder {
        Autoencoder::new(latent, Activation::Relu, &mut Rng::new(6202)).unwrap()
    }

    /// Images that are one of two random patterns: a code of one number can tell them apart.
    fn patterns() -> TensorExamples {
        let mut rng = Rng::new(1);
        let patterns = rng
            .uniform(0.0, 1.0, &[2, 1, 28, 28])
            .unwrap()
            .round()
            .unwrap();
        let which: Vec<u32> = (0..64).map(|_| rng.below(2) as u32).collect();
        let which = Tensor::new(which, patterns.device()).unwrap();
        let images = patterns.index_select(&which, 0).unwrap();
        TensorExamples::new(images, which).unwrap()
    }

    #[test]
    fn training_learns_to_reconstruct() {
        let (model, examples) = (model(2), patterns());
        let before = evaluate(&model, &examples).unwrap()[0].mean;
        let history = Trainer::new(RmsProp::new(1e-2))
            .epochs(80)
            .fit(&model, &examples, &examples)
            .unwrap();
        let after = history.last().unwrap().valid("loss").unwrap().mean;
        assert!(before > 0.6 && after < 0.1, "{before} {after}");
        let images = examples.batch(&[0, 1, 2]).unwrap().inputs;
        let error = (model.reconstruct(&images).unwrap() - images).unwrap();
        let error: f32 = error.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
        assert!(error < 0.3, "{error}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        let train = || {
            let model = model(3);
            let trainer = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(5);
            trainer.fit(&model, &patterns(), &patterns()).unwrap();
            let weights = model.encoder.weight().tensor().flatten_all().unwrap();
            weights.to_vec1::<f32>().unwrap()
        };
        assert_eq!(train(), train());
    }

    #[test]
    fn started_at_the_mean_a_code_of_zeros_decodes_to_it() {
        let images = Rng::new(1).uniform(0.1, 0.9, &[50, 1, 28, 28]).unwrap();
        let model = model(4);
        model.start_at_mean(&images).unwrap();
        let zeros = Tensor::zeros((1, 4), images.dtype(), images.device()).unwrap();
        let error = (model.decode(&zeros).unwrap() - images.mean_keepdim(0).unwrap()).unwrap();
        let error: f32 = error.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
        assert!(error < 1e-5, "{error}");
        let relu = model.with_output(Activation::Relu);
        let error = relu.start_at_mean(&images).unwrap_err().to_string();
        assert!(error.contains("is Relu"), "{error}");
    }

    #[test]
    fn other_outputs_minimise_the_squared_error() {
        let (model, examples) = (model(2).with_output(Activation::Linear), patterns());
        let trainer = Trainer::new(RmsProp::new(1e-2)).epochs(60).quiet();
        let history = trainer.fit(&model, &examples, &examples).unwrap();
        let loss = history.final_valid("loss").unwrap();
        let images = examples.batch(&(0..64).collect::<Vec<_>>()).unwrap().inputs;
        let error = (model.reconstruct(&images).unwrap() - images).unwrap();
        let mse: f32 = error
            .sqr()
            .unwrap()
            .mean_all()
            .unwrap()
            .to_scalar()
            .unwrap();
        assert!(
            (f64::from(mse) - loss).abs() < 1e-5 && loss < 0.05,
            "{mse} {loss}"
        );
    }

    #[test]
    fn encoding_keeps_no_graph() {
        let images = Rng::new(1).uniform(0.0, 1.0, &[2, 1, 28, 28]).unwrap();
        assert!(!model(2).reconstruct(&images).unwrap().track_op());
    }

    #[test]
    fn the_summary_counts_the_course_s_parameters() {
        let summary = model(32).summary().unwrap();
        assert_eq!(summary.parameters(), 784 * 32 + 32 + 32 * 784 + 784);
    }
}
