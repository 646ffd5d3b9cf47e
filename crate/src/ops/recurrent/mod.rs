//! Recurrent layers as one operation over the whole sequence: simple RNN, GRU and LSTM.
//!
//! Weights, gate order and results are those of PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM` with
//! `batch_first=True`, one layer, one direction. A [`Sweep`] says in which direction the sequence
//! is read and which of its steps are padding.
//!
//! ```
//! use cuaderno::{ops::{self, RecurrentWeights, Sweep}, prelude::*};
//!
//! let mut rng = Rng::new(6202);
//! let (batch, time, features, hidden) = (2, 5, 3, 4);
//! let weights = RecurrentWeights {
//!     weight_ih: rng.uniform(-0.5, 0.5, &[4 * hidden, features])?,
//!     weight_hh: rng.uniform(-0.5, 0.5, &[4 * hidden, hidden])?,
//!     bias_ih: rng.uniform(-0.5, 0.5, &[4 * hidden])?,
//!     bias_hh: rng.uniform(-0.5, 0.5, &[4 * hidden])?,
//! };
//! let sentences = rng.normal(0.0, 1.0, &[batch, time, features])?;
//! let output = ops::lstm(&sentences, &weights, None, &Sweep::default())?;
//! assert_eq!(output.sequence.dims(), [batch, time, hidden]);
//! assert_eq!(output.state.cell.dims(), [batch, hidden]);
//! # Ok::<(), cuaderno::Error>(())
//! ```

mod backward;
mod buffer;
mod composed;
mod forward;
mod fused;
mod gru;
mod lstm;
mod rnn;
mod row;
mod tile;
mod transpose;
mod weight_gradient;
mod weights;

use candle_core::{Device, Tensor};

pub use gru::gru;
pub use lstm::{LstmOutput, LstmState, lstm};
pub use rnn::{RnnActivation, rnn};
pub use weights::RecurrentWeights;

use crate::{Error, Result};

/// The order in which a recurrent layer reads the steps of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the first step to the last.
    #[default]
    Forward,
    /// From the last step to the first. The output of step t is still at position t.
    Reverse,
}

/// The way in which a recurrent layer reads its sequence. By default it reads forward, without
/// padding.
///
/// A step where `mask` is zero is padding: the state is carried over unchanged, the output is zero,
/// and no gradient flows into the input there. For padding on the right this is what PyTorch does
/// with packed sequences, in both directions; padding on the left (Keras' `padding="pre"`) or in
/// the middle works in the same way.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// The order of the steps.
    pub direction: Direction,
    /// `[batch, time]` of any type, zero at padding. With `None` there is no padding.
    pub mask: Option<Tensor>,
}

impl Sweep {
    /// A forward sweep, with padding where `mask` `[batch, time]` is zero.
    ///
    /// ```
    /// use cuaderno::{ops::Sweep, prelude::*};
    /// let words = Tensor::new(&[[0u32, 0, 7, 3], [4, 1, 1, 5]], &Device::Cpu)?; // 0: padding
    /// let sweep = Sweep::masked(words.ne(0u32)?);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    pub fn masked(mask: Tensor) -> Self {
        Self {
            mask: Some(mask),
            ..Self::default()
        }
    }

    /// The same, read from the last step to the first.
    pub fn reversed(self) -> Self {
        Self {
            direction: Direction::Reverse,
            ..self
        }
    }
}

/// The mask of sequences that are padded on the right to `time` steps: `[batch, time]`, one where
/// the step is within the sequence, zero elsewhere.
///
/// # Errors
/// If a length is above `time`.
///
/// ```
/// let mask = cuaderno::ops::mask_of_lengths(&[1, 3], 3)?;
/// assert_eq!(mask.to_vec2::<u8>()?, [[1, 0, 0], [1, 1, 1]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn mask_of_lengths(lengths: &[usize], time: usize) -> Result<Tensor> {
    if let Some(length) = lengths.iter().find(|&&length| length > time) {
        return Err(Error::argument(
            "a sequence length",
            length,
            format!("at most {time}, the number of steps"),
        ));
    }
    let mask: Vec<u8> = lengths
        .iter()
        .flat_map(|&length| (0..time).map(move |step| u8::from(step < length)))
        .collect();
    Ok(Tensor::from_vec(mask, (lengths.len(), time), &Device::Cpu)?)
}

/// The result of a simple RNN or a GRU.
#[derive(Clone, Debug)]
pub struct RecurrentOutput {
    /// The hidden state after each step, zero at padding: `[batch, time, hidden]`.
    pub sequence: Tensor,
    /// The hidden state after the last step that was read: `[batch, hidden]`.
    pub hidden: Tensor,
}

/// The sizes of one call, checked against each other.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    time: usize,
    features: usize,
    hidden: usize,
}

/// Checks every shape and type of a call. `initial` holds the named states it starts from.
fn check(
    operation: &'static str,
    gates: usize,
    input: &Tensor,
    weights: &RecurrentWeights,
    initial: &[(&'static str, &Tensor)],
    sweep: &Sweep,
) -> Result<Sizes> {
    let &[batch, time, features] = input.dims() else {
        return Err(Error::shape(
            operation,
            format!(
                "the input is {:?}, but it must be [batch, time, features]. For one sequence, \
                 add a batch dimension with `unsqueeze(0)`.",
                input.dims()
            ),
        ));
    };
    if time == 0 {
        return Err(Error::shape(
            operation,
            format!(
                "the input {:?} has no steps, but a sequence must have one at least.",
                input.dims()
            ),
        ));
    }
    let hidden = weights.hidden();
    weights.check(operation, gates, features)?;
    for (name, state) in initial {
        if state.dims() != [batch, hidden] {
            return Err(Error::shape(
                operation,
                format!(
                    "the initial {name} state is {:?}, but for an input {:?} and {hidden} hidden \
                     units it must be [{batch}, {hidden}].",
                    state.dims(),
                    input.dims()
                ),
            ));
        }
    }
    if let Some(mask) = &sweep.mask
        && mask.dims() != [batch, time]
    {
        return Err(Error::shape(
            operation,
            format!(
                "the mask is {:?}, but for an input {:?} it must be [{batch}, {time}]: one number \
                 a step, zero at padding.",
                mask.dims(),
                input.dims()
            ),
        ));
    }
    let states = initial.iter().map(|(_, state)| *state);
    for tensor in weights.tensors().into_iter().chain(states) {
        if tensor.dtype() != input.dtype() {
            return Err(Error::argument(
                "the element type of a weight or state",
                tensor.dtype().as_str(),
                format!("that of the input, {}", input.dtype().as_str()),
            ));
        }
    }
    Ok(Sizes {
        batch,
        time,
        features,
        hidden,
    })
}

/// The mask as `[batch, time]` of u8, zero at padding and one elsewhere.
fn valid_steps(mask: &Tensor) -> Result<Tensor> {
    Ok(mask.ne(&mask.zeros_like()?)?)
}
