//! A lab of two exercises and a question, released, and submissions that answer it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::common::{Desk, Run};

pub fn cell(kind: &str, id: &str, tag: &str, source: &str) -> Value {
    let mut cell = json!({
        "cell_type": kind, "id": id, "metadata": {"tags": [tag]}, "source": source,
    });
    if kind == "code" {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
    cell
}

pub fn double(body: &str) -> String {
    format!("fn double(x: f64) -> cuaderno::Result<f64> {{\n    {body}\n}}")
}

pub fn largest(body: &str) -> String {
    format!("fn largest(list: &[f64]) -> cuaderno::Result<f64> {{\n    {body}\n}}")
}

/// What a cell may take where some never end: enough for the compiler beside them, on two cores.
pub const SECONDS: &str = "25";

pub const STUB_OF_DOUBLE: &str = "unsolved(\"double `x`\")";
pub const STUB_OF_LARGEST: &str = "unsolved(\"the largest number\")";
pub const BEST: &str = "Ok(list.iter().copied().fold(f64::NEG_INFINITY, f64::max))";

fn lab() -> Value {
    let cells = [
        cell("code", "profile", "profile", "use cuaderno::prelude::*;"),
        cell("code", "double", "exercise", &double(STUB_OF_DOUBLE)),
        cell(
            "code",
            "double-solution",
            "solution",
            &double("let twice = 2.0 * x;\n    Ok(twice)"),
        ),
        cell(
            "code",
            "double-check",
            "check",
            "cuaderno::lab::check_close(\"3\", double(3.0)?, 6.0, 1e-9, \"add\")?;",
        ),
        cell(
            "raw",
            "double-probe",
            "probe",
            "cuaderno::lab::probe(|rng| rng.between(-5.0, 5.0), |x| double(x))?; // canary-probe",
        ),
        cell("raw", "double-mistake", "mistake", &double("Ok(x)")),
        cell("code", "largest", "exercise", &largest(STUB_OF_LARGEST)),
        cell("code", "largest-solution", "solution", &largest(BEST)),
        cell(
            "code",
            "largest-check",
            "check",
            "cuaderno::lab::check_close(\"3\", largest(&[1.0, 3.0])?, 3.0, 1e-9, \"max\")?;",
        ),
        cell(
            "raw",
            "largest-probe",
            "probe",
            "cuaderno::lab::probe(|rng| (0..4).map(|_| rng.between(-5.0, 5.0)).collect::<Vec<_>>(),
                |list| largest(&list))?;",
        ),
        cell("raw", "largest-mistake", "mistake", &largest("Ok(list[0])")),
        cell("markdown", "why", "answer", "*Your answer:*"),
    ];
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
}

/// The lab's release, made once for all tests: the students' version, and `release.json`.
static RELEASE: LazyLock<(Value, Vec<u8>)> = LazyLock::new(|| {
    let desk = Desk::new();
    let (path, out) = (desk.0.path().join("lab.ipynb"), desk.0.path().join("out"));
    fs::write(&path, lab().to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.arg("release").arg(&path).arg("--out").arg(&out);
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.status, Some(0), "{}", run.text);
    let students = fs::read_to_string(out.join("students/lab.ipynb")).unwrap();
    (
        serde_json::from_str(&students).unwrap(),
        fs::read(out.join("release.json")).unwrap(),
    )
});

/// A folder with a release and a folder of submissions.
pub struct Course {
    pub desk: Desk,
    pub submissions: PathBuf,
}

impl Course {
    /// One that has the lab's release and no submissions yet.
    pub fn new() -> Self {
        let course = Self::without_release();
        fs::write(course.release(), &RELEASE.1).unwrap();
        course
    }

    pub fn without_release() -> Self {
        let desk = Desk::new();
        let submissions = desk.0.path().join("submissions");
        fs::create_dir(&submissions).unwrap();
        Self { desk, submissions }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.desk.0.path().join(name)
    }

    pub fn release(&self) -> PathBuf {
        self.at("release.json")
    }

    /// Adds a submission with these answers, changed.
    pub fn add(&self, name: &str, answers: [&str; 2], change: impl FnOnce(&mut Vec<Value>)) {
        let mut notebook = RELEASE.0.clone();
        let cells = notebook["cells"].as_array_mut().unwrap();
        for cell in &mut *cells {
            match cell["id"].as_str().unwrap() {
                "double" => cell["source"] = json!(answers[0]),
                "largest" => cell["source"] = json!(answers[1]),
                _ => {}
            }
        }
        change(cells);
        fs::write(self.submissions.join(name), notebook.to_string()).unwrap();
    }

    pub fn grade(&self, submissions: &Path, out: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command.arg("grade").arg(submissions).arg("--out").arg(out);
        command.arg("--release").arg(self.release()).args(arguments);
        command.env("CUADERNO_CANARY", "canary-environment");
        command
    }

    /// Grades all submissions; `status` is how that should end.
    #[track_caller]
    pub fn graded(&self, out: &Path, arguments: &[&str], status: i32) -> Run {
        let mut command = self.grade(&self.submissions, out, arguments);
        let run = Run::new(command.output().unwrap());
        assert_eq!(run.status, Some(status), "{}", run.text);
        run
    }

    pub fn grades(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command
            .args(["grades", subcommand, "--release"])
            .arg(self.release());
        command
    }
}

/// How many submissions to grade at a time: two where there is memory for two boxes.
pub fn jobs() -> &'static str {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let total = text.split_whitespace().nth(1).unwrap();
    match total.parse::<u64>().unwrap() >= 14 << 20 {
        true => "2",
        false => "1",
    }
}

/// The results by name.
pub fn results(out: &Path) -> BTreeMap<String, Value> {
    let entries = fs::read_dir(out.join("results")).unwrap().flatten();
    let results = entries.map(|entry| fs::read_to_string(entry.path()).unwrap());
    let named = results.map(|text| {
        let result: Value = serde_json::from_str(&text).unwrap();
        (result["submission"].as_str().unwrap().to_owned(), result)
    });
    named.collect()
}
