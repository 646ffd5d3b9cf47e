//! Adam, and AdamW with its decoupled weight decay.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::arguments::{not_negative, share_below_one};
use super::update::{Memory, Rule, remembers};
use super::{Optimiser, State};
use crate::Result;
use crate::nn::Parameters;
use crate::numerics::simd::Float;

/// Adam (Kingma & Ba 2015): running means of the gradient and of its square, both corrected for
/// starting at zero. As in PyTorch, the correction counts the steps of each parameter separately,
/// so a parameter whose first gradient comes late starts like the others.
///
/// The defaults are those of PyTorch: `beta1` 0.9, `beta2` 0.999 and `epsilon` 1e-8, added to the
/// corrected root as in the paper's algorithm 1. (Keras' 1e-7 is added before the correction.)
#[derive(Clone, Debug)]
pub struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// Adam's weight decay, added to the gradients.
    penalty: f64,
    /// AdamW's weight decay, subtracted from the weights.
    weight_decay: f64,
    memory: Memory<2>,
}

/// Adam that, independently of the gradient, shrinks each weight by the factor `1 - learning rate ·
/// weight decay` before each step (Loshchilov & Hutter 2019).
///
/// The defaults are those of PyTorch: the ones of [`Adam`], with a weight decay of 0.01.
#[derive(Clone, Debug)]
pub struct AdamW(Adam);

impl Adam {
    /// Adam with this learning rate, usually 1e-3.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            penalty: 0.0,
            weight_decay: 0.0,
            memory: Memory::default(),
        }
    }

    /// Sets the fractions of the old mean and mean square that each step keeps, in `[0, 1)`.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        (self.beta1, self.beta2) = (beta1, beta2);
        self
    }

    /// Sets the small number added to the root, at least 0.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets the L2 penalty: each gradient is increased by `weight_decay` times the weight. Since
    /// Adam divides gradients by their root mean square, the size of the penalty hardly matters;
    /// [`AdamW`] fixes that.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.penalty = weight_decay;
        self
    }
}

impl AdamW {
    /// AdamW with this learning rate, usually 1e-3.
    pub fn new(learning_rate: f64) -> Self {
        Self(Adam {
            weight_decay: 0.01,
            ..Adam::new(learning_rate)
        })
    }

    /// The same as [`Adam::betas`].
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self(self.0.betas(beta1, beta2))
    }

    /// The same as [`Adam::epsilon`].
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self(self.0.epsilon(epsilon))
    }

    /// Sets the weight decay, at least 0: each step subtracts this fraction of the weight, times
    /// the learning rate.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.0.weight_decay = weight_decay;
        self
    }
}

impl Optimiser for Adam {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.check()?;
        let rule = |step| {
            let step = step as f64;
            AdamRule {
                beta1: self.beta1,
                beta2: self.beta2,
                epsilon: self.epsilon,
                keep: 1.0 - self.learning_rate * self.weight_decay,
                rate: self.learning_rate / (1.0 - self.beta1.powf(step)),
                root_correction: 1.0 / (1.0 - self.beta2.powf(step)).sqrt(),
            }
        };
        self.memory
            .update_decayed(rule, self.penalty, parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        self.memory.check_rate(self.learning_rate)?;
        share_below_one("beta1", self.beta1)?;
        share_below_one("beta2", self.beta2)?;
        not_negative("epsilon", self.epsilon)?;
        not_negative("the weight decay", self.penalty)?;
        not_negative("the weight decay", self.weight_decay)
    }

    remembers!(AdamRule);
}

impl Optimiser for AdamW {
    fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.0.step(parameters, gradients)
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn learning_rate(&self) -> f64 {
        self.0.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.0.set_learning_rate(learning_rate);
    }

    fn state(&self) -> State {
        self.0.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.0.restore(state)
    }
}

/// The update of a parameter in one step, with the corrections computed.
struct AdamRule {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    keep: f64,
    rate: f64,
    root_correction: f64,
}

impl Rule<2> for AdamRule {
    const AVERAGES: [&'static str; 2] = ["mean", "mean_square"];

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, [mean, square]: [T; 2]) -> (T, [T; 2]) {
        let mean = T::of(self.beta1) * mean + T::of(1.0 - self.beta1) * gradient;
        let square = T::of(self.beta2) * square + T::of(1.0 - self.beta2) * gradient * gradient;
        let root = square.sqrt() * T::of(self.root_correction) + T::of(self.epsilon);
        let step = T::of(self.rate) * mean / root;
        (weight * T::of(self.keep) - step, [mean, square])
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        [mean, square]: [&Tensor; 2],
    ) -> candle_core::Result<(Tensor, [Tensor; 2])> {
        let mean = ((mean * self.beta1)? + (gradient * (1.0 - self.beta1))?)?;
        let square = ((square * self.beta2)? + (gradient.sqr()? * (1.0 - self.beta2))?)?;
        let root = square.sqrt()?.affine(self.root_correction, self.epsilon)?;
        let step = ((&mean * self.rate)? / root)?;
        Ok((((weight * self.keep)? - step)?, [mean, square]))
    }
}
