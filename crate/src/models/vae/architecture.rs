//! Configuration of a convolutional VAE: lists of filters, kernels and strides.

use serde::{Deserialize, Serialize};

use super::{IMAGE, PIXELS, PixelLoss, Vae, heads};
use crate::nn::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Layer, Reshape,
    Sequential, SequentialPlan,
};
use crate::{Error, Result, Seed};

/// One convolution: an ordinary one in an encoder, a transposed one in a decoder. It is padded so
/// that it divides (or multiplies) the side of its input by the stride, like Keras'
/// `padding="same"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolution {
    /// Output channels.
    pub filters: usize,
    /// Height and width of the kernel. Must be odd.
    pub kernel: usize,
    /// The factor by which it divides or multiplies the side of its input.
    pub stride: usize,
}

/// Configuration of a convolutional [`Vae`]: the convolutions of its encoder and its decoder, and
/// what lies between them. [`VaeArchitecture::inf395`] is the one of the INF-395 course.
///
/// A run folder stores it beside the weights.
///
/// ```
/// use cuaderno::prelude::*;
/// let architecture = VaeArchitecture::new(2) // latent dimensions
///     .encoder([32, 64, 64, 64], [3, 3, 3, 3], [1, 2, 2, 1]) // filters, kernels, strides
///     .decoder([64, 64, 32, 1], [3, 3, 3, 3], [1, 2, 2, 1])
///     .r_loss(PixelLoss::Mse, 1000.0);
/// let vae = architecture.build(6202)?;
/// assert_eq!(vae.summary()?.parameters(), 207_237);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VaeArchitecture {
    z_dim: usize,
    encoder: Vec<Convolution>,
    decoder: Vec<Convolution>,
    hidden: Option<usize>,
    activation: Activation,
    batch_norm: bool,
    dropout: Option<f64>,
    pixel_loss: PixelLoss,
    r_loss_factor: f64,
}

impl VaeArchitecture {
    /// A VAE with `z_dim` latent dimensions and no convolutions yet. By default it has Keras' leaky
    /// ReLU, no dense layers besides those of the code, no batch norm and no dropout, and its
    /// reconstruction loss is the cross-entropy summed over all pixels.
    pub fn new(z_dim: usize) -> Self {
        Self {
            z_dim,
            encoder: Vec::new(),
            decoder: Vec::new(),
            hidden: None,
            activation: Activation::LeakyRelu {
                negative_slope: 0.3,
            },
            batch_norm: false,
            dropout: None,
            pixel_loss: PixelLoss::Bce,
            r_loss_factor: PIXELS as f64,
        }
    }

    /// The architecture of INF-395, section 4.2: convolutions of 32, 32 and 64 filters with ReLUs,
    /// the last with stride 2, a dense layer of 128 units, and a decoder that mirrors them.
    pub fn inf395(z_dim: usize) -> Self {
        Self::new(z_dim)
            .encoder([32, 32, 64], [3, 3, 3], [1, 1, 2])
            .decoder([32, 32, 1], [3, 3, 3], [2, 1, 1])
            .hidden(128)
            .activation(Activation::Relu)
    }

    /// Sets the encoder's convolutions: the filters, kernel and stride of each.
    pub fn encoder<const N: usize>(
        mut self,
        filters: [usize; N],
        kernels: [usize; N],
        strides: [usize; N],
    ) -> Self {
        self.encoder = convolutions(filters, kernels, strides);
        self
    }

    /// Sets the decoder's transposed convolutions: the filters, kernel and stride of each. The last
    /// one outputs the pixels, so it has one filter.
    pub fn decoder<const N: usize>(
        mut self,
        filters: [usize; N],
        kernels: [usize; N],
        strides: [usize; N],
    ) -> Self {
        self.decoder = convolutions(filters, kernels, strides);
        self
    }

    /// Adds a dense layer of `units` units on each side of the code.
    pub fn hidden(mut self, units: usize) -> Self {
        self.hidden = Some(units);
        self
    }

    /// Sets the activation of all layers except those of the code and the pixels.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Adds batch norm between each convolution and its activation.
    pub fn batch_norm(mut self) -> Self {
        self.batch_norm = true;
        self
    }

    /// Adds dropout with this rate after the activation of each convolution.
    pub fn dropout(mut self, rate: f64) -> Self {
        self.dropout = Some(rate);
        self
    }

    /// Sets the reconstruction loss: `factor` times the mean `pixel_loss` over the pixels.
    pub fn r_loss(mut self, pixel_loss: PixelLoss, factor: f64) -> Self {
        (self.pixel_loss, self.r_loss_factor) = (pixel_loss, factor);
        self
    }

    /// Builds a model. The weights are initialised as in Keras, which the courses used:
    /// Glorot-uniform, with zero biases.
    ///
    /// # Errors
    /// If a size is 0, a kernel is even, the factor is negative or not finite, or the decoder does
    /// not output images of 28 x 28.
    pub fn build(&self, seed: impl Seed) -> Result<Vae> {
        self.check()?;
        let heads = heads(Dense::units(self.z_dim));
        let (encoder, decoder) = seed.draw(|rng| -> Result<_> {
            let encoder = self.encoder_plan().then("code", heads);
            Ok((encoder.build(&mut *rng)?, self.decoder_plan().build(rng)?))
        })?;
        let restored = decoder.output_shape(&[self.z_dim])?;
        if restored != IMAGE {
            return Err(Error::shape(
                "VaeArchitecture",
                format!(
                    "the decoder ends in {restored:?}, but images are {IMAGE:?}; its last convolution has one filter, and its strides multiply what the encoder's divide."
                ),
            ));
        }
        Vae::new(encoder, decoder)?.r_loss(self.pixel_loss, self.r_loss_factor)
    }

    fn check(&self) -> Result<()> {
        if self.encoder.is_empty() || self.decoder.is_empty() {
            return Err(Error::argument(
                "the number of convolutions",
                format!(
                    "{} in the encoder and {} in the decoder",
                    self.encoder.len(),
                    self.decoder.len()
                ),
                "at least 1 each",
            ));
        }
        for convolution in self.encoder.iter().chain(&self.decoder) {
            if convolution.kernel.is_multiple_of(2) || convolution.stride == 0 {
                return Err(Error::argument(
                    "a convolution of a VAE",
                    format!("{convolution:?}"),
                    "one with an odd kernel, which can be centred on a pixel, and a stride from 1 up",
                ));
            }
        }
        Ok(())
    }

    pub(in crate::models) fn encoder_plan(&self) -> SequentialPlan {
        let mut plan = Sequential::input(&IMAGE);
        for (number, convolution) in (1..).zip(&self.encoder) {
            let &Convolution {
                filters,
                kernel,
                stride,
            } = convolution;
            let layer = Conv2d::filters(filters)
                .kernel(kernel)
                .stride(stride)
                .padding(kernel / 2)
                .activation(self.fused_activation());
            plan = plan.then(&format!("conv{number}"), layer);
            plan = self.after_convolution(plan, number);
        }
        plan = plan.then("flatten", Flatten);
        match self.hidden {
            Some(units) => plan.then("hidden", Dense::units(units).activation(self.activation)),
            None => plan,
        }
    }

    pub(in crate::models) fn decoder_plan(&self) -> SequentialPlan {
        let maps = self.maps();
        let mut plan = Sequential::input(&[self.z_dim]);
        let mut to_maps = Dense::units(maps.iter().product());
        if let Some(units) = self.hidden {
            plan = plan.then("hidden", Dense::units(units).activation(self.activation));
            // Without an activation, this layer and the one before it would be a single linear map.
            to_maps = to_maps.activation(self.activation);
        }
        plan = plan
            .then("maps", to_maps)
            .then("reshape", Reshape::to(&maps));
        for (number, convolution) in (1..).zip(&self.decoder) {
            let &Convolution {
                filters,
                kernel,
                stride,
            } = convolution;
            let layer = ConvTranspose2d::filters(filters)
                .kernel(kernel)
                .stride(stride)
                .padding(kernel / 2)
                .output_padding(stride - 1);
            let name = format!("conv_transpose{number}");
            if number == self.decoder.len() {
                plan = plan.then(&name, layer);
            } else {
                plan = plan.then(&name, layer.activation(self.fused_activation()));
                plan = self.after_convolution(plan, number);
            }
        }
        plan
    }

    /// The activation that a convolution applies itself; a batch norm has to come before it.
    fn fused_activation(&self) -> Activation {
        if self.batch_norm {
            Activation::Linear
        } else {
            self.activation
        }
    }

    fn after_convolution(&self, mut plan: SequentialPlan, number: usize) -> SequentialPlan {
        if self.batch_norm {
            let keras = BatchNorm::of_channels().momentum(0.01).epsilon(1e-3);
            plan = plan
                .then(&format!("batch_norm{number}"), keras)
                .then(&format!("activation{number}"), self.activation);
        }
        match self.dropout {
            Some(rate) => plan.then(&format!("dropout{number}"), Dropout::rate(rate)),
            None => plan,
        }
    }

    /// The output shape of the encoder's last convolution.
    fn maps(&self) -> [usize; 3] {
        let mut maps = IMAGE;
        for convolution in &self.encoder {
            let side = |side: usize| side.div_ceil(convolution.stride);
            maps = [convolution.filters, side(maps[1]), side(maps[2])];
        }
        maps
    }
}

fn convolutions<const N: usize>(
    filters: [usize; N],
    kernels: [usize; N],
    strides: [usize; N],
) -> Vec<Convolution> {
    (0..N)
        .map(|i| Convolution {
            filters: filters[i],
            kernel: kernels[i],
            stride: strides[i],
        })
        .collect()
}
