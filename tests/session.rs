//! A session never reads one type's bytes as another's, and never passes what it did not run: each
//! test is a notebook on the real engine, through the command as a user types it.

#[path = "common/mod.rs"]
mod common;

use common::{Desk, Run, error, outputs, path};

use serde_json::Value;

/// Runs `cells` as one notebook and goes on after failing ones.
fn session(cells: &[&str]) -> (Run, Value) {
    let desk = Desk::new();
    let notebook = desk.notebook("session.ipynb", cells);
    let run = desk.run(&[path(&notebook), "--keep-going"]);
    let executed = desk.executed("session.ipynb");
    (run, executed)
}

/// Asserts that `cell` says that `variable` is lost by `what` changes, and that a cell `after` that
/// uses it fails without running.
#[track_caller]
fn is_lost(notebook: &Value, variable: &str, what: &str, cell: usize, after: usize) {
    let sentence = format!("`{variable}` is lost: its type depends on `{what}`");
    let said = outputs(notebook, cell);
    assert!(said.contains(&sentence), "no {sentence:?} in {said}");
    let (kind, message) = error(notebook, after);
    assert_eq!(kind, "CompileError");
    assert!(message.contains(&format!("`{variable}`")), "{message}");
}

#[track_caller]
fn shows(notebook: &Value, cell: usize, words: &str) {
    let said = outputs(notebook, cell);
    assert!(said.contains(words), "no {words:?} in cell {cell}: {said}");
}

#[test]
fn a_variable_is_lost_when_its_type_changes() {
    let (_, notebook) = session(&[
        "struct Run { losses: Vec<f32> }\nlet run = Run { losses: vec![0.5, 0.25] };",
        "struct Run { losses: Vec<f64> }",
        "run.losses",
        "enum Step { Go(u64), Stop }\nlet s = Step::Go(41);\nlet kept: i32 = 1;",
        "#[derive(Debug)]\nenum Step { Go(String), Stop }",
        "println!(\"{s:?}\");",
        "kept",
    ]);
    is_lost(&notebook, "run", "Run", 1, 2);
    is_lost(&notebook, "s", "Step", 4, 5);
    shows(&notebook, 6, "1");
}

#[test]
fn a_variable_is_lost_when_what_its_type_reaches_changes() {
    let (_, notebook) = session(&[
        "#[derive(Debug)]\nstruct Layer { units: u32 }\n#[derive(Debug)]\n\
         struct Net { first: Layer }\nlet net = Net { first: Layer { units: 3 } };",
        "#[derive(Debug)]\nstruct Layer { units: u32, rate: f64 }",
        "net",
        "type Real = f32;\nstruct Line { slope: Real }\nlet line = Line { slope: 0.5 };\n\
         const SIDE: usize = 2;\nstruct Board { cells: [u32; SIDE] }\n\
         let board = Board { cells: [7; SIDE] };\n#[derive(Debug, Clone, Copy)]\n\
         enum Level { Low = 1, High = 2 }\nlet level = Level::High;",
        "type Real = f64;\nconst SIDE: usize = 5;\n#[derive(Debug, Clone, Copy)]\n\
         enum Level { Low = 2, High = 1 }",
        "line.slope",
        "board.cells",
        "level",
    ]);
    is_lost(&notebook, "net", "Layer", 1, 2);
    is_lost(&notebook, "line", "Real", 4, 5);
    is_lost(&notebook, "board", "SIDE", 4, 6);
    is_lost(&notebook, "level", "Level", 4, 7);
}

#[test]
fn a_trait_object_is_lost_when_its_trait_changes() {
    let (_, notebook) = session(&[
        "trait Animal { fn legs(&self) -> u32; fn weight(&self) -> u32; }\nstruct Hen;\n\
         impl Animal for Hen { fn legs(&self) -> u32 { 2 } fn weight(&self) -> u32 { 1500 } }\n\
         let pet: Box<dyn Animal> = Box::new(Hen);\nlet any: Box<dyn std::any::Any> = Box::new(1u8);",
        "pet.legs()",
        "trait Animal { fn weight(&self) -> u32; fn legs(&self) -> u32; }\nstruct Hen;\n\
         impl Animal for Hen { fn legs(&self) -> u32 { 2 } fn weight(&self) -> u32 { 1500 } }",
        "pet.legs()",
        "any.is::<u8>()",
    ]);
    shows(&notebook, 1, "2");
    is_lost(&notebook, "pet", "Animal", 2, 3);
    is_lost(&notebook, "any", "Animal", 2, 4);
}

#[test]
fn a_definition_that_stays_the_same_keeps_its_variables() {
    let (run, notebook) = session(&[
        "#[derive(Debug)]\nstruct Point { x: f64 }\nlet point = Point { x: 0.5 };",
        "fn twice(point: &Point) -> f64 { point.x + point.x }",
        "#[derive(Debug)]\nstruct Point {\n    // the abscissa\n    x: f64,\n}",
        "fn twice(point: &Point) -> f64 { 2.0 * point.x }",
        "impl Point { fn half(&self) -> f64 { self.x / 2.0 } }\nstruct Other;\nuse std::fmt::Debug;",
        "(twice(&point), point.half())",
    ]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    shows(&notebook, 5, "(1.0, 0.25)");
}

#[test]
fn a_cell_that_defines_a_type_anew_keeps_what_it_makes_of_it() {
    let (run, notebook) = session(&[
        "struct Run { loss: f32 }\nlet run = Run { loss: 0.5 };",
        "struct Run { loss: f64, step: u32 }\nlet run = Run { loss: 0.25, step: 7 };",
        "(run.loss, run.step)",
    ]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    shows(&notebook, 2, "(0.25, 7)");
}

#[test]
fn a_definition_that_does_not_compile_loses_nothing() {
    let (_, notebook) = session(&[
        "struct Run { loss: f32 }\nlet run = Run { loss: 0.5 };",
        "struct Run { loss: f64 }\nlet count: u8 = \"many\";",
        "run.loss",
    ]);
    assert_eq!(error(&notebook, 1).0, "CompileError");
    shows(&notebook, 2, "0.5");
}

#[test]
fn what_would_be_skipped_is_refused() {
    let (run, notebook) = session(&[
        "fn add(a: i32, b: i32) -> i32 { a - b }",
        "}\nassert_eq!(add(2, 2), 4);",
        "let a = 1;\nlet type = 3;",
        "1 + 1",
    ]);
    assert_eq!(run.status, Some(1));
    let (kind, message) = error(&notebook, 1);
    assert_eq!(kind, "CompileError");
    assert!(
        message.starts_with("Line 1 cannot be run: this `}` closes nothing"),
        "{message}"
    );
    assert!(
        error(&notebook, 2)
            .1
            .starts_with("Line 2 cannot be run: `let` needs")
    );
    shows(&notebook, 3, "2");
}

#[test]
fn a_cell_that_returns_early_loses_only_what_it_did_not_make() {
    let (_, notebook) = session(&[
        "let kept: i32 = 5;",
        "let fresh: i32 = 1;\nif kept > 3 { return Ok(()); }",
        "kept",
        "fresh",
    ]);
    shows(
        &notebook,
        1,
        "The cell returned before its end, so that it has not made `fresh`.",
    );
    shows(&notebook, 2, "5");
    assert_eq!(error(&notebook, 3).0, "CompileError");
}

#[test]
fn a_drop_that_panics_does_not_end_the_session() {
    let (_, notebook) = session(&[
        "struct Loud(u8);\nimpl Drop for Loud { fn drop(&mut self) { panic!(\"dropped {}\", self.0) } }\n\
         let loud = Loud(1);\nlet kept: i32 = 5;",
        "let loud: u8 = 2;",
        "let other = Loud(3);",
        "drop(other);",
        "kept",
    ]);
    assert_eq!(
        error(&notebook, 1),
        ("Panic", "The cell panicked: dropped 1")
    );
    assert_eq!(
        error(&notebook, 3),
        ("Panic", "The cell panicked: dropped 3")
    );
    shows(&notebook, 4, "5");
}

#[test]
fn what_a_thread_or_a_caught_panic_gives_is_kept() {
    let (run, notebook) = session(&[
        "let joined = std::thread::spawn(|| 5).join();",
        "let caught = std::panic::catch_unwind(|| 6);",
        "println!(\"{} {}\", joined.is_ok(), caught.is_ok());",
    ]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    shows(&notebook, 2, "true true");
}
