//! Convolutions composed of candle's operations, for devices without a kernel of this crate.
//!
//! Each is a sum over the taps of matrix products, because candle's convolutions fail or have wrong
//! gradients for some strides and in one dimension.

use candle_core::{Result, Tensor};

use super::geometry::{Axis, Geometry};

/// The convolution of big images with `weight`.
pub fn gather(
    big: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: &Geometry,
) -> Result<Tensor> {
    let groups = geometry.groups;
    let [batch, small_channels, height, width] = geometry.small_shape();
    let padded = pad(&pad(big, 2, &geometry.rows)?, 3, &geometry.columns)?;
    let per_group = (
        groups,
        small_channels / groups,
        geometry.big_channels / groups,
    );
    let mut sum = None;
    for row in 0..geometry.rows.kernel {
        let rows = read(&padded, 2, &geometry.rows, row)?;
        for column in 0..geometry.columns.kernel {
            let image = read(&rows, 3, &geometry.columns, column)?;
            let image = image.reshape((batch, groups, per_group.2, height * width))?;
            let tap = weight.narrow(2, row, 1)?.narrow(3, column, 1)?;
            let product = tap
                .reshape(per_group)?
                .broadcast_left(batch)?
                .contiguous()?
                .matmul(&image)?;
            sum = Some(match sum {
                Some(sum) => (sum + product)?,
                None => product,
            });
        }
    }
    let output = sum.expect("a kernel has at least one tap");
    add_bias(output.reshape(geometry.small_shape().to_vec())?, bias)
}

/// The transposed convolution of small images. It is a convolution with stride 1 of the small
/// images with zeros between their positions, with the kernel reversed.
pub fn scatter(
    small: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: &Geometry,
) -> Result<Tensor> {
    let Geometry {
        small_channels,
        big_channels,
        groups,
        rows,
        columns,
        ..
    } = *geometry;
    let spread = spread(&spread(small, 2, &rows)?, 3, &columns)?;
    let (height, width) = (rows.kernel, columns.kernel);
    let (inputs, outputs) = (small_channels / groups, big_channels / groups);
    let turned = weight
        .reshape((groups, inputs, outputs, height * width))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((big_channels, inputs, height, width))?;
    let turned = reverse(&reverse(&turned, 2)?, 3)?;
    let axis = |axis: Axis| {
        let length = (axis.kernel - 1) * axis.dilation + axis.big;
        Axis {
            big: length,
            small: axis.big,
            stride: 1,
            padding: 0,
            ..axis
        }
    };
    let geometry = Geometry {
        big_channels: small_channels,
        small_channels: big_channels,
        rows: axis(rows),
        columns: axis(columns),
        ..*geometry
    };
    gather(&spread, &turned, bias, &geometry)
}

fn add_bias(output: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        Some(bias) => output.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?),
        None => Ok(output),
    }
}

/// Adds zeros around dimension `dim`, so that every tap reads inside.
fn pad(image: &Tensor, dim: usize, axis: &Axis) -> Result<Tensor> {
    let length = (axis.small.max(1) - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    let after = length.saturating_sub(axis.padding + axis.big);
    image.pad_with_zeros(dim, axis.padding, after)
}

/// The elements that a tap reads along dimension `dim` of a padded image.
fn read(padded: &Tensor, dim: usize, axis: &Axis, tap: usize) -> Result<Tensor> {
    if axis.stride == 1 {
        return padded
            .narrow(dim, tap * axis.dilation, axis.small)?
            .contiguous();
    }
    let positions = (0..axis.small).map(|i| (i * axis.stride + tap * axis.dilation) as u32);
    select(padded, dim, positions.collect())
}

/// The small image with `stride - 1` zeros between its positions, and the zeros around it with
/// which a convolution in stride 1 gives the big image.
fn spread(small: &Tensor, dim: usize, axis: &Axis) -> Result<Tensor> {
    let mut shape = small.dims().to_vec();
    let mut image = small.unsqueeze(dim + 1)?;
    image = image.pad_with_zeros(dim + 1, 0, axis.stride - 1)?;
    shape[dim] *= axis.stride;
    let image = image.reshape(shape)?;
    // The padding of the transposed convolution removes a part of what its kernel adds.
    let reach = (axis.kernel - 1) * axis.dilation;
    let image = image.pad_with_zeros(
        dim,
        reach,
        (reach + axis.big).saturating_sub(small.dim(dim)? * axis.stride),
    )?;
    image.narrow(dim, axis.padding, reach + axis.big)
}

fn reverse(tensor: &Tensor, dim: usize) -> Result<Tensor> {
    let length = tensor.dim(dim)? as u32;
    select(tensor, dim, (0..length).rev().collect())
}

fn select(tensor: &Tensor, dim: usize, indices: Vec<u32>) -> Result<Tensor> {
    let count = indices.len();
    let indices = Tensor::from_vec(indices, count, tensor.device())?;
    tensor.contiguous()?.index_select(&indices, dim)
}
