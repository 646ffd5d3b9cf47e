//! All of MNIST turned, shifted and zoomed, each image by its own amounts.

use std::collections::HashMap;
use std::path::Path;

use cuaderno::candle_core::safetensors;
use cuaderno::prelude::*;
use cuaderno::{Error, Result};

use crate::Task;

/// The name, as `compare.py` knows it.
pub const NAME: &str = "augmentation";

pub struct Augment {
    augmentation: Augmentation,
    images: Tensor,
    rng: Rng,
}

pub fn build() -> Result<Augment> {
    let augmentation = Augmentation::new()
        .zoom(0.9..=1.1)
        .rotate(-15.0..=15.0)
        .shift(-2.0..=2.0, -2.0..=2.0);
    Ok(Augment {
        augmentation,
        images: Mnist::load_or_sample()?.train.images,
        rng: Rng::new(6202),
    })
}

impl Task for Augment {
    fn least_steps(&self) -> usize {
        1
    }

    /// The mean pixel of all images.
    fn step(&mut self) -> Result<f64> {
        let changed = self.augmentation.apply(&self.images, &mut self.rng)?;
        Ok(f64::from(changed.mean_all()?.to_scalar::<f32>()?))
    }

    fn export(&self, path: &Path) -> Result<()> {
        let data = HashMap::from([("x", self.images.clone())]);
        safetensors::save(&data, path).map_err(Error::from)
    }
}
