//! Grading in a container without bubblewrap, where Landlock makes the boxes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Run, in_container, is_running, landlock_can_be_tried};
use crate::lab::{BEST, Course, SECONDS, cell, double, largest, results};

/// Finds nothing of whoever grades, cannot end it, and leaves a process and files behind. Right only
/// if all is as it must be. WORD is an argument of the process, TEST the number of this one.
const LEAVES: &str = "
    let tries = [
        std::fs::read(\"OTHERS/later.ipynb\").is_ok(),
        std::fs::read_dir(\"OTHERS\").is_ok(),
        std::fs::read(\"/etc/passwd\").is_ok(),
        std::fs::read_dir(\"/proc\").is_ok(),
        std::fs::write(\"/var/tmp/WORD\", \"\").is_ok(),
        std::fs::OpenOptions::new().append(true).open(\"LIBRARY\").is_ok(),
        std::env::vars().any(|(_, value)| value.contains(\"canary\")),
        std::fs::write(std::env::temp_dir().join(\"left\"), \"\").is_err(),
    ];
    let script = \"kill -KILL 1 TEST; (setsid sh -c 'sleep 9999; :' WORD &)\";
    let mut shell = std::process::Command::new(\"setsid\");
    let _ = shell.args([\"sh\", \"-c\", script]).spawn();
    Ok(if tries.contains(&true) { 0.0 } else { 2.0 * x })";

/// Right only if the one before left nothing.
const LOOKS: &str = "
    let folder = std::env::temp_dir();
    Ok(if folder.join(\"left\").exists() { 0.0 } else { 2.0 * x })";

fn add(course: &Course, name: &str, body: &str, own: &str) {
    let library = Path::new(env!("CARGO_BIN_EXE_cuaderno")).with_file_name("libcuaderno.so");
    let body = body.replace("LIBRARY", library.to_str().unwrap());
    let body = body.replace("OTHERS", course.submissions.to_str().unwrap());
    let body = body.replace("TEST", &std::process::id().to_string());
    let answers = [double(&body.replace("WORD", &word(course))), largest(BEST)];
    course.add(name, [&answers[0], &answers[1]], |cells| {
        cells.insert(1, cell("code", "own", "own", own));
    });
}

/// No other test's process has it.
fn word(course: &Course) -> String {
    let folder = course.desk.0.path().file_name().unwrap();
    folder.to_str().unwrap().to_owned()
}

fn earned(result: &Value) -> [Option<f64>; 2] {
    [0, 1].map(|probe| result["probes"][probe]["earned"].as_f64())
}

#[test]
fn submissions_in_boxes_by_landlock_gain_and_leave_nothing() {
    if !landlock_can_be_tried() {
        return;
    }
    let course = Course::new();
    course.desk.open_to_all();
    let reads = "println!(\"{}\", include_str!(\"/proc/1/environ\"));";
    add(&course, "a-leaves.ipynb", LEAVES, reads);
    add(&course, "b-looks.ipynb", LOOKS, "let one = 1;");
    let children = "loop { let mut sleep = std::process::Command::new(\"setsid\");
        let _ = sleep.args([\"sh\", \"-c\", \"sleep 9999; :\", \"WORD\"]).spawn(); }";
    add(&course, "children.ipynb", children, "let one = 1;");

    let out = course.at("grades");
    let grade = |arguments: &[&str]| Run::new(grader(&course, arguments).output().unwrap());
    let run = grade(&["--jobs", "2"]);
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("here Landlock makes them, one at a time; give --jobs 1");
    let run = grade(&["--timeout", SECONDS]);
    assert_eq!(run.status, Some(0), "{}", run.text);

    let results = results(&out);
    for (name, expected) in [
        ("a-leaves", [1.0, 1.0]),
        ("b-looks", [1.0, 1.0]),
        ("children", [0.0, 1.0]),
    ] {
        let result = &results[name];
        assert_eq!(earned(result), expected.map(Some), "{name}: {result}");
        assert_eq!(result["receipt"]["sandbox"], "landlock");
    }
    ensure_nothing_is_left(&course);
}

#[test]
fn a_grader_that_is_killed_leaves_no_box() {
    if !landlock_can_be_tried() {
        return;
    }
    let course = Course::new();
    course.desk.open_to_all();
    let stays = "let mut shell = std::process::Command::new(\"setsid\");
        let _ = shell.args([\"sh\", \"-c\", \"sleep 9999; :\", \"WORD\"]).spawn(); loop {}";
    add(&course, "a.ipynb", stays, "let one = 1;");
    // `bwrap` becomes the grader's parent.
    let mut grader = grader(&course, &[]).spawn().unwrap();
    let word = word(&course);
    wait_until("the submission starts a process", || {
        assert!(grader.try_wait().unwrap().is_none(), "the grader has ended");
        is_running(&word)
    });
    let children = format!("/proc/{0}/task/{0}/children", grader.id());
    let process = fs::read_to_string(children).unwrap();
    let process: i32 = process.trim().parse().unwrap();
    // SAFETY: a plain system call; `bwrap` has not waited for its child, which runs.
    unsafe { libc::kill(process, libc::SIGKILL) };
    grader.wait().unwrap();
    ensure_nothing_is_left(&course);
}

/// The grader in a container, with a folder of its own for temporary files.
fn grader(course: &Course, arguments: &[&str]) -> Command {
    let mut command = course.grade(&course.submissions, &course.at("grades"), arguments);
    fs::create_dir_all(course.at("tmp")).unwrap();
    command.env("TMPDIR", course.at("tmp"));
    in_container(&command)
}

/// Waits for what is about to end.
#[track_caller]
fn ensure_nothing_is_left(course: &Course) {
    let word = word(course);
    wait_until("all processes have ended", || !is_running(&word));
    let is_there = || {
        let mut entries = fs::read_dir(course.at("tmp")).unwrap().flatten();
        entries.any(|entry| entry.path().is_dir())
    };
    wait_until("the folder of the box is gone", || !is_there());
    assert!(!Path::new("/var/tmp").join(&word).exists());
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(300),
            "waited until {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
