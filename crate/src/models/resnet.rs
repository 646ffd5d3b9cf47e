//! Residual networks (He, Zhang, Ren and Sun 2015).

use crate::nn::{
    Activation, BatchNorm, BlockPlan, Conv2d, Conv2dPlan, Dense, GlobalAvgPool, Initialiser,
    MaxPool2d, Residual, ResidualPlan, Sequential, SequentialPlan,
};

/// ResNet-18 for images of this shape, `[channels, height, width]`, with a logit for each class: 18
/// layers with weights, 11.7 million parameters for the 1,000 classes of ImageNet. Layers and
/// parameters have the names of torchvision's `resnet18`, so that its state dicts load.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = resnet18([3, 64, 64], 1000).build(6202)?;
/// let parameters = network.parameters();
/// let trained = parameters.trainable().map(|(_, p)| p.var().elem_count());
/// assert_eq!(trained.sum::<usize>(), 11_689_512); // as torchvision says
/// let features = network.before("fc")?;
/// assert_eq!(features.output_shape(&[3, 64, 64])?, [512]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn resnet18(input: [usize; 3], classes: usize) -> SequentialPlan {
    Sequential::input(&input)
        .then("conv1", conv(64).kernel(7).stride(2).padding(3))
        .then("bn1", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("maxpool", MaxPool2d::window(3).stride(2).padding(1))
        .then("layer1", blocks(2, 64, 1))
        .then("layer2", blocks(2, 128, 2))
        .then("layer3", blocks(2, 256, 2))
        .then("layer4", blocks(2, 512, 2))
        .then("avgpool", GlobalAvgPool)
        .then("fc", Dense::units(classes))
}

/// The residual network for CIFAR-10 of section 4.2 of the paper: images of 32 x 32 pixels, three
/// groups of `n` blocks with 16, 32 and 64 filters, in all `6 n + 2` layers with weights. Where the
/// shape changes, the shortcut is a convolution of one pixel (option B of the paper).
///
/// ```
/// use cuaderno::prelude::*;
/// let network = small_resnet(3, 10).build(6202)?; // ResNet-20
/// assert_eq!(network.before("fc")?.output_shape(&[3, 32, 32])?, [64]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn small_resnet(n: usize, classes: usize) -> SequentialPlan {
    Sequential::input(&[3, 32, 32])
        .then("conv1", conv(16).padding(1))
        .then("bn1", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("layer1", blocks(n, 16, 1))
        .then("layer2", blocks(n, 32, 2))
        .then("layer3", blocks(n, 64, 2))
        .then("avgpool", GlobalAvgPool)
        .then("fc", Dense::units(classes))
}

fn conv(filters: usize) -> Conv2dPlan {
    Conv2d::filters(filters)
        .without_bias()
        .initialiser(Initialiser::HeNormal)
}

/// `n` blocks, the first of which changes the shape if it has a stride.
fn blocks(n: usize, filters: usize, stride: usize) -> BlockPlan {
    let mut first = block(filters, stride);
    if stride != 1 {
        let downsample = Sequential::block()
            .then("0", conv(filters).kernel(1).stride(stride))
            .then("1", BatchNorm::of_channels());
        first = first.shortcut("downsample", downsample);
    }
    (1..n).fold(Sequential::block().then("0", first), |blocks, at| {
        blocks.then(&at.to_string(), block(filters, 1))
    })
}

/// Two convolutions and a shortcut around them.
fn block(filters: usize, stride: usize) -> ResidualPlan {
    let main = Sequential::block()
        .then("conv1", conv(filters).padding(1).stride(stride))
        .then("bn1", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("conv2", conv(filters).padding(1))
        .then("bn2", BatchNorm::of_channels());
    Residual::around(main).activation(Activation::Relu)
}
