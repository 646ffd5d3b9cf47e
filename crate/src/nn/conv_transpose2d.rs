//! Transposed convolution of images, which enlarges them.

use candle_core::Tensor;

use super::filters::{Filters, FiltersPlan, filter_options};
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::padding::Steps;
use super::window::{Pair, check_channels, image, spread};
use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Result, Rng, ops};

/// `activation(transposed convolution with the filters + bias)` over images `[batch, channels,
/// height, width]`, with a weight `[channels, filters / groups, height, width]`: see
/// [`ops::conv_transpose2d`](crate::ops::conv_transpose2d).
///
/// ```
/// use cuaderno::{nn::{ConvTranspose2d, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = ConvTranspose2d::filters(16).kernel(3).stride(2).padding(1).output_padding(1)
///     .build(&[32, 7, 7], &mut rng)?;
/// let x = rng.uniform(0.0, 1.0, &[8, 32, 7, 7])?;
/// assert_eq!(layer.forward(&x)?.dims(), [8, 16, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    filters: Filters,
    config: ops::ConvTranspose2dOptions,
}

/// Configuration of a [`ConvTranspose2d`] layer. By default the kernel is 3x3, the stride is 1,
/// there is no padding, and the parameters are initialised as in Keras: Glorot-uniform weights,
/// zero biases.
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose2dPlan {
    filters: FiltersPlan,
    kernel: [usize; 2],
    config: ops::ConvTranspose2dOptions,
}

impl ConvTranspose2d {
    /// A layer with `filters` output channels.
    pub fn filters(filters: usize) -> ConvTranspose2dPlan {
        ConvTranspose2dPlan {
            filters: FiltersPlan::new(filters),
            kernel: [3, 3],
            config: ops::ConvTranspose2dOptions::default(),
        }
    }

    /// The weight, `[channels, filters / groups, height, width]`.
    pub fn weight(&self) -> &Parameter {
        &self.filters.weight
    }

    /// The bias, `[filters]`, if there is one.
    pub fn bias(&self) -> Option<&Parameter> {
        self.filters.bias.as_ref()
    }
}

impl ConvTranspose2dPlan {
    /// Sets the distance in the output between the windows of neighbouring inputs.
    pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
        self.config.stride = stride.into().0;
        self
    }

    /// Sets the number of rows and columns cut off on each side of the output.
    pub fn padding(mut self, padding: impl Into<Pair>) -> Self {
        self.config.padding = padding.into().0;
        self
    }

    /// Sets the number of rows and columns added at the end of the output.
    pub fn output_padding(mut self, padding: impl Into<Pair>) -> Self {
        self.config.output_padding = padding.into().0;
        self
    }

    filter_options!(size: impl Into<Pair> => size.into().0);
}

impl Plan for ConvTranspose2dPlan {
    type Built = ConvTranspose2d;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<ConvTranspose2d> {
        let [channels, _, _] = image("ConvTranspose2d", input)?;
        check_channels(
            "ConvTranspose2d",
            channels,
            self.filters.count,
            self.config.groups,
        )?;
        let [height, width] = self.kernel;
        let shape = [
            channels,
            self.filters.count / self.config.groups,
            height,
            width,
        ];
        let layer = ConvTranspose2d {
            filters: self.filters.draw(&shape, rng)?,
            config: self.config,
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for ConvTranspose2d {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let (weight, bias) = self.filters.tensors();
        let activation = self.filters.activation;
        ops::conv_transpose2d(input, &weight, bias.as_ref(), self.config, activation)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, height, width] = image("ConvTranspose2d", input)?;
        let weight = self.filters.weight.dims();
        self.filters
            .check_input("ConvTranspose2d", input, channels, weight[0])?;
        let config = &self.config;
        let mut output = vec![weight[1] * config.groups];
        for (axis, size) in [height, width].into_iter().enumerate() {
            let steps = Steps {
                kernel: weight[axis + 2],
                stride: config.stride[axis],
                dilation: config.dilation[axis],
            };
            let (padding, more) = (config.padding[axis], config.output_padding[axis]);
            output.push(spread("ConvTranspose2d", size, steps, padding, more)?);
        }
        Ok(output)
    }

    fn parameters(&self) -> Parameters {
        self.filters.parameters()
    }

    fn kind(&self) -> String {
        self.filters.activation.after("ConvTranspose2d")
    }
}

forward_is_evaluation!(ConvTranspose2d);
