//! Every check of every lab, tried with wrong answers, which it must reject, and with right ones
//! written differently, which it must accept.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use common::{Desk, error, path};

/// An answer to an exercise and the cells of its trial: the answer itself, and its check behind it.
struct Trial {
    answer: String,
    is_right: bool,
    place: usize,
}

fn has(cell: &Value, tag: &str) -> bool {
    let tags = cell["metadata"]["tags"].as_array().into_iter().flatten();
    tags.filter_map(Value::as_str).any(|found| found == tag)
}

/// A notebook that tries each answer of a lab; beside it what to expect.
fn trials(lab: &Value) -> (Value, Vec<Trial>) {
    let mut cells = Vec::new();
    let mut trials = Vec::new();
    let mut check = &Value::Null;
    for cell in lab["cells"].as_array().unwrap() {
        if has(cell, "profile") {
            cells.push(cell.clone());
        } else if has(cell, "check") {
            check = cell;
        } else if has(cell, "mistake") || has(cell, "variant") {
            trials.push(Trial {
                answer: cell["id"].as_str().unwrap().to_owned(),
                is_right: has(cell, "variant"),
                place: cells.len(),
            });
            for source in [cell, check] {
                cells.push(json!({
                    "cell_type": "code", "id": format!("cell-{}", cells.len()), "metadata": {},
                    "execution_count": null, "outputs": [], "source": source["source"],
                }));
            }
        }
    }
    let mut notebook = lab.clone();
    notebook["cells"] = Value::Array(cells);
    (notebook, trials)
}

#[test]
fn checks_reject_mistakes_and_accept_variants() {
    let desk = Desk::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks");
    let mut labs: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "ipynb"))
        .collect();
    labs.sort();
    let mut notebooks = Vec::new();
    let mut expected = Vec::new();
    for lab in labs {
        let text = fs::read_to_string(&lab).unwrap();
        let (notebook, trials) = trials(&serde_json::from_str(&text).unwrap());
        let name = lab.file_name().unwrap().to_str().unwrap().to_owned();
        let trial = desk.0.path().join(&name);
        fs::write(&trial, notebook.to_string()).unwrap();
        notebooks.push(trial);
        expected.push((name, trials));
    }
    let mut arguments: Vec<&str> = notebooks.iter().map(|notebook| path(notebook)).collect();
    arguments.extend(["--profile", "quick", "--keep-going"]);
    desk.run(&arguments);

    let mut wrong = Vec::new();
    for (name, trials) in expected {
        assert!(!trials.is_empty(), "{name} has no mistakes");
        let executed = desk.executed(&name);
        let failed = |place: usize| {
            let outputs = executed["cells"][place]["outputs"].as_array().unwrap();
            outputs
                .iter()
                .any(|output| output["output_type"] == "error")
        };
        for trial in trials {
            let answer = format!("{name}, {}", trial.answer);
            if failed(trial.place) {
                wrong.push(format!("{answer}: {}", error(&executed, trial.place).1));
            } else if !failed(trial.place + 1) && !trial.is_right {
                wrong.push(format!("{answer}: its check passes"));
            } else if failed(trial.place + 1) {
                // A check says what is wrong; it does not panic, and it compiles.
                let (kind, sentence) = error(&executed, trial.place + 1);
                if trial.is_right || kind != "Error" {
                    wrong.push(format!("{answer}: {kind}: {sentence}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
