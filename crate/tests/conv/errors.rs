//! Shapes that do not fit: one sentence with both shapes and what to change.

use candle_core::{DType, Device, Tensor};
use cuaderno::{
    Result, candle_core,
    ops::{self, Activation, Conv1dOptions, Conv2dOptions, ConvTranspose2dOptions, Pool2d, Resize},
};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

fn message(result: Result<Tensor>) -> String {
    result.expect_err("the shapes do not fit").to_string()
}

fn conv2d(
    x: &[usize],
    weight: &[usize],
    bias: Option<&[usize]>,
    config: Conv2dOptions,
) -> Result<Tensor> {
    let bias = bias.map(zeros);
    let (x, weight) = (zeros(x), zeros(weight));
    ops::conv2d(&x, &weight, bias.as_ref(), config, Activation::Linear)
}

#[test]
fn channels_that_differ() {
    assert_eq!(
        message(conv2d(
            &[2, 3, 8, 8],
            &[4, 2, 3, 3],
            None,
            Conv2dOptions::default()
        )),
        "conv2d: the input is [2, 3, 8, 8] and the weight [4, 2, 3, 3] with 1 group(s): the weight's second number must be the input's channels divided by the groups."
    );
}

#[test]
fn a_kernel_larger_than_the_image() {
    assert_eq!(
        message(conv2d(
            &[2, 3, 4, 8],
            &[4, 3, 5, 5],
            None,
            Conv2dOptions::default()
        )),
        "conv2d: the input is [2, 3, 4, 8] and the weight [4, 3, 5, 5] with 1 group(s): the kernel spans 5, but the image with its padding only 4; use a smaller kernel or more padding."
    );
}

#[test]
fn a_bias_of_the_wrong_length() {
    assert_eq!(
        message(conv2d(
            &[1, 1, 4, 4],
            &[4, 1, 3, 3],
            Some(&[3]),
            Conv2dOptions::default()
        )),
        "conv2d: the input is [1, 1, 4, 4] and the weight [4, 1, 3, 3] with 1 group(s): the bias is [3], but it must be [4], one number for each output channel."
    );
}

#[test]
fn too_few_dimensions() {
    assert_eq!(
        message(conv2d(
            &[28, 28],
            &[4, 1, 3, 3],
            None,
            Conv2dOptions::default()
        )),
        "conv2d: the input is [28, 28] and the weight [4, 1, 3, 3], but both must have four dimensions: [batch, channels, height, width] and [channels, channels, kernel height, kernel width]."
    );
    let (x, weight) = (zeros(&[4, 9]), zeros(&[1, 4, 3]));
    assert!(
        message(ops::conv1d(
            &x,
            &weight,
            None,
            Conv1dOptions::default(),
            Activation::Linear
        ))
        .starts_with("conv1d: the input is [4, 9] and the weight [1, 4, 3], but both")
    );
}

#[test]
fn strides_dilations_and_groups_of_zero() {
    for config in [
        Conv2dOptions {
            stride: [1, 0],
            ..Conv2dOptions::default()
        },
        Conv2dOptions {
            dilation: [0, 1],
            ..Conv2dOptions::default()
        },
        Conv2dOptions {
            groups: 0,
            ..Conv2dOptions::default()
        },
        Conv2dOptions {
            groups: 2,
            ..Conv2dOptions::default()
        },
    ] {
        message(conv2d(&[2, 3, 8, 8], &[4, 3, 3, 3], None, config));
    }
}

#[test]
fn a_transposed_convolution_whose_padding_leaves_nothing() {
    let (x, weight) = (zeros(&[1, 2, 1, 1]), zeros(&[2, 3, 2, 2]));
    let config = ConvTranspose2dOptions {
        padding: [1, 1],
        ..ConvTranspose2dOptions::default()
    };
    assert_eq!(
        message(ops::conv_transpose2d(
            &x,
            &weight,
            None,
            config,
            Activation::Linear
        )),
        "conv_transpose2d: the input is [1, 2, 1, 1] and the weight [2, 3, 2, 2] with 1 group(s): the padding 1 on both sides leaves nothing of the 2 rows or columns of the output; use less padding."
    );
}

#[test]
fn an_output_padding_as_large_as_the_stride() {
    let (x, weight) = (zeros(&[1, 2, 3, 3]), zeros(&[2, 3, 2, 2]));
    let config = ConvTranspose2dOptions {
        stride: [2, 2],
        output_padding: [2, 0],
        ..ConvTranspose2dOptions::default()
    };
    assert_eq!(
        message(ops::conv_transpose2d(
            &x,
            &weight,
            None,
            config,
            Activation::Linear
        )),
        "output_padding is 2, but it must be less than the stride (2) or the dilation (1)."
    );
}

#[test]
fn windows_that_do_not_fit() {
    let x = zeros(&[1, 1, 3, 3]);
    assert_eq!(
        message(ops::max_pool2d(&x, Pool2d::square(4))),
        "max_pool2d: the window is [4, 4] and the input [1, 1, 3, 3] with padding [0, 0]; use a window that fits the image."
    );
    let padded = Pool2d {
        padding: [2, 0],
        ..Pool2d::square(3)
    };
    assert_eq!(
        message(ops::avg_pool2d(&x, padded, true)),
        "the padding of a pool is 2, but it must be at most half the kernel 3."
    );
    message(ops::max_pool2d(&x, Pool2d::square(0)));
    message(ops::max_pool2d(&zeros(&[3, 3]), Pool2d::square(1)));
}

#[test]
fn images_without_pixels() {
    assert_eq!(
        message(ops::upsample_nearest2d(
            &zeros(&[1, 1, 3, 3]),
            Resize::By(0)
        )),
        "upsample_nearest2d: the input is [1, 1, 3, 3] and the result would be 0 x 0; both images need at least one pixel."
    );
}

#[test]
fn integers() {
    let x = Tensor::zeros((1, 1, 3, 3), DType::U32, &Device::Cpu).unwrap();
    let config = Conv2dOptions::default();
    message(ops::conv2d(
        &zeros(&[1, 1, 3, 3]),
        &x,
        None,
        config,
        Activation::Linear,
    ));
}
