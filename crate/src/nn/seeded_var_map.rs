//! Seeded variables for networks written for candle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::{Parameter, Parameters};
use crate::{Error, Result, Rng};

/// The variables of a network written for candle: a `candle_nn::VarMap` with initial values from an
/// [`Rng`], whose variables are [`Parameters`] in the order in which the network asked for them. A
/// clone is a second handle on the same variables.
///
/// The network holds the variables themselves. Do not move them to another device or convert their
/// type, because the converted parameters would no longer be those of the network.
/// [`Parameters::load`] loads trained weights.
///
/// ```
/// use cuaderno::{candle_nn, nn::SeededVarMap, prelude::*};
/// let variables = SeededVarMap::new(Rng::new(6202));
/// let vb = variables.builder(DType::F32, &Device::Cpu);
/// let layer = candle_nn::linear(784, 10, vb.pp("digits"))?;
/// assert_eq!(layer.forward(&Tensor::zeros((5, 784), DType::F32, &Device::Cpu)?)?.dims(), [5, 10]);
///
/// let names: Vec<String> = variables.parameters().iter().map(|(name, _)| name.into()).collect();
/// assert_eq!(names, ["digits.weight", "digits.bias"]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeededVarMap(Arc<Mutex<Variables>>);

#[derive(Debug)]
struct Variables {
    rng: Rng,
    parameters: Parameters,
}

impl SeededVarMap {
    /// A map without variables. New ones are drawn from `rng`.
    pub fn new(rng: Rng) -> Self {
        let parameters = Parameters::new();
        Self(Arc::new(Mutex::new(Variables { rng, parameters })))
    }

    /// The builder that the constructor of a network asks for its variables.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// The variables made so far, under their dotted names. The running statistics of a batch norm
    /// are buffers.
    pub fn parameters(&self) -> Parameters {
        self.lock().parameters.clone()
    }

    /// The variables to train, for one of candle's optimisers.
    pub fn all_vars(&self) -> Vec<Var> {
        let parameters = self.parameters();
        parameters.trainable().map(|(_, p)| p.var()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Variables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of buffers in candle and PyTorch.
const BUFFERS: [&str; 2] = ["running_mean", "running_var"];

impl Variables {
    /// The variable of this name, which is made if it does not exist.
    fn get(
        &mut self,
        name: &str,
        shape: &Shape,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        if let Some(there) = self.parameters.get(name) {
            let there = there.var().into_inner();
            if there.dims() != shape.dims() || there.dtype() != dtype {
                return Err(Error::shape(
                    "variables",
                    format!(
                        "{name} is there as {:?} in {:?} and is asked for as {:?} in {dtype:?}; two parts of a network that share a variable must agree, others need a name of their own.",
                        there.dims(),
                        there.dtype(),
                        shape.dims(),
                    ),
                ));
            }
            return Ok(there);
        }
        let values = draw(init, shape, &mut self.rng)?;
        let values = values.to_dtype(dtype)?.to_device(device)?;
        let is_buffer = BUFFERS.contains(&name.rsplit('.').next().unwrap_or_default());
        let parameter = if is_buffer {
            Parameter::buffer(&values)?
        } else {
            Parameter::new(&values)?
        };
        self.parameters = std::mem::take(&mut self.parameters).with(name, &parameter);
        Ok(parameter.var().into_inner())
    }
}

impl SimpleBackend for SeededVarMap {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        Ok(self.lock().get(name, &shape, init, dtype, device)?)
    }

    fn get_unchecked(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let variables = self.lock();
        let there = variables.parameters.get(name).ok_or_else(|| {
            Error::argument(
                "a variable asked for without a shape",
                name,
                "one that was made before: a new one needs a shape",
            )
        })?;
        there.var().to_dtype(dtype)?.to_device(device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().parameters.get(name).is_some()
    }
}

/// Draws values as candle's description says, as f32 on the CPU.
fn draw(init: Init, shape: &Shape, rng: &mut Rng) -> Result<Tensor> {
    let dims = shape.dims();
    match init {
        Init::Const(value) => Ok(Tensor::full(value as f32, shape, &Device::Cpu)?),
        Init::Randn { mean, stdev } => rng.normal(mean as f32, stdev as f32, dims),
        Init::Uniform { lo, up } => rng.uniform(lo as f32, up as f32, dims),
        Init::Kaiming {
            dist,
            fan,
            non_linearity,
        } => {
            let std = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => rng.normal(0.0, std as f32, dims),
                NormalOrUniform::Uniform => {
                    let bound = (3f64.sqrt() * std) as f32;
                    rng.uniform(-bound, bound, dims)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_nn::{BatchNormConfig, batch_norm, linear};

    use super::*;

    fn built(seed: u64) -> SeededVarMap {
        let variables = SeededVarMap::new(Rng::new(seed));
        let vb = variables.builder(DType::F32, &Device::Cpu);
        linear(4, 3, vb.pp("z")).unwrap();
        batch_norm(3, BatchNormConfig::default(), vb.pp("norm")).unwrap();
        linear(3, 2, vb.pp("a")).unwrap();
        variables
    }

    #[test]
    fn variables_keep_the_order_of_their_creation_and_averages_are_not_trained() {
        let variables = built(1);
        let parameters = variables.parameters();
        let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "z.weight",
                "z.bias",
                "norm.running_mean",
                "norm.running_var",
                "norm.weight",
                "norm.bias",
                "a.weight",
                "a.bias"
            ]
        );
        assert_eq!(variables.all_vars().len(), 6);
    }

    #[test]
    fn the_seed_alone_decides_the_values_and_they_have_the_spread_that_is_asked_for() {
        let values = |seed| {
            let weight = built(seed).parameters().get("a.weight").unwrap().tensor();
            weight.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(values(1), values(1));
        assert_ne!(values(1), values(2));

        let shape = Shape::from((200, 50));
        let spread = |init| {
            let drawn = draw(init, &shape, &mut Rng::new(6202)).unwrap();
            let mean_square = drawn.sqr().unwrap().mean_all().unwrap();
            mean_square.to_scalar::<f32>().unwrap().sqrt()
        };
        // √(2 / 50), whatever the distribution.
        for init in [
            candle_nn::init::DEFAULT_KAIMING_UNIFORM,
            candle_nn::init::DEFAULT_KAIMING_NORMAL,
        ] {
            assert!((spread(init) / 0.2 - 1.0).abs() < 0.02, "{init:?}");
        }
        assert_eq!(spread(Init::Const(3.0)), 3.0);
    }

    #[test]
    fn a_shared_variable_is_one_and_another_shape_is_refused_by_name() {
        let variables = SeededVarMap::new(Rng::new(1));
        let vb = variables.builder(DType::F32, &Device::Cpu).pp("tied");
        let first = vb.get((2, 3), "weight").unwrap();
        let second = vb.get((2, 3), "weight").unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(variables.parameters().len(), 1);
        let refused = vb.get((3, 2), "weight").unwrap_err().to_string();
        assert!(
            refused.contains("tied.weight is there as [2, 3]"),
            "{refused}"
        );
        let refused = vb.get_unchecked("bias").unwrap_err().to_string();
        assert!(refused.contains("tied.bias"), "{refused}");
    }
}
