//! A training that is killed goes on from its run folder as if nothing had happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cuaderno::nn::{Activation, BatchNorm, Dense, Dropout, Sequential};
use cuaderno::optim::{Adam, RmsProp};
use cuaderno::prelude::{Classifier, Gan, RunFolder};
use cuaderno::train::{Callback, TensorExamples, Trainer, Training};
use cuaderno::{Result, Rng};

const ARCHITECTURE: &str = "20-30-2 with dropout";
const WAITING: &str = "waiting";

/// Stands still after a step, so that the process can be killed there.
#[derive(Debug)]
struct WaitAt(u64, std::path::PathBuf);

impl Callback for WaitAt {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if training.step == self.0 {
            fs::write(&self.1, "").unwrap();
            std::thread::sleep(Duration::from_secs(600));
        }
        Ok(())
    }
}

/// Trains 4 epochs of 10 steps.
#[test]
#[ignore = "the other tests run it in processes of its own"]
fn child() {
    let Ok(folder) = std::env::var("CUADERNO_TEST_FOLDER") else {
        return; // run by hand with all ignored tests: there is nothing to do
    };
    let path = Path::new(&folder).join("run/vae/0002_digits");
    let run = match RunFolder::exists(&path) {
        true => RunFolder::load(&path, &ARCHITECTURE).unwrap(),
        false => RunFolder::build(&path, &ARCHITECTURE).unwrap(),
    };
    let wait = std::env::var("CUADERNO_TEST_WAIT").unwrap();
    let wait = WaitAt(wait.parse().unwrap(), Path::new(&folder).join(WAITING));
    match std::env::var("CUADERNO_TEST_MODEL").unwrap().as_str() {
        "classifier" => train_classifier(&run, wait),
        "gan" => train_gan(&run, wait),
        other => panic!("no model {other}"),
    }
    .unwrap();
}

fn train_classifier(run: &RunFolder, wait: WaitAt) -> Result<()> {
    let mut rng = Rng::new(6202);
    let inputs = rng.normal(0.0, 1.0, &[80, 20])?;
    let targets = inputs.narrow(1, 0, 1)?.ge(0.0)?.flatten_all()?;
    let targets = targets.to_dtype(cuaderno::candle_core::DType::U32)?;
    let examples = TensorExamples::new(inputs, targets)?;
    let plan = Sequential::input(&[20])
        .then("hidden", Dense::units(30).activation(Activation::Tanh))
        .then("dropout", Dropout::rate(0.3))
        .then("output", Dense::units(2));
    let model = Classifier::new(plan.build(&mut rng)?);
    let trainer = in_folder(Trainer::new(Adam::new(1e-2)), run, wait);
    trainer.fit(&model, &examples, &examples)?;
    Ok(())
}

/// Two players with averages of different kinds, and statistics that change as they move.
fn train_gan(run: &RunFolder, wait: WaitAt) -> Result<()> {
    let mut rng = Rng::new(6202);
    let points = rng.normal(0.0, 1.0, &[80, 20])?;
    let examples = TensorExamples::new(points.clone(), points)?;
    let generator = Sequential::input(&[4])
        .then("hidden", Dense::units(30).activation(Activation::Tanh))
        .then("norm", BatchNorm::of_channels())
        .then("output", Dense::units(20))
        .build(&mut rng)?;
    let discriminator = Sequential::input(&[20])
        .then("hidden", Dense::units(30).activation(Activation::Tanh))
        .then("dropout", Dropout::rate(0.3))
        .then("real", Dense::units(1))
        .build(&mut rng)?;
    let gan = Gan::new(generator, discriminator)?.with_output(Activation::Linear);
    let trainer = Trainer::adversarial(RmsProp::new(1e-3), Adam::new(1e-2));
    in_folder(trainer, run, wait).fit(&gan, &examples, &examples)?;
    Ok(())
}

fn in_folder<const PLAYERS: usize>(
    trainer: Trainer<PLAYERS>,
    run: &RunFolder,
    wait: WaitAt,
) -> Trainer<PLAYERS> {
    trainer
        .epochs(4)
        .batch_size(8)
        .seed(7)
        .callback(run.checkpoint())
        .callback(wait)
        .resume(run.path())
}

/// Starts a training that waits after the step `wait`, which never comes if it is 0.
fn train(model: &str, folder: &Path, wait: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["run_folder::child", "--exact", "--ignored"])
        .env("CUADERNO_TEST_FOLDER", folder)
        .env("CUADERNO_TEST_MODEL", model)
        .env("CUADERNO_TEST_WAIT", wait.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn weights(folder: &Path) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    let entries = fs::read_dir(folder.join("run/vae/0002_digits/weights")).unwrap();
    let files = entries.map(|entry| entry.unwrap());
    files
        .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn a_training_killed_in_an_epoch_ends_with_the_same_bits() {
    ends_with_the_same_bits("classifier");
}

#[test]
fn two_players_killed_in_an_epoch_end_with_the_same_bits() {
    ends_with_the_same_bits("gan");
}

fn ends_with_the_same_bits(model: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let (whole, killed) = (at("whole"), at("killed"));
    assert!(train(model, &whole, 0).wait().unwrap().success());

    // In the first epoch, which has left nothing yet, and in the third.
    for step in [4, 27] {
        let mut training = train(model, &killed, step);
        let start = Instant::now();
        while !killed.join(WAITING).exists() {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "step {step} never came"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        training.kill().unwrap();
        training.wait().unwrap();
        fs::remove_file(killed.join(WAITING)).unwrap();
        assert_eq!(weights(&killed).len(), [0, 3][usize::from(step > 10)]);
    }
    assert!(train(model, &killed, 0).wait().unwrap().success());
    assert_eq!(weights(&killed).len(), 5);
    assert!(weights(&killed) == weights(&whole), "other bits");
}
