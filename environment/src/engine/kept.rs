//! What is kept for later sessions of files and of what was made from them: to hear from cargo that
//! nothing is to be done takes longer than to compile a cell.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Files, and when each was last changed.
#[derive(Default, PartialEq, Serialize, Deserialize)]
pub struct Files(BTreeMap<PathBuf, Option<SystemTime>>);

impl Files {
    /// As they are now.
    pub fn now(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let changed = |file: PathBuf| (file.clone(), last_change(&file));
        Self(files.into_iter().map(changed).collect())
    }

    /// Those that are no longer as they were.
    pub fn changed(&self) -> impl Iterator<Item = &Path> {
        let files = self.0.iter();
        let changed = files.filter(|(file, time)| last_change(file) != **time);
        changed.map(|(file, _)| file.as_path())
    }

    /// Whether one of them is missing or was changed after `time`.
    pub fn any_later_than(&self, time: SystemTime) -> bool {
        let is_earlier = |change: &Option<SystemTime>| change.is_some_and(|change| change <= time);
        !self.0.values().all(is_earlier)
    }
}

fn last_change(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|data| data.modified()).ok()
}

/// What was written to `file`, if it was and can still be read.
pub fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// # Errors
/// If `file` cannot be written.
pub fn write(file: &Path, what: &impl Serialize) -> Result<()> {
    fs::write(file, serde_json::to_vec(what)?)
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// The files that a library was made from, as cargo says in `note`.
///
/// # Errors
/// If there is no such note.
pub fn named_in(note: &Path) -> Result<Vec<PathBuf>> {
    let text =
        fs::read_to_string(note).with_context(|| format!("{} is missing", note.display()))?;
    let files = text.lines().filter_map(|line| line.split_once(": "));
    // A space in a name has a backslash before it.
    let files = files.flat_map(|(_, files)| {
        let files = files.replace("\\ ", "\0");
        let files = files.split_whitespace().map(|file| file.replace('\0', " "));
        files.map(PathBuf::from).collect::<Vec<_>>()
    });
    Ok(files.collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_that_is_written_again_or_goes_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        for file in [&one, &two] {
            fs::write(file, "").unwrap();
        }
        let files = Files::now([one.clone(), two.clone()]);
        assert_eq!(files.changed().count(), 0);
        let now = SystemTime::now();
        assert!(!files.any_later_than(now + Duration::from_secs(9)));
        assert!(files.any_later_than(now - Duration::from_secs(9)));
        let file = fs::File::options().write(true).open(&one).unwrap();
        file.set_modified(now + Duration::from_secs(1)).unwrap();
        assert_eq!(files.changed().collect::<Vec<_>>(), [&one]);
        fs::remove_file(&two).unwrap();
        assert_eq!(files.changed().count(), 2);
    }

    #[test]
    fn cargos_note_names_files_with_spaces() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("libmine.d");
        fs::write(&note, "/out/libmine.rlib: /a/lib.rs /my\\ crate/b.rs\n").unwrap();
        let files = [PathBuf::from("/a/lib.rs"), PathBuf::from("/my crate/b.rs")];
        assert_eq!(named_in(&note).unwrap(), files);
    }
}
