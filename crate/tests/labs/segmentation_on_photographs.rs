//! Lab 07 on photographs: the Weizmann horses, in folders `images` and `masks`, and CamVid.
//!
//! ```sh
//! CUADERNO_HORSES=…/horses cargo test --test labs horses -- --ignored --nocapture
//! CUADERNO_CAMVID=…/camvid cargo test --test labs streets -- --ignored --nocapture
//! ```

use std::path::Path;

use cuaderno::metrics::SegmentationReport;
use cuaderno::prelude::*;

use crate::{SEED, trainer};

/// A U-Net for images of some size, with the loss of the lab.
fn improved(size: [usize; 2], filters: &[usize], logits: usize) -> Result<Classifier> {
    let network = Sequential::input(&[3, size[0], size[1]])
        .then("u", u_net(size, filters))
        .then("classes", Conv2d::filters(logits).kernel(1));
    Ok(Classifier::new(network.build(SEED)?).loss(ClassLoss::CrossEntropyAndDice))
}

fn cosine(epochs: usize) -> Schedule {
    Schedule::Cosine {
        epochs,
        minimum: 0.0,
    }
}

/// What the model makes of a set, which goes through the network in parts.
fn report(model: &Classifier, set: &SegmentedImages) -> Result<SegmentationReport> {
    segmentation_report(&set.masks, &model.predict(&set.images)?, set.ignored)
}

#[test]
#[ignore = "needs the photographs, and takes up to an hour"]
fn on_horses_a_u_net_beats_the_course_s_network() -> Result<()> {
    const SIZE: [usize; 2] = [128, 128];
    let folder = std::env::var("CUADERNO_HORSES").expect("set CUADERNO_HORSES to the folder");
    let folder = Path::new(&folder);
    let horses = SegmentedImages::from_folders(folder.join("images"), folder.join("masks"), SIZE)?;
    let augmentation = Augmentation::new()
        .flip_horizontally(0.5)
        .rotate(-15.0..=15.0)
        .zoom(0.8..=1.3)
        .shift(-8.0..=8.0, -8.0..=8.0)
        .brightness(0.7..=1.3)
        .contrast(0.7..=1.3);
    let epochs = 40;
    let mut sums = [0.0; 2];
    let folds = horses.folds(5, SEED)?;
    for (number, (train, valid)) in (1..).zip(&folds) {
        let start = Instant::now();
        let plain = Classifier::new(fully_convolutional([3, SIZE[0], SIZE[1]]).build(SEED)?);
        trainer(RmsProp::new(1e-3), epochs, SEED)
            .batch_size(8)
            .fit(&plain, train, valid)?;
        let between = start.elapsed().as_secs_f64();
        let ours = improved(SIZE, &[16, 32, 64, 128], 1)?;
        trainer(Adam::new(3e-3), epochs, SEED)
            .batch_size(8)
            .schedule(cosine(epochs))
            .fit(&ours, &train.augmented(&augmentation)?, valid)?;
        let scores = [
            report(&plain, valid)?.mean_iou,
            report(&ours, valid)?.mean_iou,
        ];
        println!(
            "fold {number}: mean IoU {:.3} the course's network ({between:.0} s), {:.3} U-Net ({:.0} s)",
            scores[0],
            scores[1],
            start.elapsed().as_secs_f64() - between
        );
        for (sum, score) in sums.iter_mut().zip(scores) {
            *sum += score;
        }
    }
    let [plain, ours] = sums.map(|sum| sum / folds.len() as f64);
    println!("mean of {} folds: {plain:.3} and {ours:.3}", folds.len());
    assert!(plain > 0.45 && ours >= plain + 0.08, "{plain} {ours}");
    Ok(())
}

#[test]
#[ignore = "needs CamVid, and takes up to 40 minutes"]
fn streets_are_told_in_eleven_classes() -> Result<()> {
    const SIZE: [usize; 2] = [180, 240];
    let folder = std::env::var("CUADERNO_CAMVID").expect("set CUADERNO_CAMVID to the folder");
    let CamVid { train, valid } = CamVid::from_folder(folder, SIZE)?;
    let augmentation = Augmentation::new()
        .flip_horizontally(0.5)
        .brightness(0.7..=1.3)
        .contrast(0.7..=1.3);
    let epochs = 25;
    let model = improved(SIZE, &[16, 32, 64, 128], CamVid::CLASSES.len())?;
    let start = Instant::now();
    let history = trainer(Adam::new(3e-3), epochs, SEED)
        .batch_size(8)
        .schedule(cosine(epochs))
        .fit(&model, &train.augmented(&augmentation)?, &valid)?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let found = report(&model, &valid)?.names(&CamVid::CLASSES);
    println!("{history}\n{found}\nafter {minutes:.1} minutes of training");
    assert!(found.mean_iou >= 0.45, "{}", found.mean_iou);
    Ok(())
}
