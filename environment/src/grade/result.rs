//! What came of a submission: the file that all other formats are made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::probe::{hex, mac};

pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeResult {
    pub schema: u32,
    /// The name of the file that was handed in, without its end.
    pub submission: String,
    pub lab: String,
    /// The release's hash.
    pub release: String,
    pub run: String,
    pub state: State,
    /// Why there is no score, where there is none.
    pub says: Option<String>,
    pub probes: Vec<Probed>,
    pub manual: Vec<Manual>,
    pub flags: Vec<String>,
    pub receipt: Receipt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All points are known.
    Graded,
    /// What is left waits for somebody who reads it.
    Manual,
    /// What was handed in is no notebook.
    Unreadable,
    /// The grader could not do its work. This is never a zero.
    GraderError,
}

/// What an exercise has earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    pub id: String,
    pub points: f64,
    pub earned: f64,
    pub right: usize,
    pub of: usize,
    pub outcome: Outcome,
    /// A sentence for the student.
    pub says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Right,
    Wrong,
    Compile,
    Panic,
    Time,
    Memory,
    Missing,
}

/// An answer, or a criterion of one, that somebody has to mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    pub id: String,
    pub criterion: String,
    pub points: f64,
    pub earned: Option<f64>,
    pub answer: String,
}

/// What the result depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub grader: String,
    pub toolchain: String,
    pub cpu: String,
    pub sandbox: String,
    pub limits: BTreeMap<String, u64>,
    /// Another word for each seed; it does not tell the seed.
    pub seed_id: String,
    pub submission_sha256: String,
    /// Of all that stands above, under the release's secret.
    pub mac: String,
}

impl GradeResult {
    pub fn earned(&self) -> f64 {
        let probes = self.probes.iter().map(|probe| probe.earned);
        let manual = self.manual.iter().filter_map(|manual| manual.earned);
        probes.chain(manual).sum()
    }

    pub fn points(&self) -> f64 {
        let probes = self.probes.iter().map(|probe| probe.points);
        probes
            .chain(self.manual.iter().map(|manual| manual.points))
            .sum()
    }

    /// Whether a number can be entered somewhere.
    pub fn has_score(&self) -> bool {
        matches!(self.state, State::Graded | State::Manual)
    }

    /// Signs the result.
    pub fn sign(&mut self, secret: &str) {
        self.receipt.mac = self.seal(secret);
    }

    /// Whether nobody has changed it.
    pub fn is_sealed(&self, secret: &str) -> bool {
        self.receipt.mac == self.seal(secret)
    }

    fn seal(&self, secret: &str) -> String {
        let mut unsigned = self.clone();
        unsigned.receipt.mac.clear();
        let text = serde_json::to_string(&unsigned).unwrap_or_default();
        hex(&mac(secret, &text))
    }
}
