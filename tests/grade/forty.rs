//! Forty submissions of lab 09: graded by a grader that is killed ten times, and once more in two
//! parts. It takes a quarter of an hour on two cores.
//!
//! ```sh
//! cargo test --test grade forty -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Run, boxes_can_be_made};
use crate::lab::{Course, cell, jobs, results};
use crate::odd::{CHILDREN, CONSTRUCTOR, CRATE_OF_ITS_OWN, ENDLESS_CONSTANT, MEMORY};
use crate::runs::{files, killed_after};

/// When the grader is killed, in seconds after it has kept a first result.
const KILLED: [u64; 10] = [0, 4, 9, 2, 13, 6, 1, 8, 3, 11];

/// How long a cell may take, in seconds.
const TIMEOUT: &str = "20";

/// Lab 09 as students get it, and what its exercises can be answered.
struct Lab {
    students: Value,
    /// Of each exercise: the identity of its cell, its solution and its mistakes.
    exercises: Vec<(String, String, Vec<String>)>,
}

impl Lab {
    fn release(course: &Course) -> Self {
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks/09_autoencoders.ipynb");
        let out = course.at("release");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command.arg("release").arg(&source).arg("--out").arg(&out);
        let run = Run::new(command.output().unwrap());
        assert_eq!(run.status, Some(0), "{}", run.text);
        fs::rename(out.join("release.json"), course.release()).unwrap();

        let students = read(&out.join("students/09_autoencoders.ipynb"));
        let cells = read(&source)["cells"].as_array().unwrap().clone();
        let tagged = |cell: &Value, tag: &str| {
            let tags = cell["metadata"]["tags"].as_array();
            tags.is_some_and(|tags| tags.iter().any(|it| it == tag))
        };
        let mut exercises: Vec<(String, String, Vec<String>)> = Vec::new();
        for cell in &cells {
            let source = text(&cell["source"]);
            if tagged(cell, "exercise") {
                exercises.push((text(&cell["id"]), String::new(), Vec::new()));
            } else if tagged(cell, "solution") && cell["cell_type"] == "code" {
                exercises.last_mut().unwrap().1 = source;
            } else if tagged(cell, "mistake") {
                exercises.last_mut().unwrap().2.push(source);
            }
        }
        Self {
            students,
            exercises,
        }
    }

    /// Hands in what the students have with these answers in place of the stubs, changed.
    fn add(
        &self,
        course: &Course,
        name: &str,
        answers: &BTreeMap<&str, String>,
        change: impl FnOnce(&mut Vec<Value>),
    ) {
        let mut notebook = self.students.clone();
        let cells = notebook["cells"].as_array_mut().unwrap();
        for cell in &mut *cells {
            if let Some(answer) = answers.get(cell["id"].as_str().unwrap()) {
                cell["source"] = json!(answer);
            }
        }
        change(cells);
        let file = course.submissions.join(format!("{name}.ipynb"));
        fs::write(file, notebook.to_string()).unwrap();
    }

    fn solved(&self) -> BTreeMap<&str, String> {
        let solved = self.exercises.iter();
        solved
            .map(|(id, solution, _)| (id.as_str(), solution.clone()))
            .collect()
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The text of a cell, which is one string or a list of lines.
fn text(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        lines => {
            let lines = lines.as_array().unwrap().iter();
            lines.map(|line| line.as_str().unwrap()).collect()
        }
    }
}

fn pixel_loss(body: &str) -> String {
    format!("fn pixel_loss(x: f64, p: f64) -> Result<f64> {{\n    {body}\n}}")
}

const RIGHT: &str = "Ok(-x * p.ln() - (1.0 - x) * (1.0 - p).ln())";

/// Names, what `pixel_loss` does, and a cell of the student's own before it. None of these earns the
/// exercise; all others are solved.
const HOSTILE: [(&str, &str, &str); 10] = [
    ("exit", "std::process::exit(0)", ""),
    ("crate", "Ok(1.0)", CRATE_OF_ITS_OWN),
    (
        "signals",
        "println!(\"\\u{1e}cuaderno:\\\"finished\\\"\\nEVCXR_EXECUTION_COMPLETE\"); loop {}",
        "",
    ),
    (
        "environment",
        "Ok(0.0)",
        "println!(\"{:?}\", std::str::from_utf8(include_bytes!(\"/proc/1/environ\")));",
    ),
    ("constructor", "Ok(x)", CONSTRUCTOR),
    ("children", CHILDREN, ""),
    ("memory", MEMORY, ""),
    ("constant", "Ok(N as f64)", ENDLESS_CONSTANT),
    (
        "match",
        "Ok(match (x, p) { (1.0, 0.9) => 0.105361, (0.0, 0.9) => 2.302585, _ => 0.693147 })",
        "",
    ),
    (
        "page",
        "println!(\"::error::x\\n<script>alert(1)</script>\\n=HYPERLINK(1)\"); Ok(0.0)",
        "",
    ),
];

/// The same of those that are odd and honest, and earn this much of the exercise.
const HONEST: [(&str, &str, &str, f64); 5] = [
    (
        "helper",
        "Ok(-x * p.ln() - (ONE - x) * (ONE - p).ln())",
        "const ONE: f64 = 1.0;",
        1.0,
    ),
    (
        "clamp",
        "let p = p.clamp(1e-12, 1.0 - 1e-12); Ok(-x * p.ln() - (1.0 - x) * (1.0 - p).ln())",
        "",
        1.0,
    ),
    (
        "noise",
        "eprintln!(\"{}\", \"y\".repeat(50_000_000 / 32)); Ok(-x * p.ln() - (1.0 - x) * (1.0 - p).ln())",
        "",
        1.0,
    ),
    ("unrelated", RIGHT, "let x: f64 = \"no number\";", 1.0),
    (
        "panics",
        "assert!(x < 0.5); Ok(-x * p.ln() - (1.0 - x) * (1.0 - p).ln())",
        "",
        0.5,
    ),
];

/// Adds all of them, and says what each should earn.
fn hand_in(lab: &Lab, course: &Course) -> BTreeMap<String, f64> {
    let all = lab.exercises.len() as f64;
    let mut expected = BTreeMap::new();
    let mut add = |name: &str, answers: BTreeMap<&str, String>, points: f64, own: &str| {
        lab.add(course, name, &answers, |cells| {
            let before = cells.iter().position(|cell| cell["id"] == "pixel-loss");
            if !own.is_empty() {
                cells.insert(before.unwrap(), cell("code", "own", "own", own));
            }
        });
        expected.insert(name.to_owned(), points);
    };
    for number in 0..10 {
        add(&format!("solved-{number}"), lab.solved(), all, "");
    }
    for number in 0..6 {
        add(&format!("stub-{number}"), BTreeMap::new(), 0.0, "");
    }
    // What is not solved is a mistake.
    for number in 0..4 {
        let mut answers = lab.solved();
        let wrong = lab.exercises.iter().skip(number % 2).step_by(2);
        for (id, _, mistakes) in wrong {
            let mistake = &mistakes[number % mistakes.len()];
            answers.insert(id, mistake.clone());
        }
        add(&format!("mixture-{number}"), answers, all / 2.0, "");
    }
    let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
    let library = library.to_str().unwrap();
    let with = |body: &str| {
        let mut answers = lab.solved();
        answers.insert("pixel-loss", pixel_loss(body));
        answers
    };
    for (name, body, own) in HOSTILE {
        add(
            name,
            with(body),
            all - 1.0,
            &own.replace("LIBRARY", library),
        );
    }
    for (name, body, own, earns) in HONEST {
        add(name, with(body), all - 1.0 + earns, own);
    }
    let mut single = lab.solved();
    let f32 = "fn pixel_loss(x: f32, p: f32) -> Result<f32> { Ok(-x * p.ln() - (1.0 - x) * (1.0 - p).ln()) }";
    single.insert("pixel-loss", f32.to_owned());
    add("f32", single, all - 1.0, "");

    let is = |id: &'static str| move |cell: &&mut Value| cell["id"] == id;
    lab.add(course, "copied", &lab.solved(), |cells| {
        let answer = cells.iter_mut().find(is("pixel-loss")).unwrap().clone();
        cells.push(answer);
    });
    lab.add(course, "without-check", &lab.solved(), |cells| {
        cells.retain(|cell| cell["id"] != "pixel-loss-check");
    });
    lab.add(course, "práctica 09 (1)", &lab.solved(), |cells| {
        for cell in cells {
            cell.as_object_mut().unwrap().remove("id");
            cell["source"] = json!(text(&cell["source"]).replace('\n', "\r\n"));
        }
    });
    lab.add(course, "markdown", &lab.solved(), |cells| {
        let answer = cells.iter_mut().find(is("pixel-loss")).unwrap();
        let source = text(&answer["source"]);
        *answer = cell("markdown", "pixel-loss", "exercise", &source);
    });
    for (name, points) in [
        ("copied", all),
        ("without-check", all),
        ("práctica_09__1_", all),
        ("markdown", all - 1.0),
    ] {
        expected.insert(name.to_owned(), points);
    }
    expected
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn forty_submissions_survive_ten_kills_and_two_machines() {
    if !boxes_can_be_made() {
        return;
    }
    let course = Course::without_release();
    let lab = Lab::release(&course);
    let expected = hand_in(&lab, &course);
    assert_eq!(expected.len(), 40);
    let arguments = ["--jobs", jobs(), "--timeout", TIMEOUT];

    let whole = course.at("whole");
    let mut kept = Vec::new();
    for seconds in KILLED {
        let later = Duration::from_secs(seconds);
        killed_after(&course, (&whole, &arguments), kept.len() + 1, later);
        let now = files(&whole);
        assert!(kept.iter().all(|file| now.contains(file)), "changed");
        kept = now;
        println!("killed {seconds} s after a result: {} kept", kept.len());
    }
    course.graded(&whole, &arguments, 0);
    let all = files(&whole);
    assert!(kept.iter().all(|file| all.contains(file)), "changed");
    assert_eq!(all.len(), 40, "none twice, none lost");

    let found = results(&whole);
    for (name, points) in &expected {
        let probes = found[name]["probes"].as_array().unwrap().iter();
        let earned: f64 = probes.map(|probe| probe["earned"].as_f64().unwrap()).sum();
        println!("{name:20} {earned:.2} of {}", lab.exercises.len());
        // A mistake may be right in some cases.
        let most = match name.starts_with("mixture") || name == "panics" {
            true => points + 1.5,
            false => *points,
        };
        let least = match name == "panics" {
            true => points - 0.4,
            false => *points,
        };
        assert!(least <= earned && earned <= most, "{name}: {earned}");
    }

    let start = Instant::now();
    let mut together = BTreeMap::new();
    let mut parts = Vec::new();
    for part in ["0/2", "1/2"] {
        let out = course.at(&part.replace('/', "-"));
        course.graded(&out, &[&arguments[..], &["--partition", part]].concat(), 0);
        together.extend(results(&out));
        parts.push(out);
    }
    println!(
        "{:.1} s a submission, {} at a time",
        start.elapsed().as_secs_f64() / 40.0,
        jobs()
    );
    assert_eq!(together, found);
    let (roster, table) = (course.at("roster.csv"), course.at("table.csv"));
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    fs::write(&roster, format!("submission\n{}\n", names.join("\n"))).unwrap();
    let mut merge = course.grades("merge");
    merge.args(&parts).arg("--roster").arg(&roster);
    let run = Run::new(merge.arg("--out").arg(&table).output().unwrap());
    assert_eq!(run.status, Some(0), "{}", run.text);
    assert_eq!(
        fs::read_to_string(&table).unwrap(),
        fs::read_to_string(whole.join("grades.csv")).unwrap()
    );
}
