//! Lab 09's figures on all of MNIST, three seeds each, against the same networks in PyTorch (one
//! seed). Run with `cargo test --test labs on_mnist -- --ignored --nocapture --test-threads 1`.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::{SEEDS, assert_as_good};

/// What PyTorch reached with a code of that size: test loss, and the share of the test codes that
/// their ten nearest neighbours classify correctly.
struct Reference {
    latent: usize,
    loss: f64,
    accuracy: f64,
}

/// With Keras' RMSprop and initialisation, after 10 epochs in batches of 32.
#[rustfmt::skip]
const RELU: [Reference; 4] = [
    Reference { latent: 2, loss: 0.22605, accuracy: 0.3901 },
    Reference { latent: 8, loss: 0.16399, accuracy: 0.8973 },
    Reference { latent: 16, loss: 0.12726, accuracy: 0.9506 },
    Reference { latent: 32, loss: 0.09266, accuracy: 0.9637 },
];

/// After 3 epochs in batches of 128.
#[rustfmt::skip]
const DEEP: [Reference; 4] = [
    Reference { latent: 2, loss: 0.19851, accuracy: 0.5397 },
    Reference { latent: 8, loss: 0.12592, accuracy: 0.9140 },
    Reference { latent: 16, loss: 0.10111, accuracy: 0.9574 },
    Reference { latent: 32, loss: 0.08607, accuracy: 0.9654 },
];

fn trainer(epochs: usize, batch_size: usize, seed: u64) -> Trainer {
    super::trainer(RmsProp::new(1e-3), epochs, seed).batch_size(batch_size)
}

/// Trains with each seed and compares losses and accuracies with PyTorch's.
fn compare(
    name: &str,
    reference: &[Reference],
    train: impl Fn(&LabelledImages, &LabelledImages, usize, u64) -> Result<(f64, Box<dyn Codec>)>,
) -> Result<()> {
    let mnist = Mnist::load()?;
    for Reference {
        latent,
        loss,
        accuracy,
    } in reference
    {
        let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
        for seed in SEEDS {
            let (loss, codec) = train(&mnist.train, &mnist.test, *latent, seed)?;
            let mut comparison = CodeComparison::neighbours(10);
            comparison.add(name, codec.as_ref(), &mnist.train, &mnist.test)?;
            losses.push(loss);
            accuracies.push(comparison.get(name, *latent)?.accuracy);
        }
        assert_as_good(&format!("{name}, {latent}: loss"), &losses, *loss);
        let wrong: Vec<f64> = accuracies.iter().map(|accuracy| 1.0 - accuracy).collect();
        assert_as_good(&format!("{name}, {latent}: wrong"), &wrong, 1.0 - accuracy);
    }
    Ok(())
}

#[test]
#[ignore = "trains twelve networks on all of MNIST: minutes"]
fn on_mnist_a_relu_code_is_as_good_as_pytorch_s() -> Result<()> {
    compare("ReLU code", &RELU, |train, test, latent, seed| {
        let model = Autoencoder::basic(latent, Activation::Relu, seed)?;
        let history = trainer(10, 32, seed).fit(&model, train, test)?;
        Ok((history.final_valid("loss")?, Box::new(model)))
    })
}

#[test]
#[ignore = "trains twelve networks on all of MNIST: many minutes"]
fn on_mnist_a_deep_linear_code_is_as_good_as_pytorch_s() -> Result<()> {
    compare("deep, linear code", &DEEP, |train, test, latent, seed| {
        let model = Autoencoder::deep(latent, Activation::Linear, seed)?;
        let history = trainer(3, 128, seed).fit(&model, train, test)?;
        Ok((history.final_valid("loss")?, Box::new(model)))
    })
}

/// Saturated by the first steps, it never gets better than the mean image (0.2626): after 40
/// epochs as after 10, and in PyTorch too.
#[test]
#[ignore = "trains four networks on all of MNIST: minutes"]
fn on_mnist_a_small_sigmoid_code_stays_at_the_mean_image() -> Result<()> {
    let mnist = Mnist::load()?;
    for latent in [2, 8] {
        for epochs in [10, 40] {
            let model = Autoencoder::basic(latent, Activation::Sigmoid, SEEDS[0])?;
            let history = trainer(epochs, 32, SEEDS[0]).fit(&model, &mnist.train, &mnist.test)?;
            let loss = history.final_valid("loss")?;
            println!("sigmoid, {latent}, {epochs} epochs: {loss:.5}, the mean image 0.2626");
            assert!((loss - 0.2626).abs() < 0.001, "{latent}: {loss}");
        }
    }
    Ok(())
}
