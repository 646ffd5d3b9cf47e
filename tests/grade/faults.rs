//! What goes wrong on the grader's side is never a zero.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::common::{Desk, Run, boxes_can_be_made, without_boxes};
use crate::lab::Course;

/// Writes a release of one exercise, to halve a number, whose probe and solution are these.
fn release(course: &Course, probe: &str, solution: &str) {
    let probe = json!({"id": "p", "source": probe, "cases": 8, "tolerance": 0.0});
    let exercise = json!({
        "id": "half", "check": "c", "points": 1.0, "stub": "fn half() {}", "solution": solution,
        "probe": probe,
    });
    let lab = json!({
        "file": "a.ipynb", "sha256": "", "profile": "use cuaderno::prelude::*;", "crates": [],
        "exercises": [exercise], "questions": [], "notebook": {"cells": []},
    });
    let manifest = json!({
        "schema": 3, "cuaderno": "", "lock_sha256": "", "secret": "s", "labs": [lab],
    });
    fs::write(course.release(), manifest.to_string()).unwrap();
}

const PROBE: &str = "cuaderno::lab::probe(|rng| rng.below(9), |n| half(n))?;";

/// A course with one submission.
fn course() -> Course {
    let course = Course::without_release();
    let desk = Desk::new();
    let notebook = desk.notebook("a.ipynb", &["fn half() {}"]);
    fs::copy(notebook, course.submissions.join("a.ipynb")).unwrap();
    course
}

#[test]
fn without_a_release_or_a_box_nothing_runs() {
    let course = course();
    course.desk.open_to_all();
    let out = course.at("grades");
    fs::write(course.release(), "{\"schema\": 1}").unwrap();
    let run = course.graded(&out, &[], 2);
    run.says("has schema 1, but this version reads schema 3; release the labs again");
    release(&course, PROBE, "");
    let mut command = course.grade(&course.submissions, &out, &[]);
    let run = Run::new(without_boxes(&mut command).output().unwrap());
    assert_eq!(run.status, Some(4), "{}", run.text);
    run.says("There is no sandbox here, so nothing runs");
    assert!(!out.exists());
}

/// It would end all processes of the user's.
#[test]
fn nothing_is_examined_outside_of_a_box() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    // There is nothing to examine, should it go on.
    let run = Run::new(
        command
            .arg("examine")
            .stdin(Stdio::null())
            .output()
            .unwrap(),
    );
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("`examine` runs only in a box");
}

#[test]
fn a_solution_that_gives_no_standard_is_no_zero() {
    if !boxes_can_be_made() {
        return;
    }
    let course = course();
    let solutions = [
        (
            PROBE,
            "fn half(n: usize) -> Result<f64> { Ok(0.5 / (n - n) as f64) }",
            "the solution answers the probe `p` with numbers that are not finite in the run 1; \
             give another name with --run",
        ),
        (
            "cuaderno::lab::probe(|rng| rng.below(9), |_| half(1))?;",
            "fn half(n: usize) -> Result<usize> { Ok(n / 2) }",
            "all 8 answers to the probe `p` in the run 1 can be had without a thought",
        ),
        (
            PROBE,
            "fn half(n: usize) -> Result<usize> { gone(n) }",
            "the solution of `half` or its probe `p` does not run here; release a.ipynb again",
        ),
    ];
    for (number, (probe, solution, why)) in solutions.into_iter().enumerate() {
        release(&course, probe, solution);
        let out = course.at(&number.to_string());
        course.graded(&out, &[], 3).says(why);
        let table = fs::read_to_string(out.join("grades.csv")).unwrap();
        assert!(table.contains("a,a.ipynb,grader-error,,"), "{table}");
    }
}

#[test]
fn a_notebook_of_another_lab_is_no_zero() {
    if !boxes_can_be_made() {
        return;
    }
    let course = course();
    let desk = Desk::new();
    let other = desk.notebook("b.ipynb", &["fn double() {}"]);
    fs::copy(other, course.submissions.join("a.ipynb")).unwrap();
    release(&course, PROBE, "");
    let out = course.at("grades");
    let run = course.graded(&out, &[], 3);
    run.says("the notebook has 0 of the 1 exercises and questions of a.ipynb");
    let table = fs::read_to_string(out.join("grades.csv")).unwrap();
    assert!(table.contains("a,,unreadable,,"), "{table}");
}

/// As a disk does that is full.
#[test]
fn a_result_that_cannot_be_written_is_no_zero() {
    if !boxes_can_be_made() {
        return;
    }
    let course = course();
    release(&course, PROBE, "");
    // Nothing of it needs a box.
    fs::write(course.submissions.join("a.ipynb"), "{").unwrap();
    let out = course.at("grades");
    course.graded(&out, &[], 3);
    let result = fs::read_dir(out.join("results")).unwrap().next();
    let result = result.unwrap().unwrap().path();
    for file in [&result, &out.join("grades.csv")] {
        fs::remove_file(file).unwrap();
    }
    fs::create_dir(&result).unwrap();
    course.graded(&out, &[], 1).says("cannot be written");
    assert!(!out.join("grades.csv").exists());
}
