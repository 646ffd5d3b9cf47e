//! The slides of an earlier run, which still hold if nothing that they come from has changed.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::engine::{Support, kept};
use crate::profile::ProfileArguments;
use crate::workbook;

/// What a lab's slides come from.
#[derive(PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// What the environment tells cells: the profile and the theme, for instance.
    settings: BTreeMap<String, String>,
    /// The lab, the libraries that its cells call, this command, and the data sets.
    files: kept::Files,
}

/// The variable that lets notebooks train again. It changes no result.
const RETRAIN: &str = "CUADERNO_RETRAIN";

impl Sources {
    /// Those of `lab` as they are now.
    pub fn of(lab: &Path, settings: &BTreeMap<String, String>, support: &Support) -> Self {
        let mut files = vec![lab.to_owned(), support.library.clone()];
        files.extend(support.dependencies());
        files.extend(std::env::current_exe());
        if let Ok(cache) = cuaderno_datasets::Cache::of_user() {
            add_files(cache.root(), &mut files);
        }
        Self {
            settings: settings.clone(),
            files: kept::Files::now(files),
        }
    }

    /// Whether `slides` were made from these, and nobody has touched them since.
    pub fn gave(&self, slides: &Path) -> bool {
        let made = kept::read::<(Sources, kept::Files)>(&note(slides));
        slides.exists() && made.is_some_and(|(sources, it)| sources == *self && is_as_it_was(&it))
    }

    /// Notes that `slides` were made from these.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn have_given(&self, slides: &Path) -> Result<()> {
        let note = note(slides);
        fs::create_dir_all(note.parent().unwrap_or(Path::new("")))?;
        kept::write(&note, &(self, kept::Files::now([slides.to_owned()])))
    }
}

/// What the environment tells the cells of a run with these arguments.
pub fn settings(profile: &ProfileArguments) -> BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let mut settings: BTreeMap<String, String> = all
        .filter(|(name, _)| name.starts_with("CUADERNO_"))
        .collect();
    let asked = profile.variables().into_iter();
    settings.extend(asked.map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings.remove(RETRAIN);
    settings
}

fn is_as_it_was(files: &kept::Files) -> bool {
    files.changed().next().is_none()
}

/// Where it is noted what slides were made from.
fn note(slides: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    slides.hash(&mut hasher);
    let name = format!("{:x}.json", hasher.finish());
    workbook::state().join("slides").join(name)
}

/// Adds the files in a folder and in the folders in it.
fn add_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add_files(&entry.path(), files),
            _ => files.push(entry.path()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_hold_until_their_lab_or_its_settings_change() {
        let folder = tempfile::tempdir().unwrap();
        let [lab, slides] = ["lab.ipynb", "lab.slides.html"].map(|name| folder.path().join(name));
        for file in [&lab, &slides] {
            fs::write(file, "one").unwrap();
        }
        let sources = |profile: &str| Sources {
            settings: BTreeMap::from([("CUADERNO_PROFILE".to_owned(), profile.to_owned())]),
            files: kept::Files::now([lab.clone()]),
        };
        assert!(!sources("full").gave(&slides));
        sources("full").have_given(&slides).unwrap();
        assert!(sources("full").gave(&slides));
        assert!(!sources("quick").gave(&slides));
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
        let touch = |file| {
            fs::File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_modified(later)
        };
        touch(&slides).unwrap();
        assert!(!sources("full").gave(&slides));
        sources("full").have_given(&slides).unwrap();
        touch(&lab).unwrap();
        assert!(!sources("full").gave(&slides));
        fs::remove_file(note(&slides)).unwrap();
    }
}
