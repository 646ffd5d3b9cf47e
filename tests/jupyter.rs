//! The kernel behind Jupyter's own clients. The tests themselves are Python, in
//! `environment/jupyter/tests`; each test here runs one file of them.
//!
//! They need packages from the Python package index, which are fetched once into the target folder.
//! Where that is not possible they say so and pass; with `CUADERNO_REQUIRE_JUPYTER` set they fail.
//! So does the test in a browser with `CUADERNO_REQUIRE_BROWSER` where there is none. What it saw lies
//! in `screenshots` in the target folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use cuaderno_environment::kernel::{Place, install};
use cuaderno_environment::python::Python;
use cuaderno_environment::workbook;

fn jupyter_folder() -> PathBuf {
    workbook::root().join("environment/jupyter")
}

/// The environment of the tests, or why there is none.
fn python() -> &'static Result<Python, String> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = workbook::target().join("jupyter-tests");
        let requirements = ["requirements.txt", "requirements-tests.txt"];
        let python = Python::prepare(
            &folder,
            &requirements.map(|file| jupyter_folder().join(file)),
        );
        let python = python.map_err(|error| format!("{error:#}"))?;
        install(
            &Place::Prefix(folder),
            Path::new(env!("CARGO_BIN_EXE_cuaderno")),
        )
        .map_err(|error| format!("{error:#}"))?;
        Ok(python)
    })
}

/// Not `eprintln!`, which the test harness keeps to itself where a test passes.
fn tell(why: &str) {
    let note = format!("\nNOT TESTED: {why}\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
}

/// For suites of tests some of which look at the clock: no two of them at a time.
fn passes_in_turn(file: &str) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    passes(file);
}

fn passes(file: &str) {
    let python = match python() {
        Ok(python) => python,
        Err(why) if std::env::var_os("CUADERNO_REQUIRE_JUPYTER").is_some() => panic!("{why}"),
        Err(why) => {
            tell(&format!("{file} needs Jupyter. {why}"));
            return;
        }
    };
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(python.interpreter())
        .arg("-m")
        .arg("unittest")
        .arg("-v")
        .arg(file)
        .current_dir(jupyter_folder().join("tests"))
        .env("CUADERNO", env!("CARGO_BIN_EXE_cuaderno"))
        .env("CUADERNO_SESSIONS", workbook::state().join("sessions"))
        // No data but what is shipped, wherever this test runs.
        .env("CUADERNO_DATA", data.path())
        .env(
            "CUADERNO_SCREENSHOTS",
            workbook::target().join("screenshots"),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{file}:\n{said}");
    // A suite that found nothing to test has shown nothing.
    assert!(!said.contains("Ran 0 tests"), "{file}:\n{said}");
    if said.contains("needs Chromium") {
        let why = format!("{file} needs Chromium and chromedriver on the path.");
        assert!(
            std::env::var_os("CUADERNO_REQUIRE_BROWSER").is_none(),
            "{why}"
        );
        tell(&why);
    }
}

#[test]
fn a_lab_in_a_browser() {
    passes("test_browser.py");
}

#[test]
fn the_suite_of_all_kernels() {
    passes_in_turn("test_protocol.py");
}

#[test]
fn what_a_student_notices() {
    passes_in_turn("test_session.py");
}

#[test]
fn what_goes_wrong_around_a_kernel() {
    passes_in_turn("test_faults.py");
}

#[test]
fn jupyters_runners_of_notebooks() {
    passes("test_notebooks.py");
}
