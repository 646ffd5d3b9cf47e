//! Max and average pooling of sequences.

use candle_core::Tensor;

use super::pool::{Pool2d, avg_pool2d, max_pool2d};
use crate::{Error, Result};

/// The windows of [`max_pool1d`] and [`avg_pool1d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool1d {
    /// The length of a window.
    pub kernel: usize,
    /// The distance between neighbouring windows. If it is less than the kernel, they overlap.
    pub stride: usize,
    /// How far the first and the last window reach beyond the ends: at most half the kernel.
    pub padding: usize,
    /// Whether the number of windows is rounded up, so that a rest at the end, smaller than a
    /// window, gets one too.
    pub ceil_mode: bool,
}

impl Pool1d {
    /// Windows of this length side by side, without padding.
    pub fn window(length: usize) -> Self {
        Self {
            kernel: length,
            stride: length,
            padding: 0,
            ceil_mode: false,
        }
    }
}

impl From<Pool1d> for Pool2d {
    /// The same windows on an image of one row.
    fn from(windows: Pool1d) -> Self {
        Self {
            kernel: [1, windows.kernel],
            stride: [1, windows.stride],
            padding: [0, windows.padding],
            ceil_mode: windows.ceil_mode,
        }
    }
}

/// [`max_pool2d`] in one dimension: `x` is `[batch, channels, length]`, the result `[batch,
/// channels, windows]`.
///
/// ```
/// use cuaderno::{ops::{self, Pool1d}, prelude::*};
///
/// let x = Tensor::new(&[[[1f32, 3.0, 2.0, 0.0]]], &Device::Cpu)?;
/// let y = ops::max_pool1d(&x, Pool1d::window(2))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [3.0, 2.0]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `x` does not have three dimensions, a window is longer than the padded sequence, or the
/// padding is more than half a window.
pub fn max_pool1d(x: &Tensor, windows: Pool1d) -> Result<Tensor> {
    let rows = as_images("max_pool1d", x)?;
    Ok(max_pool2d(&rows, windows.into())?.squeeze(2)?)
}

/// [`avg_pool2d`] in one dimension, with the shapes of [`max_pool1d`].
///
/// # Errors
/// If `x` does not have three dimensions, a window is longer than the padded sequence, or the
/// padding is more than half a window.
pub fn avg_pool1d(x: &Tensor, windows: Pool1d, count_padding: bool) -> Result<Tensor> {
    let rows = as_images("avg_pool1d", x)?;
    Ok(avg_pool2d(&rows, windows.into(), count_padding)?.squeeze(2)?)
}

/// A sequence as an image of one row.
fn as_images(operation: &'static str, x: &Tensor) -> Result<Tensor> {
    if x.rank() != 3 {
        return Err(Error::shape(
            operation,
            format!(
                "the input is {:?}, but it must have three dimensions: [batch, channels, length].",
                x.dims()
            ),
        ));
    }
    Ok(x.unsqueeze(2)?)
}
