//! Lab 11's figures on all of MNIST, against the same network in PyTorch (one seed). Run with
//! `cargo test --test labs categorical_on_mnist -- --ignored --nocapture --test-threads 1`.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::{SEEDS, assert_as_good, trainer};

/// PyTorch's loss: that of the mean image, and ln 10 for a category that is always the same.
#[test]
#[ignore = "trains three convolutional networks on all of MNIST: many minutes"]
fn categorical_on_mnist_the_plain_one_collapses_as_pytorch_s() -> Result<()> {
    let mnist = Mnist::load()?;
    let mut losses = Vec::new();
    for seed in SEEDS {
        let vae = CategoricalVae::inf395(10, seed)?;
        let history = trainer(RmsProp::new(1e-3), 3, seed).batch_size(128).fit(
            &vae,
            &mnist.train,
            &mnist.test,
        )?;
        let clusters = vae.categories(&mnist.test.images)?;
        let nmi = clustering_report(&mnist.test.labels, &clusters)?.nmi;
        let loss = history.final_valid("loss")?;
        println!("seed {seed}: test loss {loss:.2}, test NMI {nmi:.4}");
        losses.push(loss);
    }
    assert_as_good("INF-395, ten categories", &losses, 208.16);
    Ok(())
}

#[test]
#[ignore = "trains three convolutional networks on all of MNIST: minutes"]
fn categorical_on_mnist_the_joint_one_finds_digits() -> Result<()> {
    let mnist = Mnist::load()?;
    for seed in SEEDS {
        let vae = JointVae::convolutional(10, 8, seed)?.information_weight(300.0)?;
        vae.start_at_mean(&mnist.train.images)?;
        let history = trainer(RmsProp::new(2e-3), 3, seed).batch_size(256).fit(
            &vae,
            &mnist.train,
            &mnist.test,
        )?;
        let bound = history.final_valid("bound")?;
        let report = clustering_report(&mnist.test.labels, &vae.categories(&mnist.test.images)?)?;
        println!("seed {seed}: test bound {bound:.2}\n{report}");
        assert!(report.nmi >= 0.55, "seed {seed}: {}", report.nmi);
    }
    Ok(())
}
