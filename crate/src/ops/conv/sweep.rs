//! Runs the kernel over all positions of a chunk and writes finished channels.

use super::{
    epilogue::Epilogue,
    kernel::{Steps, add_products, tile, transpose},
    pack::Packing,
};
use crate::numerics::{lanes::Lanes, simd::Simd};

/// The elements side by side in the registers of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// This many channels, with zeros behind the last one. Any position can be read; the sums are
    /// transposed when they are written.
    Channels(usize),
    /// Positions, for a few channels at a time. Positions between the rows are computed and
    /// discarded.
    Positions,
}

/// The distance that a sweep in the order of positions may read beyond its last position.
#[inline(always)]
pub fn slack<T: Lanes, S: Simd>() -> usize {
    8 * T::lanes::<S>()
}

/// The positions of a phase in a chunk: where each starts to read and where it is written.
#[derive(Default)]
pub struct Positions {
    reads: Vec<usize>,
    writes: Vec<usize>,
    images: usize,
    rows: usize,
    columns: usize,
    /// Distances between the reads of neighbouring images and rows.
    steps: (usize, usize),
}

impl Positions {
    /// Lists `rows` x `columns` positions of each of `images` images; `write(image, i, j)` is where
    /// one is written.
    #[inline(always)]
    pub fn fill(
        &mut self,
        packing: &Packing,
        images: usize,
        rows: usize,
        columns: usize,
        write: impl Fn(usize, usize, usize) -> usize,
    ) {
        self.reads.clear();
        self.writes.clear();
        for image in 0..images {
            for i in 0..rows {
                let start = packing.position(image, i);
                let step = packing.column_step();
                self.reads.extend((0..columns).map(|j| start + j * step));
                self.writes.extend((0..columns).map(|j| write(image, i, j)));
            }
        }
        (self.images, self.rows, self.columns) = (images, rows, columns);
        self.steps = (packing.image(), packing.row);
    }
}

/// Computes the channels of one block at all positions of a chunk.
pub struct Sweep<'s, T> {
    /// The elements side by side.
    pub order: Order,
    /// The packed images, from the first channel of the block's group.
    pub source: &'s [T],
    /// The packed weights.
    pub weights: &'s [T],
    /// One number for each channel, and zeros up to the width of the block.
    pub bias: &'s [T],
    /// The terms of the sums.
    pub steps: &'s Steps,
    /// Where to read and write.
    pub positions: &'s Positions,
    /// Applied to each sum.
    pub epilogue: Epilogue,
    /// The images to write, from the first channel of the block.
    pub target: &'s mut [T],
    /// Number of channels.
    pub channels: usize,
    /// Distance between neighbouring channels of the target.
    pub plane: usize,
    /// A buffer.
    pub sums: &'s mut Vec<T>,
}

impl<T: Lanes> Sweep<'_, T> {
    /// Writes all positions.
    #[inline(always)]
    pub fn run<S: Simd>(self, simd: S) {
        match (self.order, S::REGISTER_COUNT >= 32, self.channels) {
            (Order::Channels(width), ..) => self.by_channel(simd, width),
            (Order::Positions, _, 1) => self.by_position::<S, 1, 8>(simd),
            (Order::Positions, true, 2) => self.by_position::<S, 2, 8>(simd),
            (Order::Positions, true, _) => self.by_position::<S, 4, 6>(simd),
            (Order::Positions, false, 2) => self.by_position::<S, 2, 4>(simd),
            (Order::Positions, false, _) => self.by_position::<S, 4, 2>(simd),
        }
    }

    #[inline(always)]
    fn by_channel<S: Simd>(self, simd: S, width: usize) {
        /// Positions whose sums wait in the first-level cache until they are written together.
        const POSITIONS: usize = 36;
        self.sums.resize(POSITIONS * width, T::zero());
        let reads = self.positions.reads.chunks(POSITIONS);
        for (reads, writes) in reads.zip(self.positions.writes.chunks(POSITIONS)) {
            let sums = &mut self.sums[..reads.len() * width];
            for sums in sums.chunks_exact_mut(width) {
                sums.copy_from_slice(self.bias);
            }
            let numbers = (self.source, reads);
            add_products(simd, width, numbers, self.weights, self.steps, sums);
            self.epilogue.apply(sums);
            if let [first, second, ..] = writes
                && first + 1 != *second
            {
                for channel in 0..self.channels {
                    let target = &mut self.target[channel * self.plane..];
                    for (write, sums) in writes.iter().zip(sums.chunks_exact(width)) {
                        target[*write] = sums[channel];
                    }
                }
                continue;
            }
            let mut done = 0;
            for run in writes.chunk_by(|a, b| a + 1 == *b) {
                let sums = (&self.sums[done * width..], width);
                let target = (&mut self.target[run[0]..], self.plane);
                transpose(sums, target, run.len(), self.channels);
                done += run.len();
            }
        }
    }

    #[inline(always)]
    fn by_position<S: Simd, const P: usize, const V: usize>(self, simd: S) {
        let Positions {
            writes,
            images,
            rows,
            columns,
            steps: (image_step, row_step),
            ..
        } = self.positions;
        if *rows == 0 || *columns == 0 {
            return;
        }
        let width = V * T::lanes::<S>();
        self.sums.resize(P * width, T::zero());
        let mut terms = [0; P];
        for (p, term) in terms.iter_mut().enumerate() {
            *term = p * self.steps.len();
        }
        let length = (rows - 1) * row_step + columns;
        for image in 0..*images {
            for start in (0..length).step_by(width) {
                for (sums, bias) in self.sums.chunks_exact_mut(width).zip(self.bias) {
                    sums.fill(*bias);
                }
                let vectors = &self.source[image * image_step + start..];
                let (numbers, sums) = (self.weights, &mut self.sums[..P * width]);
                tile::<T, S, P, V>(simd, numbers, &terms, vectors, self.steps, sums);
                self.epilogue.apply(sums);

                let end = length.min(start + width);
                let mut at = start;
                while at < end {
                    let (i, j) = (at / row_step, at % row_step);
                    let row_end = end.min((i + 1) * row_step);
                    let count = (columns.saturating_sub(j)).min(row_end - at);
                    let writes = &writes[(image * rows + i) * columns + j.min(*columns)..][..count];
                    for (p, sums) in self.sums.chunks_exact(width).enumerate() {
                        let target = &mut self.target[p * self.plane..];
                        let sums = &sums[at - start..][..count];
                        match writes {
                            [first, .., last] if last - first == count - 1 => {
                                target[*first..][..count].copy_from_slice(sums);
                            }
                            _ => {
                                for (write, sum) in writes.iter().zip(sums) {
                                    target[*write] = *sum;
                                }
                            }
                        }
                    }
                    at = row_end;
                }
            }
        }
    }
}
