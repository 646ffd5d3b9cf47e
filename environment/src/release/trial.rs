//! Every known answer to an exercise, tried with its check and its probe.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use cuaderno_protocol::answers as probed;

use super::lab::{Exercise, Lab};
use crate::engine::{EngineThread, Failure};
use crate::probe::{Probe, Standard, question};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How the error of `cuaderno::lab::unsolved` begins.
const UNSOLVED: &str = "This exercise is not solved yet: ";

/// What a check made of an answer.
enum Outcome {
    Passed,
    /// With this sentence.
    Rejected(String),
    /// The answer did not get as far as a verdict, for this reason.
    Broken(String),
}

/// A trial of all known answers of labs.
pub struct Trial<'a> {
    engine: &'a mut EngineThread,
    /// The folder in which probes find their question and leave their answers.
    asked: &'a Path,
}

/// The known answers are tried with the same questions every time.
const REHEARSAL: &str = "rehearsal";
/// A wrong answer may earn this part of the points, for what it gets right.
const MOST_OF_A_MISTAKE: f64 = 0.5;

impl<'a> Trial<'a> {
    /// A trial on `engine`, whose probes find their question in the folder `asked`.
    pub fn new(engine: &'a mut EngineThread, asked: &'a Path) -> Self {
        Self { engine, asked }
    }

    /// What the checks and probes of a lab get wrong, a sentence each.
    ///
    /// # Errors
    /// If the engine cannot begin anew, or the question of a probe cannot be written.
    pub fn faults(&mut self, lab: &Lab, folder: &Path) -> Result<Vec<String>> {
        self.engine.reset(folder)?;
        if let Outcome::Rejected(why) | Outcome::Broken(why) = outcome(self.engine, &lab.profile) {
            return Ok(vec![format!("its profile cell fails: {why}")]);
        }
        let mut faults = Vec::new();
        for exercise in &lab.exercises {
            let found = self.faults_of(exercise)?;
            let named = found.into_iter().map(|(answer, fault)| match answer {
                Some(answer) => format!("`{answer}` of `{}` {fault}", exercise.id),
                None => format!("`{}`, unsolved, {fault}", exercise.id),
            });
            faults.extend(named);
        }
        Ok(faults)
    }

    fn faults_of(&mut self, exercise: &Exercise) -> Result<Vec<(Option<String>, String)>> {
        let mut faults = Vec::new();
        let mut solution = None;
        for (number, answer) in exercise.answers.iter().enumerate() {
            let (outcome, bytes) = self.checked(exercise, &answer.source)?;
            let name = Some(answer.id.clone());
            let fault = match (outcome, answer.is_right) {
                (Outcome::Passed, true) | (Outcome::Rejected(_), false) => None,
                (Outcome::Passed, false) => Some("is wrong, but the check passes".to_owned()),
                (Outcome::Rejected(why), true) => {
                    Some(format!("is right, but the check says: {why}"))
                }
                (Outcome::Broken(why), _) => Some(format!("gets no verdict: {why}")),
            };
            let is_whole = fault.is_none();
            faults.extend(fault.map(|fault| (name.clone(), fault)));
            // The solution comes first. Where it fails, nothing can be said of the others.
            if number == 0 && !is_whole {
                return Ok(faults);
            }
            let Some(probe) = exercise.probe.as_ref().filter(|_| is_whole) else {
                continue;
            };
            let fault = match &solution {
                None => match standard(probe, &exercise.check.source, &bytes) {
                    Ok(found) => {
                        solution = Some(found);
                        None
                    }
                    Err(fault) => return Ok(vec![(name, fault)]),
                },
                Some(solution) => unfair(part(solution, &bytes), answer.is_right, &probe.id),
            };
            faults.extend(fault.map(|fault| (name, fault)));
        }
        let (outcome, bytes) = self.checked(exercise, &exercise.stub)?;
        let fault = match outcome {
            Outcome::Rejected(why) if why.starts_with(UNSOLVED) => {
                let earned = solution.map_or(0.0, |solution| part(&solution, &bytes));
                (earned > 0.0).then(|| "earns points with its probe".to_owned())
            }
            Outcome::Passed => Some("passes its check".to_owned()),
            Outcome::Rejected(why) | Outcome::Broken(why) => Some(format!(
                "does not say that it is to do (`unsolved(\"…\")`), but: {why}"
            )),
        };
        faults.extend(fault.map(|fault| (None, fault)));
        Ok(faults)
    }

    /// The answer, asked by the probe and then checked; what the check makes of it and what the
    /// probe has left.
    fn checked(&mut self, exercise: &Exercise, answer: &str) -> Result<(Outcome, Vec<u8>)> {
        let answers = self.asked.join(probed::ANSWERS);
        // Mostly there are none.
        let _ = std::fs::remove_file(&answers);
        let mut ask = "";
        if let Some(probe) = &exercise.probe {
            let question = question(REHEARSAL, REHEARSAL, probe, true);
            std::fs::write(self.asked.join(probed::QUESTION), question.to_text())?;
            ask = &probe.source;
        }
        let code = format!("{answer}\n{ask}\n{}", exercise.check.source);
        let outcome = outcome(self.engine, &code);
        Ok((outcome, std::fs::read(&answers).unwrap_or_default()))
    }
}

/// Reads the solution's answers to the probe of an exercise.
///
/// # Errors
/// Why they are none to compare others with.
fn standard(probe: &Probe, check: &str, bytes: &[u8]) -> Result<Standard, String> {
    let standard = Standard::of(probe, check, bytes)?;
    let (id, chance, cases) = (&probe.id, standard.chance(), standard.cases());
    if 2 * chance > cases {
        return Err(format!(
            "answers the probe `{id}` in {chance} of {cases} cases as one can without a thought \
             (always the same, a part of the input, or what the check shows); draw other inputs"
        ));
    }
    Ok(standard)
}

/// The part of the points that the answers earn.
fn part(standard: &Standard, bytes: &[u8]) -> f64 {
    let found = probed::decode(bytes, standard.cases());
    standard.earned(1.0, standard.right(&found))
}

/// What is wrong with the part of a point that an answer earns.
fn unfair(part: f64, is_right: bool, id: &str) -> Option<String> {
    if is_right && part < 1.0 {
        return Some(format!(
            "is right, but earns {part} of a point with the probe `{id}`"
        ));
    }
    (!is_right && part > MOST_OF_A_MISTAKE).then(|| {
        format!(
            "is wrong, but earns {part} of a point with the probe `{id}`; draw inputs that tell"
        )
    })
}

fn outcome(engine: &mut EngineThread, code: &str) -> Outcome {
    let silent = Box::new(|_: &_| {});
    let result = engine.execute(code, None, Some(LIMIT), &|_, _| None, silent);
    match result.failure {
        None => Outcome::Passed,
        Some(Failure {
            name: "Error",
            value,
            ..
        }) => Outcome::Rejected(value),
        Some(failure) => Outcome::Broken(format!("{}: {}", failure.name, failure.value)),
    }
}
