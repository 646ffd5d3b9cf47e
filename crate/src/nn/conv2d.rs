//! Convolution of images.

use candle_core::Tensor;

use super::filters::{Filters, FiltersPlan, filter_options};
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::padding::{Padding, Steps};
use super::window::{Pair, check_channels, image, positions};
use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Result, Rng, ops};

/// `activation(convolution with the filters + bias)` over images `[batch, channels, height,
/// width]`, with a weight `[filters, channels / groups, height, width]`: see
/// [`ops::conv2d`](crate::ops::conv2d).
///
/// ```
/// use cuaderno::{nn::{Activation, Conv2d, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = Conv2d::filters(32).kernel(3).stride(2).padding(1).activation(Activation::Relu)
///     .build(&[1, 28, 28], &mut rng)?;
/// let x = rng.uniform(0.0, 1.0, &[8, 1, 28, 28])?;
/// assert_eq!(layer.forward(&x)?.dims(), [8, 32, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d {
    filters: Filters,
    padding: Padding<2>,
    config: ops::Conv2dOptions,
}

/// Configuration of a [`Conv2d`] layer. By default the kernel is 3x3, the stride is 1, there is no
/// padding, and the parameters are initialised as in Keras: Glorot-uniform weights, zero biases.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dPlan {
    filters: FiltersPlan,
    kernel: [usize; 2],
    padding: Padding<2>,
    config: ops::Conv2dOptions,
}

impl Conv2d {
    /// A layer with `filters` output channels.
    pub fn filters(filters: usize) -> Conv2dPlan {
        Conv2dPlan {
            filters: FiltersPlan::new(filters),
            kernel: [3, 3],
            padding: Padding::Zeros([0, 0]),
            config: ops::Conv2dOptions::default(),
        }
    }

    /// The weight, `[filters, channels / groups, height, width]`.
    pub fn weight(&self) -> &Parameter {
        &self.filters.weight
    }

    /// The bias, `[filters]`, if there is one.
    pub fn bias(&self) -> Option<&Parameter> {
        self.filters.bias.as_ref()
    }

    /// How the kernel moves, vertically and horizontally.
    fn steps(&self) -> [Steps; 2] {
        let weight = self.filters.weight.dims();
        [0, 1].map(|axis| Steps {
            kernel: weight[2 + axis],
            stride: self.config.stride[axis],
            dilation: self.config.dilation[axis],
        })
    }
}

impl Conv2dPlan {
    /// Sets the distance between neighbouring positions of the kernel.
    pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
        self.config.stride = stride.into().0;
        self
    }

    /// Sets the number of zeros on each side of the image.
    pub fn padding(mut self, padding: impl Into<Pair>) -> Self {
        self.padding = Padding::Zeros(padding.into().0);
        self
    }

    /// Pads with zeros so that the output has the size of the image, divided by the stride and
    /// rounded up, like `padding="same"` of Keras and PyTorch. If their number is odd, the bottom
    /// and the right get one more.
    pub fn padding_same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    filter_options!(size: impl Into<Pair> => size.into().0);
}

impl Plan for Conv2dPlan {
    type Built = Conv2d;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Conv2d> {
        let [channels, _, _] = image("Conv2d", input)?;
        check_channels("Conv2d", channels, self.filters.count, self.config.groups)?;
        let [height, width] = self.kernel;
        let shape = [
            self.filters.count,
            channels / self.config.groups,
            height,
            width,
        ];
        let layer = Conv2d {
            filters: self.filters.draw(&shape, rng)?,
            padding: self.padding,
            config: self.config,
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for Conv2d {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let (weight, bias) = self.filters.tensors();
        let activation = self.filters.activation;
        let (input, padding) = self.padding.split(input, self.steps())?;
        let config = ops::Conv2dOptions {
            padding,
            ..self.config
        };
        ops::conv2d(&input, &weight, bias.as_ref(), config, activation)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, height, width] = image("Conv2d", input)?;
        let weight = self.filters.weight.dims();
        let expected = weight[1] * self.config.groups;
        self.filters
            .check_input("Conv2d", input, channels, expected)?;
        let mut output = vec![weight[0]];
        for (axis, (size, steps)) in [height, width].into_iter().zip(self.steps()).enumerate() {
            let padding = self.padding.along(axis, size, steps);
            output.push(positions("Conv2d", size, steps, padding)?);
        }
        Ok(output)
    }

    fn parameters(&self) -> Parameters {
        self.filters.parameters()
    }

    fn kind(&self) -> String {
        self.filters.activation.after("Conv2d")
    }
}

forward_is_evaluation!(Conv2d);
