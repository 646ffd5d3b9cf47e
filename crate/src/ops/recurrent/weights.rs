//! The weights of a recurrent layer.

use candle_core::Tensor;

use crate::{Error, Result};

/// The weights of one recurrent layer and direction, in PyTorch's layout: the rows of all gates are
/// stacked, in the order `i f g o` for an LSTM and `r z n` for a GRU. `gates` is 4 for an LSTM, 3
/// for a GRU and 1 for a simple RNN.
#[derive(Clone, Debug)]
pub struct RecurrentWeights {
    /// The weights of the input, `[gates * hidden, features]`.
    pub weight_ih: Tensor,
    /// The weights of the previous hidden state, `[gates * hidden, hidden]`.
    pub weight_hh: Tensor,
    /// The bias of the product with the input, `[gates * hidden]`.
    pub bias_ih: Tensor,
    /// The bias of the product with the hidden state, `[gates * hidden]`.
    pub bias_hh: Tensor,
}

impl RecurrentWeights {
    /// The number of hidden units.
    pub(super) fn hidden(&self) -> usize {
        self.weight_hh.dims().last().copied().unwrap_or(0)
    }

    pub(super) fn tensors(&self) -> [&Tensor; 4] {
        [
            &self.weight_ih,
            &self.weight_hh,
            &self.bias_ih,
            &self.bias_hh,
        ]
    }

    pub(super) fn check(
        &self,
        operation: &'static str,
        gates: usize,
        features: usize,
    ) -> Result<()> {
        let hidden = self.hidden();
        if hidden == 0 || self.weight_hh.dims() != [gates * hidden, hidden] {
            return Err(Error::shape(
                operation,
                format!(
                    "weight_hh is {:?}, but it must be [{gates} * hidden, hidden].",
                    self.weight_hh.dims()
                ),
            ));
        }
        let rows = gates * hidden;
        for (name, tensor, expected) in [
            ("weight_ih", &self.weight_ih, &[rows, features][..]),
            ("bias_ih", &self.bias_ih, &[rows]),
            ("bias_hh", &self.bias_hh, &[rows]),
        ] {
            if tensor.dims() != expected {
                return Err(Error::shape(
                    operation,
                    format!(
                        "{name} is {:?}, but for {features} input features and {hidden} hidden \
                         units ({gates} gates) it must be {expected:?}.",
                        tensor.dims()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// All weights in a single vector, in the order of [`tensors`](Self::tensors), because an
    /// operation takes at most three tensors.
    pub(super) fn packed(&self) -> Result<Tensor> {
        let flat = self
            .tensors()
            .into_iter()
            .map(Tensor::flatten_all)
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Tensor::cat(&flat, 0)?)
    }
}
