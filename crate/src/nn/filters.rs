//! The part that all convolutions share: filters with a bias and an activation.

use candle_core::Tensor;

use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Error, Result, Rng};

/// The parameters of a convolution and its activation.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    pub(super) weight: Parameter,
    pub(super) bias: Option<Parameter>,
    pub(super) activation: Activation,
}

impl Filters {
    pub(super) fn tensors(&self) -> (Tensor, Option<Tensor>) {
        let bias = self.bias.as_ref().map(Parameter::tensor);
        (self.weight.tensor(), bias)
    }

    /// Checks that an example of shape `input` has the `expected` number of channels.
    pub(super) fn check_input(
        &self,
        layer: &'static str,
        input: &[usize],
        channels: usize,
        expected: usize,
    ) -> Result<()> {
        if channels == expected {
            return Ok(());
        }
        let weight = self.weight.dims();
        Err(Error::shape(
            layer,
            format!(
                "an example is {input:?}, but the weight {weight:?} takes {expected} channels."
            ),
        ))
    }

    pub(super) fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("weight", &self.weight)
            .with_optional("bias", self.bias.as_ref())
    }
}

/// Configuration of [`Filters`]. By default they have a bias and no activation, and are initialised
/// as in Keras: Glorot-uniform weights, zero biases.
#[derive(Clone, Copy, Debug)]
pub(super) struct FiltersPlan {
    pub(super) count: usize,
    pub(super) bias: bool,
    pub(super) activation: Activation,
    pub(super) initialiser: Initialiser,
}

impl FiltersPlan {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            bias: true,
            activation: Activation::Linear,
            initialiser: Initialiser::GlorotUniform,
        }
    }

    /// Filters with a weight of this shape.
    pub(super) fn draw(&self, shape: &[usize], rng: &mut Rng) -> Result<Filters> {
        let weight = self.initialiser.draw(shape, rng)?;
        let bias = self.initialiser.draw_bias(self.count, shape, rng)?;
        Ok(Filters {
            weight: Parameter::new(&weight)?,
            bias: self.bias.then(|| Parameter::new(&bias)).transpose()?,
            activation: self.activation,
        })
    }
}

/// The methods shared by all plans with the fields `kernel`, `filters` and `config`. Sizes along
/// all axes are given as `$type` and stored as `$value`.
macro_rules! filter_options {
    ($size:ident: $type:ty => $value:expr) => {
        /// Sets the size of the kernel.
        pub fn kernel(mut self, $size: $type) -> Self {
            self.kernel = $value;
            self
        }

        /// Sets the distance between neighbouring elements of the kernel.
        pub fn dilation(mut self, $size: $type) -> Self {
            self.config.dilation = $value;
            self
        }

        /// Sets the number of groups of channels that share no weights.
        pub fn groups(mut self, groups: usize) -> Self {
            self.config.groups = groups;
            self
        }

        /// Sets the activation, which is applied to the outputs.
        pub fn activation(mut self, activation: Activation) -> Self {
            self.filters.activation = activation;
            self
        }

        /// Omits the bias, which is redundant before a batch norm.
        pub fn without_bias(mut self) -> Self {
            self.filters.bias = false;
            self
        }

        /// Sets how the weights are initialised.
        pub fn initialiser(mut self, initialiser: Initialiser) -> Self {
            self.filters.initialiser = initialiser;
            self
        }
    };
}
pub(super) use filter_options;
