//! The simple recurrent network, whose hidden state is the activation of a sum.

use candle_core::Tensor;
use pulp::Simd;

use super::{
    RecurrentOutput, RecurrentWeights, Sweep, check, composed,
    fused::{self, Cell, CellGradients},
    row::{self, Row, map},
};
use crate::{
    Result,
    numerics::{for_float, lanes::Lanes},
    ops::{Activation, fallback},
};

/// The activation of a simple recurrent network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RnnActivation {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// `max(0, x)`, with a gradient of zero at zero.
    Relu,
}

/// A simple (Elman) recurrent network over a whole sequence, like PyTorch's `nn.RNN`:
///
/// ```text
/// h' = activation(weight_ih x + bias_ih + weight_hh h + bias_hh)
/// ```
///
/// `input` is `[batch, time, features]`; the `initial` hidden state, `[batch, hidden]`, is zero if
/// `None`.
///
/// # Errors
/// If shapes or element types do not fit, or there are no steps.
pub fn rnn(
    input: &Tensor,
    weights: &RecurrentWeights,
    activation: RnnActivation,
    initial: Option<&Tensor>,
    sweep: &Sweep,
) -> Result<RecurrentOutput> {
    let named: Vec<_> = initial.map(|state| ("hidden", state)).into_iter().collect();
    let sizes = check("rnn", 1, input, weights, &named, sweep)?;
    let initial: Vec<&Tensor> = initial.into_iter().collect();
    let (sequence, states) = if fallback::fused(input) {
        let cell = Rnn { activation };
        for_float!(input.dtype(), T => fused::run::<T, _, 1>(cell, sizes, input, weights, &initial, sweep))
    } else {
        composed::run(
            1,
            sizes,
            input,
            weights,
            &initial,
            sweep,
            |input, weights, states| {
                let sum = (input + composed::recurrent_product(weights, &states[0])?)?;
                Ok(vec![match activation {
                    RnnActivation::Tanh => sum.tanh()?,
                    RnnActivation::Relu => Activation::Relu.apply(&sum)?,
                }])
            },
        )
    }?;
    let [hidden] = composed::array(states);
    Ok(RecurrentOutput { sequence, hidden })
}

/// The only row is the sum, then its activation.
#[derive(Clone, Copy)]
struct Rnn {
    activation: RnnActivation,
}

impl Cell<1> for Rnn {
    const NAME: &'static str = "rnn";
    const GATES: usize = 1;
    const HAS_CELL: bool = false;

    #[inline(always)]
    fn forward<S: Simd, T: Lanes>(
        self,
        _simd: S,
        [hidden]: &mut [Row<S, T>; 1],
        _hidden: &Row<S, T>,
        cell: &Row<S, T>,
    ) -> [Row<S, T>; 2] {
        match self.activation {
            RnnActivation::Tanh => row::tanh::<S, T>(hidden),
            RnnActivation::Relu => {
                for x in row::numbers_mut::<S, T>(hidden) {
                    *x = x.at_least(T::zero());
                }
            }
        }
        [*hidden, *cell]
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lanes>(
        self,
        simd: S,
        [hidden]: &[Row<S, T>; 1],
        _memory: &Row<S, T>,
        _previous_memory: &Row<S, T>,
        grad_hidden: &Row<S, T>,
        grad_cell: &Row<S, T>,
    ) -> CellGradients<S, T, 1> {
        let gradient = match self.activation {
            RnnActivation::Tanh => {
                let [gradient] =
                    map::<S, T, _, _>(simd, [hidden, grad_hidden], |[hidden, grad_hidden]| {
                        [grad_hidden * (hidden * hidden).complement()]
                    });
                gradient
            }
            RnnActivation::Relu => {
                let mut gradient = *grad_hidden;
                let numbers = row::numbers_mut::<S, T>(&mut gradient);
                for (gradient, &hidden) in numbers.iter_mut().zip(row::numbers::<S, T>(hidden)) {
                    // As in PyTorch, NaN passes.
                    if hidden <= T::zero() {
                        *gradient = T::zero();
                    }
                }
                gradient
            }
        };
        CellGradients {
            rows: [gradient],
            hidden: row::zero::<S, T>(simd),
            cell: *grad_cell,
        }
    }
}
