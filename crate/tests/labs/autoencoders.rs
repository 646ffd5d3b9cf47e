//! Lab 09: basic and deep autoencoders, PCA, nearest neighbours and t-SNE.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::SEED;

fn trainer(epochs: usize) -> Trainer {
    super::trainer(RmsProp::new(1e-3), epochs, SEED)
}

#[test]
fn lab_09() -> Result<()> {
    let mnist = Mnist::sample()?;
    let mean_image = mnist.train.images.mean_keepdim(0)?;
    let mean_image = mean_image
        .broadcast_as(mnist.test.images.dims())?
        .contiguous()?;
    let baseline = reconstruction_bce(&mnist.test.images, &mean_image)?;

    let mut comparison = CodeComparison::neighbours(10);
    let rows = mnist.train.images.flatten_from(1)?;
    for latent in [2, 8, 32] {
        let pca = Pca::params(latent).fit(&rows)?;
        comparison.add("PCA", &pca, &mnist.train, &mnist.test)?;
    }
    for latent in [8, 32] {
        let relu = Autoencoder::basic(latent, Activation::Relu, SEED)?;
        trainer(8).fit(&relu, &mnist.train, &mnist.test)?;
        comparison.add("ReLU code", &relu, &mnist.train, &mnist.test)?;
    }

    let collapsed = Autoencoder::basic(8, Activation::Sigmoid, SEED)?;
    let (weight, bias) = (
        Trace::mean_of("encoder.code.weight", 5),
        Trace::mean_of("decoder.pixels.bias", 5),
    );
    trainer(8)
        .callback(weight.clone())
        .callback(bias.clone())
        .fit(&collapsed, &mnist.train, &mnist.test)?;
    comparison.add("sigmoid code", &collapsed, &mnist.train, &mnist.test)?;
    let repaired = Autoencoder::basic(8, Activation::Sigmoid, SEED)?;
    repaired.start_at_mean(&mnist.train.images)?;
    trainer(8).fit(&repaired, &mnist.train, &mnist.test)?;
    comparison.add("sigmoid, repaired", &repaired, &mnist.train, &mnist.test)?;

    let deep = Autoencoder::deep(8, Activation::Sigmoid, SEED)?;
    deep.start_at_mean(&mnist.train.images)?;
    trainer(3).fit(&deep, &mnist.train, &mnist.test)?;
    comparison.add("deep, repaired", &deep, &mnist.train, &mnist.test)?;

    // The collapse and its cause: all codes at 1, while the bias has hardly moved.
    let smallest: f32 = collapsed
        .encode(&mnist.test.images)?
        .min_all()?
        .to_scalar()?;
    assert!(smallest > 0.99, "{smallest}");
    let (weights, biases) = (weight.points(), bias.points());
    assert!(
        weights
            .iter()
            .any(|&(step, mean)| step <= 100.0 && mean > 0.02),
        "{weights:?}"
    );
    assert!(
        biases
            .iter()
            .all(|&(step, mean)| step > 100.0 || mean > -0.3),
        "{biases:?}"
    );

    let codes = repaired.encode(&mnist.test.images)?;
    let map = TSne::params().seed(SEED).quiet().fit(&codes)?;
    let mut bands = Bands::new();
    let bce = |method, latent| comparison.get(method, latent).map(|line| line.bce);
    let accuracy = |method, latent| comparison.get(method, latent).map(|line| line.accuracy);
    bands.at_least("collapsed", bce("sigmoid code", 8)?, baseline - 0.001);
    bands.at_most("repaired", bce("sigmoid, repaired", 8)?, baseline - 0.02);
    bands.at_most("deep", bce("deep, repaired", 8)?, baseline - 0.01);
    bands.at_most("ReLU, 32", bce("ReLU code", 32)?, bce("ReLU code", 8)?);
    bands.at_most("PCA, 32", comparison.get("PCA", 32)?.mse, 0.02);
    bands.at_least("PCA, 32: accuracy", accuracy("PCA", 32)?, 0.88);
    bands.at_most("PCA, 2: accuracy", accuracy("PCA", 2)?, 0.55);
    bands.at_most("collapsed: accuracy", accuracy("sigmoid code", 8)?, 0.3);
    bands.at_least("repaired: accuracy", accuracy("sigmoid, repaired", 8)?, 0.6);
    let trust = trustworthiness(&codes, &map.embedding, 5)?;
    bands.at_least("trustworthiness", trust, 0.93);
    println!("{}\n{comparison}", bands.check()?);

    scatter(&map.embedding, &mnist.test.labels)?.png()?;
    histogram("code", &codes, 40)?.svg()?;
    comparison.plot()?.svg()?;
    Ok(())
}
