//! Changes of pictures, which are computed in f32 alone, and trainings on them.

use cuaderno::prelude::*;
use cuaderno::train::{Callback, Training};

use crate::dense::on_every_case;
use crate::fixture::Case;

/// Runs `augmentation` on the input of every f32 case of a fixture.
fn compare(fixture: &str, augmentation: impl Fn(&Case) -> Augmentation) {
    on_every_case(fixture, |case| {
        if case.dtype == DType::F32 {
            let output = augmentation(case).apply(&case.tensor("input"), 1);
            case.compare("output", &output.unwrap());
        }
    });
}

#[test]
fn movements() {
    compare("augmentation/movements", |case| {
        let number = |name| case.get::<f64>(name);
        Augmentation::new()
            .zoom(number("zoom"))
            .rotate(number("degrees"))
            .shift(number("right"), number("down"))
    });
}

#[test]
fn sizes() {
    compare("augmentation/sizes", |case| {
        Augmentation::new().resize(case.get("size"))
    });
}

#[test]
fn light() {
    compare("augmentation/light", |case| {
        Augmentation::new()
            .brightness(case.get::<f64>("brightness"))
            .contrast(case.get::<f64>("contrast"))
    });
}

#[test]
fn saturation() {
    compare("augmentation/saturation", |case| {
        Augmentation::new().saturation(case.get::<f64>("factor"))
    });
}

/// Interrupts in the middle of an epoch.
#[derive(Debug)]
struct StopAt(u64);

impl Callback for StopAt {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if training.step == self.0 {
            training.interrupt("that was the first half");
        }
        Ok(())
    }
}

fn model() -> Classifier {
    let network = Sequential::input(&[1, 28, 28])
        .then("flatten", Flatten)
        .then("digits", Dense::units(10));
    Classifier::new(network.build(6202).unwrap())
}

fn trainer(stop: u64) -> Trainer {
    let trainer = Trainer::new(Adam::new(1e-2)).epochs(3).batch_size(25);
    trainer.seed(7).callback(StopAt(stop)).quiet()
}

const NEVER: u64 = u64::MAX;

#[test]
fn a_resumed_training_draws_what_an_uninterrupted_one_does() {
    let digits = Mnist::sample().unwrap().train.take(60).unwrap();
    let turned = Augmentation::new().rotate(-20.0..=20.0);
    let train = digits.augmented(&turned).unwrap();
    let fit = |trainer: Trainer, train: &dyn Examples| {
        let model = model();
        trainer.fit(&model, train, &digits).unwrap();
        model.parameters()
    };
    let whole = fit(trainer(NEVER), &train);
    let folder = tempfile::tempdir().unwrap();
    // In the second of three epochs of three batches.
    let half = fit(trainer(4).resume(folder.path()), &train);
    let both = fit(trainer(NEVER).resume(folder.path()), &train);
    assert!(!whole.same_values(&half).unwrap());
    assert!(whole.same_values(&both).unwrap());
    assert!(!whole.same_values(&fit(trainer(NEVER), &digits)).unwrap());
}

#[test]
fn weights_are_not_loaded_that_another_augmentation_has_led_to() {
    let digits = Mnist::sample().unwrap().train.take(60).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trained = |degrees: f64| {
        let turned = Augmentation::new().rotate(-degrees..=degrees);
        let (model, train) = (model(), digits.augmented(&turned).unwrap());
        let kept = WeightsFolder::at(folder.path());
        let history = kept.train_or_load("turned", trainer(NEVER), &model, &train, &digits);
        (history.unwrap(), model.parameters())
    };
    let (first, again, other) = (trained(10.0), trained(10.0), trained(30.0));
    // A second training would have taken another time.
    assert_eq!(first.0, again.0);
    assert!(first.1.same_values(&again.1).unwrap());
    assert!(!first.1.same_values(&other.1).unwrap());
}
