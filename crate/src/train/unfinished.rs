//! The folder of a kept training that has not ended, from which it goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::Tensor;
use safetensors::View;
use serde_json::Value;

use super::resume::{MODEL, ResumeFile};
use super::run_folder::difference;
use crate::nn::Parameters;
use crate::{Error, Result};

/// The parts of an identity that depend on the values of the weights before the training.
const OF_THE_WEIGHTS: [&str; 2] = ["start", "losses"];

/// Empties the folder if the training is to start `anew`, or if what lies there is damaged or of
/// another training. Then it says why.
///
/// A model that holds what the state holds is one whose training was interrupted a moment ago, so
/// that only its initial weights are no longer there to be compared.
pub(super) fn open(
    folder: &Path,
    identity: &Value,
    parameters: &Parameters,
    anew: bool,
) -> Result<Option<String>> {
    let state = ResumeFile::in_folder(folder);
    let obstacle = if state.exists() && !anew {
        obstacle(&state, identity, parameters)
    } else {
        None
    };
    if anew || obstacle.is_some() {
        close(folder)?;
    }
    Ok(obstacle)
}

/// What keeps the training from going on from this state.
fn obstacle(state: &ResumeFile, identity: &Value, parameters: &Parameters) -> Option<String> {
    let (position, tensors) = match state.read() {
        Ok(read) => read,
        Err(error) => return Some(error.to_string()),
    };
    let difference_here = difference("", &position.identity, identity)?;
    let mut kept = position.identity;
    if let Some(model) = kept.get_mut("model").and_then(Value::as_object_mut) {
        for part in OF_THE_WEIGHTS {
            model.insert(part.to_owned(), identity["model"][part].clone());
        }
    }
    if kept == *identity && holds(parameters, &tensors) {
        return None;
    }
    Some(format!(
        "{} is of another training: {difference_here}",
        state.path().display()
    ))
}

/// Whether the parameters are those of a state, bit by bit.
fn holds(parameters: &Parameters, tensors: &BTreeMap<String, Tensor>) -> bool {
    parameters.iter().all(|(name, parameter)| {
        let own = parameter.var();
        tensors.get(&format!("{MODEL}{name}")).is_some_and(|kept| {
            (kept.dims(), kept.dtype()) == (own.dims(), own.dtype()) && kept.data() == own.data()
        })
    })
}

/// Removes the folder, if there is one.
pub(super) fn close(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::resume::Position;
    use super::*;
    use crate::nn::tensor_file;

    #[test]
    fn the_state_of_an_older_version_is_left_out() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("one.unfinished");
        let left = |position: &Value| {
            let file = ResumeFile::in_folder(&folder);
            tensor_file::write(file.path(), std::iter::empty(), position.to_string()).unwrap();
            open(&folder, &Value::Null, &Parameters::new(), false).unwrap()
        };
        let mut position = serde_json::to_value(Position::default()).unwrap();
        assert_eq!(left(&position), None);
        assert!(folder.exists());
        position.as_object_mut().unwrap().remove("steps_of");
        let obstacle = left(&position).unwrap();
        assert!(obstacle.contains("another version"), "{obstacle}");
        assert!(!folder.exists());
    }
}
