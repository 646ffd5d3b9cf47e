//! The L2 penalty: weight decay that goes through the averages of an optimiser.

use candle_core::Tensor;

use super::update::Rule;
use crate::numerics::simd::Float;

/// An update rule applied to the gradients of the loss plus `decay / 2` times the sum of the
/// squared weights, like PyTorch's `weight_decay` in every optimiser except AdamW.
pub(super) struct Decayed<R> {
    pub(super) rule: R,
    pub(super) decay: f64,
}

impl<const N: usize, R: Rule<N>> Rule<N> for Decayed<R> {
    const AVERAGES: [&'static str; N] = R::AVERAGES;

    #[inline(always)]
    fn number<T: Float>(&self, weight: T, gradient: T, averages: [T; N]) -> (T, [T; N]) {
        let gradient = gradient + T::of(self.decay) * weight;
        self.rule.number(weight, gradient, averages)
    }

    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        averages: [&Tensor; N],
    ) -> candle_core::Result<(Tensor, [Tensor; N])> {
        let gradient = (gradient + (weight * self.decay)?)?;
        self.rule.tensor(weight, &gradient, averages)
    }
}
