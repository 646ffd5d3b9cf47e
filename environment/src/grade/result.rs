//! What came of a submission: the file that all other formats are made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::probe::{hex, mac};

/// The form of results that this version writes.
pub const SCHEMA: u32 = 1;

/// What came of a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeResult {
    /// The form of what follows.
    pub schema: u32,
    /// The name of the file that was handed in, without its end.
    pub submission: String,
    /// The file name of the lab that it answers.
    pub lab: String,
    /// The release's hash.
    pub release: String,
    /// The name of the run, which decides the questions.
    pub run: String,
    /// Whether there is a score.
    pub state: State,
    /// Why there is no score, where there is none.
    pub says: Option<String>,
    /// The exercises with a probe.
    pub probes: Vec<Probed>,
    /// What waits for marks by hand, or has them.
    pub manual: Vec<Manual>,
    /// What was odd, such as `copied-cell: ID`.
    pub flags: Vec<String>,
    /// What the result depends on.
    pub receipt: Receipt,
}

/// How far a submission has been graded.
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
    /// The exercise's cell.
    pub id: String,
    pub points: f64,
    pub earned: f64,
    /// How many answers are right.
    pub right: usize,
    /// How many were asked for.
    pub of: usize,
    pub outcome: Outcome,
    /// A sentence for the student.
    pub says: String,
}

/// What became of an exercise.
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
    /// The cell of the answer.
    pub id: String,
    /// What to look for; empty where the rubric does not say.
    pub criterion: String,
    pub points: f64,
    pub earned: Option<f64>,
    pub answer: String,
}

/// What the result depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The name and version of this command.
    pub grader: String,
    pub toolchain: String,
    pub cpu: String,
    /// What made the box.
    pub sandbox: String,
    /// What the box might use, in seconds and bytes.
    pub limits: BTreeMap<String, u64>,
    /// Identifies the seed without revealing it.
    pub seed_id: String,
    pub submission_sha256: String,
    /// Of all that stands above, under the release's secret.
    pub mac: String,
}

impl GradeResult {
    /// The points that are known so far.
    pub fn earned(&self) -> f64 {
        let probes = self.probes.iter().map(|probe| probe.earned);
        let manual = self.manual.iter().filter_map(|manual| manual.earned);
        probes.chain(manual).sum()
    }

    /// The points that can be had.
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

    /// What it was graded with; others are worth comparing only if it is the same.
    pub fn conditions(&self) -> String {
        let Receipt {
            grader,
            toolchain,
            sandbox,
            limits,
            ..
        } = &self.receipt;
        // How many processes there may be goes with the machine.
        let limits = limits.iter().filter(|(name, _)| *name != "processes");
        let limits: Vec<_> = limits
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        format!(
            "{grader} with Rust {toolchain} in boxes by {sandbox}, release {}, run {}, {}",
            self.release,
            self.run,
            limits.join(", ")
        )
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

#[cfg(test)]
impl GradeResult {
    /// One whose probe has earned half of its points.
    pub fn example() -> Self {
        Self {
            schema: SCHEMA,
            submission: "ada".to_owned(),
            lab: "09".to_owned(),
            release: String::new(),
            run: String::new(),
            state: State::GraderError,
            says: None,
            probes: vec![Probed {
                id: "double".to_owned(),
                points: 2.0,
                earned: 1.0,
                right: 1,
                of: 2,
                outcome: Outcome::Wrong,
                says: "1 of 2 answers are right.".to_owned(),
            }],
            manual: vec![],
            flags: vec![],
            receipt: Receipt {
                grader: String::new(),
                toolchain: String::new(),
                cpu: String::new(),
                sandbox: String::new(),
                limits: BTreeMap::new(),
                seed_id: String::new(),
                submission_sha256: String::new(),
                mac: String::new(),
            },
        }
    }
}
