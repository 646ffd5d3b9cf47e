//! RMSprop.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::arguments::{not_negative, share};
use super::update::{Memory, Rule};
use super::{Optimiser, State};
use crate::Result;
use crate::nn::Parameters;
use crate::numerics::simd::Float;

/// RMSprop (Tieleman & Hinton 2012): the gradient of each weight is divided by its running root
/// mean square.
///
/// The defaults are those of Keras, which the course used: `rho` 0.9 and `epsilon` 1e-7. As in
/// Keras 2 and PyTorch, `epsilon` is added to the root: `w -= rate · g / (√v + epsilon)`. (Keras 3
/// adds it under the root, which damps small gradients.)
///
/// With momentum, the quotients accumulate in a velocity, as in PyTorch: `u = momentum · u + g /
/// (√v + epsilon)`, then `w -= rate · u`.
#[derive(Clone, Debug)]
pub struct RmsProp {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
    memory: Averages,
}

/// The averages of each weight. Without momentum a single one is enough.
#[derive(Clone, Debug)]
enum Averages {
    Plain(Memory<1>),
    Momentum(f64, Memory<2>),
}

impl RmsProp {
    /// RMSprop with this learning rate, which is 1e-3 by default in Keras.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rho: 0.9,
            epsilon: 1e-7,
            weight_decay: 0.0,
            memory: Averages::Plain(Memory::default()),
        }
    }

    /// Sets the fraction of the old mean square that each step keeps, in `[0, 1]`.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Sets the small number added to the root, at least 0.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets the fraction of the old velocity that each step keeps, in `[0, 1)`. With the default of
    /// 0 there is no velocity.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.memory = if momentum == 0.0 {
            Averages::Plain(Memory::default())
        } else {
            Averages::Momentum(momentum, Memory::default())
        };
        self
    }

    /// Sets the L2 penalty: each gradient is increased by `weight_decay` times the weight.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
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
        let decay = self.weight_decay;
        match &mut self.memory {
            Averages::Plain(memory) => memory.update_decayed(rule, decay, parameters, gradients),
            Averages::Momentum(momentum, memory) => {
                let momentum = *momentum;
                let rule = |step| MomentumRule {
                    rule: rule(step),
                    momentum,
                };
                memory.update_decayed(rule, decay, parameters, gradients)
            }
        }
    }

    fn check(&self) -> Result<()> {
        match &self.memory {
            Averages::Plain(memory) => memory.check_rate(self.learning_rate)?,
            Averages::Momentum(momentum, memory) => {
                memory.check_rate(self.learning_rate)?;
                not_negative("the momentum", *momentum)?;
            }
        }
        share("rho", self.rho)?;
        not_negative("epsilon", self.epsilon)?;
        not_negative("the weight decay", self.weight_decay)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    fn state(&self) -> State {
        match &self.memory {
            Averages::Plain(memory) => memory.state::<RmsPropRule>(),
            Averages::Momentum(_, memory) => memory.state::<MomentumRule>(),
        }
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        match &mut self.memory {
            Averages::Plain(memory) => memory.restore::<RmsPropRule>(state),
            Averages::Momentum(_, memory) => memory.restore::<MomentumRule>(state),
        }
    }
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

struct MomentumRule {
    rule: RmsPropRule,
    momentum: f64,
}

impl Rule<2> for MomentumRule {
    const AVERAGES: [&'static str; 2] = ["mean_square", "velocity"];

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [square, velocity]: [T; 2]) -> (T, [T; 2]) {
        let RmsPropRule { rate, rho, epsilon } = self.rule;
        let square = T::of(rho) * square + T::of(1.0 - rho) * gradient * gradient;
        let quotient = gradient / (square.sqrt() + T::of(epsilon));
        let velocity = T::of(self.momentum) * velocity + quotient;
        (weight - T::of(rate) * velocity, [square, velocity])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [square, velocity]: [&Tensor; 2],
    ) -> candle_core::Result<(Tensor, [Tensor; 2])> {
        let RmsPropRule { rate, rho, epsilon } = self.rule;
        let square = ((square * rho)? + (gradient.sqr()? * (1.0 - rho))?)?;
        let quotient = (gradient / (square.sqrt()? + epsilon)?)?;
        let velocity = ((velocity * self.momentum)? + quotient)?;
        Ok(((weight - (&velocity * rate)?)?, [square, velocity]))
    }
}
