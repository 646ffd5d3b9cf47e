//! The passes that produce an image: forward passes and gradients of inputs.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    depthwise,
    epilogue::Epilogue,
    geometry::{AxisPlan, Direction, Geometry, Phase},
    kernel::{Steps, block_width, unit},
    pack::{Packing, WeightView},
    sweep::{self, Order, Positions},
    winograd::{self, Grid},
};
use crate::numerics::{
    lanes::Lanes,
    simd::{Simd, WithSimd},
    zeros::zeros,
};

/// One pass of a convolution. The written image is `epilogue(bias + convolution of source)`.
pub struct ImagePass<'a, T> {
    /// The convolution.
    pub geometry: &'a Geometry,
    /// The direction, which tells which of its images is read.
    pub direction: Direction,
    /// The batch of images to read.
    pub source: &'a [T],
    /// The weight, see [`Geometry`].
    pub weight: &'a [T],
    /// A number for each written channel.
    pub bias: Option<&'a [T]>,
    /// The function applied to each sum.
    pub epilogue: Epilogue,
}

impl<T: Lanes> ImagePass<'_, T> {
    /// Computes the batch of images that the pass writes. Its bits do not depend on the number of
    /// threads.
    pub fn run(self) -> Vec<T> {
        T::dispatch(self)
    }

    /// Shapes of the images that are read and written.
    fn shapes(&self) -> ([usize; 4], [usize; 4]) {
        let (big, small) = (self.geometry.big_shape(), self.geometry.small_shape());
        match self.direction {
            Direction::Gather => (big, small),
            Direction::Scatter => (small, big),
        }
    }
}

impl<T: Lanes> WithSimd for ImagePass<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let ([batch, channels, height, width], to) = self.shapes();
        let length = to.iter().product();
        if length == 0 {
            return vec![];
        }
        if depthwise::suits(self.geometry) {
            return depthwise::run(simd, &self);
        }
        let mut target = zeros(length);
        let rows = self.geometry.rows.plan(self.direction);
        let columns = self.geometry.columns.plan(self.direction);
        let packing = Packing::new((&rows, &columns), batch, channels, height, width);
        let phases = phases(&rows, &columns, self.geometry.columns.kernel);
        let groups = self.geometry.groups;
        let by_tiles = winograd::suits(&rows, &columns, channels / groups, to[1] / groups);
        let blocks = self.blocks(simd, &phases, &packing, by_tiles);
        let chunk = Chunk {
            pass: &self,
            packing: &packing,
            phases: &phases,
            by_tiles,
        };

        let images = batch.div_ceil(batch.div_ceil(packing.images));
        let parts = match images {
            1 => rayon::current_num_threads().div_ceil(batch),
            _ => 1,
        };
        let source_image = channels * height * width;
        let plane = to[2] * to[3];
        let mut tasks = vec![];
        for (i, mut target) in target.chunks_mut(images * to[1] * plane).enumerate() {
            let count = target.len() / (to[1] * plane);
            let source = &self.source[i * images * source_image..][..count * source_image];
            for blocks in blocks.chunks(blocks.len().div_ceil(parts)) {
                let channels: usize = blocks.iter().map(|block| block.channels.len()).sum();
                let (part, rest) = target.split_at_mut(count * channels * plane);
                target = rest;
                tasks.push((source, blocks, part));
            }
        }
        tasks.into_par_iter().for_each_init(
            Scratch::default,
            |scratch, (source, blocks, target)| {
                simd.vectorize(Task {
                    chunk: &chunk,
                    source,
                    blocks,
                    target,
                    scratch,
                });
            },
        );
        target
    }
}

/// Written positions that share their taps along both axes.
struct Phase2d<'p> {
    rows: &'p Phase,
    columns: &'p Phase,
    /// Taps by their index in a kernel.
    taps: Vec<usize>,
    /// Vertical and horizontal offset of each tap.
    offsets: Vec<(usize, usize)>,
}

fn phases<'p>(rows: &'p AxisPlan, columns: &'p AxisPlan, kernel: usize) -> Vec<Phase2d<'p>> {
    let mut phases = vec![];
    for rows in &rows.phases {
        for columns in &columns.phases {
            let (mut taps, mut offsets) = (vec![], vec![]);
            for (row, y) in &rows.taps {
                for (column, x) in &columns.taps {
                    taps.push(row * kernel + column);
                    offsets.push((*y, *x));
                }
            }
            phases.push(Phase2d {
                rows,
                columns,
                taps,
                offsets,
            });
        }
    }
    phases
}

/// Neighbouring written channels of one group.
struct Block<T> {
    group: usize,
    channels: Range<usize>,
    order: Order,
    /// One number for each channel, and zeros up to the width of the block.
    bias: Vec<T>,
    /// For each phase the packed weights and the steps of the sums.
    phases: Vec<(Vec<T>, Steps)>,
}

/// Sums of at most this many terms are computed with positions side by side. They need no
/// transposing, which would cost more than the zeros between the rows.
const FEW_TERMS: usize = 32;

/// The number of weights that a thread packs at least.
const PACKED_WEIGHTS: usize = 1 << 15;

impl<T: Lanes> ImagePass<'_, T> {
    #[inline(always)]
    fn blocks<S: Simd>(
        &self,
        simd: S,
        phases: &[Phase2d],
        packing: &Packing,
        by_tiles: bool,
    ) -> Vec<Block<T>> {
        let ([_, sources, ..], [_, targets, ..]) = self.shapes();
        let groups = self.geometry.groups;
        let (sources, targets) = (sources / groups, targets / groups);
        let few = targets <= unit::<T, S>() / 2 || sources * self.geometry.taps() <= FEW_TERMS;
        let by_position = few && packing.is_contiguous() && !by_tiles;
        let mut packs = vec![];
        for group in 0..groups {
            let mut first = 0;
            while first < targets {
                let left = targets - first;
                let (count, order) = if by_position {
                    (if left >= 4 { 4 } else { left.min(2) }, Order::Positions)
                } else {
                    let width = block_width::<T, S>(left);
                    (left.min(width), Order::Channels(width))
                };
                packs.push(PackBlock {
                    pass: self,
                    phases,
                    packing,
                    group,
                    channels: first..first + count,
                    order,
                    by_tiles,
                });
                first += count;
            }
        }
        // The weights of a large layer are as many as the numbers of its images; those of a small one
        // are packed before another thread has woken up.
        let weights = self.weight.len().div_ceil(packs.len().max(1));
        packs
            .into_par_iter()
            .with_min_len(PACKED_WEIGHTS.div_ceil(weights.max(1)))
            .map(|pack| simd.vectorize(pack))
            .collect()
    }

    /// The weights of a group, and the number of channels it writes.
    fn weight_of(&self, group: usize) -> (WeightView<'_, T>, usize) {
        let ([_, sources, ..], [_, targets, ..]) = self.shapes();
        let (sources, targets) = (
            sources / self.geometry.groups,
            targets / self.geometry.groups,
        );
        let taps = self.geometry.taps();
        let (target_stride, source_stride) = match self.direction {
            Direction::Gather => (sources * taps, taps),
            Direction::Scatter => (taps, targets * taps),
        };
        let view = WeightView {
            data: &self.weight[group * sources * targets * taps..],
            target_stride,
            source_stride,
            sources,
        };
        (view, targets)
    }
}

/// Makes one block.
struct PackBlock<'b, 'a, T> {
    pass: &'b ImagePass<'a, T>,
    phases: &'b [Phase2d<'b>],
    packing: &'b Packing<'b>,
    group: usize,
    /// The channels within the group.
    channels: Range<usize>,
    order: Order,
    by_tiles: bool,
}

impl<T: Lanes> WithSimd for PackBlock<'_, '_, T> {
    type Output = Block<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Block<T> {
        let Self {
            pass,
            phases,
            packing,
            group,
            channels,
            order,
            by_tiles,
        } = self;
        let (view, targets) = pass.weight_of(group);
        let phases = phases.iter().map(|phase| {
            let offsets = phase.offsets.iter();
            let offsets: Vec<usize> = offsets.map(|(y, x)| y * packing.row + x).collect();
            let reads = (0..view.sources)
                .flat_map(|source| offsets.iter().map(move |at| source * packing.plane + at));
            let mut steps = Steps::default();
            match order {
                Order::Channels(width) => {
                    reads
                        .enumerate()
                        .for_each(|(k, read)| steps.push(read, k * width));
                    (
                        view.interleaved(channels.clone(), &phase.taps, width),
                        steps,
                    )
                }
                Order::Positions => {
                    reads.enumerate().for_each(|(k, read)| steps.push(k, read));
                    (view.by_channel(channels.clone(), &phase.taps), steps)
                }
            }
        });
        let mut phases: Vec<(Vec<T>, Steps)> = phases.collect();
        let channels = group * targets + channels.start..group * targets + channels.end;
        let mut bias = match pass.bias {
            Some(bias) => bias[channels.clone()].to_vec(),
            None => vec![T::zero(); channels.len()],
        };
        if let Order::Channels(width) = order {
            bias.resize(width, T::zero());
        }
        if by_tiles {
            let (weights, _) = &mut phases[0];
            *weights = winograd::spread_weights(simd, weights, bias.len());
        }
        Block {
            group,
            channels,
            order,
            bias,
            phases,
        }
    }
}

/// The data that all tasks of a pass share.
struct Chunk<'c, 'a, T> {
    pass: &'c ImagePass<'a, T>,
    packing: &'c Packing<'c>,
    phases: &'c [Phase2d<'c>],
    by_tiles: bool,
}

/// Buffers that a thread reuses for each of its tasks.
struct Scratch<T> {
    packed: Vec<T>,
    positions: Positions,
    sums: Vec<T>,
    tiles: winograd::Scratch<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            packed: vec![],
            positions: Positions::default(),
            sums: vec![],
            tiles: winograd::Scratch::default(),
        }
    }
}

/// Writes the channels of some blocks in some neighbouring images.
struct Task<'t, 'c, 'a, T> {
    chunk: &'t Chunk<'c, 'a, T>,
    source: &'t [T],
    blocks: &'t [Block<T>],
    target: &'t mut [T],
    scratch: &'t mut Scratch<T>,
}

impl<T: Lanes> WithSimd for Task<'_, '_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Chunk {
            pass,
            packing,
            phases,
            by_tiles,
        } = self.chunk;
        let ([_, channels, height, width], [_, _, to_height, to_width]) = pass.shapes();
        let (rows, columns) = packing.plans();
        let plane = to_height * to_width;
        let images = self.source.len().checked_div(channels * height * width);
        let images = images.unwrap_or(1);
        let written: usize = self.blocks.iter().map(|block| block.channels.len()).sum();
        let first_channel = self.blocks[0].channels.start;
        let Scratch {
            packed,
            positions,
            sums,
            tiles: scratch,
        } = self.scratch;
        for first in (0..rows.longest()).step_by(packing.band) {
            let group_channels = channels / pass.geometry.groups;
            if *by_tiles {
                let rows = packing.band.min(to_height - first);
                let grid = Grid::new(images, rows, to_width);
                let depth = group_channels.next_multiple_of(T::lanes::<S>());
                for blocks in self.blocks.chunk_by(|a, b| a.group == b.group) {
                    let group = blocks[0].group * group_channels;
                    let group = group..group + group_channels;
                    packing.pack_interleaved(
                        self.source,
                        channels,
                        (group, depth),
                        first,
                        winograd::slack(packing),
                        packed,
                    );
                    for tiles in grid.ranges() {
                        scratch.spread_tiles(simd, (packing, packed, depth), grid, &tiles);
                        for block in blocks {
                            let start = (block.channels.start - first_channel) * plane;
                            scratch.write(
                                simd,
                                (&block.phases[0].0, &block.bias, pass.epilogue),
                                (grid, &tiles, depth),
                                |image, i, j| image * written * plane + (first + i) * to_width + j,
                                (&mut self.target[start..], plane, block.channels.len()),
                            );
                        }
                    }
                }
                continue;
            }
            let slack = sweep::slack::<T, S>();
            packing.pack(self.source, channels, 0..channels, first, slack, packed);
            for (index, phase) in phases.iter().enumerate() {
                let band =
                    first.min(phase.rows.count)..(first + packing.band).min(phase.rows.count);
                positions.fill(
                    packing,
                    images,
                    band.len(),
                    phase.columns.count,
                    |image, i, j| {
                        let y = phase.rows.first + (first + i) * rows.write_step;
                        let x = phase.columns.first + j * columns.write_step;
                        image * written * plane + y * to_width + x
                    },
                );
                for block in self.blocks {
                    let (weights, steps) = &block.phases[index];
                    let group = block.group * group_channels;
                    let start = (block.channels.start - first_channel) * plane;
                    sweep::Sweep {
                        order: block.order,
                        source: &packed[group * packing.plane..],
                        weights,
                        bias: &block.bias,
                        steps,
                        positions,
                        epilogue: pass.epilogue,
                        target: &mut self.target[start..],
                        channels: block.channels.len(),
                        plane,
                        sums,
                    }
                    .run(simd);
                }
            }
        }
    }
}
