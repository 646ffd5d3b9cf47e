//! Limits and interrupts hold, whatever the session does, and what ran is saved.

mod common;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Desk, Run, error, outputs, path};

/// Machines that run tests are busy. What is waited for here takes 2 s where it works, and many
/// minutes where it does not.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cell on whose types the analyser works for minutes.
fn long_analysis() -> String {
    let sum = vec!["x"; 4_000].join(" + ");
    let sums = (0..4).map(|i| format!("let sum{i} = {sum};\n"));
    format!("let x: f64 = 0.5;\n{}", sums.collect::<String>())
}

/// A command that has begun, whose last words are waited for.
fn begin(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_time_limit_holds_in_the_analyser_and_what_ran_is_saved() {
    let desk = Desk::new();
    let cells = ["println!(\"first\");", &long_analysis()];
    let notebook = desk.notebook("limit.ipynb", &cells);
    let run = desk.run(&[path(&notebook), "--timeout", "5"]);
    // How long each cell took stands in a line of its own.
    let times = run
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" s"));
    let longest = times
        .filter_map(|time| time.parse().ok())
        .fold(0.0, f64::max);
    assert!(longest < PATIENCE.as_secs_f64(), "{longest} s");
    assert_eq!(run.status, Some(1), "{}", run.text);
    run.says("The cell ran for more than its 5 s");
    run.says("Its types are still being analysed");
    let executed = desk.executed("limit.ipynb");
    assert!(outputs(&executed, 0).contains("first"));
    assert_eq!(error(&executed, 1).0, "Timeout");
}

#[cfg(unix)]
#[test]
fn ctrl_c_holds_in_the_analyser_and_what_ran_is_saved() {
    let desk = Desk::new();
    let flag = desk.0.path().join("first-cell-ran");
    let first = format!("std::fs::write({:?}, \"\")?;", path(&flag));
    let notebook = desk.notebook("interrupt.ipynb", &[&first, &long_analysis(), "1 + 1"]);
    let child = begin(desk.command(&[path(&notebook)]));
    let start = Instant::now();
    while !flag.exists() {
        assert!(start.elapsed() < 10 * PATIENCE, "the first cell never ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let run = Run::new(child.wait_with_output().unwrap());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert_eq!(run.status, Some(130), "{}", run.text);
    run.says("2 of 3 cells ran");
    assert_eq!(error(&desk.executed("interrupt.ipynb"), 1).0, "Interrupted");
}

#[test]
fn a_long_list_of_numbers_does_not_keep_the_analyser() {
    let desk = Desk::new();
    let numbers: Vec<String> = (0..40_000)
        .map(|i| format!("{:?}", f64::from(i) / 2.0))
        .collect();
    let notebook = desk.notebook(
        "list.ipynb",
        &[
            &format!(
                "let table = vec![{}];\nlet missing: u8 = 1.0;",
                numbers.join(",\n")
            ),
            &format!(
                "let table = vec![{}];\nlet count = table.len();",
                numbers.join(", ")
            ),
            "let last: f64 = table[count - 1];\nlast",
        ],
    );
    let run = desk.run(&[path(&notebook), "--keep-going", "--timeout", "60"]);
    run.says("line 40001: let missing: u8 = 1.0;");
    assert!(
        outputs(&desk.executed("list.ipynb"), 2).contains("\"19999.5\""),
        "{}",
        run.text
    );
}

#[test]
fn what_nests_too_deeply_is_a_sentence() {
    let desk = Desk::new();
    let deep = format!("let a = {}1{};", "(".repeat(3_000), ")".repeat(3_000));
    let long = |terms| format!("let a: i64 = {};", vec!["1"; terms].join("+"));
    let cells = [
        &deep,
        &long(100_000),
        &long(3_000),
        "println!(\"{a} goes on\");",
    ];
    let notebook = desk.notebook("deep.ipynb", &cells);
    let run = desk.run(&[path(&notebook), "--keep-going", "--timeout", "60"]);
    run.says("The cell has 3000 brackets within one another; 200 are the most.");
    run.says("The cell has 100000 operators in one expression; 4000 are the most.");
    assert!(outputs(&desk.executed("deep.ipynb"), 3).contains("3000 goes on"));
}

#[test]
fn a_long_sum_of_numbers_does_not_keep_the_analyser() {
    let desk = Desk::new();
    let sum = |number: &str| format!("let a = {};\na", vec![number; 3_000].join(" + "));
    let notebook = desk.notebook("sum.ipynb", &[&sum("1"), &sum("0.5f32")]);
    let run = desk.run(&[path(&notebook), "--timeout", "60"]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    let executed = desk.executed("sum.ipynb");
    assert!(outputs(&executed, 0).contains("\"3000\""));
    assert!(outputs(&executed, 1).contains("\"1500.0\""));
}

#[test]
fn standard_input_is_at_an_end_where_nobody_can_be_asked() {
    let desk = Desk::new();
    let notebook = desk.notebook(
        "input.ipynb",
        &[
            "let mut line = String::new();\n\
             let read = std::io::stdin().read_line(&mut line)?;\n\
             println!(\"read {read}\");",
            "println!(\"{:?}\", cuaderno::notebook::input(\"name: \")?);\n\
             println!(\"{} lines\", std::io::stdin().lines().count());",
        ],
    );
    let run = desk.run(&[path(&notebook), "--timeout", "60"]);
    assert_eq!(run.status, Some(0), "{}", run.text);
    let executed = desk.executed("input.ipynb");
    for (cell, says) in [(0, "read 0"), (1, "0 lines")] {
        let said = outputs(&executed, cell);
        assert!(said.contains(says), "{said}");
        assert!(
            said.contains("Nobody can be asked for input here"),
            "{said}"
        );
    }
}

/// What a cell prints, and that it ends its process, says nothing of whether it has ended well.
#[test]
fn a_cell_cannot_say_that_it_has_ended() {
    let desk = Desk::new();
    let forged = r#"let done = "\u{1e}cuaderno:\"finished\"";
println!("{done}\nEVCXR_EXECUTION_COMPLETE\n{done}"); eprintln!("{done}");
std::thread::sleep(std::time::Duration::from_secs(1)); println!("still here");"#;
    let library = r#"{
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let mut paths = maps.lines().filter_map(|line| Some(&line[line.find('/')?..]));
    let library = paths.find(|path| path.ends_with("/libcuaderno.so")).unwrap();
    println!("links: {}", std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(library)?));
}"#;
    let notebook = desk.notebook("forged.ipynb", &[forged, "std::process::exit(0);", library]);
    let run = desk.run(&[path(&notebook), "--keep-going"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    let executed = desk.executed("forged.ipynb");
    // Whoever took its word would have gone on to the next cell.
    assert!(outputs(&executed, 0).contains("still here"), "{executed}");
    assert_eq!(error(&executed, 1).0, "ProcessLost");
    if cfg!(target_os = "linux") {
        // A cell that writes to it changes nobody else's.
        assert!(outputs(&executed, 2).contains("links: 1"), "{}", run.text);
    }
}
