//! The state of recurrent layers.

use candle_core::Tensor;

use crate::ops::LstmState;
use crate::{Error, Result};

/// The state of a recurrent layer after a sequence. The next part of the sequence, or a decoder,
/// can start from it.
///
/// A stack has a state for each layer, `[layers, batch, units]`. A
/// [`Bidirectional`](super::Bidirectional) layer has one for each layer and direction, `[2 layers,
/// batch, units]`: as in PyTorch, forwards and backwards for the first layer, then for the second,
/// and so on.
#[derive(Clone, Debug)]
pub struct RecurrentState {
    /// The hidden state, `[batch, units]`.
    pub hidden: Tensor,
    /// The cell state of an LSTM, `[batch, units]`.
    pub cell: Option<Tensor>,
}

impl RecurrentState {
    /// The state of one of `count` levels and directions.
    pub(super) fn at(&self, index: usize, count: usize) -> Result<Self> {
        if count == 1 {
            return Ok(self.clone());
        }
        let part = |name: &str, state: &Tensor| match *state.dims() {
            [levels, _, _] if levels == count => Ok(state.get(index)?),
            ref dims => Err(Error::shape(
                "recurrent layer",
                format!(
                    "the initial {name} state is {dims:?}, but it must be [{count}, batch, units]: one for each of the layers and directions."
                ),
            )),
        };
        Ok(Self {
            hidden: part("hidden", &self.hidden)?,
            cell: (self.cell.as_ref())
                .map(|cell| part("cell", cell))
                .transpose()?,
        })
    }

    /// Joins the states of all levels and directions.
    pub(super) fn stacked(states: &[Self]) -> Result<Self> {
        if let [state] = states {
            return Ok(state.clone());
        }
        let hidden: Vec<&Tensor> = states.iter().map(|state| &state.hidden).collect();
        let cells: Option<Vec<&Tensor>> = states.iter().map(|state| state.cell.as_ref()).collect();
        Ok(Self {
            hidden: Tensor::stack(&hidden, 0)?,
            cell: cells.map(|cells| Tensor::stack(&cells, 0)).transpose()?,
        })
    }
}

impl TryFrom<&RecurrentState> for LstmState {
    type Error = Error;

    fn try_from(state: &RecurrentState) -> Result<Self> {
        let cell = state.cell.clone().ok_or_else(|| {
            Error::argument(
                "the initial state of an Lstm",
                "a hidden state alone",
                "a hidden state and a cell, as an Lstm leaves them",
            )
        })?;
        Ok(Self {
            hidden: state.hidden.clone(),
            cell,
        })
    }
}
