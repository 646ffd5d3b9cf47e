//! Hundreds of wrong cells, made of right ones: every answer names the student's line, in the student's
//! words, and what it says to paste is not refused for the same reason again. `cargo test` runs some of
//! them; `CUADERNO_WRONG_CELLS=all` runs all.

#[path = "common/mod.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::answer::Answer;
use common::{Desk, path};
use serde_json::Value;

/// What the right cells use.
const FIRST: &str = "use cuaderno::prelude::*;\n\
    let values: Vec<f64> = vec![0.5, 1.5, 2.5];\nlet counts: Vec<i32> = vec![3, 1, 2];\n\
    let size: usize = 3;\nlet rate: f64 = 0.5;\nlet name: String = \"digit\".to_string();\n\
    let grid: Tensor = Tensor::ones((2, 3), DType::F32, &Device::Cpu)?;\n\
    fn scale(x: f64, by: f64) -> f64 { x * by }\n\
    fn half(x: f64) -> cuaderno::Result<f64> { Ok(x / 2.0) }\n\
    #[derive(Debug, Clone)]\nstruct Point { x: f64, y: f64 }\n\
    impl Point { fn length(&self) -> f64 { self.x.hypot(self.y) } }\n\
    fn longest(points: &[Point]) -> f64 { points.iter().map(Point::length).fold(0.0, f64::max) }\n\
    let points: Vec<Point> = vec![Point { x: 3.0, y: 4.0 }];";

/// Right cells. They make nothing that another one uses.
const RIGHT: [&str; 44] = [
    "let doubled: f64 = rate * 2.0;",
    "let area: f64 = scale(rate, 3.0);",
    "scale(rate, size as f64)",
    "let halved = half(rate)?;",
    "let sum: f64 = values.iter().sum();",
    "let first = values[0];\nprintln!(\"{first}\");",
    "let last = counts[size - 1];",
    "for value in &values {\n    println!(\"{value}\");\n}",
    "for i in 0..size {\n    println!(\"{}\", values[i]);\n}",
    "let mut total = 0.0;\nfor value in &values {\n    total += value;\n}\ntotal",
    "let mut grown = counts.clone();\ngrown.push(4);",
    "let squares: Vec<i32> = counts.iter().map(|x| x * x).collect();",
    "let big: Vec<f64> = values.iter().copied().filter(|x| *x > 1.0).collect();",
    "if rate > 0.1 {\n    println!(\"large\");\n} else {\n    println!(\"small\");\n}",
    "let word = if size > 2 { \"many\" } else { \"few\" };",
    "let upper = name.to_uppercase();",
    "let text = format!(\"{name}: {rate}\");",
    "println!(\"{} has {} letters\", name, name.len());",
    "let mean = grid.mean_all()?.to_scalar::<f32>()?;",
    "let moved = (&grid + 1.0)?;",
    "let product = grid.matmul(&grid.t()?)?;",
    "let row = grid.get(0)?;",
    "let part = grid.i((.., 0..2))?;",
    "let list = grid.flatten_all()?.to_vec1::<f32>()?;",
    "let made = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;",
    "let ramp = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((2, 3))?;",
    "let shape = grid.dims().to_vec();",
    "fn area_of(width: f64, height: f64) -> f64 {\n    width * height\n}\narea_of(2.0, 3.0)",
    "fn parsed(text: &str) -> cuaderno::Result<f64> {\n    Ok(scale(text.len() as f64, 2.0))\n}\nparsed(\"abc\")?",
    "fn count_up(limit: usize) -> usize {\n    let mut steps = 0;\n    while steps < limit {\n        steps += 1;\n    }\n    steps\n}\ncount_up(size)",
    "struct Circle {\n    radius: f64,\n}\nlet circle = Circle { radius: 2.0 };\ncircle.radius",
    "let point = Point { x: 1.0, y: 2.0 };\npoint.length()",
    "longest(&points)",
    "let copy = points.clone();\ncopy.len()",
    "let found = counts.iter().position(|x| *x == 1).unwrap_or(0);",
    "let most = counts.iter().max().copied().unwrap_or(0);",
    "let mut sorted = values.clone();\nsorted.sort_by(f64::total_cmp);\nsorted[0]",
    "let pair = (rate, size);\npair.0 * 2.0",
    "match size {\n    0 => println!(\"none\"),\n    1 | 2 => println!(\"few\"),\n    _ => println!(\"many\"),\n}",
    "let number: f64 = \"2.5\".parse()?;",
    "let cells = size.pow(2);",
    "let root = rate.sqrt().powi(3);",
    "let model = Autoencoder::basic(4, Activation::Relu, &mut Rng::new(1))?;\nmodel.summary()?",
    "let noise = Rng::new(7).normal(0.0, 1.0, &[2, 2])?;",
];

/// A mistake: what it makes of a cell, if it can be made there.
type Mistake = fn(&str) -> Option<String>;

fn replace(cell: &str, from: &str, to: &str) -> Option<String> {
    cell.contains(from).then(|| cell.replacen(from, to, 1))
}

/// The first of `letters` that stands at the end of a word, and what is left without it.
fn without_last(cell: &str, what: &str) -> Option<String> {
    let at = cell.rfind(what)?;
    Some(format!("{}{}", &cell[..at], &cell[at + what.len()..]))
}

/// Mistakes in types, borrows, arguments, brackets and names, and habits of Python.
const MISTAKES: [(&str, Mistake); 40] = [
    ("a whole number for a fraction", |cell| {
        [".0)", ".0;", ".0 ", ".0,"]
            .iter()
            .find_map(|end| replace(cell, end, &end[2..]))
    }),
    ("a fraction for a whole number", |cell| {
        replace(cell, "[0]", "[0.0]").or_else(|| replace(cell, "0..", "0.0.."))
    }),
    ("a text for a number", |cell| {
        replace(cell, "2.0", "\"2.0\"").or_else(|| replace(cell, "(4", "(\"4\""))
    }),
    ("a number for a text", |cell| {
        replace(cell, "\"abc\"", "3").or_else(|| replace(cell, "\"2.5\"", "2.5"))
    }),
    ("the wrong type said", |cell| {
        replace(cell, ": f64 =", ": String =").or_else(|| replace(cell, "Vec<i32>", "Vec<String>"))
    }),
    ("a type of Python", |cell| {
        replace(cell, ": f64", ": float").or_else(|| replace(cell, ": usize", ": int"))
    }),
    ("an argument of another type", |cell| {
        replace(cell, "(rate", "(size")
    }),
    ("no cast", |cell| replace(cell, " as f64", "")),
    ("no &", |cell| {
        replace(cell, "(&grid", "(grid").or_else(|| replace(cell, "(&", "("))
    }),
    ("no ?", |cell| without_last(cell, "?")),
    ("no first ?", |cell| {
        (cell.matches('?').count() > 1).then(|| cell.replacen('?', "", 1))
    }),
    ("a ? too many", |cell| {
        replace(cell, ".len()", ".len()?").or_else(|| replace(cell, "sqrt()", "sqrt()?"))
    }),
    ("no mut", |cell| replace(cell, "let mut ", "let ")),
    ("no &mut", |cell| replace(cell, "&mut ", "")),
    ("given away and used", |cell| {
        cell.contains("points")
            .then(|| format!("let taken = points;\n{cell}"))
    }),
    ("one argument more", |cell| {
        replace(cell, "3.0)", "3.0, 1.0)").or_else(|| replace(cell, ".push(4)", ".push(4, 5)"))
    }),
    ("one argument less", |cell| {
        replace(cell, ", 3.0)", ")")
            .or_else(|| replace(cell, ", size as f64)", ")"))
            .or_else(|| replace(cell, "(.., 0..2)", ""))
    }),
    ("an argument by its name", |cell| {
        replace(cell, "scale(rate", "scale(x=rate")
            .or_else(|| replace(cell, "area_of(2.0", "area_of(width=2.0"))
    }),
    ("no closing )", |cell| without_last(cell, ")")),
    ("no closing }", |cell| without_last(cell, "}")),
    ("no closing ]", |cell| without_last(cell, "]")),
    ("a } too many", |cell| {
        cell.contains('}').then(|| format!("{cell}\n}}"))
    }),
    ("a ) too many", |cell| replace(cell, ")", "))")),
    ("no closing quote", |cell| without_last(cell, "\"")),
    ("no ;", |cell| {
        let at = cell.find(";\n")?;
        Some(format!("{}{}", &cell[..at], &cell[at + 1..]))
    }),
    ("no let", |cell| replace(cell, "let ", "")),
    ("a name misspelt", |cell| {
        ["values", "counts", "grid", "points", "rate", "name"]
            .iter()
            .find_map(|name| replace(cell, name, &format!("{}x", &name[..name.len() - 1])))
    }),
    ("a method misspelt", |cell| {
        [
            ".iter()",
            ".len()",
            ".clone()",
            ".push(",
            ".matmul(",
            ".reshape(",
            ".sqrt()",
            ".length()",
        ]
        .iter()
        .find_map(|name| replace(cell, name, &format!("{}{}", &name[..2], &name[3..])))
    }),
    ("a function misspelt", |cell| {
        replace(cell, "scale(", "scaled(").or_else(|| replace(cell, "longest(", "longer("))
    }),
    ("a field that is not there", |cell| {
        replace(cell, "y: 2.0", "z: 2.0").or_else(|| replace(cell, "circle.radius", "circle.size"))
    }),
    ("a field left out", |cell| replace(cell, ", y: 2.0", "")),
    ("print", |cell| replace(cell, "println!", "print")),
    ("a keyword for a name", |cell| {
        replace(cell, "let first", "let match")
            .or_else(|| replace(cell, "let text", "let type"))
            .or_else(|| replace(cell, "let part", "let in"))
    }),
    ("a block with a colon", |cell| replace(cell, " {\n", ":\n")),
    ("range", |cell| {
        replace(cell, "0..size", "range(size)")
            .or_else(|| replace(cell, "in &values", "in range(values)"))
    }),
    ("len", |cell| {
        replace(cell, "name.len()", "len(name)")
            .or_else(|| replace(cell, "copy.len()", "len(copy)"))
    }),
    ("a power of stars", |cell| {
        replace(cell, "size.pow(2)", "size ** 2")
            .or_else(|| replace(cell, "width * height", "width ** 2"))
    }),
    ("a slice with a colon", |cell| {
        replace(cell, "0..2", "0:2").or_else(|| replace(cell, "values[0]", "values[0:2]"))
    }),
    ("a place in a tensor", |cell| {
        replace(cell, "grid.get(0)?", "grid[0]")
            .or_else(|| replace(cell, "grid.dims()", "grid[0].dims()"))
    }),
    ("no value in a function", |cell| {
        let at = cell.rfind("\n}\n")?;
        cell.starts_with("fn ")
            .then(|| format!("{};{}", &cell[..at], &cell[at..]))
    }),
];

/// Names that only the engine knows, and what the compiler says to those who write traits.
const NOT_FOR_STUDENTS: [&str; 8] = [
    "evcxr",
    "Evcxr",
    "notebook::cell",
    "run_user_code",
    "CuadernoImpl",
    "/*cuaderno",
    "other types implement",
    "similar name: `",
];

/// The wrong cells, each with its mistake, in an order that never changes.
fn wrong_cells() -> Vec<(&'static str, String)> {
    let mut seen = BTreeSet::new();
    let cells = RIGHT.iter().flat_map(|right| {
        MISTAKES
            .iter()
            .filter_map(|(name, mistake)| Some((*name, mistake(right)?)))
    });
    cells
        .filter(|(_, cell)| seen.insert(cell.clone()))
        .collect()
}

/// What is wrong with the answer to a cell.
fn faults(cell: &str, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    let names_a_line = answer.text.lines().any(|line| {
        let Some((number, text)) = line
            .trim_start()
            .strip_prefix("line ")
            .and_then(|line| line.split_once(": "))
        else {
            return false;
        };
        let number: usize = number.parse().unwrap_or(0);
        cell.lines()
            .nth(number.wrapping_sub(1))
            .is_some_and(|line| line.trim() == text.trim())
    });
    if !names_a_line {
        faults.push("names no line of the cell".to_owned());
    }
    for words in NOT_FOR_STUDENTS
        .iter()
        .filter(|words| answer.text.contains(*words))
    {
        faults.push(format!("says {words:?}"));
    }
    if answer.sentence.trim().is_empty() || answer.sentence == "The cell does not compile." {
        faults.push("says nothing".to_owned());
    }
    faults
}

/// Runs `cells` behind the first one.
fn run(cells: &[&str]) -> Value {
    let desk = Desk::new();
    let all: Vec<&str> = [FIRST].into_iter().chain(cells.iter().copied()).collect();
    let notebook = desk.notebook("wrong.ipynb", &all);
    desk.run(&[path(&notebook), "--keep-going"]);
    let executed = desk.executed("wrong.ipynb");
    assert!(Answer::of(&executed, 0).is_none(), "the first cell fails");
    executed
}

#[test]
fn the_right_cells_are_right() {
    let executed = run(&RIGHT);
    for (place, cell) in (1..).zip(RIGHT) {
        if let Some(answer) = Answer::of(&executed, place) {
            panic!("{cell}\n{}", answer.text);
        }
    }
}

#[test]
fn every_wrong_cell_is_answered_with_its_line_and_in_plain_words() {
    let all = wrong_cells();
    let every = match std::env::var("CUADERNO_WRONG_CELLS").as_deref() {
        Ok("all") => 1,
        _ => 8,
    };
    let cells: Vec<_> = all.iter().step_by(every).collect();
    let executed = run(&cells
        .iter()
        .map(|(_, cell)| cell.as_str())
        .collect::<Vec<_>>());
    let mut wrong = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let (mut right, mut hinted) = (0, 0);
    let mut pasted = Vec::new();
    for (place, (mistake, cell)) in (1..).zip(&cells) {
        let Some(answer) = Answer::of(&executed, place) else {
            right += 1;
            continue;
        };
        *kinds.entry(answer.kind.clone()).or_default() += 1;
        hinted += usize::from(answer.text.contains("\nhint: "));
        for fault in faults(cell, &answer) {
            wrong.push(format!("{mistake}: {fault}\n{cell}\n{}", answer.text));
        }
        if let Some(repaired) = answer.pasted_into(cell) {
            pasted.push((*mistake, cell, repaired, answer));
        }
    }
    let repaired: Vec<&str> = pasted
        .iter()
        .map(|(_, _, repaired, _)| repaired.as_str())
        .collect();
    let executed = run(&repaired);
    let mut runs = 0;
    for (place, (mistake, cell, repaired, before)) in (1..).zip(&pasted) {
        match Answer::of(&executed, place) {
            None => runs += 1,
            Some(after) if after.sentence == before.sentence => wrong.push(format!(
                "{mistake}: what it says to paste is answered the same\n{cell}\n{}\n\n{repaired}\n{}",
                before.text, after.text
            )),
            Some(_) => {}
        }
    }
    println!(
        "{} cells of {}, {right} of them right, {kinds:?}, {hinted} with a hint, {} with lines to paste, of \
         which {runs} run at once, {} faults",
        cells.len(),
        all.len(),
        pasted.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
