//! Convolution of sequences.

use candle_core::Tensor;

use super::filters::{Filters, FiltersPlan, filter_options};
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::padding::{Padding, Steps};
use super::window::{check_channels, positions, sequence};
use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Result, Rng, ops};

/// `activation(convolution with the filters + bias)` over sequences `[batch, channels, time]`, with
/// a weight `[filters, channels / groups, kernel]`: see [`ops::conv1d`](crate::ops::conv1d).
///
/// ```
/// use cuaderno::{nn::{Conv1d, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = Conv1d::filters(8).kernel(5).padding(2).build(&[3, 100], &mut rng)?;
/// let spectra = rng.normal(0.0, 1.0, &[4, 3, 100])?;
/// assert_eq!(layer.forward(&spectra)?.dims(), [4, 8, 100]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conv1d {
    filters: Filters,
    padding: Padding<1>,
    config: ops::Conv1dOptions,
}

/// Configuration of a [`Conv1d`] layer. By default the kernel has length 3, the stride is 1, there
/// is no padding, and the parameters are initialised as in Keras: Glorot-uniform weights, zero
/// biases.
#[derive(Clone, Copy, Debug)]
pub struct Conv1dPlan {
    filters: FiltersPlan,
    kernel: usize,
    padding: Padding<1>,
    config: ops::Conv1dOptions,
}

impl Conv1d {
    /// A layer with `filters` output channels.
    pub fn filters(filters: usize) -> Conv1dPlan {
        Conv1dPlan {
            filters: FiltersPlan::new(filters),
            kernel: 3,
            padding: Padding::Zeros([0]),
            config: ops::Conv1dOptions::default(),
        }
    }

    /// The weight, `[filters, channels / groups, kernel]`.
    pub fn weight(&self) -> &Parameter {
        &self.filters.weight
    }

    /// The bias, `[filters]`, if there is one.
    pub fn bias(&self) -> Option<&Parameter> {
        self.filters.bias.as_ref()
    }

    /// How the kernel moves.
    fn steps(&self) -> Steps {
        Steps {
            kernel: self.filters.weight.dims()[2],
            stride: self.config.stride,
            dilation: self.config.dilation,
        }
    }
}

impl Conv1dPlan {
    /// Sets the distance between neighbouring positions of the kernel.
    pub fn stride(mut self, stride: usize) -> Self {
        self.config.stride = stride;
        self
    }

    /// Sets the number of zeros on each side of the sequence.
    pub fn padding(mut self, padding: usize) -> Self {
        self.padding = Padding::Zeros([padding]);
        self
    }

    /// Pads with zeros so that the output has the length of the sequence, divided by the stride and
    /// rounded up, like `padding="same"` of Keras and PyTorch. If their number is odd, the end gets
    /// one more.
    pub fn padding_same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    filter_options!(size: usize => size);
}

impl Plan for Conv1dPlan {
    type Built = Conv1d;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Conv1d> {
        let [channels, _] = sequence("Conv1d", input)?;
        check_channels("Conv1d", channels, self.filters.count, self.config.groups)?;
        let shape = [
            self.filters.count,
            channels / self.config.groups,
            self.kernel,
        ];
        let layer = Conv1d {
            filters: self.filters.draw(&shape, rng)?,
            padding: self.padding,
            config: self.config,
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for Conv1d {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let (weight, bias) = self.filters.tensors();
        let activation = self.filters.activation;
        let (input, [padding]) = self.padding.split(input, [self.steps()])?;
        let config = ops::Conv1dOptions {
            padding,
            ..self.config
        };
        ops::conv1d(&input, &weight, bias.as_ref(), config, activation)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, time] = sequence("Conv1d", input)?;
        let weight = self.filters.weight.dims();
        let expected = weight[1] * self.config.groups;
        self.filters
            .check_input("Conv1d", input, channels, expected)?;
        let padding = self.padding.along(0, time, self.steps());
        let time = positions("Conv1d", time, self.steps(), padding)?;
        Ok(vec![weight[0], time])
    }

    fn parameters(&self) -> Parameters {
        self.filters.parameters()
    }

    fn kind(&self) -> String {
        self.filters.activation.after("Conv1d")
    }
}

forward_is_evaluation!(Conv1d);
