//! Every known answer to an exercise, tried with its check.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::lab::{Exercise, Lab};
use crate::engine::{EngineThread, Failure};

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

/// What the checks of a lab get wrong, a sentence each.
///
/// # Errors
/// If the engine cannot begin anew.
pub fn faults(engine: &mut EngineThread, lab: &Lab, folder: &Path) -> Result<Vec<String>> {
    engine.reset(folder)?;
    if let Outcome::Rejected(why) | Outcome::Broken(why) = outcome(engine, &lab.profile) {
        return Ok(vec![format!("its profile cell fails: {why}")]);
    }
    let mut faults = Vec::new();
    for exercise in &lab.exercises {
        faults.extend(fault_of_stub(engine, exercise));
        for answer in &exercise.answers {
            let outcome = checked(engine, exercise, &answer.source);
            let fault = match (outcome, answer.is_right) {
                (Outcome::Passed, true) | (Outcome::Rejected(_), false) => continue,
                (Outcome::Passed, false) => "is wrong, but the check passes".to_owned(),
                (Outcome::Rejected(why), true) => format!("is right, but the check says: {why}"),
                (Outcome::Broken(why), _) => format!("gets no verdict: {why}"),
            };
            faults.push(format!("`{}` of `{}` {fault}", answer.id, exercise.id));
        }
    }
    Ok(faults)
}

/// The exercise as it is given compiles, and its check says that it is to do.
fn fault_of_stub(engine: &mut EngineThread, exercise: &Exercise) -> Option<String> {
    let fault = match checked(engine, exercise, &exercise.stub) {
        Outcome::Rejected(why) if why.starts_with(UNSOLVED) => return None,
        Outcome::Passed => "passes its check".to_owned(),
        Outcome::Rejected(why) | Outcome::Broken(why) => {
            format!("does not say that it is to do (`unsolved(\"…\")`), but: {why}")
        }
    };
    Some(format!("`{}`, unsolved, {fault}", exercise.id))
}

fn checked(engine: &mut EngineThread, exercise: &Exercise, answer: &str) -> Outcome {
    outcome(engine, &format!("{answer}\n{}", exercise.check.source))
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
