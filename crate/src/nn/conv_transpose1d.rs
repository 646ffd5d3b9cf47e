//! Transposed convolution of sequences, which lengthens them.

use candle_core::Tensor;

use super::filters::{Filters, FiltersPlan, filter_options};
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::padding::Steps;
use super::window::{check_channels, sequence, spread};
use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Result, Rng, ops};

/// `activation(transposed convolution with the filters + bias)` over sequences `[batch, channels,
/// time]`, with a weight `[channels, filters / groups, kernel]`: see
/// [`ops::conv_transpose1d`](crate::ops::conv_transpose1d).
///
/// ```
/// use cuaderno::{nn::{ConvTranspose1d, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = ConvTranspose1d::filters(16).kernel(4).stride(2).padding(1).build(&[32, 25], &mut rng)?;
/// let x = rng.uniform(0.0, 1.0, &[8, 32, 25])?;
/// assert_eq!(layer.forward(&x)?.dims(), [8, 16, 50]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose1d {
    filters: Filters,
    config: ops::ConvTranspose1dOptions,
}

/// Configuration of a [`ConvTranspose1d`] layer. By default the kernel has length 3, the stride is
/// 1, there is no padding, and the parameters are initialised as in Keras: Glorot-uniform weights,
/// zero biases.
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose1dPlan {
    filters: FiltersPlan,
    kernel: usize,
    config: ops::ConvTranspose1dOptions,
}

impl ConvTranspose1d {
    /// A layer with `filters` output channels.
    pub fn filters(filters: usize) -> ConvTranspose1dPlan {
        ConvTranspose1dPlan {
            filters: FiltersPlan::new(filters),
            kernel: 3,
            config: ops::ConvTranspose1dOptions::default(),
        }
    }

    /// The weight, `[channels, filters / groups, kernel]`.
    pub fn weight(&self) -> &Parameter {
        &self.filters.weight
    }

    /// The bias, `[filters]`, if there is one.
    pub fn bias(&self) -> Option<&Parameter> {
        self.filters.bias.as_ref()
    }
}

impl ConvTranspose1dPlan {
    /// Sets the distance in the output between the windows of neighbouring inputs.
    pub fn stride(mut self, stride: usize) -> Self {
        self.config.stride = stride;
        self
    }

    /// Sets the number of steps cut off on each side of the output.
    pub fn padding(mut self, padding: usize) -> Self {
        self.config.padding = padding;
        self
    }

    /// Sets the number of steps added at the end of the output.
    pub fn output_padding(mut self, padding: usize) -> Self {
        self.config.output_padding = padding;
        self
    }

    filter_options!(size: usize => size);
}

impl Plan for ConvTranspose1dPlan {
    type Built = ConvTranspose1d;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<ConvTranspose1d> {
        let [channels, _] = sequence("ConvTranspose1d", input)?;
        let (filters, groups) = (self.filters.count, self.config.groups);
        check_channels("ConvTranspose1d", channels, filters, groups)?;
        let shape = [channels, filters / groups, self.kernel];
        let layer = ConvTranspose1d {
            filters: self.filters.draw(&shape, rng)?,
            config: self.config,
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for ConvTranspose1d {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let (weight, bias) = self.filters.tensors();
        let activation = self.filters.activation;
        ops::conv_transpose1d(input, &weight, bias.as_ref(), self.config, activation)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, time] = sequence("ConvTranspose1d", input)?;
        let weight = self.filters.weight.dims();
        self.filters
            .check_input("ConvTranspose1d", input, channels, weight[0])?;
        let steps = Steps {
            kernel: weight[2],
            stride: self.config.stride,
            dilation: self.config.dilation,
        };
        let (padding, more) = (self.config.padding, self.config.output_padding);
        let time = spread("ConvTranspose1d", time, steps, padding, more)?;
        Ok(vec![weight[1] * self.config.groups, time])
    }

    fn parameters(&self) -> Parameters {
        self.filters.parameters()
    }

    fn kind(&self) -> String {
        self.filters.activation.after("ConvTranspose1d")
    }
}

forward_is_evaluation!(ConvTranspose1d);
