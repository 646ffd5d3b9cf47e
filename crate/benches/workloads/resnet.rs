//! ResNet-18 (He et al. 2015) on images of 224x224: inference, and fine-tuning of its last layers.

use cuaderno::Result;
use cuaderno::models::resnet18 as network;
use cuaderno::nn::{Conv2d, Initialiser, Parameters};
use cuaderno::ops::{self, CrossEntropy};
use cuaderno::optim::Sgd;
use cuaderno::prelude::*;

use crate::workload::Workload;

/// Eight images.
pub fn resnet18(rng: &mut Rng) -> Result<Workload> {
    let network = with_statistics(network([3, 224, 224], 1000).build(&mut *rng)?, rng)?;
    let images = rng.uniform(0.0, 1.0, &[8, 3, 224, 224])?;
    Ok(Workload::inference(Features(network), images))
}

/// A training step on eight images, with everything before `layer3` frozen and ten classes.
pub fn finetune_resnet18(rng: &mut Rng) -> Result<Workload> {
    let network = with_statistics(network([3, 224, 224], 10).build(&mut *rng)?, rng)?;
    for (name, parameter) in network.parameters().iter() {
        if !["layer3", "layer4", "fc"]
            .iter()
            .any(|learns| name.starts_with(learns))
        {
            parameter.freeze();
        }
    }
    let images = rng.uniform(0.0, 1.0, &[8, 3, 224, 224])?;
    let classes: Vec<u32> = (0..8).map(|_| rng.below(10) as u32).collect();
    let classes = Tensor::new(classes, &Device::Cpu)?;
    let optimiser = Sgd::new(1e-3).momentum(0.9);
    Ok(Workload::training(
        Classes(network),
        optimiser,
        images,
        classes,
    ))
}

/// Two depthwise convolutions of EfficientNet's kind, 3x3 and 5x5, forwards and backwards, on eight
/// images of 56x56 with 144 channels.
pub fn depthwise(rng: &mut Rng) -> Result<Workload> {
    let conv = |kernel: usize| {
        let conv = Conv2d::filters(144)
            .groups(144)
            .kernel(kernel)
            .without_bias();
        conv.padding(kernel / 2).initialiser(Initialiser::PyTorch)
    };
    let network = Sequential::input(&[144, 56, 56])
        .then("three", conv(3))
        .then("five", conv(5).stride(2))
        .build(&mut *rng)?;
    let images = rng.uniform(0.0, 1.0, &[8, 144, 56, 56])?;
    Ok(Workload::training(
        Features(network),
        Sgd::new(1e-3),
        images.clone(),
        images,
    ))
}

/// Statistics as after a training: fresh ones would leave every channel as it is.
fn with_statistics(network: Sequential, rng: &mut Rng) -> Result<Sequential> {
    for (name, statistics) in network.parameters().iter() {
        let shape = statistics.dims();
        if name.ends_with("running_mean") {
            statistics.set(&rng.uniform(-0.1, 0.1, &shape)?)?;
        } else if name.ends_with("running_var") {
            statistics.set(&rng.uniform(0.5, 1.5, &shape)?)?;
        }
    }
    Ok(network)
}

/// The mean square of the outputs stands for a loss.
#[derive(Debug)]
struct Features(Sequential);

impl Model for Features {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let outputs = self.0.apply(&batch.inputs, pass)?;
        Ok(Losses::new("mean_square", outputs.sqr()?.mean_all()?))
    }
}

#[derive(Debug)]
struct Classes(Sequential);

impl Model for Classes {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let logits = self.0.apply(&batch.inputs, pass)?;
        let loss = ops::cross_entropy(&logits, &batch.targets, &CrossEntropy::default())?;
        Ok(Losses::new("loss", loss))
    }
}
