//! Lab 11: ten categories, collapsed and repaired, and with a style and mutual information.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::SEED;

fn trainer(epochs: usize) -> Trainer {
    super::trainer(RmsProp::new(1e-3), epochs, SEED)
}

#[test]
fn lab_11() -> Result<()> {
    let mnist = Mnist::sample()?;
    let mean_image = mnist.train.images.mean_keepdim(0)?;
    let mean_image = mean_image.broadcast_as(mnist.test.images.dims())?;
    let baseline = 784.0 * reconstruction_bce(&mnist.test.images, &mean_image.contiguous()?)?;
    let nmi = |categories: Tensor| -> Result<f64> {
        Ok(clustering_report(&mnist.test.labels, &categories)?.nmi)
    };
    let mut bands = Bands::new();

    // Sure of one category for all images: the mean image's loss and ln 10.
    let plain = CategoricalVae::inf395(10, SEED)?;
    let history = trainer(2).fit(&plain, &mnist.train, &mnist.test)?;
    bands.between("collapsed: kl", history.final_valid("kl")?, 2.29, 2.303);
    let r_loss = history.final_valid("r_loss")?;
    bands.between("collapsed: r_loss", r_loss, baseline - 1.0, baseline + 12.0);
    let categories = plain.categories(&mnist.test.images)?;
    bands.at_most("collapsed: NMI", nmi(categories)?, 0.02);

    let repaired = CategoricalVae::inf395(10, SEED)?;
    repaired.start_at_mean(&mnist.train.images)?;
    let history = trainer(4).fit(&repaired, &mnist.train, &mnist.test)?;
    bands.at_most("repaired", history.final_valid("loss")?, baseline - 10.0);
    let categories = repaired.categories(&mnist.test.images)?;
    bands.at_least("repaired: NMI", nmi(categories)?, 0.25);

    let joint = JointVae::convolutional(10, 8, SEED)?.information_weight(300.0)?;
    joint.start_at_mean(&mnist.train.images)?;
    let history = trainer(10).fit(&joint, &mnist.train, &mnist.test)?;
    bands.at_most(
        "joint: bound",
        history.final_valid("bound")?,
        baseline - 20.0,
    );
    bands.at_least(
        "joint: information",
        history.final_valid("information")?,
        1.2,
    );
    let categories = joint.categories(&mnist.test.images)?;
    bands.at_least("joint: NMI", nmi(categories)?, 0.35);
    println!("{}", bands.check()?);

    let digits = mnist.test.take(6)?.images;
    let (from, to) = (digits.narrow(0, 0, 3)?, digits.narrow(0, 3, 3)?);
    latent_interpolation(&joint, &from, &to, 6)?.png()?;
    let code = joint.encode(&digits.narrow(0, 0, 1)?)?;
    latent_traversal(&joint, &code, 2.5, 5)?.png()?;
    image_grid(&repaired.prototypes()?, 10)?.png()?;
    Ok(())
}
