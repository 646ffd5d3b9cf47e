//! Lab 10's figures on all of MNIST, against the same networks in PyTorch (one seed) and against
//! the course's log. Run with `cargo test --test labs vae_on_mnist -- --ignored --nocapture
//! --test-threads 1`.

use cuaderno::Result;
use cuaderno::optim::Optimiser;
use cuaderno::prelude::*;

use super::{SEED, SEEDS, assert_as_good, course_vae};

fn train(
    vae: &Vae,
    optimiser: impl Optimiser + 'static,
    batch_size: usize,
    epochs: usize,
    seed: u64,
    mnist: &Mnist,
) -> Result<History> {
    super::trainer(optimiser, epochs, seed)
        .batch_size(batch_size)
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

#[test]
#[ignore = "trains three networks on all of MNIST: minutes"]
fn vae_on_mnist_the_dense_one_is_as_good_as_pytorch_s() -> Result<()> {
    let mnist = Mnist::load()?;
    let mut losses = Vec::new();
    for seed in SEEDS {
        let vae = Vae::dense(400, 20, seed)?;
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
    let vae = course_vae(1000.0).build(&mut Rng::new(SEED))?;
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
