//! What callbacks do to a training.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use cuaderno::candle_core;
use cuaderno::nn::{Parameter, Parameters, Pass};
use cuaderno::optim::{Adam, Schedule, Sgd};
use cuaderno::train::{
    Batch, Callback, Checkpoint, EarlyStopping, History, Losses, Model, StopFile, TensorExamples,
    TimeBudget, Trainer, Training,
};
use cuaderno::{Error, Result};

/// One number that is drawn towards 1; its validation loss is what `validation` says for the epoch.
struct OneNumber {
    weight: Parameter,
    validation: Vec<f32>,
    evaluated: Cell<usize>,
}

impl OneNumber {
    fn new(validation: &[f32]) -> Self {
        Self {
            weight: Parameter::new(&Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap()).unwrap(),
            validation: validation.to_vec(),
            evaluated: Cell::new(0),
        }
    }

    fn value(&self) -> f32 {
        self.weight.tensor().to_vec1::<f32>().unwrap()[0]
    }
}

impl Model for OneNumber {
    fn parameters(&self) -> Parameters {
        Parameters::new().with("weight", &self.weight)
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        if !pass.is_training() {
            let epoch = self.evaluated.replace(self.evaluated.get() + 1);
            let loss = Tensor::new(self.validation[epoch], &Device::Cpu)?;
            return Ok(Losses::new("loss", loss));
        }
        let loss = batch.inputs.broadcast_sub(&self.weight.tensor())?;
        Ok(Losses::new("loss", loss.sqr()?.mean_all()?))
    }
}

fn ones(n: usize) -> TensorExamples {
    let ones = Tensor::ones(n, DType::F32, &Device::Cpu).unwrap();
    TensorExamples::new(ones.clone(), ones).unwrap()
}

/// Six examples in three batches an epoch.
fn trainer() -> Trainer {
    Trainer::new(Sgd::new(0.1)).batch_size(2).quiet()
}

fn fit(trainer: Trainer, model: &OneNumber) -> History {
    trainer.fit(model, &ones(6), &ones(1)).unwrap()
}

#[test]
fn early_stopping_waits_for_its_patience() {
    let model = OneNumber::new(&[3.0, 2.0, 2.5, 2.0, 1.0, 0.5]);
    let history = fit(
        trainer().epochs(6).callback(EarlyStopping::patience(2)),
        &model,
    );
    assert_eq!(history.epochs.len(), 4);
    let reason = history.stopped.unwrap();
    assert_eq!(reason, "no better for 2 epochs than 2.00000");
}

#[test]
fn watching_a_part_that_is_not_there_is_an_error() {
    let trainer = trainer().callback(EarlyStopping::patience(2).part("kl"));
    let error = trainer.fit(&OneNumber::new(&[1.0]), &ones(6), &ones(1));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("kl") && error.contains("loss"), "{error}");
}

fn files(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn checkpoints_are_named_after_epoch_and_loss() {
    let folder = tempfile::tempdir().unwrap();
    let model = OneNumber::new(&[58.834, 61.0]);
    let checkpoint = Checkpoint::every_epoch(folder.path());
    fit(trainer().epochs(2).callback(checkpoint), &model);
    let expected = [
        "weights-001-58.83.safetensors",
        "weights-002-61.00.safetensors",
        "weights.safetensors",
    ];
    assert_eq!(files(folder.path()), expected);
    let (last, loaded) = (model.value(), OneNumber::new(&[]));
    loaded
        .parameters()
        .load(folder.path().join("weights.safetensors"))
        .unwrap();
    assert_eq!(loaded.value(), last);
}

#[test]
fn the_best_checkpoint_is_that_of_the_lowest_validation_loss() {
    let folder = tempfile::tempdir().unwrap();
    let after_two = OneNumber::new(&[0.0; 2]);
    fit(trainer().epochs(2), &after_two);
    let model = OneNumber::new(&[3.0, 1.0, 2.0]);
    fit(
        trainer()
            .epochs(3)
            .callback(Checkpoint::best(folder.path())),
        &model,
    );
    assert_eq!(files(folder.path()), ["weights.safetensors"]);
    model
        .parameters()
        .load(folder.path().join("weights.safetensors"))
        .unwrap();
    assert_eq!(model.value(), after_two.value());
}

#[test]
fn a_stop_file_stops_after_a_batch_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop");
    std::fs::write(&path, "").unwrap();
    let model = OneNumber::new(&[0.0; 3]);
    let history = fit(trainer().epochs(3).callback(StopFile::new(&path)), &model);
    assert!(!path.exists());
    assert!(history.epochs.is_empty() && history.stopped.is_some());
    assert!(
        (model.value() - 0.2).abs() < 1e-6,
        "one step: {}",
        model.value()
    );
}

#[test]
fn a_time_budget_stops_once_it_is_spent() {
    let model = OneNumber::new(&[0.0; 3]);
    let spent = TimeBudget::new(Duration::ZERO);
    assert!(
        fit(trainer().epochs(3).callback(spent), &model)
            .epochs
            .is_empty()
    );
    let ample = TimeBudget::new(Duration::from_secs(3600));
    assert_eq!(
        fit(trainer().epochs(3).callback(ample), &model)
            .epochs
            .len(),
        3
    );
}

#[test]
fn the_schedule_sets_the_rate_of_each_epoch() {
    let schedule = Schedule::Step {
        epochs: 1,
        factor: 0.5,
    };
    let history = fit(
        trainer().epochs(3).schedule(schedule),
        &OneNumber::new(&[0.0; 3]),
    );
    let rates: Vec<f64> = history
        .epochs
        .iter()
        .map(|epoch| epoch.learning_rate)
        .collect();
    assert_eq!(rates, [0.1, 0.05, 0.025]);
}

#[test]
fn a_loss_that_is_no_number_names_its_batch() {
    let inputs = Tensor::new(&[1f32, 1.0, 1.0, 1.0, f32::NAN, 1.0], &Device::Cpu).unwrap();
    let examples = TensorExamples::new(inputs.clone(), inputs).unwrap();
    let model = OneNumber::new(&[0.0]);
    let error = trainer().fit(&model, &examples, &ones(1)).unwrap_err();
    assert!(model.value().is_finite(), "the step was not taken");
    let Error::Diverged {
        epoch: 1,
        batch,
        batches: 3,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    let start = format!("epoch 1, batch {batch} of 3: loss is NaN.");
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[test]
fn a_finished_training_is_not_resumed_and_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = OneNumber::new(&[1.0; 8]);
    let trainer = || trainer().epochs(5).resume(folder.path());
    let patient = || trainer().callback(EarlyStopping::patience(1));
    assert_eq!(fit(patient(), &model).epochs.len(), 2);
    let value = model.value();
    assert_eq!(fit(patient(), &model).epochs.len(), 2);
    assert_eq!(model.value(), value);
    for (other, difference) in [
        (patient().seed(9), "seed 9"),
        (patient().batch_size(3), "batches of 3"),
        (trainer(), "0 callbacks"),
    ] {
        let error = other
            .fit(&model, &ones(6), &ones(1))
            .unwrap_err()
            .to_string();
        assert!(error.contains(difference), "{error}");
    }
    let other = Trainer::new(Adam::new(0.1)).batch_size(2).quiet();
    let other = other
        .resume(folder.path())
        .callback(EarlyStopping::patience(1));
    let error = other
        .fit(&model, &ones(6), &ones(1))
        .unwrap_err()
        .to_string();
    assert!(error.contains("another optimiser's"), "{error}");
}

#[test]
fn arguments_out_of_their_range_are_named_before_the_first_batch() {
    let refused = |trainer: Trainer, expected: &str| {
        let error = trainer
            .quiet()
            .fit(&OneNumber::new(&[]), &ones(6), &ones(1));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(Trainer::new(Sgd::new(-0.1)), "the learning rate is -0.1");
    refused(Trainer::new(Adam::new(0.1).betas(1.0, 0.9)), "beta1 is 1");
    let step = |epochs, factor| trainer().schedule(Schedule::Step { epochs, factor });
    refused(step(0, 0.5), "the number of epochs in a schedule is 0");
    refused(step(1, -0.5), "the factor of a schedule is -0.5");
    refused(step(1, f64::NAN), "the factor of a schedule is NaN");
    let cosine = |epochs, minimum| trainer().schedule(Schedule::Cosine { epochs, minimum });
    refused(cosine(0, 0.0), "the number of epochs in a schedule is 0");
    refused(cosine(1, -1e-3), "the minimum of a schedule is -0.001");
}

/// Every hook with its counts.
#[derive(Debug)]
struct Record(Rc<RefCell<Vec<Call>>>);

/// Hook, epoch and step.
type Call = (&'static str, usize, u64);

impl Callback for Record {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        self.0
            .borrow_mut()
            .push(("batch", training.epoch, training.step));
        assert_eq!(training.losses.len(), 1);
        Ok(())
    }

    fn epoch_done(&mut self, training: &mut Training) -> Result<()> {
        self.0
            .borrow_mut()
            .push(("epoch", training.epoch, training.step));
        assert_eq!(training.history.epochs.len(), training.epoch);
        Ok(())
    }
}

#[test]
fn callbacks_see_epochs_and_steps_counted_from_one() {
    let record = Rc::default();
    let callback = Record(Rc::clone(&record));
    fit(
        trainer().epochs(2).callback(callback),
        &OneNumber::new(&[0.0; 2]),
    );
    let expected = [
        ("batch", 1, 1),
        ("batch", 1, 2),
        ("batch", 1, 3),
        ("epoch", 1, 3),
        ("batch", 2, 4),
        ("batch", 2, 5),
        ("batch", 2, 6),
        ("epoch", 2, 6),
    ];
    assert_eq!(*record.borrow(), expected);
}
