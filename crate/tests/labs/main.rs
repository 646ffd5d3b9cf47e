//! The labs without notebooks: the same public calls on the shipped samples, with the bands that
//! hold there.

mod adversaries;
mod autoencoders;
mod autoencoders_on_mnist;
mod categorical;
mod categorical_on_mnist;
mod perceptron;
mod segmentation;
mod segmentation_on_photographs;
mod semi_supervised_on_mnist;
mod spectra;
mod spectra_on_samson;
mod speech;
mod speech_on_recordings;
mod tagging;
mod transfer;
mod transfer_on_cifar10;
mod variational_autoencoders;
mod variational_autoencoders_on_mnist;

use cuaderno::optim::Optimiser;
use cuaderno::prelude::*;

const SEED: u64 = 6202;
const SEEDS: [u64; 3] = [SEED, SEED + 1, SEED + 2];

/// A silent training that takes its order from `seed`, as its model takes its weights.
fn trainer(optimiser: impl Optimiser + 'static, epochs: usize, seed: u64) -> Trainer {
    Trainer::new(optimiser).epochs(epochs).seed(seed).quiet()
}

/// The convolutional VAE of the Portuguese course.
fn course_vae(r_loss_factor: f64) -> VaeArchitecture {
    VaeArchitecture::new(2)
        .encoder([32, 64, 64, 64], [3, 3, 3, 3], [1, 2, 2, 1])
        .decoder([64, 64, 32, 1], [3, 3, 3, 3], [1, 2, 2, 1])
        .r_loss(PixelLoss::Mse, r_loss_factor)
}

/// The losses, or what else should be low, of a network with several seeds are not worse than
/// PyTorch's with one, by more than the seeds differ.
fn assert_as_good(what: &str, found: &[f64], pytorch: f64) {
    let mean = found.iter().sum::<f64>() / found.len() as f64;
    let largest = found.iter().copied().fold(f64::MIN, f64::max);
    let smallest = found.iter().copied().fold(f64::MAX, f64::min);
    println!("{what}: mean {mean:.5} of {found:.5?}, PyTorch {pytorch}");
    assert!(mean - pytorch <= largest - smallest, "{what}: {mean}");
}
