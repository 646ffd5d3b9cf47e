//! Crates that a lab asks for with `:dep` in boxes, where nobody gets others, and notebooks executed
//! as a whole.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Run, boxes_can_be_made, tables_are_built};
use crate::lab::{Course, cell, jobs, results};

fn squash(body: &str) -> String {
    format!("fn squash(x: f64) -> cuaderno::Result<f64> {{\n    {body}\n}}")
}

const SOLUTION: &str = "let x = Tensor::new(x, &Device::Cpu)?; // canary-solution
    Ok(candle_nn::ops::sigmoid(&x)?.to_scalar::<f64>()?)";
const RIGHT: &str = "Ok(candle_nn::ops::sigmoid(&Tensor::new(x, &Device::Cpu)?)?.to_scalar()?)";
const DEP: &str = ":dep candle-nn\n";

/// A lab whose exercise needs a crate, and a cell that asks for another one.
fn lab() -> Value {
    let cells = [
        cell("code", "profile", "profile", "use cuaderno::prelude::*;"),
        cell(
            "code",
            "core",
            "",
            ":dep candle-core\nlet shape = candle_core::Shape::from(3);",
        ),
        cell(
            "code",
            "squash",
            "exercise",
            &format!("{DEP}{}", squash("unsolved(\"the sigmoid of `x`\")")),
        ),
        cell("code", "squash-solution", "solution", &squash(SOLUTION)),
        cell(
            "code",
            "squash-check",
            "check",
            "cuaderno::lab::check_close(\"0\", squash(0.0)?, 0.5, 1e-9, \"sigmoid\")?;",
        ),
        cell(
            "raw",
            "squash-probe",
            "probe",
            "cuaderno::lab::probe(|rng| rng.between(-5.0, 5.0), |x| squash(x))?; // canary-probe",
        ),
        cell("raw", "squash-mistake", "mistake", &squash("Ok(x.tanh())")),
    ];
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
}

fn release(course: &Course, lab: &Value) -> Run {
    let path = course.at("lab.ipynb");
    fs::write(&path, lab.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command
        .arg("release")
        .arg(path)
        .arg("--out")
        .arg(course.at("out"));
    Run::new(command.output().unwrap())
}

fn prepare(release: &Path) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.args(["grade", "prepare", "--release"]).arg(release);
    Run::new(command.output().unwrap())
}

/// The course that gives this lab, and what was said when its crates were built.
fn prepared(lab: &Value) -> (Course, Run) {
    let course = Course::without_release();
    let run = release(&course, lab);
    assert_eq!(run.status, Some(0), "{}", run.text);
    fs::copy(course.at("out/release.json"), course.release()).unwrap();
    let run = prepare(&course.release());
    assert_eq!(run.status, Some(0), "{}", run.text);
    (course, run)
}

/// A submission with this answer and these cells of the student's own before it and at the end.
fn add(course: &Course, name: &str, answer: &str, before: &[&str], behind: &[&str]) {
    let students = course.at("out/students/lab.ipynb");
    let mut notebook: Value = serde_json::from_slice(&fs::read(students).unwrap()).unwrap();
    let cells = notebook["cells"].as_array_mut().unwrap();
    let at = cells
        .iter()
        .position(|cell| cell["id"] == "squash")
        .unwrap();
    cells[at]["source"] = json!(answer);
    let own = |source: &&str| cell("code", "own", "", source);
    cells.splice(at..at, before.iter().map(own));
    cells.extend(behind.iter().map(own));
    fs::write(course.submissions.join(name), notebook.to_string()).unwrap();
}

#[test]
fn a_lab_asks_only_for_crates_of_pinned_versions() {
    let course = Course::without_release();
    let mut lab = lab();
    lab["cells"][1]["source"] = json!(":dep itertools = \"0.14\"");
    let run = release(&course, &lab);
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("the cell `core` asks for `:dep itertools = \"0.14\"`");
}

#[test]
fn a_box_has_the_crates_of_the_lab_and_no_others() {
    if !boxes_can_be_made() {
        return;
    }
    let (course, run) = prepared(&lab());
    run.says("need is built");
    let other = course.at("other.json");
    let text = fs::read_to_string(course.release()).unwrap();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        changed["labs"][0]["crates"],
        json!(["candle-core", "candle-nn"])
    );
    changed["lock_sha256"] = json!("");
    fs::write(&other, changed.to_string()).unwrap();
    let run = prepare(&other);
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("in the versions of another state of the workbook");

    add(
        &course,
        "right.ipynb",
        &format!("{DEP}{}", squash(RIGHT)),
        &[],
        &[],
    );
    // The lab has asked for it elsewhere. A crate of the student's own, with a program that cargo
    // would run, is not built.
    let package = "std::fs::create_dir_all(\"mine\")?;
        std::fs::write(\"mine/Cargo.toml\", \"[package]\\nname = \\\"mine\\\"\\n[lib]\\npath = \\\"a.rs\\\"\")?;
        std::fs::write(\"mine/a.rs\", \"\")?;
        std::fs::write(\"mine/build.rs\", \"fn main() { std::fs::write(\\\"ran\\\", \\\"\\\").unwrap(); }\")?;";
    let wary =
        format!("if std::path::Path::new(\"mine/ran\").exists() {{ return Ok(0.0); }} {RIGHT}");
    // In the box of the whole notebook there is nothing to be found.
    let search = "fn holds(folder: &std::path::Path) -> bool {
            std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
                let path = entry.path();
                let is_short = std::fs::metadata(&path).is_ok_and(|it| it.is_file() && it.len() < 1 << 20);
                let text = if is_short { std::fs::read(&path).unwrap_or_default() } else { vec![] };
                let text = String::from_utf8_lossy(&text);
                let marks = [\"canary?probe\", \"canary?solution\"].map(|it| it.replace('?', \"-\"));
                marks.iter().any(|mark| text.contains(mark))
                    || (entry.file_type().is_ok_and(|it| it.is_dir()) && holds(&path))
            })
        }";
    add(
        &course,
        "mine.ipynb",
        &squash(&wary),
        &[package, ":dep mine = { path = \"mine\" }"],
        &[
            search,
            &"let found = [\".\", \"STATE\"].iter().any(|it| holds(std::path::Path::new(it)));
              assert!(!found, \"something was found\");"
                .replace("STATE", state().to_str().unwrap()),
            "panic!(\"<script>alert({})</script>\", \"x\".repeat(9000))",
            "std::process::exit(0)",
            "let done = \"\\u{1e}cuaderno:\\\"finished\\\"\"; println!(\"{done}\");",
        ],
    );
    let out = course.at("grades");
    course.graded(&out, &["--jobs", jobs()], 0);
    let before = results(&out);
    for name in ["right", "mine"] {
        assert_eq!(before[name]["probes"][0]["earned"], 1.0, "{}", before[name]);
    }
    let page = |name: &str| fs::read_to_string(out.join(format!("feedback/{name}.html"))).unwrap();
    assert!(!page("mine").contains("as a whole"));

    course.graded(&out, &["--jobs", jobs(), "--execute"], 0);
    assert_eq!(results(&out), before, "it changes no result");
    let right = page("right");
    for id in ["squash", "squash-check"] {
        let row = format!("<tr><td><code>{id}</code></td><td>ran</td></tr>");
        assert!(right.contains(&row), "{id}: {right}");
    }
    let mine = page("mine");
    assert!(
        mine.contains("whose versions are pinned, here only `:dep candle-core`, `:dep candle-nn`"),
        "{mine}"
    );
    assert!(mine.contains("<code>let found = [&quot;.&quot;"), "{mine}");
    assert!(!mine.contains("something was found"), "{mine}");
    assert!(
        mine.contains("&lt;script&gt;") && !mine.contains("<script>"),
        "{mine}"
    );
    assert!(mine.len() < 10_000, "{} bytes", mine.len());
    // What is there is kept.
    let written = |name: &str| {
        let entries = fs::read_dir(out.join("executed")).unwrap().flatten();
        let mut files = entries.filter(|it| it.file_name().to_string_lossy().starts_with(name));
        files
            .next()
            .unwrap()
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = written("right");
    course.graded(&out, &["--execute"], 0);
    assert_eq!(written("right"), first);
}

fn mean(body: &str) -> String {
    format!(
        ":dep cuaderno-tables\nuse cuaderno_tables::prelude::*;\n\
         fn mean(class: u32, column: usize) -> Result<f64> {{\n    {body}\n}}"
    )
}

/// A lab whose exercise asks for tables itself and reads one.
fn lab_of_tables() -> Value {
    let solution = "let table = wine()?;
    let is_it = table.labels(\"class\")?.eq(class)?.to_dtype(DType::F64)?;
    let name = table.get_column_names()[column].to_string();
    let values = table.tensor(&[&name])?.flatten_all()?.to_dtype(DType::F64)?;
    let sum = (&values * &is_it)?.sum_all()?;
    Ok((sum / is_it.sum_all()?)?.to_scalar()?)";
    let check = "cuaderno::lab::check_close(\"1\", mean(1, 13)?, 1115.711864, 1e-6, \"mean\")?;";
    let probe = "cuaderno::lab::probe(|rng| (1 + rng.below(3) as u32, 1 + rng.below(12)), \
                 |(class, column)| mean(class, column))?;";
    let cells = [
        cell("code", "profile", "profile", "use cuaderno::prelude::*;"),
        cell("code", "mean", "exercise", &mean("unsolved(\"the mean\")")),
        cell("code", "mean-solution", "solution", &mean(solution)),
        cell("code", "mean-check", "check", check),
        cell("raw", "mean-probe", "probe", probe),
        cell("raw", "mean-mistake", "mistake", &mean("Ok(746.893258)")),
    ];
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
}

#[test]
fn a_box_has_tables() {
    if !boxes_can_be_made() || !tables_are_built() {
        return;
    }
    let (course, _) = prepared(&lab_of_tables());
    let answer = "let growers = wine()?.partition_by_stable([\"class\"], true).unwrap();
    let values = growers[class as usize - 1].columns()[column].as_materialized_series().clone();
    Ok(values.mean().unwrap())";
    let students = fs::read(course.at("out/students/lab.ipynb")).unwrap();
    let mut notebook: Value = serde_json::from_slice(&students).unwrap();
    notebook["cells"][1]["source"] = json!(mean(answer));
    fs::write(course.submissions.join("right.ipynb"), notebook.to_string()).unwrap();
    let out = course.at("grades");
    course.graded(&out, &[], 0);
    let right = &results(&out)["right"];
    assert_eq!(right["probes"][0]["earned"], 1.0, "{right}");
}

/// Where the engine keeps its sessions.
fn state() -> std::path::PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_cuaderno"));
    binary.parent().unwrap().with_file_name("cuaderno/sessions")
}
