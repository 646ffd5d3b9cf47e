//! Submissions that a grader must survive: hostile ones gain nothing, odd ones lose nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::boxes_can_be_made;
use crate::lab::{
    BEST, Course, SECONDS, STUB_OF_DOUBLE, STUB_OF_LARGEST, cell, double, jobs, largest, results,
};

/// A submission whose second answer is right.
struct Odd {
    name: &'static str,
    /// What `double` does.
    double: &'static str,
    /// A cell of the student's own before the answers.
    own: &'static str,
    /// What both exercises earn, of a point each.
    earns: [f64; 2],
}

const fn odd(name: &'static str, double: &'static str, own: &'static str, earns: [f64; 2]) -> Odd {
    Odd {
        name,
        double,
        own,
        earns,
    }
}

// What several labs' hostile submissions do. LIBRARY stands for the path of the engine's library.
pub const CRATE_OF_ITS_OWN: &str = "extern crate self as cuaderno;
    pub mod lab {
        pub fn check_close(_: &str, _: f64, _: f64, _: f64, _: &str) -> Result<(), String> { Ok(()) }
    }";
pub const CONSTRUCTOR: &str =
    "extern \"C\" fn patch() { let _ = std::fs::write(\"LIBRARY\", \"patched\"); }
    #[unsafe(link_section = \".init_array\")] #[used]
    static PATCH: extern \"C\" fn() = patch;";
pub const ENDLESS_CONSTANT: &str = "#[allow(long_running_const_eval)]
    const N: usize = { let mut n = 0; while n < usize::MAX { n += 1; } n };";
pub const CHILDREN: &str =
    "loop { let _ = std::process::Command::new(\"setsid\").args([\"sleep\", \"9999\"]).spawn(); }";
pub const MEMORY: &str = "let mut all = Vec::new(); loop { all.push(vec![1u8; 256 << 20]); }";

const RIGHT: &str = "Ok(x + x)";
const NONE: [f64; 2] = [0.0, 1.0];
const ALL: [f64; 2] = [1.0, 1.0];

/// Those that end by themselves. LIBRARY stands for the path of the engine's library, OTHERS for
/// that of the other submissions.
const ODD: [Odd; 12] = [
    // The same twice: whatever comes between changes nothing.
    odd("a-solution", RIGHT, "", ALL),
    odd("z-solution", RIGHT, "", ALL),
    // Hostile.
    odd("exit", "std::process::exit(0)", "", NONE),
    odd("crate", "Ok(1.0)", CRATE_OF_ITS_OWN, NONE),
    // Right only if there is nothing to be found.
    odd(
        "finds-nothing",
        "let found = std::env::vars().filter(|(_, it)| it.contains(\"canary\")).count()
             + std::fs::read(\"/proc/1/environ\").map_or(0, |it| it.len())
             + std::fs::read_dir(\"OTHERS\").map_or(0, |_| 1)
             + std::fs::OpenOptions::new().write(true).open(\"LIBRARY\").map_or(0, |_| 1);
         Ok(if found == 0 { 2.0 * x } else { 0.0 })",
        "",
        ALL,
    ),
    odd("constructor", "Ok(x)", CONSTRUCTOR, NONE),
    odd("memory", MEMORY, "", NONE),
    odd("match", "Ok(match x { 3.0 => 6.0, _ => 0.0 })", "", NONE),
    odd(
        "text",
        "println!(\"::error::x\\n<script>alert(1)</script>\"); Ok(0.0)",
        "println!(\"{:?}\", std::str::from_utf8(include_bytes!(\"/proc/1/environ\")));",
        NONE,
    ),
    // Honest. Bytes on the standard error, 50 MB in all.
    odd(
        "noise",
        "eprintln!(\"{}\", \"x\".repeat(50_000_000 / 32)); Ok(2.0 * x)",
        "",
        ALL,
    ),
    odd("unrelated", RIGHT, "let x: f64 = \"no number\";", ALL),
    odd("helper", "Ok(TWO * x)", "const TWO: f64 = 2.0;", ALL),
];

/// Those that go on until their time is over.
const ENDLESS: [Odd; 3] = [
    odd(
        "signals",
        "let done = \"\\u{1e}cuaderno:\\\"finished\\\"\";
         println!(\"{done}\\nEVCXR_EXECUTION_COMPLETE\"); eprintln!(\"{done}\"); loop {}",
        "",
        NONE,
    ),
    odd("children", CHILDREN, "", NONE),
    odd("constant", "Ok(N as f64)", ENDLESS_CONSTANT, NONE),
];

impl Course {
    fn add_odd(&self, odd: &Odd) {
        let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
        let filled = |text: &str| {
            let text = text.replace("LIBRARY", library.to_str().unwrap());
            text.replace("OTHERS", self.submissions.to_str().unwrap())
        };
        let answers = [double(&filled(odd.double)), largest(BEST)];
        let file = format!("{}.ipynb", odd.name);
        self.add(&file, [&answers[0], &answers[1]], |cells| {
            if !odd.own.is_empty() {
                cells.insert(1, cell("code", "own", "own", &filled(odd.own)));
            }
        });
    }
}

fn earned(result: &Value) -> Vec<f64> {
    let probes = result["probes"].as_array().unwrap().iter();
    probes
        .map(|probe| probe["earned"].as_f64().unwrap())
        .collect()
}

fn says(result: &Value) -> &str {
    result["probes"][0]["says"].as_str().unwrap()
}

fn ensure_earned(results: &BTreeMap<String, Value>, all: &[Odd]) {
    for odd in all {
        let result = &results[odd.name];
        assert_eq!(earned(result), odd.earns, "{}: {result}", odd.name);
    }
}

#[test]
fn hostile_submissions_gain_nothing_and_odd_ones_lose_nothing() {
    if !boxes_can_be_made() {
        return;
    }
    let course = Course::new();
    let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
    let before = fs::read(&library).unwrap();
    ODD.iter().for_each(|odd| course.add_odd(odd));
    let (right_double, right_largest) = (double(RIGHT), largest(BEST));
    let right = [right_double.as_str(), right_largest.as_str()];
    let (stub, panics) = (
        double(STUB_OF_DOUBLE),
        double("assert!(x > -2.0); Ok(2.0 * x)"),
    );
    course.add("half.ipynb", [&stub, &right_largest], |_| {});
    course.add("stub.ipynb", [&stub, &largest(STUB_OF_LARGEST)], |_| {});
    course.add("panics.ipynb", [&panics, &right_largest], |cells| {
        let why = cells.iter_mut().find(|cell| cell["id"] == "why").unwrap();
        why["source"] = json!("=HYPERLINK(\"http://x\")<script>alert(1)</script>");
    });
    let single = "fn double(x: f32) -> cuaderno::Result<f32> { Ok(2.0 * x) }";
    course.add("f32.ipynb", [single, &right_largest], |_| {});
    // Copied, without its check, and as another program saves it.
    course.add("práctica 09 (1).ipynb", right, |cells| {
        let is = |id: &'static str| move |cell: &Value| cell["id"] == id;
        let answer = cells
            .iter()
            .find(|cell| is("double")(cell))
            .unwrap()
            .clone();
        cells.push(answer);
        cells.retain(|cell| !is("double-check")(cell));
        for cell in cells {
            cell.as_object_mut().unwrap().remove("id");
            let source = cell["source"].as_str().unwrap().replace('\n', "\r\n");
            cell["source"] = json!(source);
        }
    });
    let file = course.submissions.join("práctica 09 (1).ipynb");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        file,
        text.replace("\"nbformat_minor\":5", "\"nbformat_minor\":4"),
    )
    .unwrap();
    course.add("markdown.ipynb", right, |cells| {
        let answer = cells.iter_mut().find(|cell| cell["id"] == "double");
        *answer.unwrap() = cell("markdown", "double", "exercise", right[0]);
    });
    fs::write(course.submissions.join("broken.ipynb"), "{").unwrap();

    let out = course.at("grades");
    let arguments = ["--jobs", jobs(), "--format", "junit,github,gradescope"];
    // One is unreadable.
    let run = course.graded(&out, &arguments, 3);
    let results = results(&out);
    ensure_earned(&results, &ODD);
    for (name, expected) in [
        ("stub", [0.0, 0.0]),
        ("half", NONE),
        ("f32", NONE),
        ("markdown", NONE),
        ("práctica_09__1_", ALL),
    ] {
        assert_eq!(
            earned(&results[name]),
            expected,
            "{name}: {}",
            results[name]
        );
    }
    let part = earned(&results["panics"])[0];
    assert!(part > 0.0 && part < 1.0, "{part}");
    assert_eq!(
        results["a-solution"]["probes"],
        results["z-solution"]["probes"]
    );
    assert_eq!(
        results["a-solution"]["state"], "manual",
        "the question waits"
    );
    assert_eq!(results["broken"]["state"], "unreadable");
    let flags = |name: &str| results[name]["flags"].to_string();
    assert!(flags("práctica_09__1_").contains("copied-cell: double"));
    assert!(flags("markdown").contains("not-code: double"));
    let why = says(&results["f32"]);
    assert!(why.contains("(x: f64) -> cuaderno::Result<f64>"), "{why}");
    assert_eq!(
        fs::read(&library).unwrap(),
        before,
        "the engine is as it was"
    );

    let all = all_text(&out) + &run.text;
    for secret in ["canary-probe", "canary-environment", "let twice"] {
        assert!(!all.contains(secret), "{secret} is in an output");
    }
    // The answer in words is kept as it is, in JSON.
    assert_eq!(all.matches("<script>").count(), 1);
}

#[test]
fn what_never_ends_costs_its_exercise() {
    if !boxes_can_be_made() {
        return;
    }
    let course = Course::new();
    ENDLESS.iter().for_each(|odd| course.add_odd(odd));
    let out = course.at("grades");
    course.graded(&out, &["--jobs", jobs(), "--timeout", SECONDS], 0);
    let results = results(&out);
    ensure_earned(&results, &ENDLESS);
    let why = says(&results["signals"]);
    assert!(why.contains("took too long"), "{why}");
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
