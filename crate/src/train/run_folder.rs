//! The folder of one training: figures, sample images and weights.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::Checkpoint;
use super::resume::RESUME_FILE;
use crate::files::write_atomically;
use crate::nn::tensor_file;
use crate::{Error, Result};

const ARCHITECTURE: &str = "architecture.json";
const FOLDERS: [&str; 3] = ["viz", "images", "weights"];

/// A folder for everything that belongs to a training, laid out as in the course
/// (`run/vae/0002_digits`): figures in `viz`, sample images in `images`, the weights of each epoch
/// in `weights`, the architecture in `architecture.json`, and the state that
/// [`Trainer::resume`](super::Trainer::resume) continues from.
///
/// A new training [builds](Self::build) its folder. A later run [loads](Self::load) it, and either
/// continues the training or finds it finished. [`RunFolder::open_or_create`] does whichever is
/// needed.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*, train::TensorExamples};
/// let path = std::env::temp_dir().join(format!("doc-run-{}", std::process::id()));
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// for epochs in [1, 2] {
///     let run = RunFolder::open_or_create(&path, &"autoencoder, d' = 4")?;
///     let model = Autoencoder::basic(4, Activation::Relu, 6202)?;
///     let history = Trainer::new(RmsProp::new(1e-3)).epochs(epochs).callback(run.checkpoint())
///         .resume(run.path()).fit(&model, &examples, &examples)?;
///     assert_eq!(history.epochs.len(), epochs);
///     assert_eq!(run.checkpoints()?.len(), epochs);
/// }
/// # std::fs::remove_dir_all(path).unwrap();
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Whether something exists at `path`, so that it has to be loaded and cannot be built.
    pub fn exists(path: impl AsRef<Path>) -> bool {
        match fs::read_dir(path.as_ref()) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => path.as_ref().exists(),
        }
    }

    /// Creates the folder of a new training, for a model that `architecture` describes.
    ///
    /// # Errors
    /// If something exists at `path` already, or the folder cannot be created.
    pub fn build(path: impl Into<PathBuf>, architecture: &impl Serialize) -> Result<Self> {
        let path = path.into();
        if Self::exists(&path) {
            return Err(Error::data(
                path.display(),
                "there is something in it already: load the run, or build a new one in another folder",
            ));
        }
        for name in FOLDERS {
            let folder = path.join(name);
            fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        }
        let file = path.join(ARCHITECTURE);
        let text = serde_json::to_string_pretty(architecture);
        write_atomically(
            &file,
            text.map_err(|error| Error::data(file.display(), error))?
                .as_bytes(),
        )?;
        Ok(Self(path))
    }

    /// Opens the folder of an earlier training with the same architecture, and checks every weights
    /// file in it. Nothing in it is changed.
    ///
    /// # Errors
    /// If there is no run at `path`, if its architecture is different (the error says where), or if
    /// a file is missing or damaged.
    pub fn load(path: impl Into<PathBuf>, architecture: &impl Serialize) -> Result<Self> {
        let path = path.into();
        if !path.exists() {
            return Err(Error::data(
                path.display(),
                "there is no run here yet: build it",
            ));
        }
        let file = path.join(ARCHITECTURE);
        if !file.exists() {
            return Err(Error::data(
                path.display(),
                format!(
                    "there is no {ARCHITECTURE} in it: it is no run, or one that was ended before it began; delete it or take another folder"
                ),
            ));
        }
        let found = fs::read_to_string(&file).map_err(|error| Error::io(&file, error))?;
        let found: Value = serde_json::from_str(&found).map_err(|error| {
            Error::data(
                file.display(),
                format!("this describes no architecture: {error}"),
            )
        })?;
        let expected = serde_json::to_string(architecture)
            .and_then(|text| serde_json::from_str::<Value>(&text))
            .map_err(|error| Error::data(file.display(), error))?;
        if let Some(difference) = difference("", &found, &expected) {
            return Err(Error::data(
                path.display(),
                format!(
                    "the run is of another architecture: {difference}; use the same or another folder"
                ),
            ));
        }
        let run = Self(path);
        run.check_tensors()?;
        Ok(run)
    }

    /// Loads the run at `path` if there is one, and otherwise builds it.
    ///
    /// # Errors
    /// As for [`RunFolder::load`] and [`RunFolder::build`].
    pub fn open_or_create(path: impl Into<PathBuf>, architecture: &impl Serialize) -> Result<Self> {
        let path = path.into();
        match Self::exists(&path) {
            true => Self::load(path, architecture),
            false => Self::build(path, architecture),
        }
    }

    /// The folder itself, for [`Trainer::resume`](super::Trainer::resume).
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder for figures.
    pub fn viz(&self) -> PathBuf {
        self.0.join("viz")
    }

    /// The folder for sample images.
    pub fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    /// The folder for weights.
    pub fn weights(&self) -> PathBuf {
        self.0.join("weights")
    }

    /// A callback that keeps the weights of every epoch: `weights/weights-001-58.83.safetensors`.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::every_epoch(self.weights())
    }

    /// The weights files that [`RunFolder::checkpoint`] has written, one for each epoch, in order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<PathBuf>> {
        let mut files = self.weight_files()?;
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("weights-") && name.ends_with(".safetensors")
        });
        files.sort();
        Ok(files)
    }

    fn weight_files(&self) -> Result<Vec<PathBuf>> {
        let weights = self.weights();
        let entries = fs::read_dir(&weights).map_err(|error| Error::io(&weights, error))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }

    fn check_tensors(&self) -> Result<()> {
        let resume = Some(self.0.join(RESUME_FILE)).filter(|file| file.exists());
        let files = self.weight_files()?.into_iter().chain(resume);
        for file in files.filter(|file| file.extension().is_some_and(|e| e == "safetensors")) {
            tensor_file::read(&file)?;
        }
        Ok(())
    }
}

/// The first place where two descriptions differ.
pub(super) fn difference(place: &str, found: &Value, expected: &Value) -> Option<String> {
    let inner = |key: &str| match place {
        "" => key.to_owned(),
        place => format!("{place}.{key}"),
    };
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = expected.keys().chain(found.keys());
            keys.into_iter().find_map(|key| {
                let value = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                difference(&inner(key), &value(found), &value(expected))
            })
        }
        (found, expected) if found == expected => None,
        (found, expected) => {
            let place = if place.is_empty() { "it" } else { place };
            Some(format!("{place} is {found} there and {expected} here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Rng;
    use crate::nn::{Dense, Layer, Plan};

    #[derive(Serialize)]
    struct Architecture {
        filters: Vec<usize>,
        z_dim: usize,
        dropout: Option<f64>,
    }

    fn architecture(z_dim: usize) -> Architecture {
        Architecture {
            filters: vec![32, 64],
            z_dim,
            dropout: Some(0.1),
        }
    }

    /// Every file below a folder, with its content.
    fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files.extend(content(&path)),
                false => drop(files.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
        files
    }

    /// A run with weights in it, and their path.
    fn run(folder: &Path) -> (RunFolder, PathBuf) {
        let run = RunFolder::build(folder.join("0002_digits"), &architecture(2)).unwrap();
        let weights = run.weights().join("weights-001-58.83.safetensors");
        let layer = Dense::units(2).build(&[3], &mut Rng::new(1)).unwrap();
        layer.parameters().save(&weights).unwrap();
        (run, weights)
    }

    #[track_caller]
    fn refused(
        run: &RunFolder,
        result: Result<RunFolder>,
        before: &BTreeMap<PathBuf, Vec<u8>>,
    ) -> String {
        let error = result.unwrap_err().to_string();
        assert_eq!(
            &content(run.path()),
            before,
            "something in the folder changed"
        );
        error.replace(&run.path().display().to_string(), "RUN")
    }

    #[test]
    fn a_run_is_built_once_and_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let (run, _) = run(folder.path());
        for folder in [run.viz(), run.images(), run.weights()] {
            assert!(folder.is_dir());
        }
        assert!(RunFolder::exists(run.path()));
        RunFolder::load(run.path(), &architecture(2)).unwrap();
        let before = content(run.path());
        assert_eq!(
            refused(
                &run,
                RunFolder::build(run.path(), &architecture(2)),
                &before
            ),
            "RUN: there is something in it already: load the run, or build a new one in another folder."
        );
    }

    #[test]
    fn another_architecture_is_refused_and_the_difference_named() {
        let folder = tempfile::tempdir().unwrap();
        let (run, _) = run(folder.path());
        let before = content(run.path());
        assert_eq!(
            refused(&run, RunFolder::load(run.path(), &architecture(4)), &before),
            "RUN: the run is of another architecture: z_dim is 2 there and 4 here; use the same or another folder."
        );
        let other = RunFolder::load(run.path(), &"a perceptron");
        assert!(refused(&run, other, &before).contains("and \"a perceptron\" here"));
    }

    #[test]
    fn damaged_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (run, weights) = run(folder.path());
        let whole = fs::read(&weights).unwrap();
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        for bytes in [&damaged[..], &whole[..whole.len() / 2], b""] {
            fs::write(&weights, bytes).unwrap();
            let before = content(run.path());
            let error = refused(&run, RunFolder::load(run.path(), &architecture(2)), &before);
            assert!(
                error.starts_with("RUN/weights/weights-001-58.83.safetensors: "),
                "{error}"
            );
        }
        fs::write(&weights, whole).unwrap();
        fs::write(run.path().join(ARCHITECTURE), "{\"filters\": [3").unwrap();
        let before = content(run.path());
        let error = refused(&run, RunFolder::load(run.path(), &architecture(2)), &before);
        assert!(
            error.starts_with("RUN/architecture.json: this describes no architecture"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_there_is_not_loaded_and_an_empty_folder_can_be_built() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunFolder::load(folder.path().join("none"), &architecture(2)).unwrap_err();
        assert!(error.to_string().contains("no run here yet"), "{error}");
        assert!(!RunFolder::exists(folder.path()));
        RunFolder::build(folder.path(), &architecture(2)).unwrap();
        fs::remove_file(folder.path().join(ARCHITECTURE)).unwrap();
        let error = RunFolder::load(folder.path(), &architecture(2)).unwrap_err();
        assert!(
            error.to_string().contains("delete it or take another"),
            "{error}"
        );
    }
}
