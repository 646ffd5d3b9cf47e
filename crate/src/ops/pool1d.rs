//! Max and average pooling of sequences.

use candle_core::Tensor;

use super::pool::{Pool2d, avg_pool2d, max_pool2d};
use crate::{Error, Result};

/// The windows of [`max_pool1d`] and [`avg_pool1d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool1d {
    /// Length of a window.
    pub kernel: usize,
    /// Distance between neighbouring windows: less than the kernel where they overlap.
    pub stride: usize,
    /// How far the first and the last window reach over the ends: at most half the kernel.
    pub padding: usize,
    /// Whether what is left at the end, less than a window, has one too: the number of windows is
    /// rounded up, not down.
    pub ceil_mode: bool,
}

impl Pool1d {
    /// Windows of that length side by side, without padding.
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

/// [`max_pool2d`] in one dimension: x `[batch, channels, length]`, result `[batch, channels,
/// windows]`.
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
/// If x does not have three dimensions, a window is longer than the padded sequence, or the padding
/// more than half a window.
pub fn max_pool1d(x: &Tensor, windows: Pool1d) -> Result<Tensor> {
    let rows = as_images("max_pool1d", x)?;
    Ok(max_pool2d(&rows, windows.into())?.squeeze(2)?)
}

/// [`avg_pool2d`] in one dimension: shapes as in [`max_pool1d`].
///
/// # Errors
/// If x does not have three dimensions, a window is longer than the padded sequence, or the padding
/// more than half a window.
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
