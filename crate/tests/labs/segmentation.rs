//! Lab 07: the course's fully convolutional network and a U-Net on a few generated scenes.

use cuaderno::ops;
use cuaderno::prelude::*;

use super::{SEED, trainer};

const SIDE: usize = 32;

/// The mean IoU after some epochs on 16 scenes, of 8 others.
fn mean_iou(model: &Classifier, epochs: usize) -> Result<f64> {
    let (train, valid) = scenes(24, [SIDE, SIDE], SEED)?.folds(3, SEED)?[0].clone();
    let trainer = trainer(Adam::new(3e-3), epochs, SEED).batch_size(4);
    trainer.fit(model, &train, &valid)?;
    let predicted = model.predict(&valid.images)?;
    let report = segmentation_report(&valid.masks, &predicted, None)?;
    println!("{report}");
    Ok(report.mean_iou)
}

#[test]
fn a_u_net_finds_what_is_striped_and_does_better_than_the_course_s_network() -> Result<()> {
    let plain = Classifier::new(fully_convolutional([3, SIDE, SIDE]).build(SEED)?);
    let network = Sequential::input(&[3, SIDE, SIDE])
        .then("u", u_net([SIDE, SIDE], &[16, 32, 64]))
        .then("mask", Conv2d::filters(1).kernel(1));
    let improved = Classifier::new(network.build(SEED)?).loss(ClassLoss::CrossEntropyAndDice);
    let (plain, improved) = (mean_iou(&plain, 12)?, mean_iou(&improved, 12)?);
    // No threshold on the brightness gets beyond 0.45.
    assert!(
        improved > 0.6 && improved > plain + 0.05,
        "{plain} {improved}"
    );
    Ok(())
}

/// The shapes of the course's summary: two poolings, 128 channels, and back.
#[test]
fn the_course_s_network_has_the_course_s_shapes() -> Result<()> {
    let network = fully_convolutional([3, 64, 96]).build(SEED)?;
    let mut shape = vec![3, 64, 96];
    let mut shapes = HashMap::new();
    for (name, layer) in network.steps() {
        shape = layer.output_shape(&shape)?;
        shapes.insert(name, shape.clone());
    }
    assert_eq!(shapes["pool1"], [32, 32, 48]);
    assert_eq!(shapes["down3b"], [128, 16, 24]);
    assert_eq!(shapes["up1b"], [32, 32, 48]);
    assert_eq!(shapes["mask"], [1, 64, 96]);
    // Keras counts the same: 896 + 9,248 + 18,496 + 36,928 + 73,856 + 147,584 + 36,896 + 9,248 + 289.
    assert_eq!(network.parameters().count(), 333_441);
    Ok(())
}

/// Pixels of an ignored class count in no loss: what is left is the loss of the other pixels.
#[test]
fn pixels_of_an_ignored_class_do_not_count() -> Result<()> {
    let set = scenes(3, [16, 16], SEED)?;
    let left = set.masks.narrow(2, 0, 8)?;
    // The other half becomes class 7, which no network has.
    let masks = Tensor::cat(&[&left, &Tensor::full(7u32, (3, 16, 8), &Device::Cpu)?], 2)?;
    let unlabelled = SegmentedImages::new(set.images.clone(), masks)?;
    let halves = unlabelled.clone().ignoring(7);
    let network = Sequential::input(&[3, 16, 16]).then("u", u_net([16, 16], &[4, 8]));
    let network = network
        .then("classes", Conv2d::filters(2).kernel(1))
        .build(SEED)?;
    let logits = network.forward(&set.images)?.narrow(3, 0, 8)?;
    let cross_entropy = ops::cross_entropy(&logits, &left, &ops::CrossEntropy::default())?;
    let dice = ops::dice(&logits, &left, None)?;
    for (loss, expected) in [
        (ClassLoss::CrossEntropy, cross_entropy.clone()),
        (
            ClassLoss::Focal(2.0),
            ops::focal(&logits, &left, 2.0, None)?,
        ),
        (ClassLoss::Dice, dice.clone()),
        (ClassLoss::CrossEntropyAndDice, (cross_entropy + dice)?),
    ] {
        let model = Classifier::new(network.clone()).loss(loss);
        let found = model.evaluate(&halves)?[0].mean;
        let expected = f64::from(expected.to_scalar::<f32>()?);
        assert!(
            (found - expected).abs() < 1e-5,
            "{loss:?}: {found}, expected {expected}"
        );
        let error = model.evaluate(&unlabelled).unwrap_err().to_string();
        assert!(error.contains("is 7"), "{loss:?}: {error}");
    }
    Ok(())
}
