//! What a wrong cell is answered: for each hint a cell that it is for, and one that it is not for; the
//! cells that a student tried; and the exercises of lab 09, solved by pasting what the answers say. The
//! cells and the answers are in `hints/`.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::answer::{Answer, ran};
use common::{Desk, path};
use serde::Deserialize;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hints")
}

#[derive(Deserialize)]
struct Theme {
    /// A cell that those below build on.
    first: String,
    hint: Vec<Hint>,
}

#[derive(Deserialize)]
struct Hint {
    /// What must have run before.
    #[serde(default)]
    before: Vec<String>,
    cell: String,
    /// What the answer holds.
    says: Vec<String>,
    /// Its repaired lines.
    #[serde(default)]
    writes: Option<String>,
    /// A cell that looks like the first and is right, or wrong in another way: the answer, if any, must
    /// not hold the last of what `says` holds.
    #[serde(default)]
    near: Option<String>,
}

#[test]
fn each_hint_is_given_where_it_is_true_and_nowhere_else() {
    let desk = Desk::new();
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    let themes: Vec<(String, Theme)> = files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let theme = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, theme)
        })
        .collect();
    let mut notebooks = Vec::new();
    for (name, theme) in &themes {
        let mut cells = vec![theme.first.as_str()];
        for hint in &theme.hint {
            cells.extend(hint.before.iter().map(String::as_str));
            cells.push(&hint.cell);
            cells.extend(hint.near.as_deref());
        }
        notebooks.push(desk.notebook(&format!("{name}.ipynb"), &cells));
    }
    let mut arguments: Vec<&str> = notebooks.iter().map(|notebook| path(notebook)).collect();
    arguments.push("--keep-going");
    desk.run(&arguments);

    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, theme) in &themes {
        let executed = desk.executed(&format!("{name}.ipynb"));
        let mut place = 0;
        for hint in &theme.hint {
            place += hint.before.len() + 1;
            count += 1;
            let answer = Answer::of(&executed, place);
            let text = answer
                .as_ref()
                .map_or_else(|| ran(&executed, place), |answer| answer.text.clone());
            for words in hint.says.iter().filter(|words| !text.contains(*words)) {
                wrong.push(format!("{name}: no {words:?} in\n{}\n{text}", hint.cell));
            }
            let writes = answer.and_then(|answer| answer.lines).unwrap_or_default();
            if hint.writes.as_deref().is_some_and(|lines| lines != writes) {
                wrong.push(format!(
                    "{name}: {}\nwrites {writes:?} and not {:?}\n{text}",
                    hint.cell, hint.writes
                ));
            }
            if let Some(near) = &hint.near {
                place += 1;
                let said = Answer::of(&executed, place)
                    .map(|answer| answer.text)
                    .unwrap_or_default();
                let words = hint.says.last().unwrap();
                if said.contains(words) {
                    wrong.push(format!("{name}: {near}\nsays {words:?}\n{said}"));
                }
            }
        }
    }
    println!("{count} hints, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[derive(Deserialize)]
struct Attempts {
    attempt: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    /// The exercise's check in the lab.
    check: String,
    cell: String,
}

/// The most that an exercise may take.
const STEPS: usize = 3;

#[test]
fn lab_09_is_solved_by_pasting_what_the_answers_say() {
    let text = fs::read_to_string(folder().join("attempts/lab_09.toml")).unwrap();
    let Attempts { attempt: attempts } = toml::from_str(&text).unwrap();
    let lab = folder().join("../../notebooks/09_autoencoders.ipynb");
    let lab: serde_json::Value = serde_json::from_str(&fs::read_to_string(lab).unwrap()).unwrap();
    let check = |id: &str| {
        let cells = lab["cells"].as_array().unwrap();
        let cell = cells.iter().find(|cell| cell["id"] == *id);
        let source = &cell.unwrap_or_else(|| panic!("the lab has no {id}"))["source"];
        match source {
            serde_json::Value::String(text) => text.clone(),
            lines => lines
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|line| line.as_str())
                .collect(),
        }
    };
    let mut answers: Vec<String> = attempts
        .iter()
        .map(|attempt| attempt.cell.clone())
        .collect();
    let desk = Desk::new();
    let mut steps = vec![0; answers.len()];
    for step in 0..=STEPS {
        let checks: Vec<String> = attempts
            .iter()
            .map(|attempt| check(&attempt.check))
            .collect();
        let mut cells = vec!["use cuaderno::prelude::*;"];
        for (answer, check) in answers.iter().zip(&checks) {
            cells.extend([answer.as_str(), check]);
        }
        let notebook = desk.notebook("attempts.ipynb", &cells);
        desk.run(&[path(&notebook), "--keep-going"]);
        let executed = desk.executed("attempts.ipynb");
        let mut all_right = true;
        for (index, answer) in answers.iter_mut().enumerate() {
            let said = Answer::of(&executed, 1 + 2 * index);
            let Some(said) = said.or_else(|| Answer::of(&executed, 2 + 2 * index)) else {
                continue;
            };
            all_right = false;
            println!("step {step}: {answer}\n{}\n", said.text);
            let pasted = said.pasted_into(answer);
            *answer =
                pasted.unwrap_or_else(|| panic!("nothing to paste for {answer}\n{}", said.text));
            steps[index] = step + 1;
        }
        if all_right {
            println!("steps: {steps:?}");
            return;
        }
    }
    panic!("more than {STEPS} steps: {steps:?}");
}
