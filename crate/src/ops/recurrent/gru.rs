//! The GRU, whose gates reset and update the hidden state.

use candle_core::Tensor;
use pulp::Simd;

use super::{
    RecurrentOutput, RecurrentWeights, Sweep, check,
    composed::{self, sigmoid},
    fused::{self, Cell, CellGradients},
    row::{self, Row, map},
};
use crate::{
    Result,
    numerics::{for_float, lanes::Lanes},
    ops::fallback,
};

/// A gated recurrent unit over a whole sequence, like PyTorch's `nn.GRU` and Keras' `GRU` with
/// `reset_after=True` (Cho et al., 2014):
///
/// ```text
/// r, z = sigmoid(weight_ih x + bias_ih + weight_hh h + bias_hh)       reset, update gate
/// n    = tanh(weight_ih x + bias_ih + r (weight_hh h + bias_hh))      candidate
/// h'   = (1 - z) n + z h
/// ```
///
/// `input` is `[batch, time, features]`; `weights` have the rows of `r z n`; the `initial` hidden
/// state, `[batch, hidden]`, is zero if `None`.
///
/// # Errors
/// If shapes or element types do not fit, or there are no steps.
pub fn gru(
    input: &Tensor,
    weights: &RecurrentWeights,
    initial: Option<&Tensor>,
    sweep: &Sweep,
) -> Result<RecurrentOutput> {
    let named: Vec<_> = initial.map(|state| ("hidden", state)).into_iter().collect();
    let sizes = check("gru", 3, input, weights, &named, sweep)?;
    let initial: Vec<&Tensor> = initial.into_iter().collect();
    let (sequence, states) = if fallback::fused(input) {
        for_float!(input.dtype(), T => fused::run::<T, _, 4>(Gru, sizes, input, weights, &initial, sweep))
    } else {
        composed::run(1, sizes, input, weights, &initial, sweep, composed_step)
    }?;
    let [hidden] = composed::array(states);
    Ok(RecurrentOutput { sequence, hidden })
}

/// One step of candle operations, from the products with the input and the state.
fn composed_step(
    input: &Tensor,
    weights: &RecurrentWeights,
    states: &[Tensor],
) -> Result<Vec<Tensor>> {
    let hidden = &states[0];
    let product = composed::recurrent_product(weights, hidden)?;
    let [input_r, input_z, input_n] = composed::array(input.chunk(3, 1)?);
    let [hidden_r, hidden_z, hidden_n] = composed::array(product.chunk(3, 1)?);
    let r = sigmoid(&(input_r + hidden_r)?)?;
    let z = sigmoid(&(input_z + hidden_z)?)?;
    let n = (input_n + (r * hidden_n)?)?.tanh()?;
    let kept = (z * (hidden - &n)?)?;
    Ok(vec![(n + kept)?])
}

/// The rows are `n r z` and, separately, the part of `n` that comes from the hidden state, before
/// the reset. The input feeds the first three, the hidden state the last three.
#[derive(Clone, Copy)]
struct Gru;

impl Cell<4> for Gru {
    const NAME: &'static str = "gru";
    const GATES: usize = 3;
    const HAS_CELL: bool = false;

    fn input_gate(row: usize) -> usize {
        (row + 2) % 3
    }

    #[inline(always)]
    fn forward<S: Simd, T: Lanes>(
        self,
        simd: S,
        rows: &mut [Row<S, T>; 4],
        hidden: &Row<S, T>,
        cell: &Row<S, T>,
    ) -> [Row<S, T>; 2] {
        let [n, r, z, recurrent] = rows;
        row::sigmoid::<S, T>(r);
        row::sigmoid::<S, T>(z);
        [*n] = map::<S, T, _, _>(simd, [n, r, recurrent], |[n, r, recurrent]| {
            [r.mul_add(recurrent, n)]
        });
        row::tanh::<S, T>(n);
        let [hidden] = map::<S, T, _, _>(simd, [n, z, hidden], |[n, z, hidden]| {
            [z.mul_add(hidden - n, n)]
        });
        [hidden, *cell]
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lanes>(
        self,
        simd: S,
        [n, r, z, recurrent]: &[Row<S, T>; 4],
        _hidden: &Row<S, T>,
        previous_hidden: &Row<S, T>,
        grad_hidden: &Row<S, T>,
        grad_cell: &Row<S, T>,
    ) -> CellGradients<S, T, 4> {
        let [grad_n, grad_z, grad_hidden] = map::<S, T, _, _>(
            simd,
            [n, z, previous_hidden, grad_hidden],
            |[n, z, previous_hidden, grad_hidden]| {
                [
                    grad_hidden * z.complement() * (n * n).complement(),
                    grad_hidden * (previous_hidden - n) * z * z.complement(),
                    grad_hidden * z,
                ]
            },
        );
        let [grad_r, grad_recurrent] =
            map::<S, T, _, _>(simd, [r, recurrent, &grad_n], |[r, recurrent, grad_n]| {
                [grad_n * recurrent * r * r.complement(), grad_n * r]
            });
        CellGradients {
            rows: [grad_n, grad_r, grad_z, grad_recurrent],
            hidden: grad_hidden,
            cell: *grad_cell,
        }
    }
}
