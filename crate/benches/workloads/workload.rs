//! What a workload is, and the list of them.

use std::collections::HashMap;
use std::path::Path;

use cuaderno::candle_core::safetensors;
use cuaderno::nn::no_grad;
use cuaderno::optim::Optimiser;
use cuaderno::prelude::*;
use cuaderno::{Error, Result, ops};

use crate::{dense, images, resnet, text};

/// The names, as `compare.py` knows them.
pub const NAMES: [&str; 11] = [
    "mlp_autoencoder",
    "vae",
    "conv_vae",
    "mnist_cnn",
    "lstm",
    "gru",
    "bilstm",
    "fcn",
    "resnet18",
    "finetune_resnet18",
    "depthwise",
];

/// How many steps' noise is exported: more than are compared.
const EXPORTED_STEPS: u64 = 8;

/// A model, the one batch that it is trained on over and over, and its optimiser.
pub struct Workload {
    pub model: Box<dyn Model>,
    /// None if the workload is inference.
    pub optimiser: Option<Box<dyn Optimiser>>,
    pub batch: Batch,
    /// The shape of the noise that a step draws, if the model samples.
    pub noise: Option<Vec<usize>>,
    steps: u64,
}

/// The workload of that name, the same at every call.
pub fn build(name: &str) -> Result<Workload> {
    let mut rng = Rng::new(6202);
    match name {
        "mlp_autoencoder" => dense::mlp_autoencoder(&mut rng),
        "vae" => dense::vae(&mut rng),
        "conv_vae" => images::conv_vae(&mut rng),
        "mnist_cnn" => images::mnist_cnn(&mut rng),
        "lstm" => text::lstm(&mut rng),
        "gru" => text::gru(&mut rng),
        "bilstm" => text::bilstm(&mut rng),
        "fcn" => images::fcn(&mut rng),
        "resnet18" => resnet::resnet18(&mut rng),
        "finetune_resnet18" => resnet::finetune_resnet18(&mut rng),
        "depthwise" => resnet::depthwise(&mut rng),
        _ => Err(Error::argument(
            "the workload",
            name,
            format!("one of {}", NAMES.join(", ")),
        )),
    }
}

impl Workload {
    /// Trains `model` by `optimiser` on that batch.
    pub fn training(
        model: impl Model + 'static,
        optimiser: impl Optimiser + 'static,
        inputs: Tensor,
        targets: Tensor,
    ) -> Self {
        Self {
            model: Box::new(model),
            optimiser: Some(Box::new(optimiser)),
            batch: Batch::new(inputs, targets),
            noise: None,
            steps: 0,
        }
    }

    /// Applies `model` to these inputs.
    pub fn inference(model: impl Model + 'static, inputs: Tensor) -> Self {
        Self {
            model: Box::new(model),
            optimiser: None,
            batch: Batch::new(inputs.clone(), inputs),
            noise: None,
            steps: 0,
        }
    }

    /// The same with a model that draws normal noise of that shape from each step's generator.
    pub fn sampling(self, noise: &[usize]) -> Self {
        Self {
            noise: Some(noise.to_vec()),
            ..self
        }
    }

    /// One training step, or one forward pass if the workload is inference. Returns the loss.
    pub fn step(&mut self) -> Result<f64> {
        let mut rng = step_rng(self.steps);
        self.steps += 1;
        let Some(optimiser) = &mut self.optimiser else {
            let losses = no_grad(|| self.model.losses(&self.batch, &mut Pass::Evaluate))?;
            return Ok(losses.values()?[0].1);
        };
        let losses = self.model.losses(&self.batch, &mut Pass::Train(&mut rng))?;
        let gradients = ops::backward(losses.minimised())?;
        optimiser.step(&self.model.parameters(), &gradients)?;
        Ok(losses.values()?[0].1)
    }

    /// Writes what the other side needs to do the same.
    pub fn export(&self, path: &Path) -> Result<()> {
        let mut tensors: HashMap<String, Tensor> = self
            .model
            .parameters()
            .iter()
            .map(|(name, parameter)| (name.to_owned(), parameter.tensor()))
            .collect();
        tensors.insert("batch.inputs".into(), self.batch.inputs.clone());
        tensors.insert("batch.targets".into(), self.batch.targets.clone());
        if let Some(shape) = &self.noise {
            let noise = (0..EXPORTED_STEPS).map(|step| step_rng(step).normal(0.0, 1.0, shape));
            let noise = Tensor::stack(&noise.collect::<Result<Vec<_>>>()?, 0)?;
            tensors.insert("noise".into(), noise);
        }
        Ok(safetensors::save(&tensors, path)?)
    }
}

/// What a step draws from.
fn step_rng(step: u64) -> Rng {
    Rng::new(6202).child(step)
}

/// A sample of the Gaussian code, `mean + exp(log_variance / 2) * noise`.
pub fn sample(mean: &Tensor, log_variance: &Tensor, pass: &mut Pass) -> Result<Tensor> {
    let Pass::Train(rng) = pass else {
        return Ok(mean.clone());
    };
    let noise = rng.normal(0.0, 1.0, mean.dims())?;
    let deviation = (log_variance * 0.5)?.exp()?;
    Ok((mean + (deviation * noise)?)?)
}
