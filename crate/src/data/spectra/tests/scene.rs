//! The generated scene.

use super::*;

#[test]
fn each_material_has_its_part_and_reflectances_are_those_of_a_scene() {
    let scene = spectral_scene([48, 48], 6202).unwrap();
    for class in 0..4u32 {
        let of_class = |label: &&Option<u32>| **label == Some(class);
        let pixels = scene.labels.iter().filter(of_class).count();
        assert!(pixels > 48 * 48 / 20, "{class}: {pixels}");
    }
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
