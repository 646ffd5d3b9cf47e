//! Networks that give each pixel a class.

use crate::nn::{
    Activation, BatchNorm, BlockPlan, Conv2d, Conv2dPlan, ConvTranspose2d, ConvTranspose2dPlan,
    MaxPool2d, Parallel, Sequential, SequentialPlan, Upsample,
};

/// The fully convolutional network of INF-395, task 2, section 2, for images of this shape,
/// `[channels, height, width]`, with sides that 4 divides. Three pairs of convolutions with 32, 64
/// and 128 filters, two poolings between them, and a decoder of transposed convolutions give a logit
/// for each pixel: whether it belongs to the object.
///
/// ```
/// use cuaderno::prelude::*;
/// let model = Classifier::new(fully_convolutional([3, 32, 32]).build(6202)?);
/// let images = Rng::new(1).uniform(0.0, 1.0, &[2, 3, 32, 32])?;
/// assert_eq!(model.predict(&images)?.dims(), [2, 32, 32]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn fully_convolutional(input: [usize; 3]) -> SequentialPlan {
    Sequential::input(&input)
        .then("down1a", conv(32))
        .then("down1b", conv(32))
        .then("pool1", MaxPool2d::window(2))
        .then("down2a", conv(64))
        .then("down2b", conv(64))
        .then("pool2", MaxPool2d::window(2))
        .then("down3a", conv(128))
        .then("down3b", conv(128))
        .then("upsample", Upsample::nearest(2))
        .then("up1a", transposed(32))
        .then("up1b", transposed(32))
        .then("mask", mask())
}

fn conv(filters: usize) -> Conv2dPlan {
    Conv2d::filters(filters)
        .padding(1)
        .activation(Activation::Relu)
}

fn transposed(filters: usize) -> ConvTranspose2dPlan {
    ConvTranspose2d::filters(filters)
        .padding(1)
        .activation(Activation::Relu)
}

fn mask() -> ConvTranspose2dPlan {
    ConvTranspose2d::filters(1)
        .stride(2)
        .padding(1)
        .output_padding(1)
}

/// A U-Net without its last layer, for features of `[height, width]` pixels (Ronneberger, Fischer
/// and Brox 2015): a level for each of `widths`, the numbers of filters, and half as many pixels in
/// each direction from level to level. What a level has seen goes down, through the levels below,
/// and is enlarged again; it also skips them, and both are joined, so that the output has the
/// context of the one and the borders of the other. It has `widths[0]` channels.
///
/// Unlike the original it pads, normalises each convolution by the batch, has one convolution on
/// the way up in place of two, and enlarges bilinearly.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = Sequential::input(&[3, 45, 60])
///     .then("u", u_net([45, 60], &[8, 16, 32]))
///     .then("classes", Conv2d::filters(11).kernel(1))
///     .build(6202)?;
/// assert_eq!(network.output_shape(&[3, 45, 60])?, [11, 45, 60]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn u_net(size: [usize; 2], widths: &[usize]) -> BlockPlan {
    let [width, below @ ..] = widths else {
        return Sequential::block();
    };
    let mut block = Sequential::block()
        .then("down1", normalised(*width))
        .then("down2", normalised(*width));
    if !below.is_empty() {
        let deep = Sequential::block()
            .then("pool", MaxPool2d::window(2))
            .then("level", u_net(size.map(|side| side / 2), below))
            .then("enlarge", Upsample::bilinear_to(size));
        let both = Parallel::concat(1)
            .branch("skip", Activation::Linear)
            .branch("deep", deep);
        block = block.then("both", both).then("up", normalised(*width));
    }
    block
}

/// A convolution whose outputs are normalised before the ReLU.
fn normalised(filters: usize) -> BlockPlan {
    Sequential::block()
        .then("conv", Conv2d::filters(filters).padding(1).without_bias())
        .then("norm", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
}
