//! Adadelta.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::arguments::{not_negative, share};
use super::update::{Memory, Rule, remembers};
use super::{Optimiser, State};
use crate::Result;
use crate::nn::Parameters;
use crate::numerics::simd::Float;

/// Adadelta (Zeiler 2012). A step is the gradient times the ratio of the running root mean squares
/// of past steps and past gradients, which gives it the unit of the weight.
///
/// The defaults are those of PyTorch, which the course used: `rho` 0.9 and `epsilon` 1e-6. Its
/// default learning rate is 1. (Keras uses 0.95, 1e-7 and 1e-3.)
#[derive(Clone, Debug)]
pub struct Adadelta {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
    memory: Memory<2>,
}

impl Adadelta {
    /// Adadelta with this learning rate, which is 1 in the paper.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rho: 0.9,
            epsilon: 1e-6,
            weight_decay: 0.0,
            memory: Memory::default(),
        }
    }

    /// Sets the fraction of the old mean squares that each step keeps, in `[0, 1]`.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Sets the small number added under both roots, at least 0.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets the L2 penalty: each gradient is increased by `weight_decay` times the weight.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl Optimiser for Adadelta {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.check()?;
        let rule = |_| AdadeltaRule {
            rate: self.learning_rate,
            rho: self.rho,
            epsilon: self.epsilon,
        };
        self.memory
            .update_decayed(rule, self.weight_decay, parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        self.memory.check_rate(self.learning_rate)?;
        share("rho", self.rho)?;
        not_negative("epsilon", self.epsilon)?;
        not_negative("the weight decay", self.weight_decay)
    }

    remembers!(AdadeltaRule);
}

struct AdadeltaRule {
    rate: f64,
    rho: f64,
    epsilon: f64,
}

impl Rule<2> for AdadeltaRule {
    const AVERAGES: [&'static str; 2] = ["mean_square", "mean_square_step"];

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [square, steps]: [T; 2]) -> (T, [T; 2]) {
        let (keep, add) = (T::of(self.rho), T::of(1.0 - self.rho));
        let epsilon = T::of(self.epsilon);
        let square = keep * square + add * gradient * gradient;
        let step = (steps + epsilon).sqrt() / (square + epsilon).sqrt() * gradient;
        let steps = keep * steps + add * step * step;
        (weight - T::of(self.rate) * step, [square, steps])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [square, steps]: [&Tensor; 2],
    ) -> candle_core::Result<(Tensor, [Tensor; 2])> {
        let mean =
            |old: &Tensor, new: &Tensor| (old * self.rho)? + (new.sqr()? * (1.0 - self.rho))?;
        let square = mean(square, gradient)?;
        let root = |mean_square: &Tensor| (mean_square + self.epsilon)?.sqrt();
        let step = ((root(steps)? / root(&square)?)? * gradient)?;
        let steps = mean(steps, &step)?;
        Ok(((weight - (step * self.rate)?)?, [square, steps]))
    }
}
