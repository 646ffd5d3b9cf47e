//! This crate's optimisers in training loops written for candle.

use candle_core::Var;
use candle_core::backprop::GradStore;
use candle_nn::Optimizer;

use super::Optimiser;
use crate::nn::{Parameter, Parameters};

/// An optimiser of this crate together with the variables it updates, as a `candle_nn::Optimizer`.
///
/// ```
/// use cuaderno::{candle_nn::{self, Optimizer}, nn::SeededVarMap, optim::CandleOptimiser, prelude::*};
/// let variables = SeededVarMap::new(Rng::new(6202));
/// let layer = candle_nn::linear(3, 1, variables.builder(DType::F32, &Device::Cpu))?;
/// let mut optimiser = CandleOptimiser::new(variables.all_vars(), Adam::new(0.1))?;
/// let x = Rng::new(1).normal(0.0, 1.0, &[8, 3])?;
/// let loss = || layer.forward(&x)?.sqr()?.mean_all();
/// let before = loss()?.to_scalar::<f32>()?;
/// for _ in 0..20 {
///     optimiser.backward_step(&loss()?)?;
/// }
/// assert!(loss()?.to_scalar::<f32>()? < before);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Debug)]
pub struct CandleOptimiser<O> {
    parameters: Parameters,
    optimiser: O,
}

impl<O: Optimiser> Optimizer for CandleOptimiser<O> {
    /// The optimiser, such as `Adam::new(1e-3)`.
    type Config = O;

    fn new(vars: Vec<Var>, optimiser: O) -> candle_core::Result<Self> {
        let named = vars.into_iter().enumerate();
        let parameters = named.fold(Parameters::new(), |all, (index, var)| {
            all.with(&index.to_string(), &Parameter::of_var(var))
        });
        Ok(Self {
            parameters,
            optimiser,
        })
    }

    fn step(&mut self, gradients: &GradStore) -> candle_core::Result<()> {
        Ok(self.optimiser.step(&self.parameters, gradients)?)
    }

    fn learning_rate(&self) -> f64 {
        self.optimiser.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.optimiser.set_learning_rate(learning_rate);
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::optim::Sgd;

    #[test]
    fn a_step_changes_the_variable_itself_by_rate_times_gradient() {
        let w = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let mut optimiser = CandleOptimiser::new(vec![w.clone()], Sgd::new(0.5)).unwrap();
        optimiser.set_learning_rate(0.1);
        let x = Tensor::new(&[3f32, -1.0], &Device::Cpu).unwrap();
        let loss = (w.as_tensor() * &x).unwrap().sum_all().unwrap();
        optimiser.backward_step(&loss).unwrap();
        assert_eq!(optimiser.learning_rate(), 0.1);
        assert_eq!(w.to_vec1::<f32>().unwrap(), [1.0 - 0.3, 2.0 + 0.1]);
    }
}
