//! The deep convolutional autoencoder of INF-395, section 4.1 d.

use candle_core::Tensor;

use super::mean_image::start_at_mean;
use super::{decode, in_batches};
use crate::nn::{
    Activation, Conv2d, Conv2dPlan, Dense, Flatten, Layer, MaxPool2d, Parameters, Pass, Reshape,
    Sequential, Summary, Upsample,
};
use crate::ops::Reduction;
use crate::train::{Batch, Losses, Model};
use crate::{Result, Rng, ops};

const IMAGE: [usize; 3] = [1, 28, 28];
/// What is left of an image after two poolings: 32 maps of 7 x 7.
const MAPS: [usize; 3] = [32, 7, 7];

/// Two convolutions of 16 and 32 filters, each with a ReLU and a max pooling, and a dense layer
/// compress a 28x28 image to `latent` numbers; a dense layer, upsampling and convolutions of 32, 16
/// and 1 filters restore it.
///
/// Trained on the mean binary cross-entropy per pixel between image and reconstruction. The
/// weights start as in Keras, which the course used: Glorot-uniform, with zero biases.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let mut rng = Rng::new(6202);
/// let images = rng.uniform(0.0, 1.0, &[5, 1, 28, 28])?;
/// let model = DeepAutoencoder::new(8, Activation::Linear, &mut rng)?;
/// assert_eq!(model.encode(&images)?.dims(), [5, 8]);
/// assert_eq!(model.reconstruct(&images)?.dims(), [5, 1, 28, 28]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeepAutoencoder {
    encoder: Sequential,
    decoder: Sequential,
}

impl DeepAutoencoder {
    /// A fresh autoencoder with a code of `latent` numbers, to which `activation` is applied.
    ///
    /// # Errors
    /// If `latent` is 0.
    pub fn new(latent: usize, activation: Activation, rng: &mut Rng) -> Result<Self> {
        let maps = Dense::units(MAPS.iter().product()).activation(Activation::Relu);
        Ok(Self {
            encoder: Sequential::input(&IMAGE)
                .then("conv1", conv(16).activation(Activation::Relu))
                .then("pool1", MaxPool2d::window(2))
                .then("conv2", conv(32).activation(Activation::Relu))
                .then("pool2", MaxPool2d::window(2))
                .then("flatten", Flatten)
                .then("code", Dense::units(latent).activation(activation))
                .build(rng)?,
            decoder: Sequential::input(&[latent])
                .then("maps", maps)
                .then("reshape", Reshape::to(&MAPS))
                .then("conv3", conv(32).activation(Activation::Relu))
                .then("upsample1", Upsample::nearest(2))
                .then("conv4", conv(16).activation(Activation::Relu))
                .then("upsample2", Upsample::nearest(2))
                .then("pixels", conv(1))
                .build(rng)?,
        })
    }

    /// Sets the bias of the last convolution so that the decoder starts at the mean grey of `images`
    /// `[n, 1, 28, 28]`: a convolution has one bias for all pixels.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn start_at_mean(&self, images: &Tensor) -> Result<()> {
        start_at_mean(&self.decoder, "pixels.bias", images)
    }

    /// The codes `[n, latent]` of images `[n, 1, 28, 28]`.
    ///
    /// # Errors
    /// If the images have another shape.
    pub fn encode(&self, images: &Tensor) -> Result<Tensor> {
        in_batches(images, |images| {
            self.encoder.apply(images, &mut Pass::Evaluate)
        })
    }

    /// The images `[n, 1, 28, 28]` of codes `[n, latent]`, with pixels in `[0, 1]`.
    ///
    /// # Errors
    /// If a code does not have `latent` numbers.
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

    /// Layer, output shape and parameters of both halves.
    ///
    /// # Errors
    /// None that a built model can give.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&IMAGE);
        summary.add_all(&self.encoder)?;
        summary.add_all(&self.decoder)?;
        Ok(summary)
    }
}

/// A 3x3 convolution that keeps the image's size, Keras' `padding="same"`.
fn conv(filters: usize) -> Conv2dPlan {
    Conv2d::filters(filters).kernel(3).padding(1)
}

impl Model for DeepAutoencoder {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let codes = self.encoder.apply(&batch.inputs, pass)?;
        let logits = self.decoder.apply(&codes, pass)?;
        let loss = ops::bce_with_logits(&logits, &batch.inputs, Reduction::Mean)?;
        Ok(Losses::new("loss", loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Mnist;
    use crate::optim::RmsProp;
    use crate::train::{Trainer, evaluate};

    fn model(latent: usize, activation: Activation) -> DeepAutoencoder {
        DeepAutoencoder::new(latent, activation, &mut Rng::new(6202)).unwrap()
    }

    #[test]
    fn the_summary_goes_down_to_the_code_and_up_to_the_pixels() {
        let summary = model(8, Activation::Linear).summary().unwrap();
        let text = summary.to_string();
        for shape in ["[batch, 32, 7, 7]", "[batch, 8]", "[batch, 1, 28, 28]"] {
            assert!(text.contains(shape), "{text}");
        }
        let encoder = 16 * 9 + 16 + 32 * 16 * 9 + 32 + 1568 * 8 + 8;
        let decoder = 8 * 1568 + 1568 + 32 * 32 * 9 + 32 + 16 * 32 * 9 + 16 + 16 * 9 + 1;
        assert_eq!(summary.parameters(), encoder + decoder);
    }

    #[test]
    fn it_starts_at_the_mean_grey_and_learns() {
        let mnist = Mnist::sample().unwrap();
        let model = model(8, Activation::Sigmoid);
        model.start_at_mean(&mnist.train.images).unwrap();
        let start = evaluate(&model, &mnist.test).unwrap()[0].mean;
        assert!((0.35..0.45).contains(&start), "{start}");
        let trainer = Trainer::new(RmsProp::new(1e-3))
            .epochs(4)
            .seed(6202)
            .quiet();
        let history = trainer.fit(&model, &mnist.train, &mnist.test).unwrap();
        // The mean image of the sample has 0.264.
        assert!(history.final_valid("loss").unwrap() < 0.25);
    }

    #[test]
    fn many_images_are_encoded_as_few_are() {
        let images = Rng::new(1).uniform(0.0, 1.0, &[1001, 1, 28, 28]).unwrap();
        let model = model(2, Activation::Linear);
        let codes: Vec<Vec<f32>> = model.encode(&images).unwrap().to_vec2().unwrap();
        assert_eq!(codes.len(), 1001);
        let last = model.encode(&images.narrow(0, 1000, 1).unwrap()).unwrap();
        for (one, many) in last.to_vec2::<f32>().unwrap()[0].iter().zip(&codes[1000]) {
            assert!((one - many).abs() < 1e-5);
        }
        assert!(!model.encode(&images).unwrap().track_op());
    }
}
