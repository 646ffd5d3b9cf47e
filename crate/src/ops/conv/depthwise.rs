//! Depthwise convolutions: as many groups as channels, so that each channel has a filter of its own.
//!
//! Nothing is summed over channels, and a product of matrices would have a single row. Here a plane
//! is taken at a time: it is copied with its padding, one plane for each remainder of the stride, so
//! that every tap is a constant offset from the position that it is added to, along the whole plane
//! at once. What is computed between the end of a row and the start of the next one is not used.

use rayon::prelude::*;

use super::{
    epilogue::Epilogue,
    geometry::{AxisPlan, Direction, Geometry, Phase},
    images::ImagePass,
    kernel::{get, put},
    weights::WeightGradient,
};
use crate::numerics::{
    lanes::Lanes,
    simd::{Simd, WithSimd},
};

/// Registers of neighbouring sums that share the taps.
const REGISTERS: usize = 4;
/// Taps whose gradients are summed together.
const TAPS: usize = 9;
/// Planes that a thread takes at least.
const PLANES: usize = 4;

/// Whether each channel of the small image belongs to one of the big image and to no other.
pub fn suits(geometry: &Geometry) -> bool {
    let channels = geometry.groups;
    channels > 1 && geometry.big_channels == channels && geometry.small_channels == channels
}

/// Each tap of a phase: its place in the kernel, and where it is read for the first position.
type Taps = Vec<(usize, usize)>;

/// The layout of a plane with its padding: `[vertical remainder, horizontal remainder, row, column]`.
struct Layout<'p> {
    rows: &'p AxisPlan,
    columns: &'p AxisPlan,
    width: usize,
    /// Distance between neighbouring rows.
    row: usize,
    /// Distance between the planes of two remainders.
    part: usize,
}

impl<'p> Layout<'p> {
    fn new(rows: &'p AxisPlan, columns: &'p AxisPlan, width: usize) -> Self {
        let extent = |plan: &AxisPlan| plan.extent(plan.longest()).div_ceil(plan.read_step);
        let (height_of_part, row) = (extent(rows), extent(columns));
        Self {
            rows,
            columns,
            width,
            row,
            part: height_of_part * row,
        }
    }

    /// Zeros for a packed plane, and for what is read beyond it.
    fn zeros<T: Lanes, S: Simd>(&self) -> Vec<T> {
        let parts = self.rows.read_step * self.columns.read_step;
        let beyond = self.row + REGISTERS * T::lanes::<S>();
        vec![T::zero(); parts * self.part + beyond]
    }

    /// Copies `plane` into zeros, or over another plane.
    #[inline(always)]
    fn pack<T: Lanes>(&self, plane: &[T], packed: &mut [T]) {
        let (down, right) = (self.rows.read_step, self.columns.read_step);
        for (y, line) in plane.chunks_exact(self.width.max(1)).enumerate() {
            let y = y + self.rows.before;
            let start = (y % down) * right * self.part + y / down * self.row;
            if y / down * self.row >= self.part {
                break; // no tap reads the last rows
            }
            for remainder in 0..right {
                // The first column of the image with this remainder in the padded image.
                let skipped = (remainder + right - self.columns.before % right) % right;
                let at = (skipped + self.columns.before) / right;
                let target = start + remainder * self.part + at;
                let room = self.row.saturating_sub(at);
                let target = &mut packed[target..target + room];
                if right == 1 {
                    let copied = room.min(self.width);
                    target[..copied].copy_from_slice(&line[..copied]);
                } else {
                    let line = line.get(skipped..).unwrap_or_default();
                    for (target, &value) in target.iter_mut().zip(line.iter().step_by(right)) {
                        *target = value;
                    }
                }
            }
        }
    }

    /// Where a tap of these offsets is read for the first position.
    fn offset(&self, y: usize, x: usize) -> usize {
        let (down, right) = (self.rows.read_step, self.columns.read_step);
        let part = (y % down) * right + x % right;
        part * self.part + y / down * self.row + x / right
    }

    /// The taps of a phase, in a kernel of that width.
    fn taps(&self, rows: &Phase, columns: &Phase, kernel: usize) -> Taps {
        let mut taps = vec![];
        for &(row, y) in &rows.taps {
            for &(column, x) in &columns.taps {
                taps.push((row * kernel + column, self.offset(y, x)));
            }
        }
        taps
    }
}

/// Computes the images that the pass writes, each plane from the one plane that it depends on.
#[inline(always)]
pub fn run<T: Lanes, S: Simd>(simd: S, pass: &ImagePass<'_, T>) -> Vec<T> {
    let (big, small) = (pass.geometry.big_shape(), pass.geometry.small_shape());
    let (from, to) = match pass.direction {
        Direction::Gather => (big, small),
        Direction::Scatter => (small, big),
    };
    let [_, channels, height, width] = from;
    let rows = pass.geometry.rows.plan(pass.direction);
    let columns = pass.geometry.columns.plan(pass.direction);
    let layout = Layout::new(&rows, &columns, width);
    let kernel = pass.geometry.columns.kernel;
    let mut phases = vec![];
    for rows in &rows.phases {
        for columns in &columns.phases {
            phases.push((rows, columns, layout.taps(rows, columns, kernel)));
        }
    }
    let mut target = vec![T::zero(); to.iter().product()];
    let planes = target.par_chunks_mut((to[2] * to[3]).max(1)).enumerate();
    let scratch = || (layout.zeros::<T, S>(), vec![]);
    planes
        .with_min_len(PLANES)
        .for_each_init(scratch, |(packed, sums), (n, target)| {
            let channel = n % channels;
            let taps = pass.geometry.taps();
            simd.vectorize(Plane {
                layout: &layout,
                phases: &phases,
                source: &pass.source[n * height * width..][..height * width],
                weight: &pass.weight[channel * taps..][..taps],
                bias: pass.bias.map_or(T::zero(), |bias| bias[channel]),
                epilogue: pass.epilogue,
                target,
                target_width: to[3],
                packed,
                sums,
            });
        });
    target
}

/// Writes one plane.
struct Plane<'t, T> {
    layout: &'t Layout<'t>,
    phases: &'t [(&'t Phase, &'t Phase, Taps)],
    source: &'t [T],
    /// The taps of the plane's own kernel.
    weight: &'t [T],
    bias: T,
    epilogue: Epilogue,
    target: &'t mut [T],
    target_width: usize,
    packed: &'t mut Vec<T>,
    sums: &'t mut Vec<T>,
}

impl<T: Lanes> WithSimd for Plane<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Layout {
            rows: down,
            columns: right,
            row: stride,
            ..
        } = *self.layout;
        self.layout.pack(self.source, self.packed);
        let lanes = T::lanes::<S>();
        for (rows, columns, taps) in self.phases {
            let length = rows.count.saturating_sub(1) * stride + columns.count;
            if rows.count == 0 || columns.count == 0 {
                continue;
            }
            self.sums
                .resize(length.next_multiple_of(REGISTERS * lanes), T::zero());
            let mut first = 0;
            while first < length {
                let mut sums = [T::splat(simd, self.bias); REGISTERS];
                for &(tap, offset) in taps {
                    let weight = T::splat(simd, self.weight[tap]);
                    let read = &self.packed[offset + first..][..REGISTERS * lanes];
                    for (i, sum) in sums.iter_mut().enumerate() {
                        let values = get::<T, S>(read, i * lanes);
                        *sum = T::mul_add(simd, weight, values, *sum);
                    }
                }
                for (i, &sum) in sums.iter().enumerate() {
                    put::<T, S>(self.sums, first + i * lanes, sum);
                }
                first += REGISTERS * lanes;
            }
            self.epilogue.apply(&mut self.sums[..length]);
            for (i, sums) in self.sums[..length].chunks(stride).enumerate() {
                let y = rows.first + i * down.write_step;
                let start = y * self.target_width + columns.first;
                let target = &mut self.target[start..];
                if right.write_step == 1 {
                    target[..columns.count].copy_from_slice(&sums[..columns.count]);
                } else {
                    let target = target.iter_mut().step_by(right.write_step);
                    for (target, &sum) in target.zip(&sums[..columns.count]) {
                        *target = sum;
                    }
                }
            }
        }
    }
}

/// The gradient of the weight, each channel summed over the batch by one thread.
#[inline(always)]
pub fn weight_gradient<T: Lanes, S: Simd>(simd: S, pass: &WeightGradient<'_, T>) -> Vec<T> {
    let [_, channels, _, width] = pass.geometry.big_shape();
    let rows = pass.geometry.rows.plan(Direction::Gather);
    let columns = pass.geometry.columns.plan(Direction::Gather);
    let layout = Layout::new(&rows, &columns, width);
    let kernel = pass.geometry.columns.kernel;
    let taps = layout.taps(&rows.phases[0], &columns.phases[0], kernel);
    let offsets: Vec<usize> = taps.iter().map(|(_, offset)| *offset).collect();
    let mut gradient = vec![T::zero(); channels * offsets.len()];
    let kernels = gradient.par_chunks_mut(offsets.len()).enumerate();
    let scratch = || (layout.zeros::<T, S>(), vec![]);
    kernels.for_each_init(scratch, |(packed, spread), (channel, target)| {
        simd.vectorize(Kernel {
            pass,
            layout: &layout,
            offsets: &offsets,
            channel,
            target,
            packed,
            spread,
        });
    });
    gradient
}

/// Sums the gradient of one channel's kernel.
struct Kernel<'t, 'a, T> {
    pass: &'t WeightGradient<'a, T>,
    layout: &'t Layout<'t>,
    offsets: &'t [usize],
    channel: usize,
    target: &'t mut [T],
    packed: &'t mut Vec<T>,
    /// A plane of the small image with zeros between its rows.
    spread: &'t mut Vec<T>,
}

impl<T: Lanes> WithSimd for Kernel<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [batch, channels, height, width] = self.pass.geometry.big_shape();
        let [.., rows, columns] = self.pass.geometry.small_shape();
        let length = (rows * self.layout.row).next_multiple_of(T::lanes::<S>());
        self.spread.resize(length, T::zero());
        for image in 0..batch {
            let plane = image * channels + self.channel;
            let big = &self.pass.big[plane * height * width..][..height * width];
            self.layout.pack(big, self.packed);
            let small = &self.pass.small[plane * rows * columns..][..rows * columns];
            let spread = self.spread.chunks_mut(self.layout.row);
            for (spread, line) in spread.zip(small.chunks_exact(columns)) {
                spread[..columns].copy_from_slice(line);
            }
            let (mut offsets, mut target) = (self.offsets, &mut *self.target);
            while !offsets.is_empty() {
                let count = if offsets.len() >= TAPS { TAPS } else { 1 };
                let (now, later) = offsets.split_at(count);
                let (sums, rest) = target.split_at_mut(count);
                if count == TAPS {
                    add_products::<T, S, TAPS>(simd, self.spread, self.packed, now, sums);
                } else {
                    add_products::<T, S, 1>(simd, self.spread, self.packed, now, sums);
                }
                (offsets, target) = (later, rest);
            }
        }
    }
}

/// Adds to each of the sums the product of `small` with what lies in `big` from its offset on.
#[inline(always)]
fn add_products<T: Lanes, S: Simd, const N: usize>(
    simd: S,
    small: &[T],
    big: &[T],
    offsets: &[usize],
    sums: &mut [T],
) {
    let lanes = T::lanes::<S>();
    let mut totals = [T::splat(simd, T::zero()); N];
    let mut read: [&[T]; N] = [&[]; N];
    for (read, &offset) in read.iter_mut().zip(offsets) {
        *read = &big[offset..][..small.len()];
    }
    for first in (0..small.len()).step_by(lanes) {
        let small = get::<T, S>(small, first);
        for (total, read) in totals.iter_mut().zip(&read) {
            *total = T::mul_add(simd, small, get::<T, S>(read, first), *total);
        }
    }
    for (sum, &total) in sums.iter_mut().zip(&totals) {
        *sum += T::sum(simd, total);
    }
}
