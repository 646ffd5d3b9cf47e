//! Lab 13 on a real scene: Samson, 95 x 95 pixels of soil, trees and water in 156 bands, as
//! `samson_cube_95x95x156_f32.npy` and `samson_labels_95x95_u8.npy`.
//!
//! ```sh
//! CUADERNO_SAMSON=…/samson cargo test --test labs samson -- --ignored --nocapture
//! ```

use std::path::Path;

use cuaderno::prelude::*;

use super::{SEEDS, trainer};

#[test]
#[ignore = "needs the scene"]
fn on_samson_m1_is_better_than_raw_spectra_and_principal_components() -> Result<()> {
    let folder = std::env::var("CUADERNO_SAMSON").expect("set CUADERNO_SAMSON to the folder");
    let folder = Path::new(&folder);
    let scene = Spectra::read(folder.join("samson_cube_95x95x156_f32.npy"))?
        .with_labels_from(folder.join("samson_labels_95x95_u8.npy"))?;
    let labels = scene.targets()?;
    let settings = M1Settings {
        bands: scene.bands(),
        hidden: 128,
        latent: 3,
    };
    let mean = |features: &Tensor| -> Result<f64> {
        let draws = few_labels(features, &labels, 10, 10, SEEDS[0])?;
        Ok(draws.iter().sum::<f64>() / draws.len() as f64)
    };
    let raw = mean(&scene.spectra)?;
    let pca = Pca::params(settings.latent).fit(&scene.spectra)?;
    let pca = mean(&pca.transform(&scene.spectra)?)?;
    let whitened = Pca::params(settings.latent)
        .whiten(true)
        .fit(&scene.spectra)?;
    let whitened = mean(&whitened.transform(&scene.spectra)?)?;
    println!("raw {raw:.3}, PCA {pca:.3}, whitened {whitened:.3}");
    for seed in SEEDS {
        for epochs in [60, 300] {
            let m1 = settings.build(seed)?;
            let (train, valid) = scene.split(0.1, seed)?;
            m1.standardise(&train.spectra)?;
            let trainer = trainer(Adam::new(3e-4), epochs, seed).batch_size(100);
            trainer.fit(&m1, &train, &valid)?;
            let found = mean(&m1.encode(&scene.spectra)?.mean)?;
            let bound = -evaluate(&m1, &valid)?[0].mean;
            println!("seed {seed}, {epochs} epochs: {found:.3}, bound {bound:.1} nats");
            if epochs == 60 {
                assert!(found > raw && found > pca, "{found} {raw} {pca}");
            }
        }
    }
    Ok(())
}
