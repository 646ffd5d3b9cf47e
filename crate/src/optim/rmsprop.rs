//! RMSprop.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::arguments::{not_negative, share};
use super::update::{Memory, Rule, remembers};
use super::{Optimiser, State};
use crate::Result;
use crate::nn::Parameters;
use crate::ops::simd::Float;

/// RMSprop (Tieleman & Hinton 2012): each weight's gradient is divided by the root of its running
/// mean square.
///
/// The defaults are those of Keras, which the course used: `rho` 0.9 and `epsilon` 1e-7, which is
/// added to the root, `w -= rate · g / (√v + epsilon)`, as Keras 2 and PyTorch do. (Keras 3 adds it
/// under the root, which slows small gradients down.)
#[derive(Clone, Debug)]
pub struct RmsProp {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    memory: Memory<1>,
}

impl RmsProp {
    /// RMSprop with that learning rate; Keras' default is 1e-3.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rho: 0.9,
            epsilon: 1e-7,
            memory: Memory::default(),
        }
    }

    /// The share of the old mean square that is kept at each step, in `[0, 1]`.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// What is added to the root, 0 or above.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Optimiser for RmsProp {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.check()?;
        let rule = |_| RmsPropRule {
            rate: self.learning_rate,
            rho: self.rho,
            epsilon: self.epsilon,
        };
        self.memory.update(rule, parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        self.memory.check_rate(self.learning_rate)?;
        share("rho", self.rho)?;
        not_negative("epsilon", self.epsilon)
    }

    remembers!(RmsPropRule);
}

struct RmsPropRule {
    rate: f64,
    rho: f64,
    epsilon: f64,
}

impl Rule<1> for RmsPropRule {
    const AVERAGES: [&'static str; 1] = ["mean_square"];

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [square]: [T; 1]) -> (T, [T; 1]) {
        let square = T::of(self.rho) * square + T::of(1.0 - self.rho) * gradient * gradient;
        let step = T::of(self.rate) * gradient / (square.sqrt() + T::of(self.epsilon));
        (weight - step, [square])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [square]: [&Tensor; 1],
    ) -> candle_core::Result<(Tensor, [Tensor; 1])> {
        let square = ((square * self.rho)? + (gradient.sqr()? * (1.0 - self.rho))?)?;
        let step = ((gradient * self.rate)? / (square.sqrt()? + self.epsilon)?)?;
        Ok(((weight - step)?, [square]))
    }
}
