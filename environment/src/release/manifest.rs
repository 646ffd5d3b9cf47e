//! `release.json`: all that a grader needs of a release. Whoever has it can cheat: it holds the
//! solutions, the probes and the secret that their questions come from.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::notebook::Cell;
use crate::probe::Probe;
use crate::workbook;

/// What `release.json` is, so that its readers know.
pub const SCHEMA: u32 = 3;

/// A release.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    /// The version of the workbook.
    pub cuaderno: String,
    /// The hash of the versions of all crates.
    pub lock_sha256: String,
    /// What the questions of the probes come from.
    pub secret: String,
    pub labs: Vec<ReleasedLab>,
}

/// A lab as it was handed out, and what it asks for.
#[derive(Serialize, Deserialize)]
pub struct ReleasedLab {
    /// The name of the notebook.
    pub file: String,
    /// The hash of the students' version.
    pub sha256: String,
    /// The source of the cell that the others rest on.
    pub profile: String,
    /// The names of the crates that its cells may ask for.
    pub crates: Vec<String>,
    pub exercises: Vec<ReleasedExercise>,
    pub questions: Vec<ReleasedQuestion>,
    /// The students' version.
    pub notebook: Value,
}

/// A function that the student writes.
#[derive(Serialize, Deserialize)]
pub struct ReleasedExercise {
    /// The cell that the student fills.
    pub id: String,
    /// The cell of the public check.
    pub check: String,
    pub points: f64,
    pub stub: String,
    pub solution: String,
    /// What asks for its points; without it, they are given by hand.
    pub probe: Option<Probe>,
}

/// A question that is answered in words.
#[derive(Serialize, Deserialize)]
pub struct ReleasedQuestion {
    /// The cell of the answer.
    pub id: String,
    pub points: f64,
    /// Criteria with their points; none if there is one mark for all.
    pub rubric: Vec<(String, f64)>,
}

impl ReleasedLab {
    /// The source of the cell of this id in the students' version.
    pub fn source(&self, id: &str) -> String {
        let cells = self.notebook["cells"].as_array().into_iter().flatten();
        let mut cells = cells.map(Cell::of);
        cells
            .find(|cell| cell.id() == id)
            .map(Cell::source)
            .unwrap_or_default()
    }
}

impl Manifest {
    /// Reads a release and says which one it is.
    ///
    /// # Errors
    /// If the file is none, or one of another version.
    pub fn read(path: &Path) -> Result<(Self, String)> {
        let name = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{name} cannot be read"))?;
        let schema: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{name} is not the `release.json` of a release"))?;
        ensure!(
            schema["schema"] == SCHEMA,
            "{name} has schema {}, but this version reads schema {SCHEMA}; release the labs again",
            schema["schema"]
        );
        let manifest = serde_json::from_value(schema)
            .with_context(|| format!("{name} is not the `release.json` of a release"))?;
        Ok((manifest, sha256(&bytes)))
    }
}

/// The hash of both lock files: of the workbook, and of the crates that notebooks may ask for.
///
/// # Errors
/// If they cannot be read.
pub fn lock_sha256() -> Result<String> {
    let mut locks = Vec::new();
    for folder in [workbook::root(), &workbook::ecosystem()] {
        let lock = folder.join("Cargo.lock");
        locks.extend(std::fs::read(&lock).with_context(|| lock.display().to_string())?);
    }
    Ok(sha256(&locks))
}

/// SHA-256, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
