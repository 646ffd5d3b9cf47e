//! Trainings that are kept: loaded with the same bits, or trained again with a sentence.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::{fmt, fs};

use cuaderno::nn::Parameters;
use cuaderno::prelude::*;
use cuaderno::train::{Callback, Training};

/// What differs between two trainings.
#[derive(Clone)]
struct Case {
    latent: usize,
    output: Activation,
    seed: u64,
    epochs: usize,
    learning_rate: f64,
    first_image: usize,
}

const CASE: Case = Case {
    latent: 3,
    output: Activation::Sigmoid,
    seed: 6202,
    epochs: 2,
    learning_rate: 1e-2,
    first_image: 0,
};

/// Counts its epochs in a file beside the weights, so that a test knows whether it was trained.
#[derive(Debug)]
struct CountEpochs(std::path::PathBuf);

impl Callback for CountEpochs {
    fn epoch_done(&mut self, _: &mut Training) -> Result<()> {
        let epochs = epochs(&self.0);
        fs::write(&self.0, (epochs + 1).to_string()).unwrap();
        Ok(())
    }
}

fn epochs(file: &Path) -> usize {
    fs::read_to_string(file).map_or(0, |text| text.parse().unwrap())
}

struct Trained {
    model: Autoencoder,
    history: History,
    /// Epochs that were trained for it.
    epochs: usize,
}

fn train(kept: &WeightsFolder, folder: &Path, case: &Case) -> Trained {
    let images = Rng::new(1).uniform(0.0, 1.0, &[40, 1, 28, 28]).unwrap();
    let images = images.narrow(0, case.first_image, 30).unwrap();
    let examples = TensorExamples::new(images.clone(), images).unwrap();
    let model = Autoencoder::basic(case.latent, Activation::Relu, case.seed).unwrap();
    let model = model.with_output(case.output);
    let counter = folder.join("epochs");
    let before = epochs(&counter);
    let trainer = Trainer::new(RmsProp::new(case.learning_rate))
        .epochs(case.epochs)
        .batch_size(10)
        .seed(case.seed)
        .callback(CountEpochs(counter.clone()))
        .quiet();
    let history = kept.train_or_load("a code, d' = 3", trainer, &model, &examples, &examples);
    Trained {
        model,
        history: history.unwrap(),
        epochs: epochs(&counter) - before,
    }
}

fn same(one: &Trained, other: &Trained) -> bool {
    let parameters = |trained: &Trained| trained.model.parameters();
    parameters(one).same_values(&parameters(other)).unwrap()
}

#[test]
fn what_was_trained_is_loaded_with_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let kept = WeightsFolder::at(folder.path());
    let trained = train(&kept, folder.path(), &CASE);
    let loaded = train(&kept, folder.path(), &CASE);
    assert_eq!((trained.epochs, loaded.epochs), (2, 0));
    assert!(same(&trained, &loaded));
    assert_eq!(trained.history, loaded.history);
    assert!(folder.path().join("a-code-d-3.safetensors").exists());

    // Trained again although it is there: the same bits.
    let again = train(&kept.clone().retrain(), folder.path(), &CASE);
    assert_eq!(again.epochs, 2);
    assert!(same(&trained, &again));
}

#[test]
fn what_came_with_the_notebook_is_loaded_and_left_as_it_is() {
    let (folder, shipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trained = train(&WeightsFolder::at(shipped.path()), folder.path(), &CASE);
    let kept = WeightsFolder::at(folder.path()).or_shipped(shipped.path());
    let loaded = train(&kept, folder.path(), &CASE);
    assert_eq!(loaded.epochs, 0);
    assert!(same(&trained, &loaded));
    assert_eq!(trained.history, loaded.history);

    // Another training does not come with it, and is trained and kept here.
    let other = Case { seed: 6203, ..CASE };
    assert_eq!(train(&kept, folder.path(), &other).epochs, 2);
    assert_eq!(fs::read_dir(shipped.path()).unwrap().count(), 1);
    // `retrain` looks nowhere.
    assert_eq!(train(&kept.retrain(), folder.path(), &CASE).epochs, 2);
}

#[test]
fn another_training_is_not_taken_for_this_one() {
    let others = [
        Case { latent: 4, ..CASE },
        Case {
            output: Activation::Relu,
            ..CASE
        },
        Case { seed: 6203, ..CASE },
        Case { epochs: 3, ..CASE },
        Case {
            learning_rate: 1e-3,
            ..CASE
        },
        Case {
            first_image: 1,
            ..CASE
        },
    ];
    for (number, case) in others.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let kept = WeightsFolder::at(folder.path());
        train(&kept, folder.path(), &CASE);
        let other = train(&kept, folder.path(), case);
        assert_eq!(other.epochs, case.epochs, "case {number}");
        let fresh = tempfile::tempdir().unwrap();
        let fresh = train(&WeightsFolder::at(fresh.path()), fresh.path(), case);
        assert!(same(&other, &fresh), "case {number}");
        assert_eq!(train(&kept, folder.path(), case).epochs, 0, "case {number}");
    }
}

#[test]
fn a_damaged_file_is_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let kept = WeightsFolder::at(folder.path());
    let trained = train(&kept, folder.path(), &CASE);
    let file = folder.path().join("a-code-d-3.safetensors");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b"", b"weights"] {
        fs::write(&file, damaged).unwrap();
        let again = train(&kept, folder.path(), &CASE);
        assert_eq!(again.epochs, 2);
        assert!(same(&trained, &again));
        // The file is whole again.
        assert_eq!(train(&kept, folder.path(), &CASE).epochs, 0);
    }
    // Weights of the same shapes that something else has written.
    trained.model.parameters().save(&file).unwrap();
    assert_eq!(train(&kept, folder.path(), &CASE).epochs, 2);
}

/// Interrupts a training after the step that it is told, and notes with which step it began.
#[derive(Clone, Default)]
struct Watch {
    stop_at: Arc<AtomicU64>,
    first: Arc<AtomicU64>,
}

/// All are alike, as callbacks belong to what a training is known by.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Callback for Watch {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if self.first.load(Relaxed) == 0 {
            self.first.store(training.step, Relaxed);
        }
        if training.step == self.stop_at.load(Relaxed) {
            training.interrupt("the test wants it");
        }
        Ok(())
    }
}

fn untrained() -> Autoencoder {
    Autoencoder::basic(3, Activation::Relu, 1).unwrap()
}

/// Trains 6 steps, or up to step `stop_at`, and returns the first step that was done: 0 if none was.
fn steps(kept: &WeightsFolder, model: &Autoencoder, rate: f64, stop_at: u64) -> u64 {
    let images = Rng::new(1).uniform(0.0, 1.0, &[30, 1, 28, 28]).unwrap();
    let examples = TensorExamples::new(images.clone(), images).unwrap();
    let watch = Watch::default();
    watch.stop_at.store(stop_at, Relaxed);
    let trainer = Trainer::new(RmsProp::new(rate)).epochs(2).batch_size(10);
    let trainer = trainer.callback(watch.clone()).quiet();
    let history = kept.train_or_load("half", trainer, model, &examples, &examples);
    assert_eq!(history.unwrap().stopped.is_some(), stop_at > 0);
    watch.first.load(Relaxed)
}

/// The weights of six steps in a folder where nothing was before.
fn whole(rate: f64) -> Parameters {
    let folder = tempfile::tempdir().unwrap();
    let model = untrained();
    assert_eq!(steps(&WeightsFolder::at(folder.path()), &model, rate, 0), 1);
    model.parameters()
}

/// A folder with a training that was interrupted after step 4, and its model.
fn half() -> (tempfile::TempDir, WeightsFolder, Autoencoder) {
    let folder = tempfile::tempdir().unwrap();
    let (kept, model) = (WeightsFolder::at(folder.path()), untrained());
    assert_eq!(steps(&kept, &model, 1e-2, 4), 1);
    assert!(!folder.path().join("half.safetensors").exists());
    assert!(folder.path().join("half.unfinished").exists());
    (folder, kept, model)
}

#[test]
fn an_interrupted_training_goes_on() {
    let (folder, kept, _) = half();
    let model = untrained();
    assert_eq!(steps(&kept, &model, 1e-2, 0), 5);
    assert!(model.parameters().same_values(&whole(1e-2)).unwrap());
    assert!(!folder.path().join("half.unfinished").exists());
}

/// In a notebook only the cell of the training runs again, with the model that is half trained.
#[test]
fn an_interrupted_training_goes_on_with_the_same_model() {
    let (_folder, kept, model) = half();
    assert_eq!(steps(&kept, &model, 1e-2, 5), 5);
    assert_eq!(steps(&kept, &model, 1e-2, 0), 6);
    assert!(model.parameters().same_values(&whole(1e-2)).unwrap());
    // What was kept is that of a model in its initial weights.
    let fresh = untrained();
    assert_eq!(steps(&kept, &fresh, 1e-2, 0), 0);
    assert!(fresh.parameters().same_values(&whole(1e-2)).unwrap());
}

#[test]
fn another_training_does_not_go_on_from_it() {
    let (_folder, kept, _) = half();
    let model = untrained();
    assert_eq!(steps(&kept, &model, 1e-3, 0), 1);
    assert!(model.parameters().same_values(&whole(1e-3)).unwrap());

    // Other weights than those of the state are not those of the model that was interrupted.
    let (_folder, kept, _) = half();
    let model = Autoencoder::basic(3, Activation::Relu, 2).unwrap();
    assert_eq!(steps(&kept, &model, 1e-2, 0), 1);
}

#[test]
fn retrain_starts_an_interrupted_training_over() {
    let (_folder, kept, _) = half();
    let model = untrained();
    assert_eq!(steps(&kept.retrain(), &model, 1e-2, 0), 1);
    assert!(model.parameters().same_values(&whole(1e-2)).unwrap());
}

#[test]
fn a_truncated_state_is_left_out() {
    let (folder, kept, _) = half();
    let state = folder.path().join("half.unfinished/training.safetensors");
    let bytes = fs::read(&state).unwrap();
    fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    let model = untrained();
    assert_eq!(steps(&kept, &model, 1e-2, 0), 1);
    assert!(model.parameters().same_values(&whole(1e-2)).unwrap());
}

/// As another kernel leaves it that stopped in between.
#[test]
fn what_is_loaded_needs_no_state() {
    let (folder, kept, _) = half();
    let elsewhere = tempfile::tempdir().unwrap();
    steps(&WeightsFolder::at(elsewhere.path()), &untrained(), 1e-2, 0);
    let file = "half.safetensors";
    fs::copy(elsewhere.path().join(file), folder.path().join(file)).unwrap();
    assert_eq!(steps(&kept, &untrained(), 1e-2, 0), 0);
    assert!(!folder.path().join("half.unfinished").exists());
}

/// A batch norm's running statistics belong to the weights, and looking at a model changes none.
#[test]
fn batch_norm_trains_as_without_it_being_kept() {
    let folder = tempfile::tempdir().unwrap();
    let network = || {
        let plan = Sequential::input(&[4])
            .then("norm", BatchNorm::of_channels())
            .then("dropout", Dropout::rate(0.5))
            .then("classes", Dense::units(2));
        Classifier::new(plan.build(6202).unwrap())
    };
    let inputs = Rng::new(1).normal(1.0, 2.0, &[40, 4]).unwrap();
    let classes: Vec<u32> = (0..40).map(|row| row % 2).collect();
    let examples = TensorExamples::new(inputs, Tensor::new(classes, &Device::Cpu).unwrap());
    let examples = examples.unwrap();
    let trainer = || {
        Trainer::new(Adam::new(1e-2))
            .epochs(3)
            .batch_size(10)
            .seed(7)
            .quiet()
    };
    let plain = network();
    trainer().fit(&plain, &examples, &examples).unwrap();
    let kept = WeightsFolder::at(folder.path());
    for _ in 0..2 {
        let model = network();
        kept.train_or_load("norm", trainer(), &model, &examples, &examples)
            .unwrap();
        assert!(model.parameters().same_values(&plain.parameters()).unwrap());
    }
}

#[test]
fn a_name_without_letters_is_refused() {
    let examples = Mnist::sample().unwrap().test;
    let model = Autoencoder::basic(2, Activation::Relu, 1).unwrap();
    let kept = WeightsFolder::at("nowhere");
    let trainer = Trainer::new(RmsProp::new(1e-3));
    let error = kept.train_or_load("..", trainer, &model, &examples, &examples);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("one with letters or digits"), "{error}");
}
