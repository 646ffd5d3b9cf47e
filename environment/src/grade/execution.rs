//! A notebook executed as a whole, for the feedback page. What comes of it is what the student's own
//! code says of itself: it is kept apart from the result, and earns nothing.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::examination::Room;
use super::examiner::{Outcome, Task};
use super::submission::Answers;
use super::whole;
use crate::files;
use crate::release::ReleasedLab;
use crate::sandbox::End;

/// What a box said of a notebook.
#[derive(Debug, Serialize, Deserialize)]
pub struct Executed {
    pub cells: Vec<ExecutedCell>,
    /// Why it was not executed to its end.
    pub ended: Option<String>,
}

/// What a box said of a cell.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecutedCell {
    pub name: String,
    /// None where the box said nothing.
    pub outcome: Option<Outcome>,
    /// The error's sentence.
    pub says: String,
}

impl Executed {
    /// Executes the notebook in a box of its own, which is not given any probe.
    ///
    /// # Errors
    /// If the box does not come to the point at which it would run the first cell.
    pub fn of(answers: &Answers, lab: &ReleasedLab, room: &Room, seconds: u64) -> Result<Self> {
        let sources = answers.notebook.iter().map(|part| part.source.clone());
        let task = Task {
            cells: sources.collect(),
            probes: vec![],
            crates: room.crates(&lab.file),
            seconds,
        };
        let (reports, end, _) = room.run(&task)?;
        let names = whole::names(&answers.notebook, lab);
        let cells = names.into_iter().zip(reports.cells);
        let cells = cells.filter_map(|(name, report)| {
            let (outcome, says) = match report {
                Some((outcome, says)) => (Some(outcome), says),
                None => (None, String::new()),
            };
            Some(ExecutedCell {
                name: name?,
                outcome,
                says,
            })
        });
        let ended = match end {
            _ if reports.is_done => None,
            End::Memory => Some("it took more memory than it may".to_owned()),
            End::Processes => Some("it started more processes than it may".to_owned()),
            End::Time => Some(format!("it took more than {} s", room.limits().seconds)),
            End::Exited(_) => Some("its box ended early".to_owned()),
        };
        Ok(Self {
            cells: cells.collect(),
            ended,
        })
    }

    /// What an earlier run has written.
    pub fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        files::write(file, serde_json::to_string_pretty(self)?.as_bytes())
    }
}

impl ExecutedCell {
    /// What became of it, in a sentence.
    pub fn in_words(&self) -> &str {
        match self.outcome {
            Some(Outcome::Ran) => "ran",
            Some(_) => &self.says,
            None => "did not run",
        }
    }
}
