//! The fully connected layer.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Activation, Initialiser, Parameter, Parameters};
use crate::{Error, Result, Rng, ops};

/// `activation(x · weightᵀ + bias)` over the last dimension, with a weight `[units, inputs]`.
///
/// ```
/// use cuaderno::{nn::{Activation, Dense, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = Dense::units(10).activation(Activation::Relu).build(&[784], &mut rng)?;
/// let x = rng.uniform(0.0, 1.0, &[32, 784])?;
/// assert_eq!(layer.forward(&x)?.dims(), [32, 10]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dense {
    weight: Parameter,
    bias: Option<Parameter>,
    activation: Activation,
}

/// Configuration of a [`Dense`] layer. The defaults are Keras': Glorot-uniform weights, zero biases
/// and no activation.
#[derive(Clone, Copy, Debug)]
pub struct DensePlan {
    units: usize,
    bias: bool,
    activation: Activation,
    initialiser: Initialiser,
}

impl Dense {
    /// A layer with `units` outputs.
    pub fn units(units: usize) -> DensePlan {
        DensePlan {
            units,
            bias: true,
            activation: Activation::Linear,
            initialiser: Initialiser::GlorotUniform,
        }
    }

    /// The weight, `[units, inputs]`.
    pub fn weight(&self) -> &Parameter {
        &self.weight
    }

    /// The bias, `[units]`, if there is one.
    pub fn bias(&self) -> Option<&Parameter> {
        self.bias.as_ref()
    }
}

impl DensePlan {
    /// Sets the activation, which is applied to the outputs.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Omits the bias.
    pub fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// Sets how the weights are initialised.
    pub fn initialiser(mut self, initialiser: Initialiser) -> Self {
        self.initialiser = initialiser;
        self
    }
}

impl Plan for DensePlan {
    type Built = Dense;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Dense> {
        let Some(&inputs) = input.last() else {
            return Err(Error::shape(
                "Dense",
                "the input has no dimension but the batch; it needs one of features, [batch, features].",
            ));
        };
        if self.units == 0 || inputs == 0 {
            return Err(Error::argument(
                "the size of a Dense layer",
                format!("{inputs} inputs and {} units", self.units),
                "at least 1 input and 1 unit",
            ));
        }
        let weight = self.initialiser.draw(&[self.units, inputs], rng)?;
        let bias = (self.initialiser).draw_bias(self.units, &[self.units, inputs], rng)?;
        Ok(Dense {
            weight: Parameter::new(&weight)?,
            bias: self.bias.then(|| Parameter::new(&bias)).transpose()?,
            activation: self.activation,
        })
    }
}

impl Layer for Dense {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(Parameter::tensor);
        ops::linear(input, &self.weight.tensor(), bias.as_ref(), self.activation)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let weight = self.weight.dims();
        match input {
            [leading @ .., inputs] if *inputs == weight[1] => Ok([leading, &weight[..1]].concat()),
            _ => Err(Error::shape(
                "Dense",
                format!(
                    "an example is {input:?}, but the weight {weight:?} takes {} features in its last dimension.",
                    weight[1]
                ),
            )),
        }
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("weight", &self.weight)
            .with_optional("bias", self.bias.as_ref())
    }

    fn kind(&self) -> String {
        self.activation.after("Dense")
    }
}

forward_is_evaluation!(Dense);

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Module};

    #[test]
    fn the_affine_map_by_hand() {
        let layer = Dense::units(1).build(&[2], &mut Rng::new(1)).unwrap();
        let set = |p: &Parameter, v: &[f32], shape: &[usize]| {
            p.set(&Tensor::from_slice(v, shape, &Device::Cpu).unwrap())
                .unwrap()
        };
        set(layer.weight(), &[2.0, -1.0], &[1, 2]);
        set(layer.bias().unwrap(), &[0.5], &[1]);
        let x = Tensor::new(&[[[1f32, 3.0], [4.0, 5.0]]], &Device::Cpu).unwrap();
        let y = layer.forward(&x).unwrap();
        assert_eq!(y.to_vec3::<f32>().unwrap(), [[[-0.5], [3.5]]]);
    }
}
