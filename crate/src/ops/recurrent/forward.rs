//! The fused forward pass.
//!
//! The batch is cut into chunks as wide as a [`Row`]. Each chunk goes through the whole sequence
//! separately, with its states in the first-level cache and the packed weights in the second. At
//! each step the products with the input and with the hidden state are summed in registers, for all
//! gates of a few units at a time, and the formulas of the cell are applied while the sums are
//! still there.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    buffer::Buffer,
    fused::{Cell, Problem, examples_per_job},
    row::{rows, rows_mut, width, zero},
    tile::{accumulate_gates, tile_rows},
    transpose::{Examples, from_lanes, to_lanes},
};
use crate::numerics::lanes::Lanes;

/// The results of the forward pass.
pub(super) struct Forwarded<T> {
    /// `[batch, time, hidden]`
    pub sequence: Vec<T>,
    /// The hidden and the cell state at the end: `[batch, hidden]` each.
    pub states: [Vec<T>; 2],
    /// For each chunk, step (in the order of the sweep) and unit: the rows of the cell after its
    /// formulas, then its memory. Empty if no gradient is wanted.
    pub records: Buffer<T>,
}

/// The forward pass over `problem`.
pub(super) struct Forward<'a, T, C, const ROWS: usize> {
    pub cell: C,
    pub problem: Problem<'a, T>,
    /// Whether a backward pass may follow.
    pub keep_records: bool,
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> WithSimd for Forward<'_, T, C, ROWS> {
    type Output = Forwarded<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Forwarded<T> {
        let sizes = self.problem.sizes;
        let width = width::<S, T>();
        let record = sizes.hidden * (ROWS + 1) * width;
        let steps = if self.keep_records { sizes.time } else { 1 };
        let job = examples_per_job(sizes.batch, width);

        let mut sequence = vec![T::zero(); sizes.batch * sizes.time * sizes.hidden];
        let mut hidden = vec![T::zero(); sizes.batch * sizes.hidden];
        let mut cell = hidden.clone();
        let mut records = Buffer::zeros(sizes.batch.div_ceil(width) * steps * record);

        let weights = Packed::new::<S, C, ROWS>(&self.problem);
        (
            sequence.par_chunks_mut(job * sizes.time * sizes.hidden),
            hidden.par_chunks_mut(job * sizes.hidden),
            cell.par_chunks_mut(job * sizes.hidden),
            records.par_chunks_mut(job.div_ceil(width) * steps * record),
        )
            .into_par_iter()
            .enumerate()
            .for_each(|(index, (sequence, hidden, cell, records))| {
                let chunks = sequence
                    .chunks_mut(width * sizes.time * sizes.hidden)
                    .zip(hidden.chunks_mut(width * sizes.hidden))
                    .zip(cell.chunks_mut(width * sizes.hidden))
                    .zip(records.chunks_mut(steps * record));
                for (chunk, (((sequence, hidden), cell), records)) in chunks.enumerate() {
                    simd.vectorize(Chunk {
                        forward: &self,
                        weights: &weights,
                        first: index * job + chunk * width,
                        sequence,
                        hidden,
                        cell,
                        records,
                    });
                }
            });
        if !self.keep_records {
            records = Buffer::zeros(0);
        }
        Forwarded {
            sequence,
            states: [hidden, cell],
            records,
        }
    }
}

/// The weights in the order in which the tiles read them. The last tile is filled up with units
/// whose weights are zero.
struct Packed<T> {
    /// For each tile, feature, unit and gate.
    input: Buffer<T>,
    /// For each tile, hidden unit that is read, unit and gate.
    hidden: Buffer<T>,
    /// For each tile, unit and row, the start of the sums.
    bias: Vec<T>,
}

impl<T: Lanes> Packed<T> {
    fn new<S: Simd, C: Cell<ROWS>, const ROWS: usize>(problem: &Problem<T>) -> Self {
        let (features, hidden) = (problem.sizes.features, problem.sizes.hidden);
        let weights = &problem.weights;
        let units = tile_rows::<S>() / ROWS;
        let pack = |matrix: &[T], columns: usize, gate_of: fn(usize) -> usize| {
            let mut packed = Buffer::zeros(hidden.next_multiple_of(units) * C::GATES * columns);
            let mut target = packed.iter_mut();
            for tile in (0..hidden).step_by(units) {
                for column in 0..columns {
                    for unit in tile..tile + units {
                        for gate in 0..C::GATES {
                            let row = gate_of(gate) * hidden + unit;
                            let packed = target.next().expect("one place a weight");
                            if unit < hidden {
                                *packed = matrix[row * columns + column];
                            }
                        }
                    }
                }
            }
            packed
        };
        let mut bias = vec![T::zero(); hidden.next_multiple_of(units) * ROWS];
        for (unit, bias) in bias.chunks_exact_mut(ROWS).take(hidden).enumerate() {
            for gate in 0..C::GATES {
                bias[gate] += weights.bias_ih[C::input_gate(gate) * hidden + unit];
                bias[ROWS - C::GATES + gate] += weights.bias_hh[gate * hidden + unit];
            }
        }
        Self {
            input: pack(weights.weight_ih, features, C::input_gate),
            hidden: pack(weights.weight_hh, hidden, |gate| gate),
            bias,
        }
    }
}

/// A chunk of examples on its way through the sequence.
struct Chunk<'a, T, C, const ROWS: usize> {
    forward: &'a Forward<'a, T, C, ROWS>,
    weights: &'a Packed<T>,
    /// The first example of the chunk.
    first: usize,
    sequence: &'a mut [T],
    hidden: &'a mut [T],
    cell: &'a mut [T],
    records: &'a mut [T],
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> WithSimd for Chunk<'_, T, C, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if const { tile_rows::<S>() == 8 } {
            self.run::<S, 8>(simd);
        } else {
            self.run::<S, 4>(simd);
        }
    }
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> Chunk<'_, T, C, ROWS> {
    #[inline(always)]
    fn run<S: Simd, const TILE: usize>(self, simd: S) {
        let problem = &self.forward.problem;
        let sizes = problem.sizes;
        let (width, units) = (width::<S, T>(), sizes.hidden);
        let count = self.hidden.len() / units;
        let mut features = Buffer::zeros(sizes.features * width);
        let mut states = State::zeros(units * width);
        let mut next = State::zeros(units * width);
        let in_state = Examples {
            count,
            stride: units,
            len: units,
        };
        let initial = problem.initial.map(|state| &state[self.first * units..]);
        to_lanes(&mut states.hidden, width, initial[0], in_state);
        to_lanes(&mut states.cell, width, initial[1], in_state);

        let record = units * (ROWS + 1) * width;
        for index in 0..sizes.time {
            let step = problem.step(index);
            let padding: Vec<usize> = (0..count)
                .filter(|lane| !problem.is_valid(self.first + lane, step))
                .collect();
            let source = &problem.input[(self.first * sizes.time + step) * sizes.features..];
            let in_input = Examples {
                count,
                stride: sizes.time * sizes.features,
                len: sizes.features,
            };
            to_lanes(&mut features, width, source, in_input);
            let start = if self.forward.keep_records {
                index * record
            } else {
                0
            };
            let record = &mut self.records[start..start + record];
            self.weights.step::<S, C, ROWS, TILE>(
                simd,
                self.forward.cell,
                &features,
                &states,
                &mut next,
                record,
            );
            for &lane in &padding {
                next.carry_over(&states, lane, width);
            }
            let memory = if C::HAS_CELL {
                &next.cell
            } else {
                &next.hidden
            };
            let places = rows_mut::<S, T>(record).chunks_exact_mut(ROWS + 1);
            for (place, memory) in places.zip(rows::<S, T>(memory)) {
                place[ROWS] = *memory;
            }
            let in_sequence = Examples {
                count,
                stride: sizes.time * units,
                len: units,
            };
            from_lanes(
                &next.hidden,
                width,
                &mut self.sequence[step * units..],
                in_sequence,
            );
            for &lane in &padding {
                self.sequence[(lane * sizes.time + step) * units..][..units].fill(T::zero());
            }
            std::mem::swap(&mut states, &mut next);
        }
        from_lanes(&states.hidden, width, self.hidden, in_state);
        from_lanes(&states.cell, width, self.cell, in_state);
    }
}

/// The states of a chunk, with a [`Row`] for each unit.
struct State<T> {
    hidden: Buffer<T>,
    cell: Buffer<T>,
}

impl<T: Lanes> State<T> {
    fn zeros(len: usize) -> Self {
        Self {
            hidden: Buffer::zeros(len),
            cell: Buffer::zeros(len),
        }
    }

    /// Carries over the state of an example whose step is padding.
    fn carry_over(&mut self, from: &Self, lane: usize, width: usize) {
        for at in (lane..self.hidden.len()).step_by(width) {
            self.hidden[at] = from.hidden[at];
            self.cell[at] = from.cell[at];
        }
    }
}

impl<T: Lanes> Packed<T> {
    /// A step of all units.
    #[inline(always)]
    fn step<S: Simd, C: Cell<ROWS>, const ROWS: usize, const TILE: usize>(
        &self,
        simd: S,
        cell: C,
        features: &[T],
        state: &State<T>,
        next: &mut State<T>,
        record: &mut [T],
    ) {
        let features = rows::<S, T>(features);
        let (hidden, cells) = (rows::<S, T>(&state.hidden), rows::<S, T>(&state.cell));
        let next_hidden = rows_mut::<S, T>(&mut next.hidden);
        let next_cells = rows_mut::<S, T>(&mut next.cell);
        let records = rows_mut::<S, T>(record);

        let units = TILE / ROWS;
        let input_tile = features.len() * units * C::GATES;
        let hidden_tile = hidden.len() * units * C::GATES;
        for (tile, first) in (0..hidden.len()).step_by(units).enumerate() {
            let bias = &self.bias[tile * TILE..][..TILE];
            let mut sums = [zero::<S, T>(simd); TILE];
            for (sum, &bias) in sums.iter_mut().zip(bias) {
                *sum = [T::splat(simd, bias); _];
            }
            let weights = &self.input[tile * input_tile..][..input_tile];
            accumulate_gates::<S, T, TILE>(simd, &mut sums, (ROWS, C::GATES, 0), weights, features);
            let weights = &self.hidden[tile * hidden_tile..][..hidden_tile];
            let first_row = ROWS - C::GATES;
            accumulate_gates(
                simd,
                &mut sums,
                (ROWS, C::GATES, first_row),
                weights,
                hidden,
            );

            let last = (first + units).min(hidden.len());
            for (unit, sums) in (first..last).zip(sums.as_chunks_mut::<ROWS>().0) {
                [next_hidden[unit], next_cells[unit]] =
                    cell.forward::<S, T>(simd, sums, &hidden[unit], &cells[unit]);
                records[unit * (ROWS + 1)..][..ROWS].copy_from_slice(sums);
            }
        }
    }
}
