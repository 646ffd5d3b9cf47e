//! Stochastic gradient descent.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::arguments::{above_zero, not_negative};
use super::update::{Memory, Rule, remembers};
use super::{Optimiser, State};
use crate::Result;
use crate::nn::Parameters;
use crate::numerics::simd::Float;

/// Stochastic gradient descent as PyTorch, which the course used, defines it:
/// `v = momentum · v + g + weight_decay · w`, then `w -= rate · v`. Momentum and weight decay
/// default to 0.
///
/// With [`Sgd::nesterov`] a step looks ahead: `w -= rate · (g + weight_decay · w + momentum · v)`
/// (Sutskever et al. 2013).
#[derive(Clone, Debug)]
pub struct Sgd {
    learning_rate: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
    memory: Memory<1>,
}

impl Sgd {
    /// Plain gradient descent with this learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            memory: Memory::default(),
        }
    }

    /// Sets the fraction of the old velocity that each step keeps, at least 0 and usually 0.9.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the L2 penalty, at least 0: each gradient is increased by `weight_decay` times the
    /// weight.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Uses Nesterov's momentum, which takes the step that the velocity leads to next.
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }
}

impl Optimiser for Sgd {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.check()?;
        let rule = |_| SgdRule {
            rate: self.learning_rate,
            momentum: self.momentum,
            decay: self.weight_decay,
        };
        if self.nesterov {
            let rule = |step| Nesterov(rule(step));
            return self.memory.update(rule, parameters, gradients);
        }
        self.memory.update(rule, parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        self.memory.check_rate(self.learning_rate)?;
        not_negative("the momentum", self.momentum)?;
        if self.nesterov {
            above_zero("the momentum of Nesterov's step", self.momentum)?;
        }
        not_negative("the weight decay", self.weight_decay)
    }

    remembers!(SgdRule);
}

struct SgdRule {
    rate: f64,
    momentum: f64,
    decay: f64,
}

impl Rule<1> for SgdRule {
    const AVERAGES: [&'static str; 1] = ["velocity"];

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [velocity]: [T; 1]) -> (T, [T; 1]) {
        let velocity = T::of(self.momentum) * velocity + gradient + T::of(self.decay) * weight;
        (weight - T::of(self.rate) * velocity, [velocity])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [velocity]: [&Tensor; 1],
    ) -> candle_core::Result<(Tensor, [Tensor; 1])> {
        let gradient = (gradient + (weight * self.decay)?)?;
        let velocity = ((velocity * self.momentum)? + gradient)?;
        Ok(((weight - (&velocity * self.rate)?)?, [velocity]))
    }
}

struct Nesterov(SgdRule);

impl Rule<1> for Nesterov {
    const AVERAGES: [&'static str; 1] = SgdRule::AVERAGES;

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [velocity]: [T; 1]) -> (T, [T; 1]) {
        let gradient = gradient + T::of(self.0.decay) * weight;
        let momentum = T::of(self.0.momentum);
        let velocity = momentum * velocity + gradient;
        let ahead = gradient + momentum * velocity;
        (weight - T::of(self.0.rate) * ahead, [velocity])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [velocity]: [&Tensor; 1],
    ) -> candle_core::Result<(Tensor, [Tensor; 1])> {
        let gradient = (gradient + (weight * self.0.decay)?)?;
        let velocity = ((velocity * self.0.momentum)? + &gradient)?;
        let ahead = (gradient + (&velocity * self.0.momentum)?)?;
        Ok(((weight - (ahead * self.0.rate)?)?, [velocity]))
    }
}
