//! The gradient of a weight: for each pair of channels and each tap, the sum over all positions of
//! the small image of its gradient times what the tap read there.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    depthwise,
    geometry::{Direction, Geometry},
    kernel::{Steps, add_products, block_width, transpose},
    pack::Packing,
};
use crate::numerics::{
    lanes::Lanes,
    simd::{Simd, WithSimd},
    zeros::zeros,
};

/// The sum over a batch of the products of two images linked by a convolution. For a convolution
/// `big` is its input and `small` the gradient of its output; for a transposed one, the reverse.
pub struct WeightGradient<'a, T> {
    /// The convolution.
    pub geometry: &'a Geometry,
    /// The batch of big images.
    pub big: &'a [T],
    /// The batch of small images.
    pub small: &'a [T],
}

impl<T: Lanes> WeightGradient<'_, T> {
    /// The gradient, in the layout of the weight. Its bits do not depend on the number of threads.
    pub fn run(self) -> Vec<T> {
        T::dispatch(self)
    }
}

/// The number of positions multiplied at a time, so that their gradients in neighbouring channels
/// stay in a second-level cache.
const POSITIONS: usize = 1024;
/// The batch is summed in at most this many parts, which may run in parallel.
const PARTS: usize = 8;
/// Numbers that the sums of all parts may hold.
const PART_SUMS: usize = 1 << 22;

/// Neighbouring channels of the small image, all in one group.
struct Block {
    group: usize,
    channels: Range<usize>,
    width: usize,
}

impl<T: Lanes> WithSimd for WeightGradient<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let Geometry {
            batch,
            big_channels,
            small_channels,
            groups,
            rows,
            columns,
        } = *self.geometry;
        let terms = big_channels / groups * self.geometry.taps();
        let length = small_channels * terms;
        if self.big.is_empty() || self.small.is_empty() {
            return vec![T::zero(); length];
        }
        if depthwise::suits(self.geometry) {
            return depthwise::weight_gradient(simd, &self);
        }
        let rows = rows.plan(Direction::Gather);
        let columns = columns.plan(Direction::Gather);
        let [.., height, width] = self.geometry.big_shape();
        let channels = big_channels / groups;
        let packing = Packing::new((&rows, &columns), batch, channels, height, width);
        let taps: Vec<usize> = (0..channels)
            .flat_map(|channel| {
                let (packing, columns) = (&packing, &columns);
                rows.phases[0].taps.iter().flat_map(move |(_, y)| {
                    let row = channel * packing.plane + y * packing.row;
                    columns.phases[0].taps.iter().map(move |(_, x)| row + x)
                })
            })
            .collect();

        let parts = (PART_SUMS / length).clamp(1, PARTS).min(batch);
        let blocks = blocks::<T, S>(groups, small_channels / groups);
        let tasks: Vec<(&Block, usize)> = blocks
            .iter()
            .flat_map(|block| (0..parts).map(move |part| (block, part)))
            .collect();
        let mut sums: Vec<Vec<T>> = tasks
            .into_par_iter()
            .map_init(Scratch::default, |scratch, (block, part)| {
                simd.vectorize(Task {
                    gradient: &self,
                    packing: &packing,
                    taps: &taps,
                    block,
                    images: batch * part / parts..batch * (part + 1) / parts,
                    scratch,
                })
            })
            .collect();
        let mut gradient = zeros(length);
        let mut rest = &mut gradient[..];
        let mut totals = vec![];
        for (block, sums) in blocks.iter().zip(sums.chunks_exact_mut(parts)) {
            let (target, others) = rest.split_at_mut(block.channels.len() * terms);
            rest = others;
            totals.push(Total {
                sums,
                width: block.width,
                target,
            });
        }
        totals
            .into_par_iter()
            .for_each(|total| simd.vectorize(total));
        gradient
    }
}

/// Adds up the sums of all parts of a block, and writes them as weights lie.
struct Total<'t, T> {
    /// `[tap, channel of the block]` of each part.
    sums: &'t mut [Vec<T>],
    width: usize,
    /// `[channel, tap]`
    target: &'t mut [T],
}

impl<T: Lanes> WithSimd for Total<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [total, parts @ ..] = self.sums else {
            return;
        };
        for part in parts {
            for (total, sum) in total.iter_mut().zip(part) {
                *total += *sum;
            }
        }
        let terms = total.len() / self.width;
        let channels = self.target.len() / terms;
        transpose(
            (&total[..], self.width),
            (self.target, terms),
            terms,
            channels,
        );
    }
}

#[inline(always)]
fn blocks<T: Lanes, S: Simd>(groups: usize, channels: usize) -> Vec<Block> {
    let mut blocks = vec![];
    for group in 0..groups {
        let (mut first, end) = (group * channels, (group + 1) * channels);
        while first < end {
            let width = block_width::<T, S>(end - first);
            let next = end.min(first + width);
            blocks.push(Block {
                group,
                channels: first..next,
                width,
            });
            first = next;
        }
    }
    blocks
}

/// Buffers that a thread reuses for each of its tasks.
struct Scratch<T> {
    packed: Vec<T>,
    reads: Vec<usize>,
    neighbours: Vec<T>,
    steps: Steps,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            packed: vec![],
            reads: vec![],
            neighbours: vec![],
            steps: Steps::default(),
        }
    }
}

/// Sums the products of some images for a block.
struct Task<'t, 'a, T> {
    gradient: &'t WeightGradient<'a, T>,
    packing: &'t Packing<'t>,
    taps: &'t [usize],
    block: &'t Block,
    images: Range<usize>,
    scratch: &'t mut Scratch<T>,
}

impl<T: Lanes> WithSimd for Task<'_, '_, T> {
    /// `[tap, channel of the block]`
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let Self {
            gradient:
                WeightGradient {
                    geometry,
                    big,
                    small,
                },
            packing,
            block,
            ..
        } = self;
        let Scratch {
            packed,
            reads,
            neighbours,
            steps,
        } = self.scratch;
        let channels = geometry.big_channels / geometry.groups;
        let mut sums = vec![T::zero(); self.taps.len() * block.width];
        let channels = block.group * channels..(block.group + 1) * channels;
        let big_image = big.len() / geometry.batch;
        let small_image = small.len() / geometry.batch;
        let (rows, columns) = (geometry.rows.small, geometry.columns.small);
        let plane = rows * columns;

        for start in self.images.clone().step_by(packing.images) {
            let images = start..self.images.end.min(start + packing.images);
            let source = &big[images.start * big_image..images.end * big_image];
            for first in (0..rows).step_by(packing.band) {
                let all = geometry.big_channels;
                packing.pack(source, all, channels.clone(), first, 0, packed);
                let band = first * columns..rows.min(first + packing.band) * columns;
                for image in images.clone() {
                    reads.clear();
                    reads.extend(band.clone().map(|position| {
                        let (i, j) = (position / columns - first, position % columns);
                        packing.position(image - start, i) + j * packing.column_step()
                    }));
                    let small = &small[image * small_image..][block.channels.start * plane..];
                    for (n, reads) in reads.chunks(POSITIONS).enumerate() {
                        let small = &small[band.start + n * POSITIONS..];
                        neighbours.resize(POSITIONS * block.width, T::zero());
                        let target = (&mut neighbours[..], block.width);
                        let channels = block.channels.len();
                        transpose((small, plane), target, channels, reads.len());
                        steps.clear();
                        for (position, read) in reads.iter().enumerate() {
                            steps.push(*read, position * block.width);
                        }
                        let sums = &mut sums[..];
                        add_products(
                            simd,
                            block.width,
                            (&packed[..], self.taps),
                            neighbours,
                            steps,
                            sums,
                        );
                    }
                }
            }
        }
        sums
    }
}
