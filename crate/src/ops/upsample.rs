//! Upsampling: images made larger (or smaller) by repeating or interpolating their pixels.

use candle_core::Tensor;

use super::fallback;
use crate::numerics::{
    for_float,
    planes::{self, Planewise},
    simd::{Float, Simd},
};
use crate::{Error, Result};

/// The size of an image after [`upsample_nearest2d`] or [`upsample_bilinear2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// A factor for height and width.
    By(usize),
    /// A height and a width.
    To([usize; 2]),
}

/// Enlarges `x` `[batch, channels, height, width]`: each output pixel takes the value of the input
/// pixel under its upper left corner. Like `torch.nn.functional.interpolate` with `mode="nearest"`.
///
/// ```
/// use cuaderno::{ops::{self, Resize}, prelude::*};
///
/// let x = Tensor::new(&[1f32, 2.0], &Device::Cpu)?.reshape((1, 1, 1, 2))?;
/// let y = ops::upsample_nearest2d(&x, Resize::By(2))?.flatten_to(2)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` does not have four dimensions, or one of the sizes is empty.
pub fn upsample_nearest2d(x: &Tensor, size: Resize) -> Result<Tensor> {
    let [height, width, rows, columns] = sizes("upsample_nearest2d", x, size)?;
    let nearest = Nearest {
        width,
        rows: nearest(height, rows),
        columns: nearest(width, columns),
        pairs: columns == 2 * width,
    };
    if !fallback::fused(x) {
        return nearest.composed(x);
    }
    for_float!(x.dtype(), T => Ok(planes::apply::<T, _>(nearest, x)?))
}

/// Enlarges `x` `[batch, channels, height, width]`: each output pixel interpolates linearly between
/// the four input pixels around it. Like `torch.nn.functional.interpolate` with `mode="bilinear"`:
/// with `align_corners` the centres of the corner pixels of both images coincide; without it,
/// PyTorch's default, the corners of the images do.
///
/// ```
/// use cuaderno::{ops::{self, Resize}, prelude::*};
///
/// let x = Tensor::new(&[0f32, 4.0], &Device::Cpu)?.reshape((1, 1, 1, 2))?;
/// let row = |y: Tensor| y.flatten_all()?.to_vec1::<f32>();
/// let y = ops::upsample_bilinear2d(&x, Resize::To([1, 4]), false)?;
/// assert_eq!(row(y)?, [0.0, 1.0, 3.0, 4.0]);
/// let y = ops::upsample_bilinear2d(&x, Resize::To([1, 5]), true)?;
/// assert_eq!(row(y)?, [0.0, 1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` does not have four dimensions, or one of the sizes is empty.
pub fn upsample_bilinear2d(x: &Tensor, size: Resize, align_corners: bool) -> Result<Tensor> {
    let [height, width, rows, columns] = sizes("upsample_bilinear2d", x, size)?;
    let bilinear = Bilinear {
        width,
        rows: between(height, rows, align_corners),
        columns: between(width, columns, align_corners),
    };
    if !fallback::fused(x) {
        return bilinear.composed(x);
    }
    for_float!(x.dtype(), T => Ok(planes::apply::<T, _>(bilinear, x)?))
}

/// The heights and widths before and after.
fn sizes(operation: &'static str, x: &Tensor, size: Resize) -> Result<[usize; 4]> {
    let &[_, _, height, width] = x.dims() else {
        return Err(Error::shape(
            operation,
            format!(
                "the input is {:?}, but it must have four dimensions: [batch, channels, height, width].",
                x.dims()
            ),
        ));
    };
    let [rows, columns] = match size {
        Resize::By(factor) => [factor * height, factor * width],
        Resize::To(size) => size,
    };
    if [height, width, rows, columns].contains(&0) {
        return Err(Error::shape(
            operation,
            format!(
                "the input is {:?} and the result would be {rows} x {columns}; both images need at least one pixel.",
                x.dims()
            ),
        ));
    }
    Ok([height, width, rows, columns])
}

/// The input position for each output position.
fn nearest(input: usize, output: usize) -> Vec<usize> {
    (0..output).map(|i| i * input / output).collect()
}

struct Nearest {
    width: usize,
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// Whether each column is taken twice, a case worth a loop of its own.
    pairs: bool,
}

impl Nearest {
    fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let select = |x: &Tensor, positions: &[usize], dim| -> Result<Tensor> {
            let positions: Vec<u32> = positions.iter().map(|&position| position as u32).collect();
            let count = positions.len();
            let positions = Tensor::from_vec(positions, count, x.device())?;
            Ok(x.contiguous()?.index_select(&positions, dim)?)
        };
        select(&select(x, &self.rows, 2)?, &self.columns, 3)
    }
}

impl Planewise for Nearest {
    const NAME: &'static str = "upsample_nearest2d";

    fn output_size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    #[inline(always)]
    fn forward<T: Float, S: Simd>(&self, x: &[T], y: &mut [T], _: &mut Vec<T>) {
        let columns = self.columns.len();
        for (i, row) in self.rows.iter().enumerate() {
            let (done, y) = y.split_at_mut(i * columns);
            let y = &mut y[..columns];
            if i > 0 && self.rows[i - 1] == *row {
                y.copy_from_slice(&done[(i - 1) * columns..]);
                continue;
            }
            let x = &x[row * self.width..][..self.width];
            if self.pairs {
                for (y, x) in y.chunks_exact_mut(2).zip(x) {
                    y.fill(*x);
                }
            } else {
                for (y, column) in y.iter_mut().zip(&self.columns) {
                    *y = x[*column];
                }
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
        _: &mut Vec<T>,
    ) {
        for (row, gradient) in self
            .rows
            .iter()
            .zip(y_gradient.chunks_exact(self.columns.len()))
        {
            let x = &mut x_gradient[row * self.width..][..self.width];
            if self.pairs {
                for (x, pair) in x.iter_mut().zip(gradient.chunks_exact(2)) {
                    *x += pair[0] + pair[1];
                }
            } else {
                for (column, gradient) in self.columns.iter().zip(gradient) {
                    x[*column] += *gradient;
                }
            }
        }
    }
}

/// Two neighbouring input positions and the weight of the second one.
#[derive(Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    weight: f64,
}

impl Between {
    /// The weights of the first and of the second position.
    #[inline(always)]
    fn weights<T: Float>(&self) -> (T, T) {
        (T::of(1.0 - self.weight), T::of(self.weight))
    }

    /// `x` at all of `positions` along a dimension. It is not a product with the matrix of weights,
    /// in which 0 times an infinite pixel would reach all others.
    fn composed(positions: &[Self], x: &Tensor, dim: usize) -> Result<Tensor> {
        let (x, count) = (x.contiguous()?, positions.len());
        let part = |at: fn(&Self) -> usize, weight: fn(&Self) -> f64| -> Result<Tensor> {
            let at: Vec<u32> = positions.iter().map(|p| at(p) as u32).collect();
            let at = Tensor::from_vec(at, count, x.device())?;
            let weights: Vec<f64> = positions.iter().map(weight).collect();
            let mut shape = [1; 4];
            shape[dim] = count;
            let weights = Tensor::from_vec(weights, &shape, x.device())?.to_dtype(x.dtype())?;
            Ok(x.index_select(&at, dim)?.broadcast_mul(&weights)?)
        };
        let first = part(|p| p.first, |p| 1.0 - p.weight)?;
        Ok((first + part(|p| p.second, |p| p.weight)?)?)
    }
}

fn between(input: usize, output: usize, align_corners: bool) -> Vec<Between> {
    let position = |i: usize| match (align_corners, output) {
        (true, 1) => 0.0,
        (true, _) => (i * (input - 1)) as f64 / (output - 1) as f64,
        (false, _) => ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0),
    };
    if input == output {
        // As in PyTorch, a pixel sees no other, not even 0 times an infinite one.
        let itself = |i| Between {
            first: i,
            second: i,
            weight: 0.0,
        };
        return (0..output).map(itself).collect();
    }
    (0..output)
        .map(|i| {
            let first = (position(i).floor() as usize).min(input - 1);
            Between {
                first,
                second: (first + 1).min(input - 1),
                weight: position(i) - first as f64,
            }
        })
        .collect()
}

struct Bilinear {
    width: usize,
    rows: Vec<Between>,
    columns: Vec<Between>,
}

impl Bilinear {
    fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let rows = Between::composed(&self.rows, x, 2)?;
        Between::composed(&self.columns, &rows, 3)
    }
}

impl Planewise for Bilinear {
    const NAME: &'static str = "upsample_bilinear2d";

    fn output_size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    #[inline(always)]
    fn forward<T: Float, S: Simd>(&self, x: &[T], y: &mut [T], line: &mut Vec<T>) {
        for (y, row) in y.chunks_exact_mut(self.columns.len()).zip(&self.rows) {
            let upper = &x[row.first * self.width..][..self.width];
            let lower = &x[row.second * self.width..][..self.width];
            // Not `upper + (lower - upper) * weight`, which is NaN between two infinite pixels.
            let (rest, weight) = row.weights::<T>();
            line.clear();
            line.extend_from_slice(upper);
            for (line, lower) in line.iter_mut().zip(lower) {
                *line = *line * rest + *lower * weight;
            }
            for (y, column) in y.iter_mut().zip(&self.columns) {
                let (rest, weight) = column.weights::<T>();
                *y = line[column.first] * rest + line[column.second] * weight;
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
        for (gradient, row) in y_gradient.chunks_exact(self.columns.len()).zip(&self.rows) {
            line.clear();
            line.resize(self.width, T::zero());
            for (gradient, column) in gradient.iter().zip(&self.columns) {
                let right = *gradient * T::of(column.weight);
                line[column.first] += *gradient - right;
                line[column.second] += right;
            }
            let weight = T::of(row.weight);
            for (position, weight) in [(row.first, T::one() - weight), (row.second, weight)] {
                let x = &mut x_gradient[position * self.width..][..self.width];
                for (x, line) in x.iter_mut().zip(line.iter()) {
                    *x += *line * weight;
                }
            }
        }
    }
}
