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
        "impl Point { fn half(&self) -> f64 { self.x / 2.0 } }\nstruct Other;\nuse std::fmt::{Debug, Display};",
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
    run.says("this `}` closes nothing");
    let (kind, message) = error(&notebook, 1);
    assert_eq!(kind, "CompileError");
    assert_eq!(message, "this `}` closes nothing");
    assert_eq!(error(&notebook, 2).1, "`type` cannot be a name");
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

#[test]
fn an_impl_that_is_run_again_is_replaced_and_goes_with_no_neighbour() {
    let (run, notebook) = session(&[
        "struct Arrow { x: f64, y: f64 }\nfn unit() -> f64 { 1.0 }\n\
         impl Arrow { fn scaled(&self) -> f64 { self.x * unit() } }",
        "impl Arrow { fn norm(&self) -> f64 { self.x } }\n\
         impl Default for Arrow { fn default() -> Self { Arrow { x: 1.0, y: 1.0 } } }",
        "impl Arrow { fn norm(&self) -> f64 { self.x.hypot(self.y) } }",
        "impl Default for Arrow { fn default() -> Self { Arrow { x: 3.0, y: 4.0 } } }",
        "fn unit() -> f64 { 0.5 }",
        "let arrow = Arrow::default();\n(arrow.norm(), arrow.scaled())",
        "struct Arrow { length: f64 }",
        "impl Arrow { fn norm(&self) -> f64 { self.len } }",
    ]);
    shows(&notebook, 5, "(5.0, 1.5)");
    // The methods that came with the first definition are gone, those of other cells are not.
    // The compiler takes either of the two cells first.
    let answer = notebook["cells"][6]["outputs"].to_string();
    let either = [
        "no field `x` on type `&Arrow`",
        "struct `Arrow` has no field named `x`",
    ];
    assert!(
        either.iter().any(|words| answer.contains(words)),
        "{answer}"
    );
    assert_eq!(run.status, Some(1));
    shows(&notebook, 7, "no field `len` on type `&Arrow`");
    shows(&notebook, 7, "line 1: impl Arrow");
}

#[test]
fn what_does_not_last_or_cannot_be_kept_is_said() {
    let (_, notebook) = session(&[
        "use std::sync::atomic::{AtomicUsize, Ordering};\n\
         static CALLS: AtomicUsize = AtomicUsize::new(0);\n\
         fn call() -> usize { CALLS.fetch_add(1, Ordering::SeqCst) + 1 }\ncall()",
        "thread_local! { static DEPTH: std::cell::Cell<u32> = const { std::cell::Cell::new(7) }; }",
        "macro_rules! pair { ($n:ident) => { #[derive(Debug)] struct $n { a: i32 } }; }\n\
         pair!(Shoes)",
    ]);
    shows(&notebook, 0, "`CALLS` starts anew in every cell");
    shows(
        &notebook,
        1,
        "What `thread_local!` defines is known in this cell alone",
    );
    shows(
        &notebook,
        2,
        "What `pair!` defines is known in this cell alone",
    );
    // A sentence is all: such a call has no value to be shown.
    for cell in [1, 2] {
        let outputs = notebook["cells"][cell]["outputs"].as_array().unwrap();
        assert_eq!(outputs.len(), 1, "{outputs:?}");
        assert_eq!(outputs[0]["name"], "stderr", "{outputs:?}");
    }
}

#[test]
fn macros_are_known_wherever_they_are_called_and_have_names_of_their_own() {
    let functions = (0..12).map(|i| format!("fn plus{i}(x: i32) -> i32 {{ sq!(x) + {i} }}\n"));
    let first = format!(
        "{}/// The square.\nmacro_rules! sq {{\n    ($x:expr) => {{ $x * $x }}; // twice\n}}\n\
         fn sq(x: i32) -> i32 {{ x + x }}\nlet kept = sq!(3) + sq(4);",
        functions.collect::<String>()
    );
    let (run, notebook) = session(&[
        &first,
        "(kept, sq!(5), sq(5), plus11(2))",
        "fn sq(x: i32) -> i32 { 3 * x }",
        "(sq!(5), sq(5), plus0(2))",
        "macro_rules! sq { ($x:expr) => { $x * $x * $x }; }",
        "(kept, sq!(5), sq(5), plus1(2))",
        "sq!(true)",
    ]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    shows(&notebook, 1, "(17, 25, 10, 15)");
    shows(&notebook, 3, "(25, 15, 4)");
    shows(&notebook, 5, "(17, 125, 15, 9)");
    assert!(error(&notebook, 6).1.contains("cannot multiply"));
}

/// Numbers that are the same in every run.
struct Draws(u64);

impl Draws {
    /// One below `count`.
    fn below(&mut self, count: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// How often a random test draws: `usual`, or as often as the environment asks.
fn rounds(usual: usize) -> usize {
    let asked = std::env::var("CUADERNO_ROUNDS").ok();
    asked.map_or(usual, |rounds| {
        rounds.parse().expect("CUADERNO_ROUNDS is a number")
    })
}

/// Definitions that a variable's type reaches, in many ways.
fn definitions(draws: &mut Draws) -> String {
    let real = draws.of(&["f32", "f64"]);
    let side = draws.of(&["2", "3", "two() + 1"]);
    let fields = draws.of(&["a: u8, b: Real", "b: Real, a: u8", "a: u32, b: Real"]);
    let low = draws.of(&["Low = 1, High = 2", "Low = 2, High = 1", "Low, High"]);
    let held = draws.of(&["Part", "Option<Part>", "Vec<Part>"]);
    let methods = draws.of(&[
        "fn a(&self) -> u32; fn b(&self) -> u32;",
        "fn b(&self) -> u32; fn a(&self) -> u32;",
    ]);
    let out = draws.of(&["u16", "u32"]);
    format!(
        "type Real = {real};\nconst fn two() -> usize {{ 2 }}\nconst SIDE: usize = {side};\n\
         #[derive(Debug, Clone, Default)]\nstruct Part {{ {fields} }}\n\
         #[derive(Debug, Clone, Default)]\nenum Level {{ #[default] {low} }}\n\
         trait Out {{ type Is: std::fmt::Debug + Clone + Default; }}\n\
         impl Out for Part {{ type Is = {out}; }}\n\
         #[derive(Debug, Clone, Default)]\n\
         struct Whole<T: Out> {{ held: {held}, level: Level, cells: [u8; SIDE], out: T::Is }}\n\
         trait Look: std::fmt::Debug {{ {methods} }}\n\
         impl<T: Out + std::fmt::Debug> Look for Whole<T> {{ fn a(&self) -> u32 {{ 1 }} fn b(&self) -> u32 {{ 2 }} }}\n"
    )
}

#[test]
fn a_variable_that_outlives_definitions_reads_as_what_it_was() {
    let mut draws = Draws(6202);
    let mut cells = Vec::new();
    for _ in 0..rounds(60) {
        let first = definitions(&mut draws);
        let make = draws.of(&[
            "let v: Whole<Part> = Default::default();",
            "let v: Vec<Whole<Part>> = vec![Default::default(); 3];",
            "let v: Option<Box<Part>> = Some(Box::default());",
            "let v: Box<dyn Look> = Box::new(Whole::<Part>::default());",
            "let v: (Level, [Real; SIDE]) = (Level::High, [0.5; SIDE]);",
            "let v: std::rc::Rc<std::cell::RefCell<Part>> = Default::default();",
        ]);
        let look = if make.contains("dyn Look") {
            "println!(\"{v:?} {} {}\", v.a(), v.b());"
        } else {
            "println!(\"{v:?}\");"
        };
        // Half of the time, the same once more.
        let second = if draws.below(2) == 0 {
            first.clone()
        } else {
            definitions(&mut draws)
        };
        cells.push(format!("{first}{make}\n{look}"));
        cells.push(second);
        cells.push(look.to_owned());
    }
    let code: Vec<&str> = cells.iter().map(String::as_str).collect();
    let (_, notebook) = session(&code);
    let (mut kept, mut lost) = (0, 0);
    for at in (0..cells.len()).step_by(3) {
        let [made, changed, looked] = [at, at + 1, at + 2].map(|cell| printed(&notebook, cell));
        let context = format!("{}\n---\n{}\n---\n{changed}", cells[at], cells[at + 1]);
        if changed.contains("`v` is lost") {
            assert_eq!(error(&notebook, at + 2).0, "CompileError", "{context}");
            assert!(!cells[at].starts_with(&cells[at + 1]), "{context}");
            lost += 1;
        } else {
            // What the first cell prints ends with the value.
            assert!(
                looked.len() > 2 && made.ends_with(&looked),
                "{made}\n{looked}\n{context}"
            );
            kept += 1;
        }
    }
    // Neither half of the pairs is missing.
    let few = rounds(60) / 6;
    assert!(kept > few && lost > few, "{kept} kept, {lost} lost");
}

/// What a cell printed on both streams.
fn printed(notebook: &Value, cell: usize) -> String {
    let outputs = notebook["cells"][cell]["outputs"].as_array().unwrap();
    let texts = outputs
        .iter()
        .filter(|output| output["output_type"] == "stream");
    let text = |output: &Value| match &output["text"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    };
    texts.map(text).collect()
}

#[test]
fn every_text_is_run_to_its_end_or_refused() {
    const PIECES: [&str; 32] = [
        "}",
        "{",
        "(",
        ")",
        "[",
        "]",
        ";",
        ",",
        "let",
        "let a = 1;",
        "let type = 2;",
        "fn f() {}",
        "struct S;",
        "impl S {}",
        "/*",
        "*/",
        "\"",
        "'",
        "#",
        "type",
        "=",
        "3",
        "x",
        "\n",
        "r#\"",
        "// note\n",
        "match",
        "in",
        "const",
        "mod m",
        "use",
        "$",
    ];
    let mut draws = Draws(1968);
    let mut cells = Vec::new();
    for round in 0..rounds(60) {
        let pieces = (0..=draws.below(4)).map(|_| draws.of(&PIECES));
        let text = pieces.collect::<Vec<_>>().join(" ");
        cells.push(format!("{text}\nprintln!(\"reached {round}.\");"));
    }
    let code: Vec<&str> = cells.iter().map(String::as_str).collect();
    let (_, notebook) = session(&code);
    for (cell, code) in cells.iter().enumerate() {
        let said = outputs(&notebook, cell);
        let ran = printed(&notebook, cell).contains(&format!("reached {cell}."));
        let refused = said.contains("\"output_type\":\"error\"");
        assert!(
            ran != refused,
            "neither run nor refused, or both:\n{code}\n{said}"
        );
    }
}

#[test]
fn a_value_that_a_failing_cell_would_only_have_replaced_is_kept() {
    let (_, notebook) = session(&[
        "let v: Vec<i32> = vec![1, 2];\nlet mut w: Vec<i32> = vec![3];\nlet u: Vec<i32> = vec![4];",
        "let v: Vec<i32> = vec![\"x\".parse()?];",
        "let w: Vec<i32> = panic!(\"stop\");",
        "let u: Vec<i32> = vec![u[0], \"x\".parse()?];",
        "v",
        "w.push(5);\nw",
        "let v: Vec<i32> = vec![missing];",
        "v.len()",
        "let v: Vec<i32> = vec![6];\nv",
    ]);
    shows(&notebook, 4, "[1, 2]");
    shows(&notebook, 5, "[3, 5]");
    assert_eq!(error(&notebook, 6).0, "CompileError");
    shows(&notebook, 7, "2");
    shows(&notebook, 8, "[6]");
    shows(&notebook, 3, "Variables lost: u; kept: v, w.");
}
