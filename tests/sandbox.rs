//! What runs in a box stays in it.
#![cfg(target_os = "linux")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{
    Desk, Run, boxes_can_be_made, in_container, is_running, landlock_can_be_tried, outputs, path,
    without_boxes,
};

#[test]
fn every_way_out_of_the_box_is_closed() {
    if boxes_can_be_made() {
        ensure_closed("bwrap", doctor());
    }
}

#[test]
fn every_way_out_of_a_box_by_landlock_is_closed() {
    if landlock_can_be_tried() {
        ensure_closed("landlock", in_container(&doctor()));
    }
}

fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
    command.arg("doctor");
    command
}

fn ensure_closed(kind: &str, mut command: Command) {
    let run = Run::new(command.output().unwrap());
    run.says(&format!("{kind}; held against code that"));
    for way in [
        "reads a file of the user's",
        "reads the environment of whoever made the box",
        "writes to the engine",
        "opens a socket",
        "sends datagrams",
        "watches the files of others",
        "makes a namespace by clone3",
        "leaves files beside its scratch",
        "holds memory that nobody counts (shared)",
        "holds memory that nobody counts (messages)",
        "starts as many processes as it likes",
    ] {
        run.says(way);
    }
    assert!(!run.text.contains("does not hold"), "{}", run.text);
}

#[test]
fn a_notebook_in_a_box_sees_its_folder_and_leaves_nothing_but_results() {
    if boxes_can_be_made() {
        ensure_boxed(|command| command);
    }
}

#[test]
fn a_notebook_in_a_box_by_landlock_sees_and_leaves_the_same() {
    if landlock_can_be_tried() {
        ensure_boxed(|command| in_container(&command));
    }
}

/// Runs a notebook in a box that can be made where `place` takes the command.
fn ensure_boxed(place: impl Fn(Command) -> Command) {
    let desk = Desk::new();
    let outside = tempfile::tempdir().unwrap();
    let canary = outside.path().join("canary.txt");
    fs::write(&canary, "canary-in-a-file").unwrap();
    // So that nothing but the box is in the way.
    desk.open_to_all();
    fs::set_permissions(outside.path(), Permissions::from_mode(0o755)).unwrap();
    fs::write(desk.0.path().join("data.csv"), "seven").unwrap();
    let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
    let before = fs::metadata(&library).unwrap();
    // No other test's process has it.
    let word = desk.0.path().file_name().unwrap().to_owned();
    let word = word.to_str().unwrap();
    let cells = [
        "println!(\"{}\", std::fs::read_to_string(\"data.csv\")?);".to_owned(),
        "println!(\"{:?}\", std::env::vars().collect::<Vec<_>>());
         println!(\"{:?}\", std::fs::read(\"/proc/1/environ\"));"
            .to_owned(),
        format!("println!(\"read: {{}}\", std::fs::read({canary:?}).is_ok());"),
        format!("println!(\"{{}}\", include_str!({canary:?}));"),
        format!(
            "let library = std::fs::OpenOptions::new().write(true).open({library:?});
             println!(\"opened: {{}}\", library.is_ok()); drop(library);"
        ),
        format!(
            "let child = std::process::Command::new(\"setsid\").args([\"sh\", \"-c\", \"sleep 9999; :\", {word:?}]).spawn();
             println!(\"started: {{}}\", child.is_ok()); drop(child);"
        ),
        "std::os::unix::fs::symlink(\"/etc\", \"runs/link\")?;".to_owned(),
        ":dep candle-nn\nprintln!(\"variables: {}\", candle_nn::VarMap::new().all_vars().len());".to_owned(),
        ":dep rand = \"0.9\"\nprintln!(\"{}\", rand::random::<u8>());".to_owned(),
    ];
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let notebook = desk.notebook("boxed.ipynb", &cells);
    let mut command = desk.command(&[path(&notebook), "--sandbox", "--keep-going"]);
    command.env("CUADERNO_CANARY", "canary-in-the-environment");
    let run = Run::new(place(command).output().unwrap());
    assert_eq!(
        run.status,
        Some(1),
        "two cells cannot be compiled: {}",
        run.text
    );

    let executed = desk.executed("boxed.ipynb");
    assert!(outputs(&executed, 0).contains("seven"), "{}", run.text);
    assert!(!executed.to_string().contains("canary-in"), "{executed}");
    assert!(outputs(&executed, 2).contains("read: false"));
    assert_eq!(common::error(&executed, 3).0, "CompileError");
    assert!(
        outputs(&executed, 4).contains("opened: false"),
        "{}",
        outputs(&executed, 4)
    );
    assert!(
        outputs(&executed, 5).contains("started: true"),
        "{}",
        outputs(&executed, 5)
    );
    assert!(
        outputs(&executed, 7).contains("variables: 0"),
        "{}",
        run.text
    );
    run.says("cells in a box have the crates that the lab asks for and whose versions are pinned, here only `:dep candle-nn`");
    let after = fs::metadata(&library).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    // What the box left behind goes with it.
    let start = Instant::now();
    while is_running(word) {
        assert!(start.elapsed().as_secs() < 60, "{word} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(desk.runs().join("link").symlink_metadata().is_err());
}

#[test]
fn without_a_box_nothing_runs() {
    let desk = Desk::new();
    let notebook = desk.notebook("boxed.ipynb", &["println!(\"ran\");"]);
    let mut command = desk.command(&[path(&notebook), "--sandbox"]);
    let run = Run::new(without_boxes(&mut command).output().unwrap());
    assert_eq!(run.status, Some(1));
    run.says("There is no sandbox here, so nothing runs: install bubblewrap");
    assert!(!desk.runs().exists());
}
