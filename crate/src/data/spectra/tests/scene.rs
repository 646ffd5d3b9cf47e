//! The generated scene.

use super::*;
use crate::Rng;
use crate::classic::{Knn, Split};
use crate::metrics::accuracy;

#[test]
fn each_material_has_its_part_and_light_differs_more_than_materials_do() {
    let scene = spectral_scene([48, 48], 6202).unwrap();
    let labels = scene.targets().unwrap();
    for class in 0..4u32 {
        let pixels = scene
            .labels
            .iter()
            .filter(|label| **label == Some(class))
            .count();
        assert!(pixels > 48 * 48 / 20, "{class}: {pixels}");
    }
    // All labels tell materials apart; few labels in raw spectra are not enough.
    let score = |rows: usize| {
        let split = Split::per_class(&labels, rows, &mut Rng::new(1)).unwrap();
        let (train, test) = (
            scene.select(&split.train).unwrap(),
            scene.select(&split.test).unwrap(),
        );
        let knn = Knn::params(1)
            .fit((&train.spectra, &train.targets().unwrap()))
            .unwrap();
        accuracy(
            &test.targets().unwrap(),
            &knn.predict(&test.spectra).unwrap(),
        )
        .unwrap()
    };
    let (few, many) = (score(10), score(90));
    println!("{few} {many}");
    assert!(few > 0.5 && few < 0.95 && many > few, "{few} {many}");
    let lowest: f32 = scene.spectra.min_all().unwrap().to_scalar().unwrap();
    let highest: f32 = scene.spectra.max_all().unwrap().to_scalar().unwrap();
    assert!(lowest > -0.1 && highest < 0.8, "{lowest} {highest}");
}

#[test]
fn a_seed_gives_one_scene_and_sizes_have_bounds() {
    let list = |seed: u64| values(&spectral_scene([8, 9], seed).unwrap());
    assert_eq!(list(1), list(1));
    assert_ne!(list(1), list(2));
    assert!(refused(spectral_scene([7, 8], 1)).contains("from 8 x 8 to 1024 x 1024"));
}
