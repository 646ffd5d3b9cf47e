//! Fully connected networks on MNIST-sized images.

use cuaderno::nn::{Parameters, Plan};
use cuaderno::ops::{self, Reduction};
use cuaderno::prelude::*;
use cuaderno::{Result, models::Autoencoder};

use crate::workload::{Workload, sample};

/// 784-32-784 with a sigmoid code.
pub fn mlp_autoencoder(rng: &mut Rng) -> Result<Workload> {
    let model = Autoencoder::basic(32, Activation::Sigmoid, &mut *rng)?;
    let images = rng.uniform(0.0, 1.0, &[32, 1, 28, 28])?;
    Ok(Workload::training(
        model,
        Adam::new(1e-3),
        images.clone(),
        images,
    ))
}

/// 784-400-20-400-784, a Gaussian code.
pub fn vae(rng: &mut Rng) -> Result<Workload> {
    let relu = |units| Dense::units(units).activation(Activation::Relu);
    let model = Vae {
        encoder: relu(400).build(&[784], rng)?,
        mean: Dense::units(20).build(&[400], rng)?,
        log_variance: Dense::units(20).build(&[400], rng)?,
        hidden: relu(400).build(&[20], rng)?,
        decoder: Dense::units(784).build(&[400], rng)?,
    };
    let images = rng.uniform(0.0, 1.0, &[128, 784])?;
    let workload = Workload::training(model, Adam::new(1e-3), images.clone(), images);
    Ok(workload.sampling(&[128, 20]))
}

#[derive(Debug)]
struct Vae {
    encoder: Dense,
    mean: Dense,
    log_variance: Dense,
    hidden: Dense,
    decoder: Dense,
}

impl Model for Vae {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("mean", self.mean.parameters())
            .nest("log_variance", self.log_variance.parameters())
            .nest("hidden", self.hidden.parameters())
            .nest("decoder", self.decoder.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let images = &batch.inputs;
        let features = self.encoder.apply(images, pass)?;
        let mean = self.mean.apply(&features, pass)?;
        let log_variance = self.log_variance.apply(&features, pass)?;
        let z = sample(&mean, &log_variance, pass)?;
        let logits = self.decoder.apply(&self.hidden.apply(&z, pass)?, pass)?;
        let pixels = ops::bce_with_logits(&logits, images, Reduction::Sum)?;
        let pixels = (pixels / batch.len() as f64)?;
        let kl = ops::gaussian_kl(&mean, &log_variance)?.mean_all()?;
        Ok(Losses::new("loss", (pixels + kl)?))
    }
}
