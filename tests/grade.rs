//! Submissions that a grader must survive: hostile ones gain nothing, odd ones lose nothing.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use common::{Desk, Run, boxes_can_be_made, path};

fn cell(kind: &str, id: &str, tag: &str, source: &str) -> Value {
    let mut cell = json!({
        "cell_type": kind, "id": id, "metadata": {"tags": [tag]}, "source": source,
    });
    if kind == "code" {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
    cell
}

fn double(body: &str) -> String {
    format!("fn double(x: f64) -> cuaderno::Result<f64> {{\n    {body}\n}}")
}

fn largest(body: &str) -> String {
    format!("fn largest(list: &[f64]) -> cuaderno::Result<f64> {{\n    {body}\n}}")
}

const BEST: &str = "Ok(list.iter().copied().fold(f64::NEG_INFINITY, f64::max))";

/// A lab of two exercises and a question, released; the folder of the release.
fn release(desk: &Desk) -> PathBuf {
    let cells = [
        cell("code", "profile", "profile", "use cuaderno::prelude::*;"),
        cell(
            "code",
            "double",
            "exercise",
            &double("unsolved(\"double `x`\")"),
        ),
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
        cell(
            "code",
            "largest",
            "exercise",
            &largest("unsolved(\"the largest number\")"),
        ),
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
    let lab = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let path = desk.0.path().join("lab.ipynb");
    fs::write(&path, lab.to_string()).unwrap();
    let out = desk.0.path().join("release");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.arg("release").arg(&path).arg("--out").arg(&out);
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.status, Some(0), "{}", run.text);
    out
}

/// A folder of submissions.
struct Submissions {
    folder: PathBuf,
    student: Value,
}

impl Submissions {
    fn new(desk: &Desk, release: &Path) -> Self {
        let folder = desk.0.path().join("submissions");
        fs::create_dir(&folder).unwrap();
        let student = fs::read_to_string(release.join("students/lab.ipynb")).unwrap();
        Self {
            folder,
            student: serde_json::from_str(&student).unwrap(),
        }
    }

    /// One with these answers, changed.
    fn add(&self, name: &str, answers: [&str; 2], change: impl Fn(&mut Value)) {
        let mut notebook = self.student.clone();
        for cell in notebook["cells"].as_array_mut().unwrap() {
            match cell["id"].as_str().unwrap() {
                "double" => cell["source"] = json!(answers[0]),
                "largest" => cell["source"] = json!(answers[1]),
                _ => {}
            }
        }
        change(&mut notebook);
        fs::write(self.folder.join(name), notebook.to_string()).unwrap();
    }

    /// One with a cell of the student's own before all others but the first.
    fn with_cell(&self, name: &str, answers: [&str; 2], own: &str) {
        self.add(name, answers, |notebook| {
            let cells = notebook["cells"].as_array_mut().unwrap();
            cells.insert(1, cell("code", "own", "own", own));
        });
    }
}

fn grade(submissions: &Path, release: &Path, out: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.arg("grade").arg(submissions).arg("--out").arg(out);
    command
        .arg("--release")
        .arg(release.join("release.json"))
        .args(arguments);
    command.env("CUADERNO_CANARY", "canary-environment");
    command
}

/// The results by name.
fn results(out: &Path) -> BTreeMap<String, Value> {
    let entries = fs::read_dir(out.join("results")).unwrap().flatten();
    let results = entries.map(|entry| fs::read_to_string(entry.path()).unwrap());
    let named = results.map(|text| {
        let result: Value = serde_json::from_str(&text).unwrap();
        (result["submission"].as_str().unwrap().to_owned(), result)
    });
    named.collect()
}

#[test]
fn hostile_submissions_gain_nothing_and_odd_ones_lose_nothing() {
    if !boxes_can_be_made() {
        return;
    }
    let desk = Desk::new();
    let release = release(&desk);
    let submissions = Submissions::new(&desk, &release);
    let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
    let before = fs::read(&library).unwrap();

    let stubs = [
        &double("unsolved(\"double `x`\")"),
        &largest("unsolved(\"the largest number\")"),
    ];
    let [stub_of_double, stub_of_largest] = stubs.map(String::as_str);
    let (right_double, right_largest) = (double("Ok(x + x)"), largest(BEST));
    let right = [right_double.as_str(), right_largest.as_str()];
    let half = |body: &str| [double(body), right_largest.clone()];
    let add_half = |name: &str, body: &str| {
        let [one, other] = half(body);
        submissions.add(name, [&one, &other], |_| {});
    };

    submissions.add("a-solution.ipynb", right, |_| {});
    submissions.add("stub.ipynb", [stub_of_double, stub_of_largest], |_| {});
    submissions.add("half.ipynb", [stub_of_double, &right_largest], |_| {});
    fs::write(submissions.folder.join("broken.ipynb"), "{").unwrap();

    // Hostile. The other exercise is right, and what stands around it changes nothing of that.
    add_half("exit.ipynb", "std::process::exit(0)");
    submissions.with_cell(
        "crate.ipynb",
        [&double("Ok(1.0)"), &right_largest],
        "extern crate self as cuaderno;
         pub mod lab {
             pub fn check_close(_: &str, _: f64, _: f64, _: f64, _: &str) -> Result<(), String> { Ok(()) }
         }",
    );
    add_half(
        "signals.ipynb",
        "let done = \"\\u{1e}cuaderno:\\\"finished\\\"\";
         println!(\"{done}\\nEVCXR_EXECUTION_COMPLETE\"); eprintln!(\"{done}\"); loop {}",
    );
    submissions.with_cell(
        "environ.ipynb",
        [
            &double("println!(\"{}\", environ().len()); Ok(0.0)"),
            &right_largest,
        ],
        "fn environ() -> &'static [u8] { include_bytes!(\"/proc/1/environ\") }",
    );
    submissions.with_cell(
        "constructor.ipynb",
        [&double("Ok(x)"), &right_largest],
        &format!(
            "extern \"C\" fn patch() {{ let _ = std::fs::write({library:?}, \"patched\"); }}
             #[unsafe(link_section = \".init_array\")] #[used]
             static PATCH: extern \"C\" fn() = patch;"
        ),
    );
    add_half(
        "children.ipynb",
        "loop { let _ = std::process::Command::new(\"setsid\").args([\"sleep\", \"4712\"]).spawn(); }",
    );
    add_half(
        "memory.ipynb",
        "let mut all = Vec::new(); loop { all.push(vec![1u8; 256 << 20]); }",
    );
    submissions.with_cell(
        "constant.ipynb",
        [&double("Ok(N as f64)"), &right_largest],
        "#[allow(long_running_const_eval)]
         const N: usize = { let mut n = 0; while n < usize::MAX { n += 1; } n };",
    );
    add_half("match.ipynb", "Ok(match x { 3.0 => 6.0, _ => 0.0 })");
    submissions.add(
        "text.ipynb",
        [
            &double("println!(\"::error::x\\n<script>alert(1)</script>\"); Ok(0.0)"),
            &right_largest,
        ],
        |notebook| {
            for cell in notebook["cells"].as_array_mut().unwrap() {
                if cell["id"] == "why" {
                    cell["source"] = json!("=HYPERLINK(\"http://x\")<script>alert(1)</script>");
                }
            }
        },
    );

    // Honest but odd.
    submissions.add("copied.ipynb", right, |notebook| {
        let cells = notebook["cells"].as_array_mut().unwrap();
        let copy = cells
            .iter()
            .find(|cell| cell["id"] == "double")
            .unwrap()
            .clone();
        cells.push(copy);
    });
    submissions.add("no-check.ipynb", right, |notebook| {
        let cells = notebook["cells"].as_array_mut().unwrap();
        cells.retain(|cell| cell["id"] != "double-check");
    });
    submissions.with_cell(
        "helper.ipynb",
        [&double("Ok(TWO * x)"), &right_largest],
        "const TWO: f64 = 2.0;",
    );
    add_half("clamped.ipynb", "Ok(2.0 * x.clamp(-1e12, 1e12))");
    submissions.add(
        "f32.ipynb",
        [
            "fn double(x: f32) -> cuaderno::Result<f32> { Ok(2.0 * x) }",
            &right_largest,
        ],
        |_| {},
    );
    add_half(
        "panics.ipynb",
        "assert!(x > -2.0, \"too small\"); Ok(2.0 * x)",
    );
    add_half(
        "noise.ipynb",
        "eprintln!(\"{}\", \"x\".repeat(50_000_000 / 32)); Ok(2.0 * x)",
    );
    submissions.with_cell("unrelated.ipynb", right, "let x: f64 = \"no number\";");
    submissions.add("práctica 09 (1).ipynb", right, |notebook| {
        notebook["nbformat_minor"] = json!(4);
        for cell in notebook["cells"].as_array_mut().unwrap() {
            cell.as_object_mut().unwrap().remove("id");
            let source = cell["source"]
                .as_str()
                .map(|text| text.replace('\n', "\r\n"));
            if let Some(source) = source {
                cell["source"] = json!(source);
            }
        }
    });
    submissions.add("markdown.ipynb", right, |notebook| {
        for cell in notebook["cells"].as_array_mut().unwrap() {
            if cell["id"] == "double" {
                *cell = json!({
                    "cell_type": "markdown", "id": "double", "metadata": {}, "source": cell["source"],
                });
            }
        }
    });
    submissions.add("z-solution.ipynb", right, |_| {});

    let out = desk.0.path().join("grades");
    let formats = ["--format", "junit,github,gradescope"];
    let arguments = ["--jobs", "2", "--timeout", "10"];
    let mut command = grade(&submissions.folder, &release, &out, &arguments);
    let run = Run::new(command.args(formats).output().unwrap());
    assert_eq!(run.status, Some(3), "one is unreadable: {}", run.text);

    let results = results(&out);
    let earned = |name: &str| -> Vec<f64> {
        let probes = results[name]["probes"].as_array().unwrap().iter();
        probes
            .map(|probe| probe["earned"].as_f64().unwrap())
            .collect()
    };
    let flags = |name: &str| results[name]["flags"].to_string();
    let says = |name: &str| {
        results[name]["probes"][0]["says"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for name in [
        "a-solution",
        "z-solution",
        "copied",
        "no-check",
        "helper",
        "clamped",
        "noise",
        "unrelated",
        "práctica_09__1_",
    ] {
        assert_eq!(earned(name), [1.0, 1.0], "{name}: {}", results[name]);
    }
    assert_eq!(earned("stub"), [0.0, 0.0]);
    for name in [
        "half",
        "exit",
        "signals",
        "environ",
        "constructor",
        "memory",
        "match",
        "text",
        "f32",
        "markdown",
        "constant",
    ] {
        assert_eq!(earned(name), [0.0, 1.0], "{name}: {}", results[name]);
    }
    for name in ["children", "crate"] {
        assert_eq!(earned(name)[0], 0.0, "{name}: {}", results[name]);
    }
    let partial = earned("panics")[0];
    assert!(partial > 0.2 && partial < 0.95, "{partial}");
    assert_eq!(
        results["a-solution"]["probes"],
        results["z-solution"]["probes"]
    );
    assert_eq!(
        results["a-solution"]["state"], "manual",
        "the question waits"
    );
    assert_eq!(results["broken"]["state"], "unreadable");
    assert!(flags("copied").contains("copied-cell: double"));
    assert!(flags("markdown").contains("not-code: double"));
    assert!(
        says("f32").contains("(x: f64) -> cuaderno::Result<f64>"),
        "{}",
        says("f32")
    );
    assert!(
        says("signals").contains("took too long"),
        "{}",
        says("signals")
    );
    assert_eq!(
        fs::read(&library).unwrap(),
        before,
        "the engine is as it was"
    );

    let all = all_text(&out) + &run.text;
    for secret in [
        "canary-probe",
        "canary-environment",
        "let twice",
        "<script>",
    ] {
        // The answer in words is kept as it is, in JSON.
        let found = all.matches(secret).count();
        assert!(
            found == 0 || secret == "<script>" && found == 1,
            "{secret} is in an output"
        );
    }
    let manual = desk.0.path().join("manual.csv");
    let marks = |_: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command
            .args(["grades", "manual"])
            .arg(&out)
            .arg("--csv")
            .arg(&manual);
        command.arg("--release").arg(release.join("release.json"));
        Run::new(command.output().unwrap())
    };
    assert_eq!(marks("out").status, Some(0));
    let table = fs::read_to_string(&manual).unwrap();
    assert!(table.contains("\"'=HYPERLINK"), "{table}");
    let marked = table.replace("a-solution,why,,1,,", "a-solution,why,,1,0.5,");
    assert_ne!(marked, table);
    fs::write(&manual, marked).unwrap();
    assert_eq!(marks("in").status, Some(0));
    assert_eq!(self::results(&out)["a-solution"]["state"], "graded");
}

/// All files of a folder in one text.
fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            text += &all_text(&entry.path());
        } else {
            text += &fs::read_to_string(entry.path()).unwrap();
        }
    }
    text
}

#[test]
fn a_killed_run_goes_on_and_partitions_make_a_whole() {
    if !boxes_can_be_made() {
        return;
    }
    let desk = Desk::new();
    let release = release(&desk);
    let submissions = Submissions::new(&desk, &release);
    let (right, other) = (double("Ok(2.0 * x)"), largest("Ok(list[1])"));
    for name in ["ada.ipynb", "bea.ipynb", "cy.ipynb", "dan.ipynb"] {
        submissions.add(name, [&right, &other], |_| {});
    }
    let whole = desk.0.path().join("whole");
    // Killed at several moments, and then left alone.
    for moment in [2, 9, 13] {
        let mut command = grade(&submissions.folder, &release, &whole, &[]);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let run = Run::new(
        grade(&submissions.folder, &release, &whole, &[])
            .output()
            .unwrap(),
    );
    assert_eq!(run.status, Some(0), "{}", run.text);
    let mut parts = Vec::new();
    for part in ["0/2", "1/2"] {
        let out = desk.0.path().join(part.replace('/', "-"));
        let arguments = ["--partition", part];
        let run = Run::new(
            grade(&submissions.folder, &release, &out, &arguments)
                .output()
                .unwrap(),
        );
        assert_eq!(run.status, Some(0), "{}", run.text);
        parts.push(out);
    }
    let mut together = results(&parts[0]);
    together.extend(results(&parts[1]));
    assert_eq!(together.len(), 4);
    assert_eq!(together, results(&whole));

    let roster = desk.0.path().join("roster.csv");
    let table = desk.0.path().join("table.csv");
    let merge = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command
            .args(["grades", "merge"])
            .args(&parts)
            .arg("--roster")
            .arg(&roster);
        Run::new(command.arg("--out").arg(&table).output().unwrap())
    };
    fs::write(&roster, "submission\nada\nbea\ncy\ndan\n").unwrap();
    let run = merge();
    assert_eq!(run.status, Some(0), "{}", run.text);
    let merged = fs::read_to_string(&table).unwrap();
    assert_eq!(
        merged,
        fs::read_to_string(whole.join("grades.csv")).unwrap()
    );
    fs::write(&roster, "submission\nada\nzoe\n").unwrap();
    merge().says("there is no result for zoe");

    let result = fs::read_dir(whole.join("results"))
        .unwrap()
        .flatten()
        .map(|it| it.path());
    let ada = result
        .into_iter()
        .find(|path| path.to_string_lossy().contains("ada"))
        .unwrap();
    let arguments = ["--replay", path(&ada)];
    let one = submissions.folder.join("ada.ipynb");
    let run = Run::new(grade(&one, &release, &whole, &arguments).output().unwrap());
    run.says("The same.");
    let text = fs::read_to_string(&ada).unwrap();
    fs::write(&ada, text.replace("\"earned\": 0", "\"earned\": 1")).unwrap();
    let run = Run::new(grade(&one, &release, &whole, &arguments).output().unwrap());
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("the result was changed");
}

#[test]
fn a_graders_fault_is_no_zero() {
    let desk = Desk::new();
    let bad = desk.0.path().join("release");
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("release.json"), "{\"schema\": 1}").unwrap();
    let notebook = desk.notebook("a.ipynb", &["1"]);
    let out = desk.0.path().join("grades");
    let run = Run::new(grade(&notebook, &bad, &out, &[]).output().unwrap());
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("has schema 1, but this version reads schema 2; release the labs again");
    let manifest = |solution: &str| {
        let probe = json!({
            "id": "p", "source": "cuaderno::lab::probe(|rng| rng.below(9), |n| half(n))?;",
            "cases": 8, "tolerance": 0.0,
        });
        let exercise = json!({
            "id": "half", "check": "c", "points": 1.0, "stub": "fn half() {}", "solution": solution,
            "probe": probe,
        });
        let lab = json!({
            "file": "a.ipynb", "sha256": "", "profile": "use cuaderno::prelude::*;",
            "exercises": [exercise], "questions": [], "notebook": {"cells": []},
        });
        let manifest = json!({
            "schema": 2, "cuaderno": "", "lock_sha256": "", "secret": "s", "labs": [lab],
        });
        fs::write(bad.join("release.json"), manifest.to_string()).unwrap();
    };
    manifest("fn half(n: usize) -> Result<usize> { unsolved(\"halve\") }");
    let mut command = grade(&notebook, &bad, &out, &[]);
    let run = Run::new(command.env("PATH", "/nonexistent").output().unwrap());
    assert_eq!(run.status, Some(4), "{}", run.text);
    run.says("There is no sandbox here, so nothing runs");
    assert!(!out.exists());
    if !boxes_can_be_made() {
        return;
    }
    manifest("fn half(n: usize) -> Result<usize> { loop {} }");
    let run = Run::new(
        grade(&notebook, &bad, &out, &["--timeout", "4"])
            .output()
            .unwrap(),
    );
    assert_eq!(run.status, Some(3), "{}", run.text);
    let table = fs::read_to_string(out.join("grades.csv")).unwrap();
    assert!(table.contains("a,a.ipynb,grader-error,,"), "{table}");
}
