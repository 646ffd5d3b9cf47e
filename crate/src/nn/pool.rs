//! Pooling of images.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use super::window::{Pair, image, pool_positions};
use crate::{Result, ops};

/// The largest value of each window of images `[batch, channels, height, width]`: see
/// [`ops::max_pool2d`](crate::ops::max_pool2d).
///
/// ```
/// use cuaderno::{nn::{Layer, MaxPool2d}, prelude::*};
/// assert_eq!(MaxPool2d::window(2).output_shape(&[32, 27, 27])?, [32, 13, 13]);
/// assert_eq!(MaxPool2d::window(2).ceil_mode().output_shape(&[32, 27, 27])?, [32, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    windows: ops::Pool2d,
}

/// The mean of each window of images `[batch, channels, height, width]`: see
/// [`ops::avg_pool2d`](crate::ops::avg_pool2d). By default padding counts as zeros, as in
/// PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d {
    windows: ops::Pool2d,
    count_padding: bool,
}

impl MaxPool2d {
    /// A layer with windows of this size, side by side and without padding.
    pub fn window(size: impl Into<Pair>) -> Self {
        Self {
            windows: side_by_side(size.into()),
        }
    }
}

impl AvgPool2d {
    /// A layer with windows of this size, side by side and without padding.
    pub fn window(size: impl Into<Pair>) -> Self {
        Self {
            windows: side_by_side(size.into()),
            count_padding: true,
        }
    }

    /// Sets whether the zeros of the padding count in the means. If not, the mean at an edge is
    /// that of the values inside the image, as in Keras.
    pub fn count_padding(mut self, count: bool) -> Self {
        self.count_padding = count;
        self
    }
}

fn side_by_side(Pair(kernel): Pair) -> ops::Pool2d {
    ops::Pool2d {
        kernel,
        stride: kernel,
        padding: [0, 0],
        ceil_mode: false,
    }
}

macro_rules! pooling {
    ($layer:ident, |$self:ident, $input:ident| $run:expr) => {
        impl $layer {
            /// Sets the distance between neighbouring windows. If it is less than their size, they
            /// overlap.
            pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
                self.windows.stride = stride.into().0;
                self
            }

            /// Sets how far the first and the last windows reach beyond the edges.
            pub fn padding(mut self, padding: impl Into<Pair>) -> Self {
                self.windows.padding = padding.into().0;
                self
            }

            /// Adds windows for the rows and columns left at the end that do not fill a window.
            pub fn ceil_mode(mut self) -> Self {
                self.windows.ceil_mode = true;
                self
            }
        }

        impl Layer for $layer {
            fn apply(&$self, $input: &Tensor, _: &mut Pass) -> Result<Tensor> {
                $run
            }

            fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
                let name = stringify!($layer);
                let [channels, height, width] = image(name, input)?;
                let rows = pool_positions(name, height, &self.windows, 0)?;
                let columns = pool_positions(name, width, &self.windows, 1)?;
                Ok(vec![channels, rows, columns])
            }

            fn kind(&self) -> String {
                stringify!($layer).into()
            }
        }

        forward_is_evaluation!($layer);
    };
}

pooling!(MaxPool2d, |self, input| ops::max_pool2d(
    input,
    self.windows
));
pooling!(AvgPool2d, |self, input| ops::avg_pool2d(
    input,
    self.windows,
    self.count_padding
));
