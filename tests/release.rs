//! The students' versions of labs: every check of every lab is tried with every known answer, and a
//! lab whose checks are wrong is not released.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use common::{Desk, Run, path};

/// Runs the command with these labs; where it put the students' versions.
fn release(desk: &Desk, labs: &[PathBuf], arguments: &[&str]) -> (Run, PathBuf) {
    let out = desk.0.path().join("release");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.arg("release").args(labs).args(arguments);
    command.arg("--out").arg(&out);
    // No data but what is shipped, wherever this test runs.
    command.env("CUADERNO_DATA", desk.0.path().join("no-data"));
    (Run::new(command.output().unwrap()), out)
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn has(cell: &Value, tag: &str) -> bool {
    let tags = cell["metadata"]["tags"].as_array().into_iter().flatten();
    tags.filter_map(Value::as_str).any(|found| found == tag)
}

// Two tests, so that a machine of two cores works on both.
#[test]
fn every_lab_of_even_number_is_released_without_what_is_its_authors_own() {
    labs_are_released(|number| number % 2 == 0);
}

#[test]
fn every_lab_of_odd_number_is_released_without_what_is_its_authors_own() {
    labs_are_released(|number| number % 2 == 1);
}

fn labs_are_released(is_chosen: impl Fn(u32) -> bool) {
    let desk = Desk::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks");
    let entries = fs::read_dir(folder).unwrap();
    let mut labs: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "ipynb"))
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            is_chosen(name[..2].parse().unwrap())
        })
        .collect();
    labs.sort();
    let (run, out) = release(&desk, &labs, &["--nbgrader"]);
    assert_eq!(run.status, Some(0), "{}", run.text);

    let manifest = read(&out.join("release.json"));
    let released = manifest["labs"].as_array().unwrap();
    assert_eq!(released.len(), labs.len());
    for (lab, entry) in labs.iter().zip(released) {
        let cells = read(lab)["cells"].as_array().unwrap().clone();
        let student = read(&out.join("students").join(lab.file_name().unwrap()));
        let is_own = |cell: &&Value| {
            ["solution", "probe", "mistake", "variant"]
                .iter()
                .any(|tag| has(cell, tag))
        };
        let kept: Vec<_> = cells.iter().filter(|cell| !is_own(cell)).collect();
        assert!(kept.len() < cells.len(), "{lab:?} has no known answers");
        let ids = |cells: Vec<&Value>| {
            cells
                .iter()
                .map(|cell| cell["id"].clone())
                .collect::<Vec<_>>()
        };
        let students = student["cells"].as_array().unwrap();
        assert_eq!(ids(students.iter().collect()), ids(kept));

        let exercises = cells.iter().filter(|cell| has(cell, "exercise")).count();
        assert_eq!(entry["exercises"].as_array().unwrap().len(), exercises);
        let graded = |cell: &&Value| cell["metadata"]["nbgrader"]["grade"] == true;
        let questions = entry["questions"].as_array().unwrap().len();
        assert_eq!(
            students.iter().filter(graded).count(),
            exercises + questions
        );
    }
}

fn cell(kind: &str, tag: &str, source: &str) -> Value {
    let mut cell = json!({
        "cell_type": kind, "id": format!("{tag}-cell"), "metadata": {"tags": [tag]}, "source": source,
    });
    if kind == "code" {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
    cell
}

/// A lab of one exercise: to double a number.
fn lab(desk: &Desk, name: &str, change: impl Fn(&mut Vec<Value>)) -> PathBuf {
    let double =
        |body: &str| format!("fn double(x: f64) -> cuaderno::Result<f64> {{\n    {body}\n}}");
    let mut cells = vec![
        cell("code", "profile", "use cuaderno::prelude::*;"),
        cell("code", "exercise", &double("unsolved(\"double `x`\")")),
        cell(
            "code",
            "solution",
            &double("let twice = 2.0 * x;\n    Ok(twice)"),
        ),
        cell(
            "code",
            "check",
            "cuaderno::lab::check_close(\"double of 3\", double(3.0)?, 6.0, 1e-9, \"add it to itself\")?;",
        ),
        cell("raw", "mistake", &double("Ok(x)")),
        cell("raw", "variant", &double("Ok(x + x)")),
        cell(
            "raw",
            "probe",
            "cuaderno::lab::probe(|rng| rng.between(1.0, 9.0), |x| double(x))?;",
        ),
    ];
    change(&mut cells);
    let lab = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let path = desk.0.path().join(name);
    fs::write(&path, lab.to_string()).unwrap();
    path
}

#[test]
fn a_lab_whose_checks_are_wrong_is_not_released() {
    let desk = Desk::new();
    let text = |tag: usize, from: &'static str, to: &'static str| {
        move |cells: &mut Vec<Value>| {
            let source = cells[tag]["source"].as_str().unwrap();
            assert!(source.contains(from));
            cells[tag]["source"] = json!(source.replace(from, to));
        }
    };
    let labs = [
        lab(&desk, "right.ipynb", |_| {}),
        lab(&desk, "mistake.ipynb", text(4, "Ok(x)", "Ok(x.abs() + x)")),
        lab(&desk, "variant.ipynb", text(5, "x + x", "x + x + 1e-3")),
        lab(&desk, "solution.ipynb", text(2, "2.0 * x", "2 * x")),
        lab(
            &desk,
            "stub.ipynb",
            text(1, "unsolved(\"double `x`\")", "Ok(6.0)"),
        ),
        lab(&desk, "panic.ipynb", text(4, "Ok(x)", "panic!(\"at 3\")")),
        lab(&desk, "profile.ipynb", text(0, "prelude", "preludes")),
        lab(
            &desk,
            "same.ipynb",
            text(6, "double(x)", "double(x).map(f64::signum)"),
        ),
        lab(&desk, "echo.ipynb", text(6, "double(x)", "double(x / 2.0)")),
        lab(
            &desk,
            "public.ipynb",
            text(6, "rng.between(1.0, 9.0)", "{ rng.below(9); 3.0 }"),
        ),
        lab(&desk, "kept.ipynb", |cells| {
            cells[4]["source"] = json!(
                cells[4]["source"]
                    .as_str()
                    .unwrap()
                    .replace("Ok(x)", "Ok(if x == 3.0 { 0.0 } else { 2.0 * x })",)
            );
        }),
    ];
    let (run, out) = release(&desk, &labs, &[]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    assert!(!out.exists());
    let errors: Vec<_> = run
        .text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    let expected = [
        "mistake.ipynb: `mistake-cell` of `exercise-cell` is wrong, but the check passes",
        "variant.ipynb: `variant-cell` of `exercise-cell` is right, but the check says: double of 3 is 6.001",
        "solution.ipynb: `solution-cell` of `exercise-cell` gets no verdict: CompileError: ",
        "stub.ipynb: `exercise-cell`, unsolved, passes its check",
        "panic.ipynb: `mistake-cell` of `exercise-cell` gets no verdict: Panic: The cell panicked: at 3",
        "profile.ipynb: its profile cell fails: CompileError: ",
        "same.ipynb: `solution-cell` of `exercise-cell` answers the probe `probe-cell` in 32 of 32 cases",
        "echo.ipynb: `solution-cell` of `exercise-cell` answers the probe `probe-cell` in 32 of 32 cases",
        "public.ipynb: `solution-cell` of `exercise-cell` answers the probe `probe-cell` in 32 of 32 cases",
        "kept.ipynb: `mistake-cell` of `exercise-cell` is wrong, but earns 1 of a point with the probe",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error["error: ".len()..].starts_with(expected), "{error}");
    }
}

#[test]
fn a_lab_that_misses_a_part_or_tells_a_solution_is_refused() {
    let desk = Desk::new();
    let refused = |change: &dyn Fn(&mut Vec<Value>)| {
        let lab = lab(&desk, "lab.ipynb", change);
        let (run, out) = release(&desk, &[lab], &[]);
        assert_eq!(run.status, Some(1), "{}", run.text);
        assert!(!out.exists());
        run.text
    };
    let without = |place: usize| refused(&|cells| drop(cells.remove(place)));
    assert!(without(0).contains("lab.ipynb: no cell has the tag `profile`"));
    assert!(
        without(2)
            .contains("the exercise `exercise-cell` has no solution; add a cell tagged `solution`")
    );
    assert!(without(3).contains("the exercise `exercise-cell` has no check"));
    assert!(without(4).contains("has no mistakes, so nothing shows that its check can fail"));
    let told = refused(&|cells| {
        cells.push(cell(
            "markdown",
            "remark",
            "As in `let twice = 2.0 * x;   Ok(twice)`.",
        ));
    });
    assert!(
        told.contains("the cell `remark-cell` tells the solution `solution-cell`"),
        "{told}"
    );
    let points = refused(&|cells| cells[3]["metadata"]["cuaderno"] = json!({"points": -1}));
    assert!(
        points.contains("the points of `check-cell` are -1, but they must be a number above 0")
    );
}

#[test]
fn a_release_never_replaces_its_lab() {
    let desk = Desk::new();
    fs::create_dir(desk.0.path().join("students")).unwrap();
    let lab = lab(&desk, "students/lab.ipynb", |_| {});
    let before = fs::read(&lab).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command
        .arg("release")
        .arg(&lab)
        .arg("--out")
        .arg(desk.0.path());
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.status, Some(1));
    run.says(&format!(
        "would replace the lab {} itself; give another folder with --out",
        path(&lab)
    ));
    assert_eq!(fs::read(&lab).unwrap(), before);
}
