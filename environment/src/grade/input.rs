//! What is to be graded: the release, and the submissions of this part.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::GradeArguments;
use super::prepare::ensure_same_versions;
use crate::release::{Manifest, sha256};

/// What is to be graded.
pub struct Input {
    pub manifest: Manifest,
    /// The hash of the release.
    pub release: String,
    /// Names and paths.
    pub submissions: Vec<(String, PathBuf)>,
}

impl Input {
    /// Reads the release and finds the submissions of this part.
    ///
    /// # Errors
    /// If the release cannot be read or there are no submissions.
    pub fn read(arguments: &GradeArguments) -> Result<Self> {
        let (manifest, release) = Manifest::read(&arguments.release)?;
        ensure!(!manifest.labs.is_empty(), "the release has no labs");
        ensure_same_versions(&manifest)?;
        let mut submissions = found(&arguments.submissions)?;
        if let Some(partition) = arguments.partition {
            submissions.retain(|(name, _)| partition.has(name));
        }
        Ok(Self {
            manifest,
            release,
            submissions,
        })
    }
}

/// The notebooks at the paths and in the folders, with their names.
///
/// # Errors
/// If there are none, or two of one name.
pub fn found(arguments: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    let mut paths = BTreeSet::new();
    for path in arguments {
        if path.is_dir() {
            paths.extend(notebooks_in(path)?);
        } else {
            ensure!(
                path.symlink_metadata().is_ok(),
                "there is no submission at {}",
                path.display()
            );
            paths.insert(path.clone());
        }
    }
    ensure!(
        !paths.is_empty(),
        "there are no notebooks among the submissions"
    );
    let mut seen = BTreeMap::new();
    let submissions = named(&paths);
    for (name, path) in &submissions {
        if let Some(other) = seen.insert(name, path) {
            bail!("{other:?} and {path:?} would both be called {name}; rename one");
        }
    }
    Ok(submissions)
}

/// The notebooks in a folder and in the folders in it.
fn notebooks_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{folder:?}"))? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            // Jupyter's own copies are no submissions.
            if entry.file_name() != ".ipynb_checkpoints" {
                found.extend(notebooks_in(&path)?);
            }
        } else if path.extension().is_some_and(|end| end == "ipynb") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The longest name, in bytes: some systems hand in files whose names leave no room for anything.
const LONGEST: usize = 60;

/// The name, or its beginning and its hash.
fn short(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let hash = &sha256(name.as_bytes())[..8];
    let beginning = &name[..name.floor_char_boundary(LONGEST - hash.len() - 1)];
    format!("{beginning}-{hash}")
}

/// A name for each submission: that of its file, with the folders before it where that is not
/// enough.
fn named(paths: &BTreeSet<PathBuf>) -> Vec<(String, PathBuf)> {
    let name = |path: &Path, parts: usize| {
        let path = path.with_extension("");
        let all: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let name = all[all.len().saturating_sub(parts)..].join("-");
        let tame = |c: char| match c {
            c if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '_',
        };
        name.trim_start_matches('/')
            .chars()
            .map(tame)
            .collect::<String>()
    };
    let is_alone = |path: &Path, parts: usize| {
        let own = name(path, parts);
        paths
            .iter()
            .filter(|other| name(other, parts) == own)
            .count()
            == 1
    };
    let enough = |path: &Path| (1..16).find(|&parts| is_alone(path, parts)).unwrap_or(16);
    paths
        .iter()
        .map(|path| (short(name(path, enough(path))), path.clone()))
        .collect()
}

/// Part `index` of `count`, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Partition {
    index: u64,
    count: u64,
}

impl Partition {
    /// Reads `I/N`.
    ///
    /// # Errors
    /// If there is no such part.
    pub fn parse(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some((index.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
        });
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => bail!("a part is I/N with I from 0 to N - 1, such as 0/4"),
        }
    }

    fn has(self, name: &str) -> bool {
        let hash = Sha256::digest(name);
        let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
        u64::from_le_bytes(*first) % self.count == self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tame_and_unique() {
        let paths = ["in/a/hw.ipynb", "in/b/hw.ipynb", "in/práctica 09 (1).ipynb"];
        let paths = paths.map(PathBuf::from).into();
        let names = named(&paths).into_iter().map(|(name, _)| name);
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["a-hw", "b-hw", "práctica_09__1_"]
        );
    }

    #[test]
    fn long_names_are_cut_and_stay_unique() {
        let long = "á".repeat(120);
        let paths = ["1", "2"].map(|end| PathBuf::from(format!("in/{long}{end}.ipynb")));
        let names: Vec<_> = named(&paths.into()).into_iter().map(|it| it.0).collect();
        assert_ne!(names[0], names[1]);
        for name in names {
            assert!(name.len() <= LONGEST && name.starts_with("ááá"), "{name}");
        }
        assert_eq!(short("a".repeat(LONGEST)), "a".repeat(LONGEST));
    }

    #[test]
    fn copies_of_jupyters_are_left_out_and_names_that_meet_are_refused() {
        let desk = tempfile::tempdir().unwrap();
        let folders = ["a", "a/.ipynb_checkpoints"].map(|folder| desk.path().join(folder));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("hw 1.ipynb"), "").unwrap();
        }
        let submissions = [desk.path().to_path_buf()];
        let names = found(&submissions)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["hw_1"]);
        std::fs::write(folders[0].join("hw_1.ipynb"), "").unwrap();
        let error = found(&submissions).unwrap_err().to_string();
        assert!(
            error.contains("hw 1.ipynb") && error.contains("hw_1.ipynb"),
            "{error}"
        );
    }

    #[test]
    fn partitions_cover_all_and_share_nothing() {
        let parts = ["0/3", "1/3", "2/3"].map(|text| Partition::parse(text).unwrap());
        for number in 0..100 {
            let name = format!("student-{number}");
            assert_eq!(parts.iter().filter(|part| part.has(&name)).count(), 1);
        }
        for bad in ["3/3", "1", "a/b", "0/0"] {
            assert!(Partition::parse(bad).is_err(), "{bad}");
        }
    }
}
