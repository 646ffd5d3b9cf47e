//! The LSTM, whose gates write, keep and read a cell state.

use candle_core::Tensor;
use pulp::Simd;

use super::{
    RecurrentWeights, Sweep, check,
    composed::{self, sigmoid},
    fused::{self, Cell, CellGradients},
    row::{self, Row, map},
};
use crate::{
    Result,
    numerics::{for_float, lanes::Lanes},
    ops::fallback,
};

/// The two states of an LSTM, `[batch, hidden]` each.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// The hidden state, which is the output of the layer.
    pub hidden: Tensor,
    /// The cell state, which is its memory.
    pub cell: Tensor,
}

/// The result of [`lstm`].
#[derive(Clone, Debug)]
pub struct LstmOutput {
    /// The hidden state after each step, zero at padding: `[batch, time, hidden]`.
    pub sequence: Tensor,
    /// The states after the last step that was read, from which a decoder or the next part of a
    /// long sequence can start.
    pub state: LstmState,
}

/// A long short-term memory over a whole sequence, like PyTorch's `nn.LSTM` (Hochreiter and
/// Schmidhuber, 1997; with forget gates, Gers et al., 2000):
///
/// ```text
/// i, f, o = sigmoid(weight_ih x + bias_ih + weight_hh h + bias_hh)    input, forget, output gate
/// g       = tanh(the same with its own rows)                          candidate
/// c'      = f c + i g
/// h'      = o tanh(c')
/// ```
///
/// `input` is `[batch, time, features]`; `weights` have the rows of `i f g o`; `initial` is zero if
/// `None`. See [the module](super) for an example.
///
/// # Errors
/// If shapes or element types do not fit, or there are no steps.
pub fn lstm(
    input: &Tensor,
    weights: &RecurrentWeights,
    initial: Option<&LstmState>,
    sweep: &Sweep,
) -> Result<LstmOutput> {
    let named = initial.map(|state| [("hidden", &state.hidden), ("cell", &state.cell)]);
    let named = named.as_ref().map_or(&[][..], |states| states);
    let sizes = check("lstm", 4, input, weights, named, sweep)?;
    let initial: Vec<&Tensor> = named.iter().map(|(_, state)| *state).collect();
    let (sequence, states) = if fallback::fused(input) {
        for_float!(input.dtype(), T => fused::run::<T, _, 4>(Lstm, sizes, input, weights, &initial, sweep))
    } else {
        composed::run(2, sizes, input, weights, &initial, sweep, composed_step)
    }?;
    let [hidden, cell] = composed::array(states);
    Ok(LstmOutput {
        sequence,
        state: LstmState { hidden, cell },
    })
}

/// One step of candle operations, from the products with the input and the states.
fn composed_step(
    input: &Tensor,
    weights: &RecurrentWeights,
    states: &[Tensor],
) -> Result<Vec<Tensor>> {
    let sums = (input + composed::recurrent_product(weights, &states[0])?)?;
    let [i, f, g, o] = composed::array(sums.chunk(4, 1)?);
    let kept = (sigmoid(&f)? * &states[1])?;
    let cell = (kept + (sigmoid(&i)? * g.tanh()?)?)?;
    let hidden = (sigmoid(&o)? * cell.tanh()?)?;
    Ok(vec![hidden, cell])
}

/// The rows are the gates `i f g o`, first as sums, then after their activations.
#[derive(Clone, Copy)]
struct Lstm;

impl Cell<4> for Lstm {
    const NAME: &'static str = "lstm";
    const GATES: usize = 4;
    const HAS_CELL: bool = true;

    #[inline(always)]
    fn forward<S: Simd, T: Lanes>(
        self,
        simd: S,
        rows: &mut [Row<S, T>; 4],
        _hidden: &Row<S, T>,
        cell: &Row<S, T>,
    ) -> [Row<S, T>; 2] {
        let [i, f, g, o] = rows;
        row::sigmoid::<S, T>(i);
        row::sigmoid::<S, T>(f);
        row::tanh::<S, T>(g);
        row::sigmoid::<S, T>(o);
        let [cell] = map::<S, T, _, _>(simd, [i, f, g, cell], |[i, f, g, cell]| {
            [f.mul_add(cell, i * g)]
        });
        let mut squashed = cell;
        row::tanh::<S, T>(&mut squashed);
        let [hidden] = map::<S, T, _, _>(simd, [o, &squashed], |[o, squashed]| [o * squashed]);
        [hidden, cell]
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lanes>(
        self,
        simd: S,
        [i, f, g, o]: &[Row<S, T>; 4],
        cell: &Row<S, T>,
        previous_cell: &Row<S, T>,
        grad_hidden: &Row<S, T>,
        grad_cell: &Row<S, T>,
    ) -> CellGradients<S, T, 4> {
        let mut squashed = *cell;
        row::tanh::<S, T>(&mut squashed);
        let [grad_cell, grad_o] = map::<S, T, _, _>(
            simd,
            [o, &squashed, grad_hidden, grad_cell],
            |[o, squashed, grad_hidden, grad_cell]| {
                let slope = (squashed * squashed).complement();
                [
                    (grad_hidden * o).mul_add(slope, grad_cell),
                    grad_hidden * squashed * o * o.complement(),
                ]
            },
        );
        let [grad_i, grad_f, grad_g, grad_cell] = map::<S, T, _, _>(
            simd,
            [i, f, g, previous_cell, &grad_cell],
            |[i, f, g, previous_cell, grad_cell]| {
                [
                    grad_cell * g * i * i.complement(),
                    grad_cell * previous_cell * f * f.complement(),
                    grad_cell * i * (g * g).complement(),
                    grad_cell * f,
                ]
            },
        );
        CellGradients {
            rows: [grad_i, grad_f, grad_g, grad_o],
            hidden: row::zero::<S, T>(simd),
            cell: grad_cell,
        }
    }
}
