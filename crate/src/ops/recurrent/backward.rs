//! The fused backward pass: back-propagation through time, for each chunk of examples separately.
//!
//! At each step, from the last to the first, the formulas of the cell give the gradients of its
//! sums; their products with the weights give the gradients of the input and of the state before.
//! The gradients of the weights are products of the same sums with the input and the state before:
//! a few steps are collected and multiplied at once, while they are still in the cache.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    Sizes,
    buffer::Buffer,
    fused::{Cell, Problem, Weights, examples_per_job},
    row::{rows, rows_mut, width},
    tile::{accumulate_rows, tile_rows},
    transpose::{Examples, from_lanes, to_lanes},
    weight_gradient::WeightGradient,
};
use crate::numerics::lanes::Lanes;

/// The gradients that are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub input: bool,
    pub weights: bool,
    pub initial: bool,
}

/// The gradients of the arguments of the operation that are wanted.
pub(super) struct Gradients<T> {
    /// `[batch, time, features]`
    pub input: Option<Vec<T>>,
    /// As [`RecurrentWeights::packed`](super::RecurrentWeights::packed).
    pub weights: Option<Vec<T>>,
    /// `[states, batch, hidden]`
    pub initial: Option<Vec<T>>,
}

/// The backward pass over `problem`.
pub(super) struct Backward<'a, T, C, const ROWS: usize> {
    pub cell: C,
    pub problem: Problem<'a, T>,
    /// [`Forwarded::records`](super::forward::Forwarded::records).
    pub records: &'a [T],
    /// What the forward pass returned: `[batch, time, hidden]`.
    pub sequence: &'a [T],
    /// Its gradient.
    pub grad_sequence: &'a [T],
    /// The gradients of the hidden and the cell state at the end: `[batch, hidden]` each.
    pub grad_states: [Vec<T>; 2],
    pub wanted: Wanted,
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> WithSimd for Backward<'_, T, C, ROWS> {
    type Output = Gradients<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> Gradients<T> {
        let Sizes {
            batch,
            time,
            features,
            hidden,
        } = self.problem.sizes;
        let width = width::<S, T>();
        let job = examples_per_job(batch, width);
        let packed = Packed::new::<S, C, ROWS>(&self.problem);

        // The gradients of the initial states take the places of those of the final states.
        let mut grad_states = std::mem::take(&mut self.grad_states);
        let [grad_hidden, grad_cell] = &mut grad_states;
        let line = if self.wanted.input {
            time * features
        } else {
            0
        };
        let mut grad_input = vec![T::zero(); batch * line];
        // An empty piece for each job if no gradient of the input is wanted.
        let mut pieces: Vec<&mut [T]> = Vec::new();
        let mut rest = &mut grad_input[..];
        for first in (0..batch).step_by(job) {
            let (piece, after) = rest.split_at_mut(job.min(batch - first) * line);
            pieces.push(piece);
            rest = after;
        }
        let weights: Vec<WeightGradient<T>> = (
            grad_hidden.par_chunks_mut(job * hidden),
            grad_cell.par_chunks_mut(job * hidden),
            pieces,
        )
            .into_par_iter()
            .enumerate()
            .map(|(index, (grad_hidden, grad_cell, grad_input))| {
                let mut weights = WeightGradient::new::<S>(&self.problem, ROWS, C::GATES);
                let chunks = grad_hidden
                    .chunks_mut(width * hidden)
                    .zip(grad_cell.chunks_mut(width * hidden))
                    .enumerate();
                for (chunk, (grad_hidden, grad_cell)) in chunks {
                    let count = grad_hidden.len() / hidden;
                    simd.vectorize(Chunk {
                        backward: &self,
                        packed: &packed,
                        first: index * job + chunk * width,
                        count,
                        grad_hidden,
                        grad_cell,
                        grad_input: &mut grad_input[chunk * width * line..][..count * line],
                        weights: &mut weights,
                    });
                }
                weights
            })
            .collect();

        let [grad_hidden, grad_cell] = grad_states;
        Gradients {
            input: self.wanted.input.then_some(grad_input),
            weights: self
                .wanted
                .weights
                .then(|| WeightGradient::sum::<C, ROWS>(&weights, self.problem.sizes)),
            initial: self.wanted.initial.then(|| {
                let mut initial = grad_hidden;
                if C::HAS_CELL {
                    initial.extend(grad_cell);
                }
                initial
            }),
        }
    }
}

/// The transposed weights in the order in which the tiles read them.
struct Packed<T> {
    /// For each tile of features, row and feature.
    input: Buffer<T>,
    /// For each tile of hidden units, row and hidden unit.
    hidden: Buffer<T>,
}

/// The smallest tile: the places of a product are a multiple of it.
const SMALL_TILE: usize = 4;

impl<T: Lanes> Packed<T> {
    fn new<S: Simd, C: Cell<ROWS>, const ROWS: usize>(problem: &Problem<T>) -> Self {
        let Sizes {
            features, hidden, ..
        } = problem.sizes;
        let Weights {
            weight_ih,
            weight_hh,
            ..
        } = problem.weights;
        let pack = |matrix: &[T], columns: usize, gate_of: fn(usize) -> usize| {
            let places = columns.next_multiple_of(SMALL_TILE);
            let mut packed = Buffer::zeros(places * C::GATES * hidden);
            let mut target = packed.iter_mut();
            for (first, places) in tiles(places, tile_rows::<S>()) {
                for gate in 0..C::GATES {
                    for unit in 0..hidden {
                        let row = gate_of(gate) * hidden + unit;
                        for column in first..first + places {
                            let packed = target.next().expect("one place a weight");
                            if column < columns {
                                *packed = matrix[row * columns + column];
                            }
                        }
                    }
                }
            }
            packed
        };
        Self {
            input: pack(weight_ih, features, C::input_gate),
            hidden: pack(weight_hh, hidden, |gate| gate),
        }
    }
}

/// Cuts `places`, a multiple of [`SMALL_TILE`], into tiles of `most` places and, at the end, of
/// `SMALL_TILE`: the first place and the number of places of each.
fn tiles(places: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let large = places / most * most;
    let large_tiles = (0..large).step_by(most).map(move |first| (first, most));
    let small_tiles = (large..places).step_by(SMALL_TILE);
    large_tiles.chain(small_tiles.map(|first| (first, SMALL_TILE)))
}

/// `out += weights^T * sums`, for weights packed as in [`Packed`].
#[inline(always)]
fn transposed_product<S: Simd, T: Lanes>(simd: S, weights: &[T], sums: &[T], out: &mut [T]) {
    let sums = rows::<S, T>(sums);
    let out = rows_mut::<S, T>(out);
    for (first, places) in tiles(out.len(), tile_rows::<S>()) {
        let weights = &weights[first * sums.len()..][..places * sums.len()];
        let out = &mut out[first..first + places];
        if let Ok(out) = <&mut [_; 8]>::try_from(&mut *out) {
            accumulate_rows::<S, T, _>(simd, out, weights, sums);
        } else if let Ok(out) = <&mut [_; SMALL_TILE]>::try_from(out) {
            accumulate_rows::<S, T, _>(simd, out, weights, sums);
        }
    }
}

/// A chunk of examples on its way back through the sequence.
struct Chunk<'a, T, C, const ROWS: usize> {
    backward: &'a Backward<'a, T, C, ROWS>,
    packed: &'a Packed<T>,
    /// The first example of the chunk, and their number.
    first: usize,
    count: usize,
    /// In: the gradients of the final states. Out: of the initial states.
    grad_hidden: &'a mut [T],
    grad_cell: &'a mut [T],
    grad_input: &'a mut [T],
    weights: &'a mut WeightGradient<T>,
}

impl<T: Lanes, C: Cell<ROWS>, const ROWS: usize> WithSimd for Chunk<'_, T, C, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward {
            cell,
            problem,
            wanted,
            ..
        } = *self.backward;
        let Sizes {
            time,
            features,
            hidden: units,
            ..
        } = problem.sizes;
        let (width, count) = (width::<S, T>(), self.count);
        let places = |columns: usize| columns.next_multiple_of(SMALL_TILE) * width;
        let mut grad_features = Buffer::<T>::zeros(places(features));
        let mut grad_hidden = Buffer::zeros(places(units));
        let mut grad_cell = Buffer::zeros(units * width);
        let in_state = Examples {
            count,
            stride: units,
            len: units,
        };
        to_lanes(&mut grad_hidden, width, self.grad_hidden, in_state);
        to_lanes(&mut grad_cell, width, self.grad_cell, in_state);
        let mut incoming = Buffer::zeros(units * width);
        let mut initial = Buffer::zeros(units * width);
        let memory = &problem.initial[usize::from(C::HAS_CELL)][self.first * units..];
        to_lanes(&mut initial, width, memory, in_state);

        let record = units * (ROWS + 1) * width;
        let records = &self.backward.records[self.first / width * time * record..];
        let gate_rows = C::GATES * units * width;
        for index in (0..time).rev() {
            let step = problem.step(index);
            let source = &self.backward.grad_sequence[(self.first * time + step) * units..];
            let in_sequence = Examples {
                count,
                stride: time * units,
                len: units,
            };
            to_lanes(&mut incoming, width, source, in_sequence);
            // Lanes of padding: the gradients go around the step.
            let padding: Vec<usize> = (0..count)
                .filter(|lane| !problem.is_valid(self.first + lane, step))
                .collect();
            let carried: Vec<T> = padding
                .iter()
                .flat_map(|&lane| {
                    let at = (lane..units * width).step_by(width);
                    at.flat_map(|at| [grad_hidden[at], grad_cell[at]])
                })
                .collect();

            let sums = self.weights.next_sums();
            let memory_before = |unit: usize| {
                if index == 0 {
                    rows::<S, T>(&initial)[unit]
                } else {
                    rows::<S, T>(&records[(index - 1) * record..])[unit * (ROWS + 1) + ROWS]
                }
            };
            let here = rows::<S, T>(&records[index * record..][..record]);
            for (unit, here) in here.chunks_exact(ROWS + 1).enumerate() {
                let (Some(values), memory) = (here.first_chunk::<ROWS>(), &here[ROWS]) else {
                    unreachable!("a record has ROWS rows and the memory");
                };
                let hidden = &mut rows_mut::<S, T>(&mut grad_hidden)[unit];
                for (hidden, incoming) in hidden.iter_mut().zip(rows::<S, T>(&incoming)[unit]) {
                    *hidden = T::plus(simd, *hidden, incoming);
                }
                let cells = &mut rows_mut::<S, T>(&mut grad_cell)[unit];
                let gradients = cell.backward::<S, T>(
                    simd,
                    values,
                    memory,
                    &memory_before(unit),
                    hidden,
                    cells,
                );
                *hidden = gradients.hidden;
                *cells = gradients.cell;
                for (row, gradient) in gradients.rows.into_iter().enumerate() {
                    rows_mut::<S, T>(sums)[row * units + unit] = gradient;
                }
            }

            let mut carried = carried.chunks_exact(2);
            for lane in padding {
                for row in 0..ROWS * units {
                    sums[row * width + lane] = T::zero();
                }
                for (at, carried) in (lane..units * width).step_by(width).zip(&mut carried) {
                    (grad_hidden[at], grad_cell[at]) = (carried[0], carried[1]);
                }
            }

            if index > 0 || wanted.initial {
                let sums = &sums[(ROWS - C::GATES) * units * width..][..gate_rows];
                transposed_product(simd, &self.packed.hidden, sums, &mut grad_hidden);
            }
            if wanted.input {
                grad_features.fill(T::zero());
                let sums = &sums[..gate_rows];
                transposed_product(simd, &self.packed.input, sums, &mut grad_features);
                let in_input = Examples {
                    count,
                    stride: time * features,
                    len: features,
                };
                let target = &mut self.grad_input[step * features..];
                from_lanes(&grad_features, width, target, in_input);
            }
            if wanted.weights {
                let sequence = self.backward.sequence;
                self.weights.collect(
                    simd,
                    (0..count).map(|lane| {
                        let example = self.first + lane;
                        problem.is_valid(example, step).then(|| {
                            let features = problem.sizes.features;
                            let input = &problem.input[(example * time + step) * features..];
                            let hidden = problem.hidden_before(sequence, example, index);
                            (&input[..features], hidden)
                        })
                    }),
                );
            }
        }
        self.weights.finish(simd);
        from_lanes(&grad_hidden, width, self.grad_hidden, in_state);
        from_lanes(&grad_cell, width, self.grad_cell, in_state);
    }
}
