//! ResNet-18 (He et al. 2015) on eight images of 224x224, inference.

use cuaderno::Result;
use cuaderno::nn::{
    Activation, AvgPool2d, BatchNorm, BlockPlan, Conv2d, Conv2dPlan, Initialiser, MaxPool2d,
    Parameters, Residual, ResidualPlan,
};
use cuaderno::prelude::*;

use crate::workload::Workload;

pub fn resnet18(rng: &mut Rng) -> Result<Workload> {
    let network = Sequential::input(&[3, 224, 224])
        .then("conv1", conv(64).kernel(7).stride(2).padding(3))
        .then("bn1", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("maxpool", MaxPool2d::window(3).stride(2).padding(1))
        .then("layer1", blocks(64, 1))
        .then("layer2", blocks(128, 2))
        .then("layer3", blocks(256, 2))
        .then("layer4", blocks(512, 2))
        .then("avgpool", AvgPool2d::window(7))
        .then("flatten", Flatten)
        .then("fc", Dense::units(1000))
        .build(&mut *rng)?;
    // Statistics as after a training: fresh ones would leave every channel as it is.
    for (name, statistics) in network.parameters().iter() {
        let shape = statistics.var().dims().to_vec();
        if name.ends_with("running_mean") {
            statistics.set(&rng.uniform(-0.1, 0.1, &shape)?)?;
        } else if name.ends_with("running_var") {
            statistics.set(&rng.uniform(0.5, 1.5, &shape)?)?;
        }
    }
    let images = rng.uniform(0.0, 1.0, &[8, 3, 224, 224])?;
    Ok(Workload::inference(Features(network), images))
}

fn conv(filters: usize) -> Conv2dPlan {
    Conv2d::filters(filters)
        .without_bias()
        .initialiser(Initialiser::PyTorch)
}

/// Two blocks, the first of which changes the shape if it has a stride.
fn blocks(filters: usize, stride: usize) -> BlockPlan {
    let mut first = block(filters, stride);
    if stride != 1 {
        let downsample = Sequential::block()
            .then("0", conv(filters).kernel(1).stride(stride))
            .then("1", BatchNorm::of_channels());
        first = first.shortcut("downsample", downsample);
    }
    Sequential::block()
        .then("0", first)
        .then("1", block(filters, 1))
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

/// The mean square of the logits stands for a loss.
#[derive(Debug)]
struct Features(Sequential);

impl Model for Features {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.0.apply(&batch.inputs, pass)?;
        Ok(Losses::new("mean_square", logits.sqr()?.mean_all()?))
    }
}
