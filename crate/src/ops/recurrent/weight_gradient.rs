//! The gradients of the weights, summed up over steps and examples.

use pulp::Simd;

use super::{
    Sizes,
    buffer::Buffer,
    fused::{Cell, Problem},
    row::{Row, rows, width},
    tile::{accumulate_products, tile_rows},
};
use crate::numerics::lanes::Lanes;

/// The number of examples, over all collected steps, that are multiplied at once.
const COLLECTED: usize = 128;

/// The gradients of the weights over the examples of one job.
pub(super) struct WeightGradient<T> {
    /// Rows of sums, and those of them that input and hidden state feed.
    rows: usize,
    gate_rows: usize,
    /// Numbers in a row, and how many steps have room.
    width: usize,
    room: usize,
    steps: usize,
    /// The gradients of the sums of the collected steps: for each step, row and example.
    sums: Buffer<T>,
    input: Factor<T>,
    hidden: Factor<T>,
    /// For each row of sums.
    bias: Vec<T>,
}

/// The other factor, one line an example, and its products.
struct Factor<T> {
    /// Numbers in a line, and the length of a line with what fills up the last register.
    len: usize,
    line: usize,
    /// For each collected step and example, a line.
    lines: Buffer<T>,
    /// The first row of sums to multiply.
    first_row: usize,
    /// For each row, a line.
    products: Buffer<T>,
}

impl<T: Lanes> WeightGradient<T> {
    /// Zero gradients. `rows` and `gates` are those of the cell.
    pub(super) fn new<S: Simd>(problem: &Problem<T>, rows: usize, gates: usize) -> Self {
        let Sizes {
            features, hidden, ..
        } = problem.sizes;
        let (width, tile) = (width::<S, T>(), tile_rows::<S>());
        let lanes = T::lanes::<S>();
        let room = (COLLECTED / width).max(1);
        let gate_rows = gates * hidden;
        let factor = |len: usize, first_row: usize| {
            let line = len.next_multiple_of(lanes);
            Factor {
                len,
                line,
                lines: Buffer::zeros(room * width * line),
                first_row,
                products: Buffer::zeros(gate_rows.next_multiple_of(tile) * line),
            }
        };
        Self {
            rows: rows * hidden,
            gate_rows,
            width,
            room,
            steps: 0,
            // The last tile may reach over the end by all but one of its rows.
            sums: Buffer::zeros(room * (rows * hidden + tile) * width),
            input: factor(features, 0),
            hidden: factor(hidden, (rows - gates) * hidden),
            bias: vec![T::zero(); rows * hidden],
        }
    }

    /// The place for the gradients of the sums of the next step.
    pub(super) fn next_sums(&mut self) -> &mut [T] {
        let step = self.sums.len() / self.room;
        &mut self.sums[self.steps * step..][..self.rows * self.width]
    }

    /// Collects the step whose sums were written to [`next_sums`](Self::next_sums), with the input
    /// and the hidden state before the step of each example, or `None` if the step is padding.
    #[inline(always)]
    pub(super) fn collect<'a, S: Simd>(
        &mut self,
        simd: S,
        examples: impl Iterator<Item = Option<(&'a [T], &'a [T])>>,
    ) {
        for (example, numbers) in examples.enumerate() {
            let at = self.steps * self.width + example;
            let (input, hidden) = (self.input.line_mut(at), self.hidden.line_mut(at));
            if let Some((features, state)) = numbers {
                input.copy_from_slice(features);
                hidden.copy_from_slice(state);
            } else {
                // The gradient of the sums is zero, but zero times the value there may be NaN.
                input.fill(T::zero());
                hidden.fill(T::zero());
            }
        }
        self.steps += 1;
        if self.steps == self.room {
            self.finish(simd);
        }
    }

    /// Multiplies the collected steps.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(&mut self, simd: S) {
        let step = self.sums.len() / self.room;
        let steps = self.sums[..self.steps * step].chunks_exact(step);
        for (row, bias) in self.bias.iter_mut().enumerate() {
            let mut total = T::splat(simd, T::zero());
            for sums in steps.clone() {
                for &register in &rows::<S, T>(sums)[row] {
                    total = T::plus(simd, total, register);
                }
            }
            *bias += T::sum(simd, total);
        }
        for factor in [&mut self.input, &mut self.hidden] {
            if const { tile_rows::<S>() == 8 } {
                factor.multiply::<S, 8>(simd, steps.clone(), self.gate_rows);
            } else {
                factor.multiply::<S, 4>(simd, steps.clone(), self.gate_rows);
            }
        }
        self.steps = 0;
    }

    /// The sum over all jobs, in the layout of
    /// [`RecurrentWeights::packed`](super::RecurrentWeights::packed).
    pub(super) fn sum<C: Cell<ROWS>, const ROWS: usize>(jobs: &[Self], sizes: Sizes) -> Vec<T> {
        let units = sizes.hidden;
        let rows = C::GATES * units;
        let mut packed = vec![T::zero(); rows * (sizes.features + units + 2)];
        let (weight_ih, rest) = packed.split_at_mut(rows * sizes.features);
        let (weight_hh, rest) = rest.split_at_mut(rows * units);
        let (bias_ih, bias_hh) = rest.split_at_mut(rows);
        for job in jobs {
            for gate in 0..C::GATES {
                let (from, to) = (gate * units, C::input_gate(gate) * units);
                job.input.add_rows(
                    from,
                    &mut weight_ih[to * sizes.features..][..units * sizes.features],
                );
                add(&mut bias_ih[to..to + units], &job.bias[from..]);
                let to = gate * units;
                job.hidden
                    .add_rows(from, &mut weight_hh[to * units..][..units * units]);
                add(
                    &mut bias_hh[to..to + units],
                    &job.bias[job.hidden.first_row + from..],
                );
            }
        }
        packed
    }
}

impl<T: Lanes> Factor<T> {
    fn line_mut(&mut self, index: usize) -> &mut [T] {
        &mut self.lines[index * self.line..][..self.len]
    }

    /// Adds the products of the gradients of the sums, step by step, with the lines.
    #[inline(always)]
    fn multiply<'a, S: Simd, const TILE: usize>(
        &mut self,
        simd: S,
        steps: impl Iterator<Item = &'a [T]> + Clone,
        gate_rows: usize,
    ) {
        let line = T::registers::<S>(&self.lines[..self.line]).len();
        // Panels of nearly equal width, at most three registers wide.
        let panels = line.div_ceil(3);
        for panel in 0..panels {
            let (first, end) = (line * panel / panels, line * (panel + 1) / panels);
            for row in (0..gate_rows).step_by(TILE) {
                let tile = Tile { row, line, first };
                match end - first {
                    1 => self.multiply_tile::<S, TILE, 1>(simd, steps.clone(), tile),
                    2 => self.multiply_tile::<S, TILE, 2>(simd, steps.clone(), tile),
                    _ => self.multiply_tile::<S, TILE, 3>(simd, steps.clone(), tile),
                }
            }
        }
    }

    #[inline(always)]
    fn multiply_tile<'a, S: Simd, const TILE: usize, const COLUMNS: usize>(
        &mut self,
        simd: S,
        steps: impl Iterator<Item = &'a [T]>,
        Tile { row, line, first }: Tile,
    ) where
        T: 'a,
    {
        let products = T::registers_mut::<S>(&mut self.products[row * self.line..]);
        let mut sums = [[T::splat(simd, T::zero()); COLUMNS]; TILE];
        for (sums, products) in sums.iter_mut().zip(products.chunks_exact(line)) {
            sums.copy_from_slice(&products[first..first + COLUMNS]);
        }
        let step = width::<S, T>() * self.line;
        for (gradients, lines) in steps.zip(self.lines.chunks_exact(step)) {
            let gradients: &[Row<S, T>] = &rows::<S, T>(gradients)[self.first_row + row..];
            let Some(gradients) = gradients.first_chunk::<TILE>() else {
                unreachable!("there is room for a whole tile");
            };
            let lines = T::registers::<S>(lines);
            accumulate_products::<S, T, TILE, COLUMNS>(
                simd, &mut sums, gradients, lines, line, first,
            );
        }
        for (sums, products) in sums.iter().zip(products.chunks_exact_mut(line)) {
            products[first..first + COLUMNS].copy_from_slice(sums);
        }
    }

    /// Adds the products of rows from `from` on to `to`, line after line.
    fn add_rows(&self, from: usize, to: &mut [T]) {
        if self.len == 0 {
            return;
        }
        let lines = self.products[from * self.line..].chunks_exact(self.line);
        for (to, line) in to.chunks_exact_mut(self.len).zip(lines) {
            add(to, line);
        }
    }
}

/// Where a tile of products lies: its first row, the registers in a line, the first of them.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    line: usize,
    first: usize,
}

fn add<T: Lanes>(to: &mut [T], numbers: &[T]) {
    for (to, &number) in to.iter_mut().zip(numbers) {
        *to += number;
    }
}
