//! The fused operation, as candle sees it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail};
use pulp::Simd;

use super::{
    Direction, RecurrentWeights, Sizes, Sweep,
    backward::{Backward, Gradients, Wanted},
    buffer::Buffer,
    forward::Forward,
    row::Row,
    valid_steps,
};
use crate::numerics::{
    lanes::Lanes,
    level::Level,
    storage::{Elements, elements},
};

/// The formulas of one kind of recurrent unit, which has `ROWS` sums of products with the input
/// and the hidden state.
///
/// The input feeds the first [`GATES`](Self::GATES) of the rows, the hidden state the last `GATES`.
/// If these are not all rows, one gate needs the two products separately.
pub(super) trait Cell<const ROWS: usize>: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    /// The number of rows of the weights for each unit.
    const GATES: usize;
    /// Whether there is a cell state beside the hidden state.
    const HAS_CELL: bool;

    /// The one of PyTorch's gates that feeds row `row` from the input. The hidden state feeds row
    /// `ROWS - GATES + gate` with gate `gate`.
    fn input_gate(row: usize) -> usize {
        row
    }

    /// Replaces the sums in `rows` with the values that the backward pass needs. Returns the hidden
    /// and the cell state that follow `hidden` and `cell`.
    fn forward<S: Simd, T: Lanes>(
        self,
        simd: S,
        rows: &mut [Row<S, T>; ROWS],
        hidden: &Row<S, T>,
        cell: &Row<S, T>,
    ) -> [Row<S, T>; 2];

    /// Computes the gradients of the sums of a step, and of the states before it, from those of the
    /// states after it. The gradients of the states do not include the part that flows through the
    /// sums. `rows` holds the values that `forward` left; `memory` is the cell state if there is
    /// one, and otherwise the hidden state.
    fn backward<S: Simd, T: Lanes>(
        self,
        simd: S,
        rows: &[Row<S, T>; ROWS],
        memory: &Row<S, T>,
        previous_memory: &Row<S, T>,
        grad_hidden: &Row<S, T>,
        grad_cell: &Row<S, T>,
    ) -> CellGradients<S, T, ROWS>;
}

/// The result of [`Cell::backward`].
pub(super) struct CellGradients<S: Simd, T: Lanes, const ROWS: usize> {
    pub rows: [Row<S, T>; ROWS],
    pub hidden: Row<S, T>,
    pub cell: Row<S, T>,
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a, T> {
    pub sizes: Sizes,
    pub direction: Direction,
    /// `[batch, time]`: whether the step counts.
    pub mask: Option<&'a [bool]>,
    /// `[batch, time, features]`
    pub input: &'a [T],
    pub weights: Weights<'a, T>,
    /// The hidden and the cell state to start from, `[batch, hidden]` each.
    pub initial: [&'a [T]; 2],
}

impl<T> Problem<'_, T> {
    /// The step that the sweep reads at position `index`.
    pub fn step(&self, index: usize) -> usize {
        match self.direction {
            Direction::Forward => index,
            Direction::Reverse => self.sizes.time - 1 - index,
        }
    }

    /// The hidden state of an example before step `index` of the sweep, which must not be padding.
    /// `sequence`, the result of the forward pass, is zero at padding, so this is the state of the
    /// last step that is not padding.
    pub fn hidden_before<'b>(&'b self, sequence: &'b [T], example: usize, index: usize) -> &'b [T] {
        let (time, units) = (self.sizes.time, self.sizes.hidden);
        let mut steps = (0..index).rev().map(|index| self.step(index));
        match steps.find(|&step| self.is_valid(example, step)) {
            Some(step) => &sequence[(example * time + step) * units..][..units],
            None => &self.initial[0][example * units..][..units],
        }
    }

    /// Whether step `step` of an example is not padding.
    pub fn is_valid(&self, example: usize, step: usize) -> bool {
        self.mask
            .is_none_or(|mask| mask[example * self.sizes.time + step])
    }
}

/// [`RecurrentWeights`] as slices.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a, T> {
    pub weight_ih: &'a [T],
    pub weight_hh: &'a [T],
    pub bias_ih: &'a [T],
    pub bias_hh: &'a [T],
}

impl<'a, T> Weights<'a, T> {
    /// Splits the result of [`RecurrentWeights::packed`].
    fn unpack(packed: &'a [T], sizes: Sizes, gates: usize) -> Self {
        let rows = gates * sizes.hidden;
        let (weight_ih, rest) = packed.split_at(rows * sizes.features);
        let (weight_hh, rest) = rest.split_at(rows * sizes.hidden);
        let (bias_ih, bias_hh) = rest.split_at(rows);
        Self {
            weight_ih,
            weight_hh,
            bias_ih,
            bias_hh,
        }
    }
}

/// The number of examples that a thread takes at a time: whole chunks, in at most eight jobs. It
/// depends on the batch alone, so that sums over jobs do not depend on the number of threads.
pub(super) fn examples_per_job(batch: usize, width: usize) -> usize {
    const MOST: usize = 8;
    batch.div_ceil(width).div_ceil(MOST).max(1) * width
}

/// Runs the fused operation. Returns the sequence, then the hidden and, if there is one, the cell
/// state at its end. `initial` holds the same number of states, or is empty for zeros.
pub(super) fn run<T: Lanes, C: Cell<ROWS>, const ROWS: usize>(
    cell: C,
    sizes: Sizes,
    input: &Tensor,
    weights: &RecurrentWeights,
    initial: &[&Tensor],
    sweep: &Sweep,
) -> crate::Result<(Tensor, Vec<Tensor>)> {
    let states = 1 + usize::from(C::HAS_CELL);
    let initial = if initial.is_empty() {
        let shape = (states, sizes.batch, sizes.hidden);
        Tensor::zeros(shape, input.dtype(), input.device())?
    } else {
        Tensor::stack(initial, 0)?
    };
    let mask = match &sweep.mask {
        Some(mask) => Some(
            valid_steps(mask)?
                .flatten_all()?
                .to_vec1::<u8>()?
                .into_iter()
                .map(|valid| valid != 0)
                .collect(),
        ),
        None => None,
    };
    let input = input.contiguous()?;
    let weights = weights.packed()?;
    let saved = Arc::new(Saved::<T>::default());
    let operation = Fused::<T, C, ROWS> {
        cell,
        sizes,
        direction: sweep.direction,
        mask,
        level: Level::current(),
        tracked: input.track_op() || weights.track_op() || initial.track_op(),
        saved: saved.clone(),
    };
    let sequence = input.apply_op3(&weights, &initial, operation)?;
    let states = (0..states)
        .map(|state| {
            sequence.apply_op1(FinalState {
                state,
                sizes,
                saved: saved.clone(),
            })
        })
        .collect::<Result<_>>()?;
    Ok((sequence, states))
}

/// The results of the forward pass that the backward pass needs.
struct Saved<T> {
    records: OnceLock<Buffer<T>>,
    /// The hidden and the cell state at the end.
    states: OnceLock<[Vec<T>; 2]>,
    /// The gradients of those two states, put here by [`FinalState`] for [`Fused`], which runs
    /// after it in every backward pass.
    gradients: Mutex<[Option<Tensor>; 2]>,
}

impl<T> Default for Saved<T> {
    fn default() -> Self {
        Self {
            records: OnceLock::new(),
            states: OnceLock::new(),
            gradients: Mutex::default(),
        }
    }
}

/// The operation from input, packed weights and initial states to the sequence.
struct Fused<T, C, const ROWS: usize> {
    cell: C,
    sizes: Sizes,
    direction: Direction,
    mask: Option<Vec<bool>>,
    /// The records are as wide as the registers, so the backward pass runs on the level of the
    /// forward pass.
    level: Level,
    tracked: bool,
    saved: Arc<Saved<T>>,
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> Fused<T, C, ROWS> {
    fn problem<'a>(&'a self, input: &'a [T], weights: &'a [T], initial: &'a [T]) -> Problem<'a, T> {
        let (hidden, cell) = initial.split_at(self.sizes.batch * self.sizes.hidden);
        Problem {
            sizes: self.sizes,
            direction: self.direction,
            mask: self.mask.as_deref(),
            input,
            weights: Weights::unpack(weights, self.sizes, C::GATES),
            initial: [hidden, if C::HAS_CELL { cell } else { hidden }],
        }
    }
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> CustomOp3 for Fused<T, C, ROWS> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
        initial: &CpuStorage,
        initial_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let forwarded = T::dispatch(Forward {
            cell: self.cell,
            problem: self.problem(
                elements(input, input_layout)?,
                elements(weights, weights_layout)?,
                elements(initial, initial_layout)?,
            ),
            keep_records: self.tracked,
        });
        self.saved.records.get_or_init(|| forwarded.records);
        self.saved.states.get_or_init(|| forwarded.states);
        let shape = (self.sizes.batch, self.sizes.time, self.sizes.hidden);
        Ok((T::to_cpu_storage_owned(forwarded.sequence), shape.into()))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weights: &Tensor,
        initial: &Tensor,
        sequence: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [grad_hidden, grad_cell] = {
            let mut slots = self.saved.gradients.lock();
            let slots = slots.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
            std::mem::take(&mut **slots)
        };
        let (Some(records), Some(states)) = (self.saved.records.get(), self.saved.states.get())
        else {
            bail!("{}: backward without forward", C::NAME);
        };
        let zeros = || vec![T::zero(); states[0].len()];
        let gradient_of = |gradient: Option<Tensor>| match gradient {
            Some(gradient) => gradient.flatten_all()?.to_vec1(),
            None => Ok(zeros()),
        };
        let gradient = gradient.contiguous()?;
        let (input_elements, weight_elements) = (Elements::of(input)?, Elements::of(weights)?);
        let initial_elements = Elements::of(initial)?;
        let _level = self.level.force()?;
        let Gradients {
            input: input_gradient,
            weights: weights_gradient,
            initial: initial_gradient,
        } = T::dispatch(Backward {
            cell: self.cell,
            problem: self.problem(&input_elements, &weight_elements, &initial_elements),
            records,
            sequence: &Elements::of(sequence)?,
            grad_sequence: &Elements::of(&gradient)?,
            grad_states: [gradient_of(grad_hidden)?, gradient_of(grad_cell)?],
            wanted: Wanted {
                input: input.track_op(),
                weights: weights.track_op(),
                initial: initial.track_op(),
            },
        });
        let tensor = |gradient: Option<Vec<T>>, like: &Tensor| {
            gradient
                .map(|gradient| Tensor::from_vec(gradient, like.shape(), like.device()))
                .transpose()
        };
        Ok((
            tensor(input_gradient, input)?,
            tensor(weights_gradient, weights)?,
            tensor(initial_gradient, initial)?,
        ))
    }
}

/// The operation from the sequence to a state at its end.
///
/// Candle's operations return one tensor. Making the sequence a view of a larger tensor with these
/// states would cost three more passes over its gradient in every training step. So this operation
/// returns the state that [`Fused`] saved, and its gradient takes the same way back, besides the
/// gradient of the sequence.
struct FinalState<T> {
    /// 0: hidden, 1: cell.
    state: usize,
    sizes: Sizes,
    saved: Arc<Saved<T>>,
}

impl<T: Lanes> CustomOp1 for FinalState<T> {
    fn name(&self) -> &'static str {
        "the final state of a recurrent layer"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some(states) = self.saved.states.get() else {
            bail!("{}: asked for before the sequence", self.name());
        };
        Ok((
            T::to_cpu_storage_owned(states[self.state].clone()),
            (self.sizes.batch, self.sizes.hidden).into(),
        ))
    }

    fn bwd(&self, sequence: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut slots = self
            .saved
            .gradients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        slots[self.state] = Some(gradient.clone());
        // Makes the backward pass reach the sequence, whatever else depends on it.
        let zero = Tensor::zeros((), sequence.dtype(), sequence.device())?;
        Ok(Some(zero.broadcast_as(sequence.shape())?))
    }
}
