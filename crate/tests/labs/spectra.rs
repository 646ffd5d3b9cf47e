//! Lab 13: M1 on a small generated scene, and its features with few labels.

use cuaderno::prelude::*;

use super::{SEED, trainer};

#[test]
fn m1_explains_spectra_better_than_bands_that_have_nothing_to_do_with_each_other() -> Result<()> {
    let scene = spectral_scene([32, 32], SEED)?;
    let (train, valid) = scene.split(0.1, SEED)?;
    let settings = M1Settings {
        bands: scene.bands(),
        hidden: 128,
        latent: 3,
    };
    let m1 = settings.build(SEED)?;
    m1.standardise(&train.spectra)?;
    let trainer = trainer(Adam::new(1e-3), 60, SEED).batch_size(50);
    trainer.fit(&m1, &train, &valid)?;
    let bound = -evaluate(&m1, &valid)?[0].mean;

    let mean = train.spectra.mean(0)?;
    let deviations = train.spectra.broadcast_sub(&mean)?.sqr()?.mean(0)?.sqrt()?;
    let logarithms = f64::from(deviations.log()?.sum_all()?.to_scalar::<f32>()?);
    let naive = -logarithms - 0.5 * 96.0 * (std::f64::consts::TAU.ln() + 1.0);
    println!("{naive} {bound}");
    assert!(bound > naive + 60.0, "{bound} {naive}");

    // To call all of it by the name of the most frequent material is right for a third.
    let means = m1.encode(&scene.spectra)?.mean;
    let accuracies = few_labels(&means, &scene.targets()?, 10, 3, SEED)?;
    println!("{accuracies:?}");
    assert!(
        accuracies.iter().all(|&accuracy| accuracy > 0.6),
        "{accuracies:?}"
    );
    Ok(())
}

/// All labels tell materials apart; a few in raw spectra are not enough.
#[test]
fn light_differs_more_than_materials_do() -> Result<()> {
    let scene = spectral_scene([48, 48], SEED)?;
    let score = |per_class| few_labels(&scene.spectra, &scene.targets()?, per_class, 1, SEED);
    let (few, many) = (score(10)?[0], score(90)?[0]);
    println!("{few} {many}");
    assert!(few > 0.5 && few < 0.95 && many > few, "{few} {many}");
    Ok(())
}
