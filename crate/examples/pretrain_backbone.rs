//! Trains the small residual network that `Backbone::small()` ships, on all images of CIFAR-10's
//! training set that are of six of its ten classes:
//! `cargo run -p cuaderno --example pretrain_backbone [FOLDER]`.
//!
//! `FOLDER` has all of CIFAR-10 if the cache has not. An interrupted run goes on where it was.

use cuaderno::models::Backbone;
use cuaderno::prelude::*;

const EPOCHS: usize = 4;

fn main() -> Result<()> {
    let cifar = match std::env::args().nth(1) {
        Some(folder) => Cifar10::from_folder(folder)?,
        None => Cifar10::load()?,
    };
    let train = cifar.train.of_classes(&Backbone::SMALL_CLASSES)?;
    let test = cifar.test.of_classes(&Backbone::SMALL_CLASSES)?;
    let backbone = Backbone::small_untrained(6202)?;
    let normalised = |part: &LabelledImages| {
        LabelledImages::new(backbone.prepare(&part.images)?, part.labels.clone())
    };
    let (train, test) = (normalised(&train)?, normalised(&test)?);
    let classifier = Classifier::new(backbone.whole().clone());
    let augmentation = Augmentation::new()
        .flip_horizontally(0.5)
        .pad(4)
        .crop([32, 32]);
    let optimiser = Sgd::new(0.1).momentum(0.9).nesterov().weight_decay(5e-4);
    let schedule = Schedule::Cosine {
        epochs: EPOCHS,
        minimum: 0.0,
    };
    let history = Trainer::new(optimiser)
        .schedule(schedule)
        .epochs(EPOCHS)
        .batch_size(128)
        .seed(6202)
        .resume("runs/pretrain_backbone")
        .fit(&classifier, &train.augmented(&augmentation)?, &test)?;
    println!(
        "accuracy {:.4} on the six classes' test images",
        history.final_valid("accuracy")?
    );
    let shipped = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../datasets/cifar10/backbone.safetensors"
    );
    classifier.parameters().save(shipped)
}
