//! The folder of a kept training that has not ended, from which it goes on.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::resume::RESUME_FILE;
use crate::files::write_atomically;
use crate::nn::tensor_file;
use crate::{Error, Result};

/// The name of the file that says whose state lies in the folder.
const IDENTITY: &str = "identity.json";

/// Makes the folder, and empties it if the training is to start `anew` or what lies there is damaged
/// or of a training with another identity.
pub(super) fn open(folder: &Path, identity: &Value, anew: bool) -> Result<()> {
    let file = folder.join(IDENTITY);
    let text = identity.to_string();
    let same = fs::read_to_string(&file).is_ok_and(|kept| kept == text);
    let state = folder.join(RESUME_FILE);
    let whole = !state.exists() || tensor_file::read(&state).is_ok();
    if same && whole && !anew {
        return Ok(());
    }
    close(folder)?;
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    write_atomically(&file, text.as_bytes())
}

/// Removes the folder, if there is one.
pub(super) fn close(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    }
    Ok(())
}
