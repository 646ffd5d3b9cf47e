//! What a convolutional VAE is to be: lists of filters, kernels and strides.

use serde::{Deserialize, Serialize};

use super::{IMAGE, PIXELS, PixelLoss, Vae, heads};
use crate::nn::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Layer, Reshape,
    Sequential, SequentialPlan,
};
use crate::{Error, Result, Seed};

/// One convolution, forward in an encoder or transposed in a decoder. It is padded so that it
/// divides, or multiplies, the side of its input by the stride, as Keras' `padding="same"` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolution {
    /// Output channels.
    pub filters: usize,
    /// Height and width of the kernel, an odd number.
    pub kernel: usize,
    /// What it divides, or multiplies, the side by.
    pub stride: usize,
}

/// A convolutional VAE to be: the lists of its encoder's and its decoder's convolutions, and what
/// lies between them. [`VaeArchitecture::inf395`] is a course's own.
///
/// It is what a run folder keeps of a model beside the weights.
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
    /// A VAE with `z_dim` latent dimensions. Its convolutions are yet to be given. Unless told
    /// otherwise it has Keras' leaky ReLU, no dense layers beside those of the code, neither batch
    /// norm nor dropout, and the cross-entropy of all pixels as the loss of the reconstruction.
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

    /// INF-395's, section 4.2: filters 32, 32 and 64 with ReLUs, the last with stride 2, a dense
    /// layer of 128, and the same way back.
    pub fn inf395(z_dim: usize) -> Self {
        Self::new(z_dim)
            .encoder([32, 32, 64], [3, 3, 3], [1, 1, 2])
            .decoder([32, 32, 1], [3, 3, 3], [2, 1, 1])
            .hidden(128)
            .activation(Activation::Relu)
    }

    /// The encoder's convolutions: a filter count, a kernel and a stride for each.
    pub fn encoder<const N: usize>(
        mut self,
        filters: [usize; N],
        kernels: [usize; N],
        strides: [usize; N],
    ) -> Self {
        self.encoder = convolutions(filters, kernels, strides);
        self
    }

    /// The decoder's transposed convolutions: a filter count, a kernel and a stride for each. The
    /// last one makes the pixels, so it has one filter.
    pub fn decoder<const N: usize>(
        mut self,
        filters: [usize; N],
        kernels: [usize; N],
        strides: [usize; N],
    ) -> Self {
        self.decoder = convolutions(filters, kernels, strides);
        self
    }

    /// A dense layer of that many units on each side of the code.
    pub fn hidden(mut self, units: usize) -> Self {
        self.hidden = Some(units);
        self
    }

    /// What is applied after every layer but those of the code and the pixels.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// A batch norm between each convolution and its activation.
    pub fn batch_norm(mut self) -> Self {
        self.batch_norm = true;
        self
    }

    /// Dropout of that rate after each convolution's activation.
    pub fn dropout(mut self, rate: f64) -> Self {
        self.dropout = Some(rate);
        self
    }

    /// What a reconstruction costs: the mean loss of its pixels, times `factor`.
    pub fn r_loss(mut self, pixel_loss: PixelLoss, factor: f64) -> Self {
        (self.pixel_loss, self.r_loss_factor) = (pixel_loss, factor);
        self
    }

    /// A fresh model. The weights start as in Keras, which the courses used: Glorot-uniform, with
    /// zero biases.
    ///
    /// # Errors
    /// If a size is 0, a kernel even, the factor not a finite number from 0 up, or if the decoder
    /// does not end in images of 28 x 28.
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
            // Without an activation, this layer and the one before would be one linear map.
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

    /// What a convolution applies itself: the activation, unless a batch norm comes first.
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

    /// The shape of what the encoder's last convolution puts out.
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
