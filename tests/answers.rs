//! What a cell is answered: its values, the answers of commands, the place and the cause of a
//! failure.

mod common;

use std::fs;

use common::{Desk, error, outputs, path};
use serde_json::Value;

/// What the error of a cell says below its first sentence.
fn traceback(notebook: &Value, cell: usize) -> String {
    let outputs = notebook["cells"][cell]["outputs"].as_array().unwrap();
    let lines = outputs.last().unwrap()["traceback"].as_array().unwrap();
    let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    lines.join("\n")
}

#[track_caller]
fn says(notebook: &Value, cell: usize, words: &str) {
    let said = outputs(notebook, cell);
    assert!(said.contains(words), "no {words:?} in cell {cell}: {said}");
}

#[test]
fn a_failure_names_the_line_and_the_cell_that_it_is_in() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "places.ipynb",
        &[
            "fn third(list: &[i32]) -> i32 {\n    let at = 3;\n    list[at]\n}",
            "let list = vec![1, 2, 3, 4];\nlet at = 3;\nprintln!(\"{}\",\n    list[at]\n);\nthird(&[1])",
            "let mut it = vec![1].into_iter();\nit.next().unwrap();\nit.next().unwrap();",
            "fn base() -> i32 { 1 }",
            "// on top of base\nfn top() -> i32 { base() + 1 }",
            "fn base() -> String { \"one\".into() }",
            "\tlet tab: i32 = missing;",
        ],
    );
    desk.run(&[path(&notebook), "--keep-going"]);
    let executed = desk.executed("places.ipynb");
    let third = "in `third`, line 3 of cell 1: list[at]";
    assert!(
        traceback(&executed, 1).contains(third),
        "{}",
        traceback(&executed, 1)
    );
    let second = "line 3: it.next().unwrap();";
    assert!(
        traceback(&executed, 2).contains(second),
        "{}",
        traceback(&executed, 2)
    );
    let sentence = "mismatched types: expected `&str`, found integer [E0308]";
    assert_eq!(error(&executed, 5).1, sentence);
    let top = "in `top`, line 2 of cell 5: fn top() -> i32 { base() + 1 }";
    assert!(
        traceback(&executed, 5).contains(top),
        "{}",
        traceback(&executed, 5)
    );
    let tab = "  line 1:  let tab: i32 = missing;\n                          ^^^^^^^";
    assert!(
        traceback(&executed, 6).contains(tab),
        "{}",
        traceback(&executed, 6)
    );
}

#[test]
fn a_hint_is_true() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "hints.ipynb",
        &[
            "fn model() -> Vec<f32> { vec![0.5] }",
            "let model = model();",
            "let model = model();",
            "let list = vec![1];",
            "drop(list);",
            "list",
        ],
    );
    desk.run(&[path(&notebook), "--keep-going"]);
    let executed = desk.executed("hints.ipynb");
    says(
        &executed,
        2,
        "`model` is a variable now and hides the function",
    );
    says(&executed, 5, "an earlier cell gave `list` away");
}

#[test]
fn commands_negations_and_strange_spaces_are_what_was_meant() {
    let desk = Desk::new();
    fs::write(
        desk.0.path().join("words.txt"),
        "from the notebook's folder",
    )
    .unwrap();
    let notebook = desk.notebook(
        "lines.ipynb",
        &[
            "let done = false;\nlet a: i32 = 1;",
            "!done",
            ":vars",
            ":help",
            ":type a",
            "!echo hello; pwd",
            "println!(\"before\");\n!done",
            "::std::println!(\"a path\");",
            "let\u{a0}b = \"\u{a0}\";\nb.len()",
            "include_str!(\"words.txt\").len() + include_bytes!(\n    \"words.txt\"\n).len()",
            "!exit 3",
            ":quit",
            "println!(\"goes on\");",
            "?std::time::Duration",
            "cuaderno::train::Trainer?",
            "Trainer?",
            "a?",
            "?Nothing",
        ],
    );
    let run = desk.run(&[path(&notebook), "--keep-going"]);
    run.says("18 of 18 cells ran, 4 failed");
    let executed = desk.executed("lines.ipynb");
    says(&executed, 1, "\"true\"");
    says(&executed, 2, "done");
    says(&executed, 3, ":dep");
    says(&executed, 4, "i32");
    says(&executed, 5, "hello\\n");
    says(
        &executed,
        5,
        &format!("{}\\n", path(&desk.0.path().canonicalize().unwrap())),
    );
    says(&executed, 6, "\"true\"");
    says(&executed, 7, "a path\\n");
    says(&executed, 8, "\"2\"");
    says(&executed, 9, "\"52\"");
    assert_eq!(error(&executed, 10).1, "`exit 3` ended with exit status: 3");
    assert!(
        error(&executed, 11)
            .1
            .contains("Close the notebook instead.")
    );
    says(&executed, 12, "goes on");
    says(&executed, 13, "pub struct Duration");
    says(&executed, 14, "pub struct Trainer");
    says(&executed, 15, "pub struct Trainer");
    // A variable with a question mark is Rust.
    assert_eq!(error(&executed, 16).0, "CompileError");
    assert!(
        error(&executed, 17)
            .1
            .contains("Nothing is known of `Nothing`")
    );
}

#[test]
fn a_long_value_is_cut_and_that_is_said() {
    let desk = Desk::new();
    let notebook = desk.notebook("value.ipynb", &["let many = vec![0.5f32; 100_000];\nmany"]);
    let run = desk.run(&[path(&notebook)]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    let executed = desk.executed("value.ipynb");
    says(&executed, 0, "more bytes of this value are not shown");
    assert!(executed.to_string().len() < 100_000);
}

#[test]
fn a_thread_is_heard_after_its_cell() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "thread.ipynb",
        &[
            "std::thread::spawn(|| {\n    \
             std::thread::sleep(std::time::Duration::from_millis(100));\n    \
             println!(\"tick\");\n});",
            "std::thread::sleep(std::time::Duration::from_millis(400));\nprintln!(\"end\");",
        ],
    );
    let run = desk.run(&[path(&notebook)]);
    run.says("| tick");
    let executed = desk.executed("thread.ipynb");
    assert!((outputs(&executed, 0) + &outputs(&executed, 1)).contains("tick\\n"));
}
