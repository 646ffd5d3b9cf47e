//! Lab 10's figures on all of MNIST, against the same networks in PyTorch (one seed) and against
//! the course's log. Run with `cargo test --test labs vae_on_mnist -- --ignored --nocapture
//! --test-threads 1`.

use cuaderno::Result;
use cuaderno::optim::Optimiser;
use cuaderno::prelude::*;

const SEED: u64 = 6202;
const SEEDS: [u64; 3] = [6202, 6203, 6204];

/// The Portuguese course's.
fn digits(r_loss_factor: f64) -> VaeArchitecture {
    VaeArchitecture::new(2)
        .encoder([32, 64, 64, 64], [3, 3, 3, 3], [1, 2, 2, 1])
        .decoder([64, 64, 32, 1], [3, 3, 3, 3], [1, 2, 2, 1])
        .r_loss(PixelLoss::Mse, r_loss_factor)
}

fn train(
    vae: &Vae,
    optimiser: impl Optimiser + 'static,
    batch_size: usize,
    epochs: usize,
    seed: u64,
    mnist: &Mnist,
) -> Result<History> {
    Trainer::new(optimiser)
        .epochs(epochs)
        .batch_size(batch_size)
        .seed(seed)
        .quiet()
        .fit(vae, &mnist.train, &mnist.test)
}

/// The loss on the test images with sampled codes: the bound itself, where a training's own
/// validation decodes the means.
fn sampled_loss(vae: &Vae, mnist: &Mnist) -> Result<f64> {
    let mut rng = Rng::new(1);
    let mut sum = 0.0;
    let indices: Vec<u32> = (0..mnist.test.len() as u32).collect();
    for indices in indices.chunks(500) {
        let batch = mnist.test.batch(indices)?;
        let losses = no_grad(|| vae.losses(&batch, &mut Pass::Train(&mut rng)))?;
        sum += losses.values()?[0].1 * indices.len() as f64;
    }
    Ok(sum / mnist.test.len() as f64)
}

/// What is not worse than PyTorch's `expected`, within what seeds make of it.
fn assert_as_good(name: &str, losses: &[f64], expected: f64) {
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let largest = losses.iter().copied().fold(f64::MIN, f64::max);
    let smallest = losses.iter().copied().fold(f64::MAX, f64::min);
    println!("{name}: {mean:.2} ({losses:.2?}), PyTorch {expected}");
    assert!(mean - expected <= largest - smallest, "{name}: {mean}");
}

#[test]
#[ignore = "trains three networks on all of MNIST: minutes"]
fn vae_on_mnist_the_dense_one_is_as_good_as_pytorch_s() -> Result<()> {
    let mnist = Mnist::load()?;
    let mut losses = Vec::new();
    for seed in SEEDS {
        let vae = Vae::dense(400, 20, &mut Rng::new(seed))?;
        let history = train(&vae, Adam::new(1e-3), 128, 10, seed, &mnist)?;
        println!("seed {seed}: sampled {:.2}", sampled_loss(&vae, &mnist)?);
        losses.push(history.final_valid("loss")?);
    }
    assert_as_good("784-400-20", &losses, 96.78);
    Ok(())
}

#[test]
#[ignore = "trains three convolutional networks on all of MNIST: many minutes"]
fn vae_on_mnist_inf395_s_is_as_good_as_pytorch_s() -> Result<()> {
    let mnist = Mnist::load()?;
    let mut losses = Vec::new();
    for seed in SEEDS {
        let vae = VaeArchitecture::inf395(2).build(&mut Rng::new(seed))?;
        let history = train(&vae, RmsProp::new(1e-3), 128, 3, seed, &mnist)?;
        let sampled = sampled_loss(&vae, &mnist)?;
        let mean = history.final_valid("loss")?;
        println!("seed {seed}: sampled {sampled:.2}, at the mean {mean:.2}");
        losses.push(sampled);
    }
    assert_as_good("INF-395, d' = 2", &losses, 156.15);
    Ok(())
}

/// The course's log has the means of the training losses of each epoch, under which Keras names
/// its checkpoints too.
#[test]
#[ignore = "trains a convolutional network on all of MNIST: many minutes"]
fn vae_on_mnist_the_lists_follow_the_course_s_log() -> Result<()> {
    let mnist = Mnist::load()?;
    let vae = digits(1000.0).build(&mut Rng::new(SEED))?;
    let history = train(&vae, Adam::new(5e-4), 32, 6, SEED, &mnist)?;
    let log = [58.83, 51.97, 50.28, 49.30, 48.62, 48.17];
    for (epoch, expected) in history.epochs.iter().zip(log) {
        println!("{epoch}, the course's log {expected}");
    }
    for (epoch, expected) in history.epochs.iter().zip(log) {
        let loss = epoch.train("loss").unwrap().mean;
        assert!((loss / expected - 1.0).abs() < 0.03, "{loss} {expected}");
    }
    Ok(())
}
