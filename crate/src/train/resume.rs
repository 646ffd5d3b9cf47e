//! Resuming an interrupted training as if nothing had happened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::History;
use super::play::together;
use super::tally::Tally;
use crate::nn::{Parameters, tensor_file};
use crate::optim::{Optimiser, State};
use crate::{Error, Result};

/// The position of a training, without the weights and the averages of the optimisers. All random
/// numbers follow from the seed and the position.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// Whose state it is, if the training is one that is kept.
    #[serde(default)]
    pub(super) identity: Value,
    pub(super) seed: u64,
    pub(super) batch_size: usize,
    pub(super) examples: usize,
    /// The epochs that are done.
    pub(super) epoch: usize,
    /// The number of batches done in the epoch that is running.
    pub(super) batch: usize,
    /// The losses of these batches.
    pub(super) tally: Tally,
    pub(super) history: History,
    /// Whether a callback has ended the training for good.
    pub(super) finished: bool,
    /// The number of steps that each parameter has taken.
    pub(super) steps_of: BTreeMap<String, u64>,
    /// The state of each callback, as bits.
    pub(super) callbacks: Vec<Vec<u64>>,
}

/// The name of the file in the folder.
pub(super) const RESUME_FILE: &str = "training.safetensors";

/// What stands before the names of the model's weights, and of the optimisers' averages.
pub(super) const MODEL: &str = "model.";
const OPTIMISER: &str = "optimiser.";

/// The path of the file that a training is resumed from.
#[derive(Clone, Debug)]
pub(super) struct ResumeFile(PathBuf);

impl ResumeFile {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self(folder.join(RESUME_FILE))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    pub(super) fn save(
        &self,
        position: &mut Position,
        parameters: &Parameters,
        optimisers: &[Box<dyn Optimiser>],
        callbacks: &[Box<dyn super::Callback>],
    ) -> Result<()> {
        let mut averages = Vec::new();
        position.steps_of.clear();
        for optimiser in optimisers {
            let state = optimiser.state();
            position.steps_of.extend(state.steps);
            averages.extend(state.averages);
        }
        let states = callbacks.iter().map(|callback| callback.state());
        let bits = |state: Vec<f64>| state.into_iter().map(f64::to_bits).collect();
        position.callbacks = states.map(bits).collect();
        let weights = parameters.iter();
        let weights = weights.map(|(name, p)| (format!("{MODEL}{name}"), p.var().into_inner()));
        let averages = averages.into_iter();
        let averages = averages.map(|(name, average)| (format!("{OPTIMISER}{name}"), average));
        let position = serde_json::to_string(position).map_err(|error| self.bad(error))?;
        tensor_file::write(&self.0, weights.chain(averages), position)
    }

    /// What was saved: the position, and all tensors.
    pub(super) fn read(&self) -> Result<(Position, BTreeMap<String, Tensor>)> {
        let file = tensor_file::read(&self.0)?;
        let position = file.note.filter(|note| !note.is_empty());
        let position = position.ok_or_else(|| self.bad("it was not written by a training"))?;
        let position = serde_json::from_str(&position).map_err(|error| {
            self.bad(format!(
                "another version of this crate left it, or it is damaged ({error}); a new folder \
                 starts anew"
            ))
        })?;
        Ok((position, file.tensors))
    }

    /// Restores the parameters and the optimiser of each player as well as the callbacks, and
    /// returns the position.
    pub(super) fn load(
        &self,
        expected: &Position,
        players: &[Parameters],
        optimisers: &mut [Box<dyn Optimiser>],
        callbacks: &mut [Box<dyn super::Callback>],
    ) -> Result<Position> {
        let (position, tensors) = self.read()?;
        self.check(&position, expected, callbacks.len())?;

        let of = |part: &str| {
            let named = tensors.iter().filter_map(|(name, tensor)| {
                Some((name.strip_prefix(part)?.to_owned(), tensor.clone()))
            });
            named.collect::<BTreeMap<String, Tensor>>()
        };
        together(players).load_tensors(&self.0, of(MODEL))?;
        let averages = of(OPTIMISER);
        for (parameters, optimiser) in players.iter().zip(optimisers) {
            let is_theirs = |name: &str| {
                parameters.iter().any(|(parameter, _)| {
                    let rest = name.strip_prefix(parameter);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            };
            let steps = position.steps_of.iter();
            let steps = steps.filter(|(name, _)| is_theirs(name));
            let averages = averages.iter().filter(|(name, _)| is_theirs(name));
            optimiser.restore(&State {
                steps: steps.map(|(name, &steps)| (name.clone(), steps)).collect(),
                averages: averages
                    .map(|(name, x)| (name.clone(), x.clone()))
                    .collect(),
            })?;
        }
        for (callback, bits) in callbacks.iter_mut().zip(&position.callbacks) {
            let state: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).collect();
            callback.restore(&state);
        }
        Ok(position)
    }

    fn check(&self, found: &Position, expected: &Position, callbacks: usize) -> Result<()> {
        let settings = |position: &Position, callbacks: usize| {
            format!(
                "seed {}, batches of {}, {} examples and {callbacks} callbacks",
                position.seed, position.batch_size, position.examples
            )
        };
        let found = settings(found, found.callbacks.len());
        let expected = settings(expected, callbacks);
        if found == expected {
            return Ok(());
        }
        Err(self.bad(format!(
            "it was left by a training with {found}, but this one has {expected}; use the same settings or another folder"
        )))
    }

    fn bad(&self, problem: impl std::fmt::Display) -> Error {
        Error::data(self.0.display(), problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Adam;

    #[test]
    fn what_an_older_version_left_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = ResumeFile::in_folder(folder.path());
        let mut position = serde_json::to_value(Position::default()).unwrap();
        position.as_object_mut().unwrap().remove("steps_of");
        tensor_file::write(&file.0, std::iter::empty(), position.to_string()).unwrap();
        let expected = Position::default();
        let mut optimisers: [Box<dyn Optimiser>; 1] = [Box::new(Adam::new(0.1))];
        let error = file.load(&expected, &[Parameters::new()], &mut optimisers, &mut []);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("another version of this crate left it"),
            "{error}"
        );
        assert!(error.contains("steps_of"), "{error}");
    }
}
