//! Pooling of images.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use super::padding::Steps;
use super::window::{Pair, image, positions};
use crate::{Result, ops};

/// The largest value of each window of images `[batch, channels, height, width]`: see
/// [`ops::max_pool2d`](crate::ops::max_pool2d).
///
/// ```
/// use cuaderno::{nn::{Layer, MaxPool2d}, prelude::*};
/// assert_eq!(MaxPool2d::window(2).output_shape(&[32, 26, 26])?, [32, 13, 13]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d(ops::Pool2d);

/// The mean of each window of images `[batch, channels, height, width]`: see
/// [`ops::avg_pool2d`](crate::ops::avg_pool2d). Padding counts as zeros, as in PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d(ops::Pool2d);

macro_rules! pooling {
    ($layer:ident, $name:literal, |$input:ident, $config:ident| $run:expr) => {
        impl $layer {
            /// Windows of that size side by side, without padding.
            pub fn window(size: impl Into<Pair>) -> Self {
                let kernel = size.into().0;
                Self(ops::Pool2d {
                    kernel,
                    stride: kernel,
                    padding: [0, 0],
                })
            }

            /// Distance between neighbouring windows: less than their size where they overlap.
            pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
                self.0.stride = stride.into().0;
                self
            }

            /// How far the first and the last windows reach over the edges.
            pub fn padding(mut self, padding: impl Into<Pair>) -> Self {
                self.0.padding = padding.into().0;
                self
            }
        }

        impl Layer for $layer {
            fn apply(&self, $input: &Tensor, _: &mut Pass) -> Result<Tensor> {
                let $config = self.0;
                $run
            }

            fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
                let [channels, height, width] = image($name, input)?;
                let mut output = vec![channels];
                for (axis, size) in [height, width].into_iter().enumerate() {
                    let steps = Steps {
                        kernel: self.0.kernel[axis],
                        stride: self.0.stride[axis],
                        dilation: 1,
                    };
                    output.push(positions($name, size, steps, [self.0.padding[axis], 0])?);
                }
                Ok(output)
            }

            fn kind(&self) -> String {
                $name.into()
            }
        }

        forward_is_evaluation!($layer);
    };
}

pooling!(MaxPool2d, "MaxPool2d", |input, windows| ops::max_pool2d(
    input, windows
));
pooling!(AvgPool2d, "AvgPool2d", |input, windows| ops::avg_pool2d(
    input, windows, true
));
