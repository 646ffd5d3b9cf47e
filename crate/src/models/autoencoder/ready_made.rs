//! The autoencoders of INF-395, section 4.1, for images of 28 x 28.

use super::Autoencoder;
use crate::nn::{
    Activation, Conv2d, Conv2dPlan, Dense, Flatten, MaxPool2d, Reshape, Sequential, SequentialPlan,
    Upsample,
};
use crate::{Result, Seed};

const IMAGE: [usize; 3] = [1, 28, 28];
/// The shape of an image after two poolings: 32 maps of 7 x 7.
const MAPS: [usize; 3] = [32, 7, 7];

impl Autoencoder {
    /// The basic autoencoder, 784-latent-784. One dense layer with `activation` compresses an image
    /// to a code of `latent` numbers, and another restores it. The weights are initialised as in
    /// Keras, which the course used: Glorot-uniform, with zero biases.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let images = Rng::new(1).uniform(0.0, 1.0, &[5, 1, 28, 28])?;
    /// let model = Autoencoder::basic(8, Activation::Relu, 6202)?;
    /// assert_eq!(model.encode(&images)?.dims(), [5, 8]);
    /// assert_eq!(model.reconstruct(&images)?.dims(), [5, 1, 28, 28]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `latent` is 0.
    pub fn basic(latent: usize, activation: Activation, seed: impl Seed) -> Result<Self> {
        let encoder = Sequential::input(&IMAGE)
            .then("flatten", Flatten)
            .then("code", Dense::units(latent).activation(activation));
        let decoder = Sequential::input(&[latent])
            .then("pixels", Dense::units(IMAGE.iter().product()))
            .then("reshape", Reshape::to(&IMAGE));
        Self::build(&encoder, &decoder, seed)
    }

    /// The deep convolutional autoencoder. Two convolutions of 16 and 32 filters, each followed by
    /// a ReLU and max pooling, and a dense layer with `activation` compress an image to a code of
    /// `latent` numbers; a dense layer, upsampling and convolutions of 32, 16 and 1 filters restore
    /// it. The weights are initialised as in Keras.
    ///
    /// # Errors
    /// If `latent` is 0.
    pub fn deep(latent: usize, activation: Activation, seed: impl Seed) -> Result<Self> {
        let maps = Dense::units(MAPS.iter().product()).activation(Activation::Relu);
        let encoder = Sequential::input(&IMAGE)
            .then("conv1", conv(16).activation(Activation::Relu))
            .then("pool1", MaxPool2d::window(2))
            .then("conv2", conv(32).activation(Activation::Relu))
            .then("pool2", MaxPool2d::window(2))
            .then("flatten", Flatten)
            .then("code", Dense::units(latent).activation(activation));
        let decoder = Sequential::input(&[latent])
            .then("maps", maps)
            .then("reshape", Reshape::to(&MAPS))
            .then("conv3", conv(32).activation(Activation::Relu))
            .then("upsample1", Upsample::nearest(2))
            .then("conv4", conv(16).activation(Activation::Relu))
            .then("upsample2", Upsample::nearest(2))
            .then("pixels", conv(1));
        Self::build(&encoder, &decoder, seed)
    }

    /// Both networks from one seed.
    fn build(encoder: &SequentialPlan, decoder: &SequentialPlan, seed: impl Seed) -> Result<Self> {
        seed.draw(|rng| Self::new(encoder.build(&mut *rng)?, decoder.build(rng)?))
    }
}

/// A 3x3 convolution that keeps the image's size, Keras' `padding="same"`.
fn conv(filters: usize) -> Conv2dPlan {
    Conv2d::filters(filters).kernel(3).padding(1)
}
