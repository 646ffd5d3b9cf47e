//! Two networks trained against each other.

use cuaderno::Result;
use cuaderno::prelude::*;
use cuaderno::train::{Adversaries, Callback, Player, Training};

const MODES: [[f32; 2]; 4] = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]];
const SPREAD: f32 = 0.15;

/// Points around each of four places.
fn mixture(n: usize, rng: &mut Rng) -> Result<Tensor> {
    let places: Vec<f32> = (0..n).flat_map(|_| MODES[rng.below(4)]).collect();
    let places = Tensor::from_vec(places, (n, 2), &Device::Cpu)?;
    Ok((places + rng.normal(0.0, SPREAD, &[n, 2])?)?)
}

fn gan(seed: u64) -> Result<Gan> {
    let mut rng = Rng::new(seed);
    let leaky = Activation::LeakyRelu {
        negative_slope: 0.2,
    };
    let hidden = Dense::units(64).activation(leaky);
    let generator = Sequential::input(&[2])
        .then("hidden1", hidden)
        .then("hidden2", hidden)
        .then("points", Dense::units(2))
        .build(&mut rng)?;
    let discriminator = Sequential::input(&[2])
        .then("hidden1", hidden)
        .then("hidden2", hidden)
        .then("real", Dense::units(1))
        .build(&mut rng)?;
    Ok(Gan::new(generator, discriminator)?.with_output(Activation::Linear))
}

/// The distance of each point to the nearest mode, and how many points are nearest to each.
fn to_modes(points: &Tensor) -> Result<(f32, [usize; 4])> {
    let points = points.to_vec2::<f32>()?;
    let (mut sum, mut counts) = (0.0, [0; 4]);
    for point in &points {
        let distances = MODES.map(|mode| (point[0] - mode[0]).hypot(point[1] - mode[1]));
        let nearest = (0..4).min_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        let nearest = nearest.expect("four modes");
        sum += distances[nearest];
        counts[nearest] += 1;
    }
    Ok((sum / points.len() as f32, counts))
}

#[test]
fn a_gan_learns_a_mixture() -> Result<()> {
    let rng = &mut Rng::new(6202);
    let (train, valid) = (mixture(2000, rng)?, mixture(500, rng)?);
    let gan = gan(1)?;
    let sample = || gan.sample(1000, &mut Rng::new(2));
    let (untrained, _) = to_modes(&sample()?)?;
    let history = trainer(30).fit(&gan, &examples(&train)?, &examples(&valid)?)?;
    let (distance, counts) = to_modes(&sample()?)?;
    let (real, _) = to_modes(&valid)?;
    assert!(
        untrained > 1.0,
        "{untrained} is near the modes without training"
    );
    assert!(
        distance < 2.0 * real,
        "{distance} from the modes, real points {real}\n{history}"
    );
    for count in counts {
        assert!(
            (125..400).contains(&count),
            "{counts:?} of 1000 near each mode\n{history}"
        );
    }
    // In the end the discriminator can hardly tell them apart.
    let accuracy = history.final_valid("discriminator.accuracy")?;
    assert!(accuracy < 0.65, "{accuracy}");
    Ok(())
}

fn examples(points: &Tensor) -> Result<TensorExamples> {
    TensorExamples::new(points.clone(), points.clone())
}

fn trainer(epochs: usize) -> Trainer<2> {
    let adam = || Adam::new(1e-3).betas(0.5, 0.999);
    Trainer::adversarial(adam(), adam())
        .epochs(epochs)
        .seed(6202)
        .quiet()
}

#[derive(Debug)]
struct StopAt(u64);

impl Callback for StopAt {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if training.step == self.0 {
            let names: Vec<_> = training.losses.iter().map(|(name, _)| *name).collect();
            assert_eq!(
                names,
                [
                    "discriminator.loss",
                    "discriminator.accuracy",
                    "generator.loss"
                ]
            );
            training.interrupt("that was the first half");
        }
        Ok(())
    }
}

#[test]
fn two_halves_are_one_whole() -> Result<()> {
    let points = examples(&mixture(100, &mut Rng::new(1))?)?;
    let [whole, halves] = [gan(1)?, gan(1)?];
    let expected = trainer(3).batch_size(10).fit(&whole, &points, &points)?;

    let folder = tempfile::tempdir().unwrap();
    let half = |gan: &Gan, stop| {
        let trainer = trainer(3).batch_size(10).resume(folder.path());
        trainer.callback(StopAt(stop)).fit(gan, &points, &points)
    };
    let history = half(&halves, 15)?;
    assert_eq!(history.stopped.as_deref(), Some("that was the first half"));
    assert_eq!(history.epochs.len(), 1);
    // Networks as fresh as a new process has them.
    let resumed = gan(1)?;
    let history = half(&resumed, 0)?;
    for player in Player::BOTH {
        let pairs = whole.parameters(player);
        for ((name, a), (_, b)) in pairs.iter().zip(resumed.parameters(player).iter()) {
            let bits = |x: &Tensor| x.flatten_all()?.to_vec1::<f32>();
            assert_eq!(bits(&a.tensor())?, bits(&b.tensor())?, "{player}: {name}");
        }
    }
    for (found, expected) in history.epochs.iter().zip(&expected.epochs) {
        assert_eq!(
            (&found.train, &found.valid),
            (&expected.train, &expected.valid)
        );
    }
    Ok(())
}

#[test]
fn a_saved_gan_is_loaded() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gan.safetensors");
    let points = examples(&mixture(50, &mut Rng::new(1))?)?;
    let (saved, loaded) = (gan(1)?, gan(2)?);
    let losses = |gan: &Gan| gan.evaluate(&points, &mut Rng::new(3));
    assert_ne!(losses(&saved)?, losses(&loaded)?);
    saved.save(&path)?;
    loaded.load(&path)?;
    assert_eq!(losses(&saved)?, losses(&loaded)?);
    Ok(())
}

#[test]
fn a_rate_of_either_player_that_is_not_above_zero_is_refused() -> Result<()> {
    let points = examples(&mixture(10, &mut Rng::new(1))?)?;
    for (discriminator, generator) in [(0.0, 1e-3), (1e-3, -1.0)] {
        let trainer = Trainer::adversarial(Adam::new(discriminator), Adam::new(generator));
        let error = trainer.quiet().fit(&gan(1)?, &points, &points).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("the learning rate is"), "{error}");
    }
    Ok(())
}
