//! The courses' ready-made models give the numbers that they gave before they were built from
//! networks as a student writes them: the same weights drawn in the same order, and the same losses
//! after two epochs.
//!
//! The numbers here have tolerances, because machines round differently. On one machine, every weight
//! before training and after one and two epochs, and every loss, had the same bits in the last
//! version before the change (c235508) and after it. Only names differ: the layers of the basic
//! autoencoder are now `encoder.code` and `decoder.pixels`, and the heads of the categorical models
//! are part of their encoders.

use cuaderno::models::{Autoencoder, CategoricalVae, JointVae, PixelLoss, Vae, VaeArchitecture};
use cuaderno::nn::Activation;
use cuaderno::optim::RmsProp;
use cuaderno::train::{Model, TensorExamples, Trainer};
use cuaderno::{Result, Rng};

/// The sum of the weights' sizes before training, the first epoch's mean training loss, and the
/// validation loss after the second. Machines round differently, within the tolerances.
fn check(name: &str, model: &dyn Model, expected: [f64; 3]) -> Result<()> {
    let images = Rng::new(1).uniform(0.0, 1.0, &[70, 1, 28, 28])?.powf(3.0)?;
    let examples = TensorExamples::new(images.clone(), images)?;
    let mut start = 0.0;
    for (_, parameter) in model.parameters().iter() {
        let values: Vec<f32> = parameter.tensor().flatten_all()?.to_vec1()?;
        start += values.iter().map(|w| f64::from(w.abs())).sum::<f64>();
    }
    let trainer = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(6202);
    let history = trainer.quiet().fit(model, &examples, &examples)?;
    let first = history.epochs[0].train[0].mean;
    let found = [start, first, history.final_valid("loss")?];
    for ((found, expected), tolerance) in found.iter().zip(expected).zip([1e-6, 1e-3, 1e-3]) {
        let error = (found / expected - 1.0).abs();
        assert!(error < tolerance, "{name}: {found}, not {expected}");
    }
    Ok(())
}

#[test]
fn autoencoders() -> Result<()> {
    let rng = || Rng::new(6202);
    let images = Rng::new(1).uniform(0.0, 1.0, &[70, 1, 28, 28])?;
    let basic = Autoencoder::basic(8, Activation::Relu, &mut rng())?;
    check("basic", &basic, [547.596834, 0.6917195184, 0.6541699171])?;
    let repaired = Autoencoder::basic(8, Activation::Sigmoid, &mut rng())?;
    repaired.start_at_mean(&images)?;
    check(
        "repaired",
        &repaired,
        [633.711057, 0.6889698114, 0.6698175073],
    )?;
    let relu = Autoencoder::basic(8, Activation::Relu, &mut rng())?.with_output(Activation::Relu);
    check(
        "ReLU pixels",
        &relu,
        [547.596834, 0.1243321451, 0.1050653160],
    )?;
    let deep = Autoencoder::deep(8, Activation::Linear, &mut rng())?;
    check("deep", &deep, [1820.541612, 0.6668292591, 0.5722110868])?;
    let repaired = Autoencoder::deep(8, Activation::Sigmoid, &mut rng())?;
    repaired.start_at_mean(&images)?;
    check(
        "deep, repaired",
        &repaired,
        [1820.543845, 0.6713590622, 0.5709510446],
    )
}

#[test]
fn variational_autoencoders() -> Result<()> {
    let rng = || Rng::new(6202);
    let dense = Vae::dense(40, 5, &mut rng())?;
    check("dense", &dense, [3196.314610, 545.3982248, 523.1991578])?;
    let inf395 = VaeArchitecture::inf395(2).build(&mut rng())?;
    check("inf395", &inf395, [37526.494615, 537.0613403, 478.6074219])?;
    let lists = VaeArchitecture::new(2)
        .encoder([8, 16], [3, 3], [2, 2])
        .decoder([8, 1], [3, 3], [2, 2])
        .batch_norm()
        .dropout(0.25)
        .r_loss(PixelLoss::Mse, 1000.0)
        .build(&mut rng())?;
    check("lists", &lists, [483.959463, 161.2830893, 140.7975464])
}

#[test]
fn categorical_autoencoders() -> Result<()> {
    let rng = || Rng::new(6202);
    let categorical = CategoricalVae::inf395(10, &mut rng())?;
    check(
        "categorical",
        &categorical,
        [37708.373063, 537.4768467, 475.1199951],
    )?;
    let joint = JointVae::convolutional(10, 8, &mut rng())?;
    check("joint", &joint, [20298.132102, 537.3693577, 515.2684936])?;
    let informed = JointVae::convolutional(10, 8, &mut rng())?.information_weight(300.0)?;
    check(
        "informed",
        &informed,
        [20298.132102, 537.3702418, 515.3100585],
    )
}
