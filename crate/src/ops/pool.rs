//! Max and average pooling, with windows of any size, stride and padding.

use std::ops::Range;

use candle_core::Tensor;

use super::fallback;
use crate::numerics::{
    for_float,
    planes::{self, Planewise},
    simd::{Float, Simd},
};
use crate::{Error, Result};

/// The windows of [`max_pool2d`] and [`avg_pool2d`]; pairs are (vertical, horizontal).
///
/// `Pool2d::square(2)` is what most networks use: windows of 2 x 2, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// The size of a window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows. If it is less than the kernel, they overlap.
    pub stride: [usize; 2],
    /// How far the first and the last windows reach beyond the edges: at most half the kernel.
    pub padding: [usize; 2],
    /// Whether the number of windows is rounded up, so that a rest at the end, smaller than a
    /// window, gets one too.
    pub ceil_mode: bool,
}

impl Pool2d {
    /// Windows of `size` x `size` side by side, without padding.
    pub fn square(size: usize) -> Self {
        Self {
            kernel: [size, size],
            stride: [size, size],
            padding: [0, 0],
            ceil_mode: false,
        }
    }

    /// The number of windows along an axis of this size, if one fits. The stride must not be zero.
    pub(crate) fn count(&self, axis: usize, size: usize) -> Option<usize> {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        let padding = self.padding[axis];
        let room = (size + 2 * padding).checked_sub(kernel)?;
        if !self.ceil_mode {
            return Some(room / stride + 1);
        }
        // As in PyTorch, no window starts in the padding at the end.
        let last = room.div_ceil(stride);
        let within = last * stride < size + padding;
        Some(if within { last + 1 } else { last })
    }
}

/// The largest value of each window. `x` is `[batch, channels, height, width]`, the result `[batch,
/// channels, rows, columns]` with `rows = (height + 2 padding - kernel) / stride + 1`, rounded down
/// by default. Padding never counts as the largest value. As in `torch.nn.functional.max_pool2d`,
/// the first of equal values, row by row, gets the gradient.
///
/// ```
/// use cuaderno::{ops::{self, Pool2d}, prelude::*};
///
/// let x = Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// let y = ops::max_pool2d(&x, Pool2d::square(2))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5.0, 7.0, 13.0, 15.0]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` does not have four dimensions or has no channels, a window is larger than the padded
/// image, or the padding is more than half a window.
pub fn max_pool2d(x: &Tensor, windows: Pool2d) -> Result<Tensor> {
    let windows = Windows::new("max_pool2d", x, windows)?;
    if !fallback::fused(x) {
        return windows.composed_max(x);
    }
    for_float!(x.dtype(), T => Ok(planes::apply::<T, _>(Max(windows), x)?))
}

/// The mean of each window, with the shapes of [`max_pool2d`]. With `count_padding`, PyTorch's
/// default, the zeros beyond an edge count; without it, the mean is over the values inside the
/// image, as in Keras. Like `torch.nn.functional.avg_pool2d`.
///
/// ```
/// use cuaderno::{ops::{self, Pool2d}, prelude::*};
///
/// let x = Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// let y = ops::avg_pool2d(&x, Pool2d::square(2), true)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2.5, 4.5, 10.5, 12.5]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` does not have four dimensions or has no channels, a window is larger than the padded
/// image, or the padding is more than half a window.
pub fn avg_pool2d(x: &Tensor, windows: Pool2d, count_padding: bool) -> Result<Tensor> {
    let windows = Windows::new("avg_pool2d", x, windows)?;
    if !fallback::fused(x) {
        return windows.composed_mean(x, count_padding);
    }
    let mean = Mean {
        counts: windows.counts(count_padding),
        windows,
    };
    for_float!(x.dtype(), T => Ok(planes::apply::<T, _>(mean, x)?))
}

/// The positions of the windows in a plane.
struct Windows {
    config: Pool2d,
    height: usize,
    width: usize,
    /// The rows of the plane in each row of windows.
    rows: Vec<Range<usize>>,
    /// The columns of the plane in each column of windows.
    columns: Vec<Range<usize>>,
    /// Whether the columns are 0..2, 2..4, .., a case worth a loop of its own.
    pairs: bool,
}

impl Windows {
    fn new(operation: &'static str, x: &Tensor, config: Pool2d) -> Result<Self> {
        let (height, width) = match *x.dims() {
            [_, channels, height, width] if channels > 0 => (height, width),
            ref shape => {
                return Err(Error::shape(
                    operation,
                    format!(
                        "the input is {shape:?}, but it must have four dimensions: [batch, channels, height, width], with one channel or more."
                    ),
                ));
            }
        };
        let axis = |i: usize, size: usize| -> Result<Vec<Range<usize>>> {
            let (kernel, stride, padding) = (config.kernel[i], config.stride[i], config.padding[i]);
            if kernel == 0 || stride == 0 {
                let found = format!("{:?} and {:?}", config.kernel, config.stride);
                let name = "the pair of kernel and stride";
                return Err(Error::argument(name, found, "1 or more in every number"));
            }
            if 2 * padding > kernel {
                let most = format!("at most half the kernel {kernel}");
                return Err(Error::argument("the padding of a pool", padding, most));
            }
            let count = config.count(i, size).ok_or_else(|| {
                Error::shape(
                    operation,
                    format!(
                        "the window is {:?} and the input {:?} with padding {:?}; use a window that fits the image.",
                        config.kernel,
                        x.dims(),
                        config.padding
                    ),
                )
            })?;
            let start = |i: usize| i * stride;
            Ok((0..count)
                .map(|i| start(i).saturating_sub(padding)..size.min(start(i) + kernel - padding))
                .collect())
        };
        let (rows, columns) = (axis(0, height)?, axis(1, width)?);
        Ok(Self {
            config,
            height,
            width,
            pairs: columns
                .iter()
                .enumerate()
                .all(|(j, c)| *c == (2 * j..2 * j + 2)),
            rows,
            columns,
        })
    }

    fn output_size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// The height of each row and the width of each column of windows, in elements. This is with or
    /// without the padding, but never with the elements that rounding up adds behind it.
    fn counts(&self, count_padding: bool) -> [Vec<usize>; 2] {
        let count = |axis: usize, size: usize, windows: &[Range<usize>]| {
            let padded = size + 2 * self.config.padding[axis];
            let windows = windows.iter().enumerate();
            let count = windows.map(|(i, inside)| {
                let start = i * self.config.stride[axis];
                match count_padding {
                    true => padded.min(start + self.config.kernel[axis]) - start,
                    false => inside.len(),
                }
            });
            count.collect()
        };
        [
            count(0, self.height, &self.rows),
            count(1, self.width, &self.columns),
        ]
    }

    /// Merges the rows of a plane into `line`, column by column.
    #[inline(always)]
    fn merge_rows<T: Float>(
        &self,
        x: &[T],
        rows: &Range<usize>,
        line: &mut Vec<T>,
        merge: impl Fn(T, T) -> T,
    ) {
        line.clear();
        line.extend_from_slice(&x[rows.start * self.width..][..self.width]);
        for row in rows.start + 1..rows.end {
            let row = &x[row * self.width..][..self.width];
            for (line, x) in line.iter_mut().zip(row) {
                *line = merge(*line, *x);
            }
        }
    }

    /// The element of each window that `tap` (row, column) reads, and `outside` beyond the edges:
    /// `[batch, channels, rows, columns]`.
    fn read(&self, x: &Tensor, outside: f64, tap: (usize, usize)) -> Result<Tensor> {
        let mut image = x.contiguous()?; // or `index_select` refuses it
        let lengths = [x.dim(2)?, x.dim(3)?];
        for (axis, tap) in [tap.0, tap.1].into_iter().enumerate() {
            let padding = self.config.padding[axis];
            let stride = self.config.stride[axis];
            let mut shape = image.dims().to_vec();
            shape[2 + axis] = 1;
            // One row beyond the edge stands for all of them.
            let edge = Tensor::full(outside, shape, x.device())?.to_dtype(x.dtype())?;
            image = Tensor::cat(&[&image, &edge], 2 + axis)?;
            let positions = (0..self.output_size()[axis]).map(|i| {
                let inside = (i * stride + tap).checked_sub(padding);
                inside.unwrap_or(lengths[axis]).min(lengths[axis]) as u32
            });
            let positions: Vec<u32> = positions.collect();
            let count = positions.len();
            let positions = Tensor::from_vec(positions, count, x.device())?;
            image = image.index_select(&positions, 2 + axis)?;
        }
        Ok(image)
    }

    fn taps(&self) -> impl Iterator<Item = (usize, usize)> {
        let [height, width] = self.config.kernel;
        (0..height).flat_map(move |row| (0..width).map(move |column| (row, column)))
    }

    fn composed_max(&self, x: &Tensor) -> Result<Tensor> {
        let mut largest: Option<Tensor> = None;
        for tap in self.taps() {
            let value = self.read(x, f64::NEG_INFINITY, tap)?;
            largest = Some(match largest {
                // Only a larger value or NaN takes over, so that the first of equal values gets the
                // gradient.
                Some(largest) => {
                    let takes_over = (value.gt(&largest)? + value.ne(&value)?)?;
                    takes_over.where_cond(&value, &largest)?
                }
                None => value,
            });
        }
        Ok(largest.expect("a window has at least one element"))
    }

    fn composed_mean(&self, x: &Tensor, count_padding: bool) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for tap in self.taps() {
            let value = self.read(x, 0.0, tap)?;
            sum = Some(match sum {
                Some(sum) => (sum + value)?,
                None => value,
            });
        }
        let sum = sum.expect("a window has at least one element");
        let [heights, widths] = self.counts(count_padding);
        let areas: Vec<f64> = heights
            .iter()
            .flat_map(|height| widths.iter().map(move |width| (height * width) as f64))
            .collect();
        let areas = Tensor::from_vec(areas, (heights.len(), widths.len()), x.device())?;
        Ok(sum.broadcast_div(&areas.to_dtype(x.dtype())?)?)
    }
}

/// The larger of two values; NaN is kept.
#[inline(always)]
#[allow(clippy::eq_op, reason = "only NaN differs from itself")]
fn larger<T: Float>(a: T, b: T) -> T {
    if b > a || b != b { b } else { a }
}

struct Max(Windows);

impl Planewise for Max {
    const NAME: &'static str = "max_pool2d";

    fn output_size(&self) -> [usize; 2] {
        self.0.output_size()
    }

    #[inline(always)]
    fn forward<T: Float, S: Simd>(&self, x: &[T], y: &mut [T], line: &mut Vec<T>) {
        let windows = &self.0;
        for (y, rows) in y.chunks_exact_mut(windows.columns.len()).zip(&windows.rows) {
            windows.merge_rows(x, rows, line, larger);
            if windows.pairs {
                for (y, pair) in y.iter_mut().zip(line.chunks_exact(2)) {
                    *y = larger(pair[0], pair[1]);
                }
                continue;
            }
            for (y, columns) in y.iter_mut().zip(&windows.columns) {
                let values = &line[columns.clone()];
                *y = values.iter().fold(T::NEG_INFINITY, |y, x| larger(y, *x));
            }
        }
    }

    #[inline(always)]
    fn backward<T: Float, S: Simd>(
        &self,
        x: &[T],
        y: &[T],
        y_gradient: &[T],
        x_gradient: &mut [T],
        _: &mut Vec<T>,
    ) {
        let Windows {
            width,
            rows,
            columns,
            pairs,
            ..
        } = &self.0;
        let lines = y.chunks_exact(columns.len());
        let lines = lines.zip(y_gradient.chunks_exact(columns.len()));
        for (rows, (y, y_gradient)) in rows.iter().zip(lines) {
            // Only if no other window shares these rows, because they are overwritten.
            let apart = self.0.config.kernel[0] == 2 && self.0.config.stride[0] == 2;
            if *pairs && apart && rows.len() == 2 {
                let (x, x_gradient) = (
                    &x[rows.start * width..],
                    &mut x_gradient[rows.start * width..],
                );
                let (upper, lower) = x_gradient[..2 * width].split_at_mut(*width);
                quarters(
                    (&x[..*width], &x[*width..2 * width]),
                    y,
                    y_gradient,
                    (upper, lower),
                );
                continue;
            }
            for (j, columns) in columns.iter().enumerate() {
                let mut first = rows.start * width + columns.start;
                // From the end, so that the first of equal values is found last.
                for row in rows.clone().rev() {
                    for at in (row * width + columns.start..row * width + columns.end).rev() {
                        first = if x[at] == y[j] { at } else { first };
                    }
                }
                x_gradient[first] += y_gradient[j];
            }
        }
    }
}

/// The gradient of windows of 2 x 2 side by side, without branches.
#[inline(always)]
fn quarters<T: Float>(
    x: (&[T], &[T]),
    y: &[T],
    y_gradient: &[T],
    x_gradient: (&mut [T], &mut [T]),
) {
    let x = x.0.chunks_exact(2).zip(x.1.chunks_exact(2));
    let (upper, lower) = x_gradient;
    let x_gradient = upper.chunks_exact_mut(2).zip(lower.chunks_exact_mut(2));
    let zero = T::zero();
    for (((upper, lower), (to_upper, to_lower)), (&y, &gradient)) in
        x.zip(x_gradient).zip(y.iter().zip(y_gradient))
    {
        let [a, b, c] = [upper[0] == y, upper[1] == y, lower[0] == y];
        let none = !(a | b | c);
        // Where nothing equals y it is not a number, and the last place is as good as another.
        to_upper[0] = if a { gradient } else { zero };
        to_upper[1] = if b & !a { gradient } else { zero };
        to_lower[0] = if c & !a & !b { gradient } else { zero };
        to_lower[1] = if none { gradient } else { zero };
    }
}

struct Mean {
    windows: Windows,
    /// Heights and widths of the windows.
    counts: [Vec<usize>; 2],
}

impl Mean {
    /// The factor of the sum of a window.
    #[inline(always)]
    fn weight<T: Float>(height: usize, width: usize) -> T {
        T::of(1.0 / (height * width) as f64)
    }
}

impl Planewise for Mean {
    const NAME: &'static str = "avg_pool2d";

    fn output_size(&self) -> [usize; 2] {
        self.windows.output_size()
    }

    #[inline(always)]
    fn forward<T: Float, S: Simd>(&self, x: &[T], y: &mut [T], line: &mut Vec<T>) {
        let windows = &self.windows;
        let [heights, widths] = &self.counts;
        let lines = y.chunks_exact_mut(windows.columns.len());
        for ((y, rows), height) in lines.zip(&windows.rows).zip(heights) {
            windows.merge_rows(x, rows, line, |a, b| a + b);
            for ((y, columns), width) in y.iter_mut().zip(&windows.columns).zip(widths) {
                let values = &line[columns.clone()];
                let sum = values.iter().fold(T::zero(), |sum, x| sum + *x);
                *y = sum * Self::weight::<T>(*height, *width);
            }
        }
    }

    #[inline(always)]
    fn backward<T: Float, S: Simd>(
        &self,
        _: &[T],
        _: &[T],
        y_gradient: &[T],
        x_gradient: &mut [T],
        line: &mut Vec<T>,
    ) {
        let windows = &self.windows;
        let gradients = y_gradient.chunks_exact(windows.columns.len());
        let [heights, widths] = &self.counts;
        for ((rows, gradient), height) in windows.rows.iter().zip(gradients).zip(heights) {
            line.clear();
            line.resize(windows.width, T::zero());
            for ((columns, gradient), width) in windows.columns.iter().zip(gradient).zip(widths) {
                let share = *gradient * Self::weight::<T>(*height, *width);
                for line in &mut line[columns.clone()] {
                    *line += share;
                }
            }
            for row in rows.clone() {
                let row = &mut x_gradient[row * windows.width..][..windows.width];
                for (x, line) in row.iter_mut().zip(line.iter()) {
                    *x += *line;
                }
            }
        }
    }
}
