//! Notebooks on the real engine, through the command as a user types it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use common::{Desk, Run, error, outputs, path, tables_are_built};

#[test]
fn variables_live_from_cell_to_cell_and_gradients_are_right() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "variables.ipynb",
        &[
            "use cuaderno::prelude::*;\nlet w = Var::new(2f32, &Device::Cpu)?;",
            "let x = Var::new(3f32, &Device::Cpu)?;",
            "let loss = (w.as_tensor() * x.as_tensor())?;\nlet gradients = loss.backward()?;",
            // Linked statically, each cell would number its tensors alone, w and x would be the
            // same variable to candle, and both gradients would be 5.
            "println!(\"{} {}\", gradients.get(&w).unwrap().to_scalar::<f32>()?, \
             gradients.get(&x).unwrap().to_scalar::<f32>()?);",
            "print!(\"no newline at the end\");",
            "1 + 1",
        ],
    );
    let second = desk.notebook(
        "second.ipynb",
        &["let w = \"another w\";\nprintln!(\"{w}\");"],
    );
    let leftover = desk.notebook("third.ipynb", &["println!(\"{w}\");"]);
    let run = desk.run(&[path(&notebook), path(&second), path(&leftover)]);
    let executed = desk.executed("variables.ipynb");
    assert!(
        outputs(&executed, 3).contains("3 2\\n"),
        "{}",
        outputs(&executed, 3)
    );
    assert!(outputs(&executed, 4).contains("no newline at the end"));
    let two = &executed["cells"][5]["outputs"][0]["data"]["text/plain"];
    assert_eq!(*two, json!(["2"]));
    assert_eq!(executed["cells"][5]["execution_count"], 6);
    assert!(outputs(&desk.executed("second.ipynb"), 0).contains("another w"));
    // Nothing is left of one notebook in the next one on the same engine.
    assert_eq!(error(&desk.executed("third.ipynb"), 0).0, "CompileError");
    assert_eq!(run.status, Some(1));
}

#[test]
fn a_figure_is_shown_that_takes_variables_of_its_cell() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "figure.ipynb",
        &[
            "use cuaderno::prelude::*;\nlet kept = 1;",
            "let noise = image_grid(&Rng::new(1).uniform(0.0, 1.0, &[2, 1, 28, 28])?, 2)?;\n\
             let other = 2;\nside_by_side(&[noise.clone(), noise])?",
            "kept + other",
        ],
    );
    let run = desk.run(&[path(&notebook)]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    let executed = desk.executed("figure.ipynb");
    assert!(
        outputs(&executed, 1).contains("image/png"),
        "{}",
        outputs(&executed, 1)
    );
    assert!(
        outputs(&executed, 2).contains("\"3\""),
        "{}",
        outputs(&executed, 2)
    );
}

#[test]
fn every_kind_of_failure_names_its_cell_and_its_cause() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "failures.ipynb",
        &[
            "let fine = 1;",
            "let broken: i32 = missing + 1;",
            "let list: Vec<i32> = vec![7];\n\nlet item = list[3];",
            "let number: i32 = \"seven\".parse()?;",
            "std::process::Command::new(\"kill\").args([\"-9\", &std::process::id().to_string()]).status()?;",
            "println!(\"before the loop\");\nloop {}",
            "println!(\"the engine goes on\");",
        ],
    );
    let run = desk.run(&[path(&notebook), "--keep-going", "--timeout", "40"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("cell 2, which begins `let broken: i32 = missing + 1;`");
    run.says("cannot find value `missing` in this scope");
    run.says("line 3: let item = list[3];");
    run.says("invalid digit found in string");
    run.says("The process that ran the cell is gone (signal: 9");
    run.says("The cell ran for more than its 40 s");
    run.says("failures: 7 of 7 cells ran, 5 failed");
    assert!(!run.text.contains("stack backtrace"), "{}", run.text);

    let executed = desk.executed("failures.ipynb");
    assert_eq!(error(&executed, 1).0, "CompileError");
    assert_eq!(
        error(&executed, 2),
        (
            "Panic",
            "The cell panicked: index out of bounds: the len is 1 but the index is 3"
        )
    );
    assert_eq!(
        error(&executed, 3),
        ("Error", "invalid digit found in string")
    );
    assert_eq!(error(&executed, 4).0, "ProcessLost");
    assert_eq!(error(&executed, 5).0, "Timeout");
    assert!(outputs(&executed, 5).contains("before the loop"));
    assert!(outputs(&executed, 6).contains("the engine goes on"));
}

#[test]
fn the_first_failure_stops_the_run() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "stops.ipynb",
        &["panic!(\"on purpose\");", "println!(\"never\");"],
    );
    let run = desk.run(&[path(&notebook)]);
    assert_eq!(run.status, Some(1));
    run.says("cell 1, which begins `panic!(\"on purpose\");`");
    run.says("The cell panicked: on purpose");
    let executed = desk.executed("stops.ipynb");
    assert_eq!(executed["cells"][1]["execution_count"], Value::Null);
}

/// So that a rebuild in the target folder leaves a session that runs alone.
#[test]
fn a_session_compiles_its_cells_against_libraries_of_its_own() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "own.ipynb",
        &[
            "use cuaderno::prelude::*;",
            "let own = std::env::current_exe()?.with_file_name(\"../metadata\");\n\
             let mut removed = 0;\n\
             for file in std::fs::read_dir(own)? {\n    \
                 let file = file?.path();\n    \
                 if file.to_string_lossy().contains(\"libcandle_core\") {\n        \
                     std::fs::remove_file(file)?;\n        \
                     removed += 1;\n    \
                 }\n\
             }\n\
             println!(\"removed: {}\", removed > 0);",
            "Tensor::new(1f32, &Device::Cpu)?",
        ],
    );
    let run = desk.run(&[path(&notebook)]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    let executed = desk.executed("own.ipynb");
    let said = outputs(&executed, 1);
    assert!(said.contains("removed: true"), "{said}");
    assert_eq!(error(&executed, 2).0, "CompileError");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_executed() {
    let desk = Desk::new();
    let flag = desk.0.path().join("in-the-loop");
    let endless = format!("std::fs::write({:?}, \"\")?;\nloop {{}}", path(&flag));
    let notebook = desk.notebook("endless.ipynb", &["println!(\"first\");", &endless]);
    let child = desk
        .command(&[path(&notebook)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !flag.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(300),
            "the cell never started"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let run = Run::new(child.wait_with_output().unwrap());
    assert_eq!(run.status, Some(130), "{}", run.text);
    let executed = desk.executed("endless.ipynb");
    assert!(outputs(&executed, 0).contains("first"));
    assert_eq!(error(&executed, 1).0, "Interrupted");
}

#[test]
fn a_notebook_that_is_not_there_or_not_one_is_one_sentence() {
    let desk = Desk::new();
    let run = desk.run(&["77"]);
    assert_eq!(run.status, Some(1));
    run.says("There is no notebook 77 in");
    run.says("09_autoencoders.ipynb");

    let broken = desk.0.path().join("broken.ipynb");
    fs::write(&broken, "not json").unwrap();
    let run = desk.run(&[path(&broken)]);
    assert_eq!(run.status, Some(1));
    run.says("broken.ipynb is not a Jupyter notebook");
}

#[test]
fn tags_mean_what_they_mean_in_jupyter() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "tags.ipynb",
        &[
            "let n: u8 = \"300\".parse()?;",
            "println!(\"goes on\");",
            "let n: u8 = \"30\".parse()?;",
            "panic!(\"this cell is skipped\")",
            "panic!(\"on purpose\")",
        ],
    );
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&notebook).unwrap()).unwrap();
    for cell in [0, 2, 4] {
        json["cells"][cell]["metadata"]["tags"] = json!(["raises-exception"]);
    }
    json["cells"][3]["metadata"]["tags"] = json!(["skip-execution"]);
    let old = json!([{"output_type": "stream", "name": "stdout", "text": ["as it was"]}]);
    json["cells"][3]["outputs"] = old.clone();
    json["cells"][4].as_object_mut().unwrap().remove("outputs");
    fs::write(&notebook, json.to_string()).unwrap();

    let run = desk.run(&[path(&notebook)]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    run.says("NOTE: tags.ipynb was mended: 1 cell without `outputs`.");
    run.says("NOTE: tags.ipynb, cell 3 is tagged `raises-exception`, but raised no error");
    run.says("tags: 4 of 5 cells ran, 1 skipped in");
    let executed = desk.executed("tags.ipynb");
    assert_eq!(
        error(&executed, 0).1,
        "number too large to fit in target type"
    );
    assert!(outputs(&executed, 1).contains("goes on"));
    assert_eq!(executed["cells"][3]["outputs"], old);
    assert_eq!(error(&executed, 4).0, "Panic");
}

#[test]
fn no_tag_excuses_a_time_limit() {
    let desk = Desk::new();
    let notebook = desk.notebook("endless.ipynb", &["loop {}", "println!(\"never\");"]);
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&notebook).unwrap()).unwrap();
    json["cells"][0]["metadata"]["tags"] = json!(["raises-exception"]);
    fs::write(&notebook, json.to_string()).unwrap();
    let run = desk.run(&[path(&notebook), "--timeout", "15"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("endless: 1 of 2 cells ran, 1 failed");
}

#[test]
fn a_bad_notebook_stops_no_other_and_every_result_is_kept() {
    let desk = Desk::new();
    for folder in ["a", "b"] {
        fs::create_dir(desk.0.path().join(folder)).unwrap();
    }
    let a = desk.notebook("a/hw1.ipynb", &["println!(\"from a\");"]);
    let b = desk.notebook("b/hw1.ipynb", &["println!(\"from b\");"]);
    let broken = desk.0.path().join("broken.ipynb");
    fs::write(&broken, "{\"secret\"").unwrap();
    let run = desk.run(&[path(&a), path(&broken), path(&b), "--keep-going"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("broken.ipynb is not a Jupyter notebook");
    assert!(!run.text.contains("secret"), "{}", run.text);
    assert!(outputs(&desk.executed("a/hw1.ipynb"), 0).contains("from a"));
    assert!(outputs(&desk.executed("b/hw1.ipynb"), 0).contains("from b"));
}

/// The cells of a lab that `keep` keeps, as a notebook of its own.
fn part_of(lab: &str, desk: &Desk, name: &str, keep: impl Fn(&[&str]) -> bool) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks");
    let text = fs::read_to_string(folder.join(format!("{lab}.ipynb"))).unwrap();
    let mut notebook: Value = serde_json::from_str(&text).unwrap();
    let cells = notebook["cells"].as_array_mut().unwrap();
    cells.retain(|cell| {
        let tags = cell["metadata"]["tags"].as_array().into_iter().flatten();
        keep(&tags.filter_map(Value::as_str).collect::<Vec<_>>())
    });
    let path = desk.0.path().join(name);
    fs::write(&path, notebook.to_string()).unwrap();
    path
}

/// That a run left at least this many figures of a lab, that each shows something, and that none is
/// told in words only.
fn assert_figures(desk: &Desk, lab: &str, at_least: usize) {
    let executed = desk.executed(&format!("{lab}.ipynb")).to_string();
    assert!(
        !executed.contains(r#""text/plain":"Figure "#),
        "a figure is not shown"
    );
    assert!(
        !executed.contains(r#""text/plain":["Figure "#),
        "a figure is not shown"
    );
    let figures: Vec<PathBuf> = fs::read_dir(desk.runs().join(lab))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(figures.len() >= at_least, "{figures:?}");
    for figure in figures {
        let decoder = png::Decoder::new(fs::File::open(&figure).unwrap());
        let mut picture = decoder.read_info().unwrap();
        let mut bytes = vec![0; picture.output_buffer_size()];
        picture.next_frame(&mut bytes).unwrap();
        let (darkest, lightest) = (bytes.iter().min().unwrap(), bytes.iter().max().unwrap());
        assert!(
            lightest - darkest > 100,
            "{} shows nothing",
            figure.display()
        );
    }
}

#[test]
fn lab_09_in_its_quick_profile() {
    let desk = Desk::new();
    // Nothing depends on the exercises, so the lab also runs without them.
    let without = part_of("09_autoencoders", &desk, "without.ipynb", |tags| {
        !["exercise", "solution", "check"]
            .iter()
            .any(|tag| tags.contains(tag))
    });
    let run = desk.run(&["09", path(&without), "--profile", "quick", "--retrain"]);
    assert_eq!(run.status, Some(0), "{}", run.text);

    assert_figures(&desk, "09_autoencoders", 13);

    // The same seed gives the same numbers, here on an engine that another notebook has used.
    let (first, again) = (
        desk.executed("09_autoencoders.ipynb"),
        desk.executed("without.ipynb"),
    );
    let all = first["cells"].as_array().unwrap();
    for repeated in again["cells"].as_array().unwrap() {
        let id = &repeated["id"];
        let cell = all.iter().find(|cell| cell["id"] == *id).unwrap();
        assert!(
            without_times(cell) == without_times(repeated),
            "the outputs of {id} differ: {:.2000} and {:.2000}",
            cell["outputs"].to_string(),
            repeated["outputs"].to_string()
        );
    }
}

/// Runs labs in their quick profile, each with the figures that it leaves at least.
fn labs_run(labs: &[(&str, usize)]) {
    let desk = Desk::new();
    let mut arguments: Vec<&str> = labs.iter().map(|(lab, _)| &lab[..2]).collect();
    arguments.extend(["--profile", "quick", "--retrain"]);
    let run = desk.run(&arguments);
    assert_eq!(run.status, Some(0), "{}", run.text);
    for (lab, figures) in labs {
        assert_figures(&desk, lab, *figures);
    }
}

// Two tests, so that a machine of two cores compiles for one while it trains for the other.
#[test]
fn labs_00_02_05_07_08_12_and_13_in_their_quick_profile() {
    labs_run(&[
        ("00_rust_for_keras_users", 3),
        ("02_convolution", 15),
        ("05_recurrence_by_hand", 8),
        ("07_segmentation", 13),
        ("08_attention", 8),
        ("12_gan", 16),
        ("13_spectra", 9),
    ]);
}

#[test]
fn labs_03_04_06_10_and_11_in_their_quick_profile() {
    labs_run(&[
        ("03_regularisation", 19),
        ("04_transfer_learning", 13),
        ("06_ner_tagging", 10),
        ("10_variational_autoencoders", 20),
        ("11_categorical_vae", 10),
    ]);
}

#[test]
fn a_theme_is_set_by_the_command_and_by_a_cell() {
    let desk = Desk::new();
    let chart = "line_chart(\"x\", \"y\", &[(\"a\", vec![(0.0, 1.0), (1.0, 2.0)])])?";
    let cells = [
        &format!("use cuaderno::prelude::*;\n{chart}"),
        "set_theme(Theme::Dark);",
        chart,
    ];
    let notebook = desk.notebook("themes.ipynb", &cells);
    let run = desk.run(&[path(&notebook), "--theme", "projector"]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    let executed = desk.executed("themes.ipynb");
    let (projector, dark) = (outputs(&executed, 0), outputs(&executed, 2));
    assert!(
        projector.contains("viewBox=\\\"0 0 512 "),
        "{projector:.2000}"
    );
    assert!(dark.contains("#111111") && dark.contains("viewBox=\\\"0 0 768 "));
}

#[test]
fn a_lab_becomes_slides_in_one_file() {
    let desk = Desk::new();
    let present = || {
        let output = Command::new(env!("CARGO_BIN_EXE_cuaderno"))
            .args([
                "present",
                "00",
                "--profile",
                "quick",
                "--no-browser",
                "--out",
            ])
            .arg(desk.runs())
            .env("CUADERNO_DATA", desk.0.path().join("no-data"))
            .output()
            .unwrap();
        let run = Run::new(output);
        assert_eq!(run.status, Some(0), "{}", run.text);
        run
    };
    let run = present();
    let file = desk.runs().join("00_rust_for_keras_users.slides.html");
    run.says(path(&file));
    run.says("cells ran");
    let page = fs::read_to_string(&file).unwrap();
    // The second time they are there.
    let run = present();
    run.says(path(&file));
    run.says("Nothing has changed since these slides were made, so the lab is not run again");
    assert!(!run.text.contains("cells ran"), "{}", run.text);

    let lab = desk.executed("00_rust_for_keras_users.ipynb");
    let cells = lab["cells"].as_array().unwrap();
    let kind = |cell: &Value| cell["metadata"]["slideshow"]["slide_type"].clone();
    let sections = cells.iter().filter(|cell| kind(cell) == "slide").count();
    let shown = page.split("<div class=\"reveal\">").nth(1).unwrap();
    let shown = shown.split("<script>").next().unwrap();
    assert_eq!(shown.matches("<section>\n").count(), sections);
    assert!(shown.matches("<section><div class=\"page\">").count() > 2 * sections);
    // The network is drawn, for a projector; notes are there; nothing from elsewhere is needed.
    assert!(shown.contains("<figure><img src=\"data:image/svg+xml;base64,"));
    assert!(lab.to_string().contains("viewBox=\\\"0 0 512 "));
    assert!(shown.contains("<aside class=\"notes\">"));
    for elsewhere in ["src=\"http", "<link", "bands.check()", "percent-check"] {
        assert!(!shown.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn lab_01_in_its_quick_profile() {
    // It reads its wines with polars.
    if !tables_are_built() {
        return;
    }
    let desk = Desk::new();
    let run = desk.run(&["01", "--profile", "quick", "--retrain"]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    assert_figures(&desk, "01_perceptron", 8);
}

/// A cell's outputs without what differs from run to run: times, as in `2.1 s` and `0.03 ms`, and
/// the spaces that align them.
fn without_times(cell: &Value) -> String {
    let outputs = cell["outputs"].as_array().into_iter().flatten();
    let text: String = outputs
        .map(|output| format!("{}{}", output["data"], output["text"]))
        .collect();
    let words: Vec<&str> = text
        .split([' ', '"', '\\', '<', '>', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let is_time = |place: usize| {
        words
            .get(place + 1)
            .is_some_and(|unit| ["s", "ms"].contains(unit))
    };
    let kept = (0..words.len()).filter(|&place| !is_time(place));
    kept.map(|place| words[place]).collect::<Vec<_>>().join(" ")
}
