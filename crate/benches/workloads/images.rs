//! Convolutional networks.

use cuaderno::Result;
use cuaderno::nn::{
    Activation, Conv2d, Conv2dPlan, ConvTranspose2d, ConvTranspose2dPlan, Initialiser, MaxPool2d,
    Parameters, Plan, Reshape, Upsample,
};
use cuaderno::ops::{self, CrossEntropy, Reduction};
use cuaderno::optim::Sgd;
use cuaderno::prelude::*;

use crate::workload::{Workload, sample};

const LEAKY: Activation = Activation::LeakyRelu {
    negative_slope: 0.01,
};

/// A 3x3 convolution that keeps the size, started as in PyTorch.
fn conv(filters: usize, activation: Activation) -> Conv2dPlan {
    Conv2d::filters(filters)
        .kernel(3)
        .padding(1)
        .activation(activation)
        .initialiser(Initialiser::PyTorch)
}

/// The same transposed.
fn conv_transpose(filters: usize, activation: Activation) -> ConvTranspose2dPlan {
    ConvTranspose2d::filters(filters)
        .kernel(3)
        .padding(1)
        .activation(activation)
        .initialiser(Initialiser::PyTorch)
}

/// Filters 32, 64, 64, 64 and two latent numbers.
pub fn conv_vae(rng: &mut Rng) -> Result<Workload> {
    let model = ConvVae {
        encoder: Sequential::input(&[1, 28, 28])
            .then("conv1", conv(32, LEAKY))
            .then("conv2", conv(64, LEAKY).stride(2))
            .then("conv3", conv(64, LEAKY).stride(2))
            .then("conv4", conv(64, LEAKY))
            .then("flatten", Flatten)
            .build(&mut *rng)?,
        mean: Dense::units(2).build(&[3136], rng)?,
        log_variance: Dense::units(2).build(&[3136], rng)?,
        decoder: Sequential::input(&[2])
            .then("hidden", Dense::units(3136))
            .then("reshape", Reshape::to(&[64, 7, 7]))
            .then("conv1", conv_transpose(64, LEAKY))
            .then(
                "conv2",
                conv_transpose(64, LEAKY).stride(2).output_padding(1),
            )
            .then(
                "conv3",
                conv_transpose(32, LEAKY).stride(2).output_padding(1),
            )
            .then("pixels", conv_transpose(1, Activation::Linear))
            .build(&mut *rng)?,
    };
    let images = rng.uniform(0.0, 1.0, &[32, 1, 28, 28])?;
    let workload = Workload::training(model, Adam::new(1e-4), images.clone(), images);
    Ok(workload.sampling(&[32, 2]))
}

#[derive(Debug)]
struct ConvVae {
    encoder: Sequential,
    mean: Dense,
    log_variance: Dense,
    decoder: Sequential,
}

impl Model for ConvVae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("mean", self.mean.parameters())
            .nest("log_variance", self.log_variance.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let features = self.encoder.apply(&batch.inputs, pass)?;
        let mean = self.mean.apply(&features, pass)?;
        let log_variance = self.log_variance.apply(&features, pass)?;
        let z = sample(&mean, &log_variance, pass)?;
        let logits = self.decoder.apply(&z, pass)?;
        let pixels = ops::bce_with_logits(&logits, &batch.inputs, Reduction::Sum)?;
        let pixels = (pixels / batch.len() as f64)?;
        let kl = ops::gaussian_kl(&mean, &log_variance)?.mean_all()?;
        Ok(Losses::new("loss", (pixels + kl)?))
    }
}

/// Two convolutions of 32 filters, pooling, one of 2 filters, two dense layers.
pub fn mnist_cnn(rng: &mut Rng) -> Result<Workload> {
    let network = Sequential::input(&[1, 28, 28])
        .then("conv1", conv(32, Activation::Relu).padding(0))
        .then("conv2", conv(32, Activation::Relu).padding(0))
        .then("pool", MaxPool2d::window(2))
        .then("conv3", conv(2, Activation::Relu).padding(0))
        .then("flatten", Flatten)
        .then("hidden", Dense::units(50).activation(Activation::Relu))
        .then("digits", Dense::units(10))
        .build(&mut *rng)?;
    let images = rng.uniform(0.0, 1.0, &[256, 1, 28, 28])?;
    let digits: Vec<u32> = (0..256).map(|_| rng.below(10) as u32).collect();
    let digits = Tensor::new(digits, &Device::Cpu)?;
    let optimiser = Sgd::new(0.01).momentum(0.9);
    Ok(Workload::training(
        Classifier(network),
        optimiser,
        images,
        digits,
    ))
}

#[derive(Debug)]
struct Classifier(Sequential);

impl Model for Classifier {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.0.apply(&batch.inputs, pass)?;
        let loss = ops::cross_entropy(&logits, &batch.targets, &CrossEntropy::default())?;
        Ok(Losses::new("loss", loss))
    }
}

/// A fully convolutional encoder and decoder over colour images of 128x128.
pub fn fcn(rng: &mut Rng) -> Result<Workload> {
    let relu = Activation::Relu;
    let network = Sequential::input(&[3, 128, 128])
        .then("down1a", conv(32, relu))
        .then("down1b", conv(32, relu))
        .then("pool1", MaxPool2d::window(2))
        .then("down2a", conv(64, relu))
        .then("down2b", conv(64, relu))
        .then("pool2", MaxPool2d::window(2))
        .then("down3a", conv(128, relu))
        .then("down3b", conv(128, relu))
        .then("upsample1", Upsample::nearest(2))
        .then("up1a", conv_transpose(64, relu))
        .then("up1b", conv_transpose(64, relu))
        .then("upsample2", Upsample::nearest(2))
        .then("up2a", conv_transpose(32, relu))
        .then("up2b", conv_transpose(32, relu))
        .then("mask", conv_transpose(1, Activation::Linear))
        .build(&mut *rng)?;
    let images = rng.uniform(0.0, 1.0, &[8, 3, 128, 128])?;
    let masks = rng.uniform(0.0, 1.0, &[8, 1, 128, 128])?.round()?;
    Ok(Workload::training(
        Segmenter(network),
        RmsProp::new(1e-3),
        images,
        masks,
    ))
}

#[derive(Debug)]
struct Segmenter(Sequential);

impl Model for Segmenter {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.0.apply(&batch.inputs, pass)?;
        let loss = ops::bce_with_logits(&logits, &batch.targets, Reduction::Mean)?;
        Ok(Losses::new("loss", loss))
    }
}
