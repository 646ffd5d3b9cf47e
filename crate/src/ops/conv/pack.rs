//! Copies into the layouts that the kernel reads at full speed.

use std::ops::Range;

use super::{geometry::AxisPlan, kernel::transpose};
use crate::numerics::float::Float;

/// The number of elements in a packed chunk, which leaves room for the weights in a second-level
/// cache.
const CHUNK: usize = 96 * 1024;
/// The number of positions in a chunk below which more images join it, so that weights are read
/// less often.
const POSITIONS: usize = 256;

/// Images cut into chunks that fit the cache: several whole images, or a band of rows of one. A
/// packed chunk is `[image, channel, row, column]` with the zeros of the padding in place.
pub struct Packing<'p> {
    rows: &'p AxisPlan,
    columns: &'p AxisPlan,
    channels: usize,
    height: usize,
    width: usize,
    /// Images in a chunk.
    pub images: usize,
    /// Positions along the vertical axis, for each phase, in a chunk.
    pub band: usize,
    /// Distance between neighbouring rows.
    pub row: usize,
    /// Distance between neighbouring channels.
    pub plane: usize,
}

impl<'p> Packing<'p> {
    /// Plans chunks of `channels` channels of the `batch` images of `height` x `width`, in
    /// agreement with the plans of the two axes.
    pub fn new(
        (rows, columns): (&'p AxisPlan, &'p AxisPlan),
        batch: usize,
        channels: usize,
        height: usize,
        width: usize,
    ) -> Self {
        let row = columns.extent(columns.longest());
        let positions = rows.longest();
        let fits = |band| channels * rows.extent(band) * row <= CHUNK;
        let (images, band) = if fits(positions) {
            let image = channels * rows.extent(positions) * row;
            let wanted = POSITIONS.div_ceil((positions * columns.longest()).max(1));
            (wanted.min(CHUNK / image).min(batch).max(1), positions)
        } else {
            // With only a few rows, most of a band would be its overlap with the next one.
            let least = (2 * rows.reach).div_ceil(rows.read_step).max(1);
            let band = (least..positions).rev().find(|&band| fits(band));
            // Even, so that tiles of two rows do not depend on the start of a band.
            let band = band.unwrap_or(least).next_multiple_of(2);
            (1, band.min(positions))
        };
        // Planes a multiple of the page size apart would compete for the same cache lines.
        let plane = (rows.extent(band) * row).next_multiple_of(16);
        let plane = plane + 16 * usize::from(plane % 256 == 0);
        Self {
            rows,
            columns,
            channels,
            height,
            width,
            images,
            band,
            row,
            plane,
        }
    }

    /// Distance between neighbouring images.
    pub fn image(&self) -> usize {
        self.channels * self.plane
    }

    /// Whether neighbouring positions read neighbouring elements along both axes.
    pub fn is_contiguous(&self) -> bool {
        self.rows.read_step == 1 && self.columns.read_step == 1
    }

    /// The plans of the vertical and the horizontal axis.
    pub fn plans(&self) -> (&AxisPlan, &AxisPlan) {
        (self.rows, self.columns)
    }

    /// Where the first position of row `i` of a band starts to read in channel 0 of an image.
    #[inline(always)]
    pub fn position(&self, image: usize, i: usize) -> usize {
        image * self.image() + i * self.rows.read_step * self.row
    }

    /// Distance between the reads of horizontal neighbours.
    #[inline(always)]
    pub fn column_step(&self) -> usize {
        self.columns.read_step
    }

    /// Packs the rows that the band from position `first` reads, of the channels `channels` of all
    /// images in `source`, each of `source_channels` channels. `slack` elements may be read beyond
    /// the last image.
    pub fn pack<T: Float>(
        &self,
        source: &[T],
        source_channels: usize,
        channels: Range<usize>,
        first: usize,
        slack: usize,
        packed: &mut Vec<T>,
    ) {
        let image = source_channels * self.height * self.width;
        let images = source.len().checked_div(image).unwrap_or(0);
        packed.resize(images * self.image() + slack, T::zero());
        let rows = self.rows.extent(self.band);
        let before = self.columns.before;
        let copied = self.width.min(self.row.saturating_sub(before));
        let mut planes = packed.chunks_exact_mut(self.plane);
        for image in source.chunks_exact(image.max(1)) {
            for channel in channels.clone() {
                let plane = planes.next().expect("one plane for each image and channel");
                for (i, target) in plane.chunks_exact_mut(self.row).take(rows).enumerate() {
                    let row = (first * self.rows.read_step + i).checked_sub(self.rows.before);
                    match row.filter(|&row| row < self.height) {
                        Some(row) => {
                            let start = (channel * self.height + row) * self.width;
                            target[..before.min(self.row)].fill(T::zero());
                            target[before.min(self.row)..][..copied]
                                .copy_from_slice(&image[start..][..copied]);
                            target[(before + copied).min(self.row)..].fill(T::zero());
                        }
                        None => target.fill(T::zero()),
                    }
                }
            }
        }
    }

    /// The position where row `i` of a band starts in an image packed with its channels side by side.
    #[inline(always)]
    pub fn interleaved_position(&self, image: usize, i: usize) -> usize {
        (image * self.rows.extent(self.band) + i * self.rows.read_step) * self.row
    }

    /// [`pack`](Self::pack) as `[image, row, column, channel]`, with zeros from the last channel up
    /// to `depth`. `slack` positions may be read beyond the last image.
    #[inline(always)]
    pub fn pack_interleaved<T: Float>(
        &self,
        source: &[T],
        source_channels: usize,
        (channels, depth): (Range<usize>, usize),
        first: usize,
        slack: usize,
        packed: &mut Vec<T>,
    ) {
        let plane = self.height * self.width;
        let image = source_channels * plane;
        let images = source.len().checked_div(image).unwrap_or(0);
        let rows = self.rows.extent(self.band);
        packed.clear();
        packed.resize((images * rows * self.row + slack) * depth, T::zero());
        let before = self.columns.before.min(self.row);
        let copied = self.width.min(self.row - before);
        for (n, image) in source.chunks_exact(image.max(1)).enumerate() {
            for i in 0..rows {
                let row = (first * self.rows.read_step + i).checked_sub(self.rows.before);
                if let Some(row) = row.filter(|&row| row < self.height) {
                    let source = &image[channels.start * plane + row * self.width..];
                    let target = &mut packed[((n * rows + i) * self.row + before) * depth..];
                    transpose((source, plane), (target, depth), channels.len(), copied);
                }
            }
        }
    }
}

/// A weight seen from the channels that a pass writes: element (target, source, tap) is
/// `data[target * target_stride + source * source_stride + tap]`.
#[derive(Clone, Copy)]
pub struct WeightView<'a, T> {
    /// The weight from the first element of a group.
    pub data: &'a [T],
    /// Distance between neighbouring channels of the image that is written.
    pub target_stride: usize,
    /// Distance between neighbouring channels of the image that is read.
    pub source_stride: usize,
    /// Channels of the image that is read.
    pub sources: usize,
}

impl<T: Float> WeightView<'_, T> {
    /// The weights of the target channels, which become neighbours: `[source, tap, width]`, with
    /// zeros behind the last channel.
    #[inline(always)]
    pub fn interleaved(&self, targets: Range<usize>, taps: &[usize], width: usize) -> Vec<T> {
        let mut packed = vec![T::zero(); self.sources * taps.len() * width];
        let whole = taps.iter().enumerate().all(|(i, &tap)| i == tap);
        if whole && self.source_stride == taps.len() {
            let columns = self.sources * taps.len();
            let source = &self.data[targets.start * self.target_stride..];
            let (source, target) = ((source, self.target_stride), (&mut packed[..], width));
            transpose(source, target, targets.len(), columns);
            return packed;
        }
        let mut rows = packed.chunks_exact_mut(width);
        for source in 0..self.sources {
            for tap in taps {
                let row = rows
                    .next()
                    .expect("one row for each source channel and tap");
                let start = source * self.source_stride + tap;
                for (value, target) in row.iter_mut().zip(targets.clone()) {
                    *value = self.data[start + target * self.target_stride];
                }
            }
        }
        packed
    }

    /// The weights of one target channel after the other: `[target, source, tap]`.
    pub fn by_channel(&self, targets: Range<usize>, taps: &[usize]) -> Vec<T> {
        let mut packed = Vec::with_capacity(targets.len() * self.sources * taps.len());
        for target in targets {
            for source in 0..self.sources {
                let start = target * self.target_stride + source * self.source_stride;
                packed.extend(taps.iter().map(|tap| self.data[start + tap]));
            }
        }
        packed
    }
}
