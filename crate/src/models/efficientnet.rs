//! EfficientNet-Lite (Tan and Le 2019; Liu 2020).

use crate::nn::{
    Activation, BatchNorm, BatchNormPlan, BlockPlan, Conv2d, Conv2dPlan, Dense, Dropout,
    GlobalAvgPool, Initialiser, Residual, Sequential, SequentialPlan,
};

/// The groups of blocks: how many, the side of the depthwise kernel, the stride of the first, by how
/// much its channels are expanded, and the filters it puts out.
const GROUPS: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];
const STEM: usize = 32;
const HEAD: usize = 1280;

/// EfficientNet-Lite0 for images of this shape, `[channels, height, width]`, with a logit for each
/// class: 4.65 million parameters for the 1,000 classes of ImageNet. It is EfficientNet-B0 for small
/// devices, without squeeze and excitation and with ReLU6 in place of swish. Its blocks are inverted
/// residuals: a convolution of one pixel makes six times as many channels, a depthwise convolution
/// looks around in each of them, and another one of one pixel reduces them.
///
/// Layers and parameters have the names of the package `efficientnet-lite-pytorch`, so that its
/// state dicts load.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = efficientnet_lite0([3, 64, 64], 1000).build(6202)?;
/// let parameters = network.parameters();
/// let trained = parameters.trainable().map(|(_, p)| p.var().elem_count());
/// assert_eq!(trained.sum::<usize>(), 4_652_008);
/// let features = network.before("_fc")?;
/// assert_eq!(features.output_shape(&[3, 64, 64])?, [1280]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn efficientnet_lite0(input: [usize; 3], classes: usize) -> SequentialPlan {
    let mut blocks = Sequential::block();
    let (mut count, mut channels) = (0, STEM);
    for (repeats, kernel, stride, expansion, filters) in GROUPS {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let name = count.to_string();
            let main = block(channels, kernel, stride, expansion, filters);
            blocks = if stride == 1 && channels == filters {
                blocks.then(&name, Residual::around(main))
            } else {
                blocks.then(&name, main)
            };
            (count, channels) = (count + 1, filters);
        }
    }
    Sequential::input(&input)
        .then("_conv_stem", conv(STEM, 3).stride(2))
        .then("_bn0", norm())
        .then("relu6", Activation::Relu6)
        .then("_blocks", blocks)
        .then("_conv_head", conv(HEAD, 1))
        .then("_bn1", norm())
        .then("head_relu6", Activation::Relu6)
        .then("avgpool", GlobalAvgPool)
        .then("dropout", Dropout::rate(0.2))
        .then("_fc", Dense::units(classes))
}

/// An inverted residual block, without the way around it.
fn block(
    channels: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    filters: usize,
) -> BlockPlan {
    let wide = channels * expansion;
    let mut block = Sequential::block();
    if expansion != 1 {
        block = block
            .then("_expand_conv", conv(wide, 1))
            .then("_bn0", norm())
            .then("expand_relu6", Activation::Relu6);
    }
    let depthwise = conv(wide, kernel).stride(stride).groups(wide);
    block
        .then("_depthwise_conv", depthwise)
        .then("_bn1", norm())
        .then("relu6", Activation::Relu6)
        .then("_project_conv", conv(filters, 1))
        .then("_bn2", norm())
}

fn conv(filters: usize, kernel: usize) -> Conv2dPlan {
    Conv2d::filters(filters)
        .kernel(kernel)
        .padding_same()
        .without_bias()
        .initialiser(Initialiser::HeNormal)
}

/// As in TensorFlow, where the network was trained.
fn norm() -> BatchNormPlan {
    BatchNorm::of_channels().momentum(0.01).epsilon(1e-3)
}
