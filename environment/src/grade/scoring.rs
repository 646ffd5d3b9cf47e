//! A submission's result: what the box answered, held against what the solution answers.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use cuaderno_protocol::answers::{self, Answer};

use super::examination::{Examined, Room};
use super::examiner::{self, Asked, Task};
use super::result::{Manual, Outcome, Probed};
use super::submission::{Answers, function, signature};
use crate::probe::{Standard, question};
use crate::release::{Manifest, ReleasedExercise, ReleasedLab};
use crate::sandbox::End;

/// A lab with what its solution answers in this run.
pub struct Reference<'a> {
    lab: &'a ReleasedLab,
    asked: Vec<Asked>,
    /// Those of each probe.
    standards: Vec<Standard>,
    seconds: u64,
}

impl<'a> Reference<'a> {
    /// Asks the solution.
    ///
    /// # Errors
    /// If it has no proper answer to every question, or one that needs no thought. Without it nobody
    /// can be graded.
    pub fn of(
        manifest: &Manifest,
        lab: &'a ReleasedLab,
        run: &str,
        room: &Room,
        seconds: u64,
    ) -> Result<Self> {
        // With the number of the solution's cell, before which the profile runs.
        let probes = || {
            let numbered = (1..).zip(&lab.exercises);
            numbered.filter_map(|(cell, it)| Some((cell, it, it.probe.as_ref()?)))
        };
        let asked = |describe| {
            let asked = probes().map(|(_, _, probe)| Asked {
                source: probe.source.clone(),
                question: question(&manifest.secret, run, probe, describe).to_text(),
            });
            asked.collect::<Vec<Asked>>()
        };
        let solutions = lab
            .exercises
            .iter()
            .map(|exercise| exercise.solution.clone());
        let task = Task {
            cells: [lab.profile.clone()].into_iter().chain(solutions).collect(),
            probes: asked(true),
            crates: room.crates(&lab.file),
            seconds,
        };
        let examined = room
            .examine(&task)
            .context("the solution could not be asked")?;
        let other = "give another name with --run, which draws other questions";
        let mut standards = Vec::new();
        for ((cell, exercise, probe), found) in probes().zip(&examined.probes) {
            let id = &probe.id;
            let (outcome, bytes) = found.as_ref().context("the solution was not asked all")?;
            let standard = Standard::of(probe, &lab.source(&exercise.check), bytes);
            let runs = |outcome| outcome == Some(examiner::Outcome::Ran);
            // Other questions would be of no help.
            ensure!(
                standard.is_ok()
                    || runs(examined.cells[0])
                        && runs(examined.cells[cell])
                        && *outcome != examiner::Outcome::Compile,
                "the solution of `{}` or its probe `{id}` does not run here; release {} again with \
                 this version of the workbook, which says why",
                exercise.id,
                lab.file
            );
            let standard =
                standard.map_err(|why| anyhow!("the solution {why} in the run {run}; {other}"))?;
            ensure!(
                standard.chance() < standard.cases(),
                "all {} answers to the probe `{id}` in the run {run} can be had without a thought; \
                 {other}",
                standard.cases()
            );
            standards.push(standard);
        }
        Ok(Self {
            lab,
            asked: asked(false),
            standards,
            seconds,
        })
    }

    /// What each exercise earns, asked in a box.
    ///
    /// # Errors
    /// If the grader fails.
    pub fn score(&self, answers: &Answers, room: &Room) -> Result<Vec<Probed>> {
        let own = answers.cells.iter().cloned();
        let task = Task {
            cells: [self.lab.profile.clone()].into_iter().chain(own).collect(),
            probes: self.asked.clone(),
            crates: room.crates(&self.lab.file),
            seconds: self.seconds,
        };
        let examined = room.examine(&task)?;
        ensure!(
            examined.cells.first() == Some(&Some(examiner::Outcome::Ran))
                || examined.cut_short.is_some(),
            "the profile cell did not run"
        );
        let exercises = self.lab.exercises.iter().filter(|it| it.probe.is_some());
        let numbered = exercises.enumerate();
        Ok(numbered
            .map(|(number, it)| self.probed(number, it, answers, &examined))
            .collect())
    }

    fn probed(
        &self,
        number: usize,
        exercise: &ReleasedExercise,
        answers: &Answers,
        examined: &Examined,
    ) -> Probed {
        let standard = &self.standards[number];
        let of = standard.cases();
        let result = |right: usize, outcome, says: String| Probed {
            id: exercise.id.clone(),
            points: exercise.points,
            earned: standard.earned(exercise.points, right),
            right,
            of,
            outcome,
            says,
        };
        let name = function(&exercise.stub).unwrap_or(&exercise.id);
        let Some(code) = answers.code.get(&exercise.id) else {
            let says = format!("There is no code cell with the function `{name}`.");
            return result(0, Outcome::Missing, says);
        };
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        if bare(code) == bare(&exercise.stub) {
            return result(0, Outcome::Missing, format!("`{name}` is not solved yet."));
        }
        let Some((outcome, bytes)) = &examined.probes[number] else {
            let says = match examined.cut_short {
                Some(End::Memory) => "The notebook takes more memory than it may.",
                _ => "The notebook starts more processes than it may.",
            };
            return result(0, Outcome::Memory, says.to_owned());
        };
        let found = answers::decode(bytes, of);
        let right = standard.right(&found);
        let panic = found.iter().find_map(|answer| match answer {
            Answer::Panic(_) => Some(()),
            _ => None,
        });
        let share = format!("{right} of {of} answers are right");
        match outcome {
            _ if right == of => result(
                right,
                Outcome::Right,
                format!("All {of} answers are right."),
            ),
            examiner::Outcome::Compile if found.is_empty() => {
                let (theirs, ours) = (signature(code, name), signature(&exercise.stub, name));
                let says = match (theirs, ours) {
                    (Some(theirs), Some(ours)) if bare(&theirs) != bare(&ours) => {
                        format!("`{name}` should be `{ours}`, but it is `{theirs}`.")
                    }
                    _ => format!("`{name}` does not compile: run its cell and the check below it."),
                };
                result(0, Outcome::Compile, says)
            }
            examiner::Outcome::Time => result(
                right,
                Outcome::Time,
                format!("{share}; then `{name}` took too long."),
            ),
            examiner::Outcome::Lost => result(
                right,
                Outcome::Panic,
                format!("{share}; then `{name}` ended the process."),
            ),
            _ if panic.is_some() => result(
                right,
                Outcome::Panic,
                format!("{share}; for some inputs `{name}` panics."),
            ),
            _ => result(right, Outcome::Wrong, format!("{share}.")),
        }
    }
}

/// What of a lab somebody has to mark: answers in words, and exercises without a probe.
pub fn manual(lab: &ReleasedLab, answers: &Answers) -> Vec<Manual> {
    let one = |id: &str, criterion: &str, points: f64, texts: &BTreeMap<String, String>| Manual {
        id: id.to_owned(),
        criterion: criterion.to_owned(),
        points,
        earned: None,
        answer: texts.get(id).cloned().unwrap_or_default(),
    };
    let words = lab.questions.iter().flat_map(|question| {
        let criteria = match question.rubric.is_empty() {
            true => vec![(String::new(), question.points)],
            false => question.rubric.clone(),
        };
        criteria
            .into_iter()
            .map(|(criterion, points)| one(&question.id, &criterion, points, &answers.words))
    });
    let unasked = lab
        .exercises
        .iter()
        .filter(|exercise| exercise.probe.is_none());
    let code =
        unasked.map(|exercise| one(&exercise.id, "no probe", exercise.points, &answers.code));
    words.chain(code).collect()
}
