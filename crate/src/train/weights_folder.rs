//! Trainings that run once and are loaded afterwards.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::game::Game;
use super::identity::Identity;
use super::play::together;
use super::run_folder::difference;
use super::unfinished;
use super::{Adversaries, Examples, History, Model, Trainer};
use crate::nn::{Parameters, tensor_file};
use crate::{Error, Result};

/// A folder that keeps the weights of trainings under names, so that a notebook loads what it has
/// trained in an earlier session.
///
/// Weights are loaded if nothing that decides them has changed: the model with its initial weights
/// and losses, the examples, the seed and settings of the trainer, and the version of this crate.
/// Otherwise the model is trained, and a printed line says what is different.
///
/// ```
/// use cuaderno::prelude::*;
/// let folder = std::env::temp_dir().join(format!("doc-weights-{}", std::process::id()));
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// let train = || {
///     let model = Autoencoder::basic(4, Activation::Relu, 6202)?;
///     let trainer = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(6202);
///     let kept = WeightsFolder::at(&folder);
///     let history = kept.train_or_load("code of 4", trainer, &model, &examples, &examples)?;
///     Ok::<_, cuaderno::Error>((model.parameters(), history))
/// };
/// let (trained, loaded) = (train()?, train()?);
/// assert!(trained.0.same_values(&loaded.0)? && trained.1 == loaded.1);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightsFolder {
    folder: PathBuf,
    shipped: Option<PathBuf>,
    retrain: bool,
}

/// The content of a file besides the weights.
#[derive(Serialize, Deserialize)]
struct Note {
    identity: Value,
    history: History,
}

impl WeightsFolder {
    /// The folder at `path`, which is created when the first weights are saved. If the environment
    /// variable `CUADERNO_RETRAIN` is set, as the command's `--retrain` does, nothing is loaded
    /// from it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            folder: path.into(),
            shipped: None,
            retrain: std::env::var_os("CUADERNO_RETRAIN").is_some(),
        }
    }

    /// Looks also in the folder at `path`, for weights that came with the notebook, and leaves it as it
    /// is. They may be of another machine: losses before the training that differ from this one's by
    /// no more than rounding are taken for the same.
    pub fn or_shipped(mut self, path: impl Into<PathBuf>) -> Self {
        self.shipped = Some(path.into());
        self
    }

    /// Makes every training run again; one that was interrupted starts over, too. The same seeds
    /// give the same weights.
    pub fn retrain(mut self) -> Self {
        self.retrain = true;
        self
    }

    /// Trains a fresh `model` as [`Trainer::fit`] does and saves its weights and history under
    /// `name`, or loads both. A printed line says which, with the final validation loss.
    ///
    /// A training that is interrupted, or whose process is killed, goes on after its last epoch the
    /// next time, and ends with the same bits: until it has ended, its state lies in a folder beside
    /// the weights, unless the trainer has a folder of its own to [resume](Trainer::resume) from.
    /// Callbacks are not called when weights are loaded.
    ///
    /// # Errors
    /// As for [`Trainer::fit`], and if the weights cannot be written. A file that cannot be loaded
    /// is not an error: the model is trained again.
    pub fn train_or_load(
        &self,
        name: &str,
        trainer: Trainer,
        model: &dyn Model,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<History> {
        self.of_game(name, trainer, &model, train, valid)
    }

    /// The same for two networks that are trained against each other.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let folder = std::env::temp_dir().join(format!("doc-adversaries-{}", std::process::id()));
    /// let points = Rng::new(1).normal(3.0, 0.5, &[64, 2])?;
    /// let examples = TensorExamples::new(points.clone(), points)?;
    /// let train = || {
    ///     let mut rng = Rng::new(6202);
    ///     let points = Sequential::input(&[2]).then("points", Dense::units(2)).build(&mut rng)?;
    ///     let real = Sequential::input(&[2]).then("real", Dense::units(1)).build(&mut rng)?;
    ///     let gan = Gan::new(points, real)?.with_output(Activation::Linear);
    ///     let trainer = Trainer::adversarial(Adam::new(1e-3), Adam::new(1e-3)).epochs(2);
    ///     let kept = WeightsFolder::at(&folder);
    ///     kept.train_adversaries_or_load("points", trainer, &gan, &examples, &examples)?;
    ///     Ok::<_, cuaderno::Error>(gan.sample(3, 1)?.to_vec2::<f32>()?)
    /// };
    /// assert_eq!(train()?, train()?);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`WeightsFolder::train_or_load`].
    pub fn train_adversaries_or_load(
        &self,
        name: &str,
        trainer: Trainer<2>,
        networks: &dyn Adversaries,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<History> {
        self.of_game(name, trainer, &networks, train, valid)
    }

    fn of_game<const PLAYERS: usize>(
        &self,
        name: &str,
        mut trainer: Trainer<PLAYERS>,
        game: &dyn Game<PLAYERS>,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<History> {
        let file = self.folder.join(file_name(name)?);
        let identity = Identity::of(trainer.settings(), game, train, valid)?;
        let mut identity = serde_json::to_value(identity).map_err(|error| bad(&file, error))?;
        let parameters = together(&game.players());
        let state = file.with_extension("unfinished");
        if file.exists() && !self.retrain {
            match load(&file, &identity, &parameters, Machine::This) {
                Ok(history) => {
                    // What another session may have left is of no use, nor is it in the way.
                    let _ = unfinished::close(&state);
                    println!("{name}: {}, loaded", told(&history));
                    return Ok(history);
                }
                Err(error) => println!("{name} is trained again. {error}"),
            }
        }
        let shipped = self.shipped.iter().filter(|_| !self.retrain);
        for folder in shipped {
            let file = folder.join(file_name(name)?);
            match load(&file, &identity, &parameters, Machine::Any) {
                Ok(history) => {
                    let _ = unfinished::close(&state);
                    println!("{name}: {}, came with the notebook", told(&history));
                    return Ok(history);
                }
                Err(_) if !file.exists() => {}
                Err(error) => println!("{name} does not come with the notebook. {error}"),
            }
        }
        let own_state = trainer.resume.is_none();
        if own_state {
            let obstacle = unfinished::open(&state, &identity, &parameters, self.retrain)?;
            if let Some(obstacle) = obstacle {
                println!("{name} starts over. {obstacle}");
            }
            trainer.resume = Some(state.clone());
            trainer.identity = identity.clone();
        }
        let position = trainer.play(game, train, valid)?;
        if own_state {
            // That of the weights with which the training began, perhaps in an earlier call.
            identity = position.identity;
        }
        println!("{name}: {}", told(&position.history));
        if position.finished {
            let note = Note {
                identity,
                history: position.history.clone(),
            };
            let note = serde_json::to_string(&note).map_err(|error| bad(&file, error))?;
            let weights = parameters.iter();
            let weights = weights.map(|(name, p)| (name.to_owned(), p.var().into_inner()));
            tensor_file::write(&file, weights, note)?;
            // Another kernel may have removed it, or be about to.
            let _ = unfinished::close(&state);
        }
        Ok(position.history)
    }
}

/// The file of a name: its letters and digits, with a `-` for what is between.
fn file_name(name: &str) -> Result<String> {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        return Err(Error::argument(
            "the name of a training",
            format!("{name:?}"),
            "one with letters or digits",
        ));
    }
    Ok(words.join("-") + ".safetensors")
}

/// Where weights may have been trained.
#[derive(Clone, Copy, PartialEq)]
enum Machine {
    This,
    Any,
}

/// How far losses of two machines are apart at most, relatively.
const ROUNDING: f64 = 1e-4;

/// Puts this machine's losses before the training in the place of those of a file, where they are the
/// same but for rounding.
fn forget_rounding(kept: &mut Value, here: &Value) {
    let losses = |identity: &Value| -> Vec<(String, f64)> {
        let losses = identity["model"]["losses"].as_array().into_iter().flatten();
        let parts = losses.filter_map(|loss| loss.as_str()?.rsplit_once(' '));
        parts
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    };
    let (there, here_losses) = (losses(kept), losses(here));
    let near = |((one, a), (other, b)): (&(String, f64), &(String, f64))| {
        one == other && (a - b).abs() <= ROUNDING * a.abs().max(b.abs())
    };
    if there.len() == here_losses.len() && there.iter().zip(&here_losses).all(near) {
        kept["model"]["losses"] = here["model"]["losses"].clone();
    }
}

/// Loads the weights of this training from a file into `parameters`, or changes nothing.
fn load(
    file: &Path,
    identity: &Value,
    parameters: &Parameters,
    machine: Machine,
) -> Result<History> {
    let kept = tensor_file::read(file)?;
    let note = kept.note.filter(|note| !note.is_empty());
    let note = note.ok_or_else(|| bad(file, "these weights were not kept by `train_or_load`"))?;
    let mut note: Note = serde_json::from_str(&note).map_err(|error| bad(file, error))?;
    if machine == Machine::Any {
        forget_rounding(&mut note.identity, identity);
    }
    if let Some(difference) = difference("", &note.identity, identity) {
        return Err(bad(
            file,
            format!("the weights are of another training: {difference}"),
        ));
    }
    parameters.load_tensors(file, kept.tensors)?;
    Ok(note.history)
}

/// A description of the end of a training: `valid loss 0.0931, trained in 34.2 s`.
fn told(history: &History) -> String {
    let seconds: f64 = history.epochs.iter().map(|epoch| epoch.seconds).sum();
    let last = history.last().and_then(|epoch| epoch.valid.first());
    let valid = last.map_or(String::new(), |valid| {
        format!("valid {} {:.4}, ", valid.name, valid.mean)
    });
    format!("{valid}trained in {seconds:.1} s")
}

fn bad(file: &Path, problem: impl std::fmt::Display) -> Error {
    Error::data(file.display(), problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rounding_is_forgotten_and_another_model_is_not() {
        let identity = |losses: &[&str]| json!({"model": {"losses": losses, "start": 7}});
        let here = identity(&["loss 0.6931472", "kl 2.5"]);
        let same = |losses: &[&str]| {
            let mut kept = identity(losses);
            forget_rounding(&mut kept, &here);
            kept == here
        };
        assert!(same(&["loss 0.6931471", "kl 2.5"]));
        assert!(!same(&["loss 0.6941471", "kl 2.5"]));
        assert!(!same(&["loss 0.6931472"]));
        assert!(!same(&["bce 0.6931472", "kl 2.5"]));
    }
}
