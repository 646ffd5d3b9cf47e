//! Pooling of sequences.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use super::window::{pool_positions, sequence};
use crate::{Result, ops};

/// The largest value of each window of sequences `[batch, channels, time]`: see
/// [`ops::max_pool1d`](crate::ops::max_pool1d).
///
/// ```
/// use cuaderno::{nn::{Layer, MaxPool1d}, prelude::*};
/// assert_eq!(MaxPool1d::window(2).output_shape(&[8, 101])?, [8, 50]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxPool1d {
    windows: ops::Pool1d,
}

/// The mean of each window of sequences `[batch, channels, time]`: see
/// [`ops::avg_pool1d`](crate::ops::avg_pool1d). By default padding counts as zeros, as in
/// PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool1d {
    windows: ops::Pool1d,
    count_padding: bool,
}

impl MaxPool1d {
    /// A layer with windows of this length, side by side and without padding.
    pub fn window(length: usize) -> Self {
        Self {
            windows: ops::Pool1d::window(length),
        }
    }
}

impl AvgPool1d {
    /// A layer with windows of this length, side by side and without padding.
    pub fn window(length: usize) -> Self {
        Self {
            windows: ops::Pool1d::window(length),
            count_padding: true,
        }
    }

    /// Sets whether the zeros of the padding count in the means. If not, the mean at an end is that
    /// of the values inside the sequence, as in Keras.
    pub fn count_padding(mut self, count: bool) -> Self {
        self.count_padding = count;
        self
    }
}

macro_rules! pooling {
    ($layer:ident, |$self:ident, $input:ident| $run:expr) => {
        impl $layer {
            /// Sets the distance between neighbouring windows. If it is less than their length,
            /// they overlap.
            pub fn stride(mut self, stride: usize) -> Self {
                self.windows.stride = stride;
                self
            }

            /// Sets how far the first and the last window reach beyond the ends.
            pub fn padding(mut self, padding: usize) -> Self {
                self.windows.padding = padding;
                self
            }

            /// Adds a window for the steps left at the end that do not fill a window.
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
                let [channels, time] = sequence(name, input)?;
                let time = pool_positions(name, time, &self.windows.into(), 1)?;
                Ok(vec![channels, time])
            }

            fn kind(&self) -> String {
                stringify!($layer).into()
            }
        }

        forward_is_evaluation!($layer);
    };
}

pooling!(MaxPool1d, |self, input| ops::max_pool1d(
    input,
    self.windows
));
pooling!(AvgPool1d, |self, input| ops::avg_pool1d(
    input,
    self.windows,
    self.count_padding
));
