//! Trains lab 07's networks on real photographs and prints their scores.
//!
//! ```sh
//! cargo run --example segmentation -- pairs IMAGES MASKS [EPOCHS] [FOLDS]
//! cargo run --example segmentation -- camvid FOLDER [EPOCHS]
//! ```
//!
//! `pairs` takes a folder of photographs and one of black and white masks, and compares the course's
//! network with a U-Net, on the same folds at 128 x 128 pixels. `camvid` takes CamVid's folder and
//! trains a U-Net with 11 classes at 240 x 180.

use std::path::Path;

use cuaderno::metrics::SegmentationReport;
use cuaderno::prelude::*;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| match arguments.get(place) {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    match arguments.first().map(String::as_str) {
        Some("pairs") if arguments.len() > 2 => {
            let data = SegmentedImages::from_folders(&arguments[1], &arguments[2], [128, 128])?;
            pairs(&data, number(3, 40)?, number(4, 5)?)?;
        }
        Some("camvid") if arguments.len() > 1 => camvid(arguments[1].as_ref(), number(2, 40)?)?,
        _ => println!("segmentation pairs IMAGES MASKS [EPOCHS] [FOLDS] | camvid FOLDER [EPOCHS]"),
    }
    Ok(())
}

/// The movements that a photograph survives: it may be mirrored, but not upside down.
fn augmentation() -> Augmentation {
    Augmentation::new()
        .flip_horizontally(0.5)
        .rotate(-15.0..=15.0)
        .zoom(0.85..=1.3)
        .shift(-10.0..=10.0, -10.0..=10.0)
        .brightness(0.8..=1.2)
        .contrast(0.8..=1.2)
        .saturation(0.6..=1.4)
}

/// How the U-Nets are trained.
fn trainer(epochs: usize) -> Trainer {
    Trainer::new(Adam::new(2e-3))
        .epochs(epochs)
        .batch_size(8)
        .seed(6202)
        .schedule(Schedule::Cosine {
            epochs,
            minimum: 0.0,
        })
}

fn pairs(data: &SegmentedImages, epochs: usize, folds: usize) -> Result<()> {
    println!("{} photographs, {epochs} epochs", data.len());
    let mut means = [0.0; 2];
    for (fold, (train, valid)) in data.folds(folds, 6202)?.into_iter().enumerate() {
        let start = Instant::now();
        let plain = Classifier::new(fully_convolutional([3, 128, 128]).build(6202)?);
        let as_the_course = Trainer::new(RmsProp::new(1e-3))
            .epochs(epochs)
            .batch_size(8)
            .seed(6202);
        as_the_course.quiet().fit(&plain, &train, &valid)?;
        let of_plain = report(&plain, &valid)?;

        let network = Sequential::input(&[3, 128, 128])
            .then("u", u_net([128, 128], &[16, 32, 64, 128]))
            .then("mask", Conv2d::filters(1).kernel(1));
        let improved = Classifier::new(network.build(6202)?).loss(ClassLoss::CrossEntropyAndDice);
        let train = train.augmented(&augmentation())?;
        trainer(epochs).quiet().fit(&improved, &train, &valid)?;
        let of_improved = report(&improved, &valid)?;
        println!(
            "fold {}: mean IoU {:.4} plain, {:.4} improved; {:.0} s",
            fold + 1,
            of_plain.mean_iou,
            of_improved.mean_iou,
            start.elapsed().as_secs_f64()
        );
        println!("{of_plain}\n{of_improved}");
        means[0] += of_plain.mean_iou / folds as f64;
        means[1] += of_improved.mean_iou / folds as f64;
    }
    println!(
        "mean of {folds} folds: {:.4} plain, {:.4} improved",
        means[0], means[1]
    );
    Ok(())
}

/// Works at half the size inside, where a street has all its classes and a step a quarter of the
/// work, and enlarges the scores.
fn camvid(folder: &Path, epochs: usize) -> Result<()> {
    let data = CamVid::from_folder(folder, [180, 240])?;
    println!(
        "{} + {} frames, {epochs} epochs",
        data.train.len(),
        data.valid.len()
    );
    let network = Sequential::input(&[3, 180, 240])
        .then(
            "half",
            Conv2d::filters(24)
                .kernel(5)
                .stride(2)
                .padding(2)
                .without_bias(),
        )
        .then("norm", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("u", u_net([90, 120], &[24, 48, 96, 96, 96]))
        .then("classes", Conv2d::filters(CamVid::CLASSES.len()).kernel(1))
        .then("enlarge", Upsample::bilinear(2));
    let model = Classifier::new(network.build(6202)?).loss(ClassLoss::CrossEntropyAndDice);
    let train = data.train.augmented(&augmentation())?;
    let start = Instant::now();
    trainer(epochs).fit(&model, &train, &data.valid)?;
    println!("{:.0} s of training", start.elapsed().as_secs_f64());
    println!("{}", report(&model, &data.valid)?.names(&CamVid::CLASSES));
    Ok(())
}

fn report(model: &Classifier, data: &SegmentedImages) -> Result<SegmentationReport> {
    segmentation_report(&data.masks, &model.predict(&data.images)?, data.ignored)
}
