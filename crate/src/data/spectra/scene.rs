//! A generated hyperspectral scene: materials' smooth spectra, mixed on a map.

use std::f64::consts::TAU;

use candle_core::{Device, Tensor};

use super::Spectra;
use crate::{Error, Result, Rng, Seed};

const BANDS: usize = 96;
/// Wavelengths of the first and the last band, in nanometres.
const RANGE: [f64; 2] = [400.0, 1000.0];
const MATERIALS: [&str; 4] = ["soil", "plants", "water", "roofs"];

/// A synthetic scene of `[height, width]` pixels with 96 bands from 400 to 1000 nm: four materials,
/// soil, plants, water and roofs, whose label is the one that covers most of the pixel.
///
/// Materials vary from place to place: plants have more or less chlorophyll, soil is wet or dry,
/// water clear or turbid, roofs new or weathered. At borders the light of two materials mixes. Slopes
/// and shadows light a pixel by a factor between 0.25 and 1.2, and each number has noise, which is
/// larger at both ends of the spectrum. So two pixels of one material may lie farther apart than two
/// of different materials in equal light.
///
/// ```
/// use cuaderno::prelude::*;
/// let scene = spectral_scene([24, 32], 6202)?;
/// assert_eq!((scene.len(), scene.bands()), (24 * 32, 96));
/// assert_eq!(scene.classes, ["soil", "plants", "water", "roofs"]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If a side is below 8, or above 1024.
pub fn spectral_scene(size: [usize; 2], seed: impl Seed) -> Result<Spectra> {
    let [height, width] = size;
    if size.iter().any(|side| !(8..=1024).contains(side)) {
        return Err(Error::argument(
            "the size of a scene",
            format!("{height} x {width}"),
            "from 8 x 8 to 1024 x 1024 pixels",
        ));
    }
    let mut rng = seed.draw(Rng::split);
    let map = Map::drawn(size, &mut rng);
    let n = height * width;
    let noise = rng.normal(0.0, 1.0, &[n * BANDS])?.to_vec1::<f32>()?;
    let (mut values, mut labels) = (Vec::with_capacity(n * BANDS), Vec::with_capacity(n));
    for (pixel, noise) in noise.chunks_exact(BANDS).enumerate() {
        let place = [(pixel % width) as f64, (pixel / width) as f64];
        let shares = map.shares(place);
        let largest = |a: &usize, b: &usize| shares[*a].total_cmp(&shares[*b]);
        labels.push(
            (0..MATERIALS.len())
                .max_by(largest)
                .map(|label| label as u32),
        );
        let (light, state) = (map.light(place), map.state.at(place));
        for (band, noise) in noise.iter().enumerate() {
            let wavelength = wavelength(band);
            let materials = reflectances(wavelength, state);
            let mixed: f64 = materials
                .iter()
                .zip(shares)
                .map(|(r, share)| r * share)
                .sum();
            let end = (2.0 * band as f64 / (BANDS - 1) as f64 - 1.0).powi(4);
            let level = light * mixed + (0.004 + 0.012 * end) * f64::from(*noise);
            values.push(level as f32);
        }
    }
    let spectra = Tensor::from_vec(values, (n, BANDS), &Device::Cpu)?;
    let spectra = Spectra::new(spectra)?.with_wavelengths((0..BANDS).map(wavelength).collect())?;
    let mut scene = spectra.with_labels(labels)?;
    scene.classes = MATERIALS.map(str::to_owned).to_vec();
    scene.size = Some(size);
    Ok(scene)
}

fn wavelength(band: usize) -> f64 {
    RANGE[0] + (RANGE[1] - RANGE[0]) * band as f64 / (BANDS - 1) as f64
}

/// A bump of height 1.
fn bump(wavelength: f64, centre: f64, width: f64) -> f64 {
    (-0.5 * ((wavelength - centre) / width).powi(2)).exp()
}

/// A step from 0 to 1.
fn step(wavelength: f64, centre: f64, width: f64) -> f64 {
    1.0 / (1.0 + (-(wavelength - centre) / width).exp())
}

/// What share of the light of this wavelength each material reflects, in a `state` from -1 to 1: wet
/// to dry, pale to green, clear to turbid, new to weathered. Pigments absorb by an exponential law.
fn reflectances(wavelength: f64, state: f64) -> [f64; 4] {
    let at = |centre, width| bump(wavelength, centre, width);
    let relative = (wavelength - RANGE[0]) / (RANGE[1] - RANGE[0]);
    let dry = (0.08 + 0.32 * relative.powf(0.8)) * (-0.25 * at(870.0, 60.0)).exp();
    let soil = dry.powf(1.15 - 0.2 * state);
    let pigment = 1.6 * at(440.0, 50.0) + 0.9 * at(620.0, 60.0) + 1.7 * at(675.0, 22.0);
    let leaf = 0.22 + 0.3 * step(wavelength, 720.0, 14.0);
    let plants = leaf * (-(1.1 + 0.7 * state) * pigment).exp();
    let turbid = 0.05 * (1.0 + state) * at(585.0, 45.0) + 0.015 * (1.0 + state) * at(705.0, 20.0);
    let water = 0.09 * (-2.6 * relative).exp() + turbid;
    let clay = 0.10 + 0.26 * step(wavelength, 570.0 + 12.0 * state, 28.0);
    let roofs = clay * (-0.35 * at(530.0, 35.0) - 0.12 * at(870.0, 60.0)).exp();
    [soil, plants, water, roofs]
}

/// Fields over the scene that change slowly from place to place.
struct Map {
    materials: Vec<Field>,
    light: Field,
    shadow: Field,
    state: Field,
}

/// The sum of some waves, from -1 to 1.
struct Field(Vec<[f64; 3]>);

impl Field {
    /// Waves of about this length.
    fn drawn(length: f64, rng: &mut Rng) -> Self {
        let wave = |_| {
            let (angle, length) = (rng.between(0.0, TAU), length * rng.between(0.7, 1.6));
            let turns = TAU / length;
            [
                turns * angle.cos(),
                turns * angle.sin(),
                rng.between(0.0, TAU),
            ]
        };
        Self((0..6).map(wave).collect())
    }

    fn at(&self, [x, y]: [f64; 2]) -> f64 {
        let waves = self
            .0
            .iter()
            .map(|[across, down, phase]| (across * x + down * y + phase).sin());
        (waves.sum::<f64>() * (2.0 / self.0.len() as f64).sqrt()).sin()
    }
}

impl Map {
    fn drawn([height, width]: [usize; 2], rng: &mut Rng) -> Self {
        let side = height.min(width) as f64;
        Self {
            materials: MATERIALS.map(|_| Field::drawn(0.6 * side, rng)).into(),
            light: Field::drawn(0.25 * side, rng),
            shadow: Field::drawn(0.12 * side, rng),
            state: Field::drawn(0.3 * side, rng),
        }
    }

    /// How much of the pixel each material covers: one of them nearly all, but at borders.
    fn shares(&self, place: [f64; 2]) -> [f64; 4] {
        let mut shares = [0.0; 4];
        for (share, field) in shares.iter_mut().zip(&self.materials) {
            *share = (9.0 * field.at(place)).exp();
        }
        let sum: f64 = shares.iter().sum();
        shares.map(|share| share / sum)
    }

    fn light(&self, place: [f64; 2]) -> f64 {
        let slope = 0.9 + 0.3 * self.light.at(place);
        let shadow = 1.0 - 0.55 * step(self.shadow.at(place), 0.75, 0.06);
        slope * shadow
    }
}
