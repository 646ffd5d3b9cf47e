//! Pairs of sizes and positions of windows, for convolutions and poolings.

use super::padding::Steps;
use crate::ops::Pool2d;
use crate::{Error, Result};

/// A vertical and a horizontal number. A single number stands for both: `kernel(3)`, `kernel([3,
/// 5])`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub(super) [usize; 2]);

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Self([both, both])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(pair: [usize; 2]) -> Self {
        Self(pair)
    }
}

/// The number of positions of a window along one dimension, with `side` zeros on each side and
/// `end` more at the end.
pub(super) fn positions(
    layer: &'static str,
    size: usize,
    steps: Steps,
    [side, end]: [usize; 2],
) -> Result<usize> {
    let Steps {
        kernel,
        stride,
        dilation,
    } = steps;
    if kernel == 0 || stride == 0 || dilation == 0 {
        return Err(Error::argument(
            "the window of a layer",
            format!("kernel {kernel}, stride {stride}, dilation {dilation}"),
            "at least 1 each",
        ));
    }
    let reach = dilation * (kernel - 1) + 1;
    let padded = size + 2 * side + end;
    if padded < reach {
        return Err(Error::shape(
            layer,
            format!(
                "a window that reaches over {reach} does not fit into {size} with a padding of {side} on each side."
            ),
        ));
    }
    Ok((padded - reach) / stride + 1)
}

/// The output size of a transposed convolution along one dimension.
pub(super) fn spread(
    layer: &'static str,
    size: usize,
    steps: Steps,
    padding: usize,
    output_padding: usize,
) -> Result<usize> {
    let reach = steps.dilation * steps.kernel.saturating_sub(1) + 1;
    let full = size.saturating_sub(1) * steps.stride + reach + output_padding;
    if size == 0 || steps.kernel == 0 || full <= 2 * padding {
        return Err(Error::shape(
            layer,
            format!(
                "of {size} and a kernel of {} nothing is left after a padding of {padding} is cut off on each side.",
                steps.kernel
            ),
        ));
    }
    Ok(full - 2 * padding)
}

/// The number of windows of a pooling along one axis.
pub(super) fn pool_positions(
    layer: &'static str,
    size: usize,
    windows: &Pool2d,
    axis: usize,
) -> Result<usize> {
    let steps = Steps {
        kernel: windows.kernel[axis],
        stride: windows.stride[axis],
        dilation: 1,
    };
    let fitting = positions(layer, size, steps, [windows.padding[axis], 0])?;
    Ok(windows.count(axis, size).unwrap_or(fitting))
}

/// The channels and length of a sequence `[channels, time]`.
pub(super) fn sequence(layer: &'static str, input: &[usize]) -> Result<[usize; 2]> {
    input.try_into().map_err(|_| {
        Error::shape(
            layer,
            format!("an example is {input:?}, but it must be a sequence, [channels, time]."),
        )
    })
}

/// The channels, height and width of an image `[channels, height, width]`.
pub(super) fn image(layer: &'static str, input: &[usize]) -> Result<[usize; 3]> {
    input.try_into().map_err(|_| {
        Error::shape(
            layer,
            format!("an example is {input:?}, but it must be an image, [channels, height, width]."),
        )
    })
}

/// Checks that the channels can be split into groups.
pub(super) fn check_channels(
    layer: &'static str,
    channels: usize,
    filters: usize,
    groups: usize,
) -> Result<()> {
    if groups == 0
        || channels == 0
        || filters == 0
        || !channels.is_multiple_of(groups)
        || !filters.is_multiple_of(groups)
    {
        return Err(Error::shape(
            layer,
            format!(
                "{channels} input channels and {filters} filters cannot be split into {groups} groups."
            ),
        ));
    }
    Ok(())
}
