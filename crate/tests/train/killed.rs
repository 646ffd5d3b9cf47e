//! A training that is killed goes on and ends with the bits of one that was not.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use cuaderno::prelude::*;
use cuaderno::train::{Adversaries, Callback, Player, Training};

const FOLDER: &str = "CUADERNO_TEST_FOLDER";
const KILLED_AT: &str = "CUADERNO_TEST_KILLED_AT";
const SIGKILL: i32 = 9;

/// Kills its own process as the system does when memory runs out.
#[derive(Debug)]
struct KillAt;

impl Callback for KillAt {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if std::env::var(KILLED_AT).is_ok_and(|step| step == training.step.to_string()) {
            let own = std::process::id().to_string();
            Command::new("kill").args(["-KILL", &own]).status().unwrap();
            unreachable!("the signal cannot be caught");
        }
        Ok(())
    }
}

/// A generator with batch normalisation, a discriminator with dropout: state beside the weights,
/// and chance in each step.
fn gan() -> Result<Gan> {
    let mut rng = Rng::new(6202);
    let generator = Sequential::input(&[4])
        .then("hidden", Dense::units(300))
        .then("norm", BatchNorm::of_channels())
        .then("relu", Activation::Relu)
        .then("points", Dense::units(2))
        .build(&mut rng)?;
    let discriminator = Sequential::input(&[2])
        .then("hidden", Dense::units(300).activation(Activation::Tanh))
        .then("dropout", Dropout::rate(0.3))
        .then("real", Dense::units(1))
        .build(&mut rng)?;
    Gan::new(generator, discriminator)?
        .with_output(Activation::Linear)
        .pixel_loss(0.01)
}

/// Trains 4 epochs of 8 steps by `train_adversaries_or_load` and saves weights and losses.
#[test]
#[ignore = "the other tests run it in processes of its own"]
fn child() -> Result<()> {
    let Ok(folder) = std::env::var(FOLDER) else {
        return Ok(()); // run by hand with all ignored tests: there is nothing to do
    };
    let folder = Path::new(&folder);
    let points = Rng::new(1).normal(3.0, 0.5, &[60, 2])?;
    let examples = TensorExamples::new(points.clone(), points)?;
    let trainer = Trainer::adversarial(Adam::new(2e-3).betas(0.5, 0.999), Sgd::new(0.05))
        .epochs(4)
        .batch_size(8)
        .seed(7)
        .callback(KillAt);
    let (gan, kept) = (gan()?, WeightsFolder::at(folder));
    let history = kept.train_adversaries_or_load("gan", trainer, &gan, &examples, &examples)?;
    let mut bits = String::new();
    for player in Player::BOTH {
        for (name, parameter) in gan.parameters(player).iter() {
            let values = parameter.tensor().flatten_all()?.to_vec1::<f32>()?;
            let values = values.iter().map(|value| value.to_bits());
            bits += &format!("{player} {name} {:?}\n", values.collect::<Vec<_>>());
        }
    }
    for epoch in &history.epochs {
        bits += &format!("{:?} {:?}\n", epoch.train, epoch.valid);
    }
    std::fs::write(folder.join("bits"), bits).unwrap();
    Ok(())
}

/// Runs `child` in a process of its own; at step 0 it is not killed. Returns what it printed
/// and what it wrote to the error stream.
fn train(folder: &Path, killed_at: u64, threads: usize) -> (ExitStatus, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(KILLED_AT, killed_at.to_string())
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status,
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

fn bits(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("bits")).unwrap()
}

#[test]
fn two_players_go_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    let (status, printed) = train(&whole, 0, 1);
    assert!(status.success(), "{printed}");
    // In the third epoch, in the fourth on more threads, and then to the end.
    for (step, threads, resumed) in [(8 * 2 + 3, 1, None), (8 * 3 + 1, 2, Some("after epoch 2"))] {
        let (status, printed) = train(&killed, step, threads);
        assert_eq!(status.signal(), Some(SIGKILL), "{printed}");
        assert!(!killed.join("bits").exists());
        match resumed {
            Some(place) => assert!(printed.contains(place), "{printed}"),
            None => assert!(!printed.contains("resuming"), "{printed}"),
        }
    }
    let (status, printed) = train(&killed, 0, 2);
    assert!(status.success(), "{printed}");
    assert!(printed.contains("after epoch 3, batch 0"), "{printed}");
    assert_eq!(bits(&killed), bits(&whole));

    // Afterwards it is loaded, and the unfinished state is gone.
    std::fs::remove_file(killed.join("bits")).unwrap();
    let (status, printed) = train(&killed, 1, 1);
    assert!(status.success() && printed.contains("loaded"), "{printed}");
    assert_eq!(bits(&killed), bits(&whole));
    assert!(!killed.join("gan.unfinished").exists());
}
