//! Sample images that are saved while a model trains.

use std::fmt;
use std::path::PathBuf;

use candle_core::Tensor;

use crate::Result;
use crate::models::Codec;
use crate::plot::image_grid;
use crate::train::{Callback, Training};

/// The number of images side by side in a file.
const COLUMNS: usize = 10;

/// Decodes the same codes at regular intervals and writes the images to a folder, as
/// `step-000100.png`. The codes do not change, so the files show one set of images becoming clearer, and
/// resumed training writes the same files as uninterrupted training.
///
/// ```
/// use cuaderno::{prelude::*, train::TensorExamples};
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// let vae = Vae::dense(40, 2, 2)?;
/// let codes = Rng::new(3).normal(0.0, 1.0, &[10, 2])?;
/// let folder = std::env::temp_dir().join("cuaderno-samples");
/// let samples = SampleImages::every(2, &vae, &codes, &folder);
/// Trainer::new(Adam::new(1e-3)).callback(samples).quiet().fit(&vae, &examples, &examples)?;
/// assert!(folder.join("step-000002.png").exists());
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub struct SampleImages {
    batches: u64,
    codec: Box<dyn Codec>,
    codes: Tensor,
    folder: PathBuf,
}

impl SampleImages {
    /// Writes the images of `codes` `[n, latent]` to `folder` after every `batches` batches, or never
    /// if that is 0. `codec` is the model being trained, or the part of it that decodes.
    pub fn every(
        batches: u64,
        codec: &(impl Codec + Clone + 'static),
        codes: &Tensor,
        folder: impl Into<PathBuf>,
    ) -> Self {
        Self {
            batches,
            codec: Box::new(codec.clone()),
            codes: codes.clone(),
            folder: folder.into(),
        }
    }
}

impl Callback for SampleImages {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if !training.step.is_multiple_of(self.batches) {
            return Ok(());
        }
        let images = self.codec.decode(&self.codes)?;
        let name = format!("step-{:06}.png", training.step);
        image_grid(&images, COLUMNS)?.save(self.folder.join(name))
    }
}

impl fmt::Debug for SampleImages {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (n, batches, folder) = (self.codes.dims()[0], self.batches, &self.folder);
        write!(
            f,
            "SampleImages of {n} codes, every {batches} batches, to {folder:?}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::Rng;
    use crate::models::Vae;
    use crate::optim::Adam;
    use crate::train::{Examples, TensorExamples, Trainer};

    fn examples() -> impl Examples {
        let images = Rng::new(1).uniform(0.0, 1.0, &[60, 1, 28, 28]).unwrap();
        TensorExamples::new(images.clone(), images).unwrap()
    }

    /// Trains in batches of 10 up to that epoch, with samples every 4 batches.
    fn train(epochs: usize, folder: &Path) {
        let vae = Vae::dense(20, 2, 2).unwrap();
        let codes = Rng::new(3).normal(0.0, 1.0, &[12, 2]).unwrap();
        Trainer::new(Adam::new(1e-2))
            .epochs(epochs)
            .batch_size(10)
            .callback(SampleImages::every(4, &vae, &codes, folder.join("images")))
            .resume(folder)
            .quiet()
            .fit(&vae, &examples(), &examples())
            .unwrap();
    }

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(folder.join("images")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read(path).unwrap())
            })
            .collect()
    }

    #[test]
    fn a_resumed_training_writes_what_an_uninterrupted_one_does() {
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        train(2, whole.path());
        train(1, halves.path());
        train(2, halves.path());
        let files = files(whole.path());
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["step-000004.png", "step-000008.png", "step-000012.png"]
        );
        assert!(files["step-000004.png"] != files["step-000012.png"]);
        assert!(files == self::files(halves.path()));
    }
}
