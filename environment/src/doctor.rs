//! `cargo cuaderno doctor`: what is there, what is missing, and the command that mends it.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::engine::Support;
use crate::toolchain::{self, Toolchain};
use crate::workbook;

/// What the first build and the data sets need, roughly.
const SPACE_NEEDED: u64 = 6 << 30;

struct Finding {
    what: &'static str,
    needed_for: &'static str,
    state: State,
}

enum State {
    There(String),
    Missing { found: String, mend: String },
}

/// Prints a table; exit status 1 if `run` cannot work as things are.
pub fn run() -> Result<ExitCode> {
    let findings = [
        rust(),
        rust_src(),
        linker(),
        support(),
        npm(),
        #[cfg(target_os = "linux")]
        sandbox(),
        python(),
        space(),
        cache(),
    ];
    let mut blocked = false;
    for finding in &findings {
        match &finding.state {
            State::There(found) => println!("  ok       {:<16} {found}", finding.what),
            State::Missing { found, mend } => {
                println!("  missing  {:<16} {found}", finding.what);
                println!(
                    "           {:<16} needed for: {}; to mend it: {mend}",
                    "", finding.needed_for
                );
                blocked |= finding.needed_for.contains("run");
            }
        }
    }
    if blocked {
        println!("\n`cargo cuaderno run` cannot work yet; what is marked as missing says why.");
        return Ok(ExitCode::FAILURE);
    }
    println!("\n`cargo cuaderno run 09` can work.");
    Ok(ExitCode::SUCCESS)
}

fn finding(what: &'static str, needed_for: &'static str, state: State) -> Finding {
    Finding {
        what,
        needed_for,
        state,
    }
}

fn missing(found: impl Into<String>, mend: impl Into<String>) -> State {
    State::Missing {
        found: found.into(),
        mend: mend.into(),
    }
}

fn rust() -> Finding {
    let state = match Toolchain::discover() {
        Ok(toolchain) => State::There(format!("{} for {}", toolchain.version, toolchain.host)),
        Err(error) => missing(format!("{error:#}"), "install Rust with rustup"),
    };
    finding("Rust", "run, setup, bench", state)
}

fn rust_src() -> Finding {
    let state = match Toolchain::discover() {
        Ok(toolchain) if toolchain.has_rust_src() => {
            State::There("the sources of the standard library".to_owned())
        }
        _ => missing(
            "no sources of the standard library",
            "rustup component add rust-src",
        ),
    };
    finding("rust-src", "run, bench (setup adds it)", state)
}

fn linker() -> Finding {
    let state = match version("cc", "--version") {
        Some(version) => State::There(version),
        None => missing(
            "no `cc`",
            "install gcc or clang (Debian: apt-get install build-essential)",
        ),
    };
    finding("linker", "run, setup, bench", state)
}

fn support() -> Finding {
    let state = if Support::is_built() {
        State::There(format!("built in {}", workbook::target().display()))
    } else {
        missing(
            "not built, or older than Cargo.lock",
            "cargo cuaderno setup",
        )
    };
    finding("support crate", "cells (built when they need it)", state)
}

#[cfg(target_os = "linux")]
fn sandbox() -> Finding {
    use crate::sandbox::{Sandbox, try_escapes};
    let tried = Sandbox::find().and_then(|sandbox| Ok((sandbox.name(), try_escapes(&sandbox)?)));
    let state = match tried {
        Ok((name, ways)) => {
            let (closed, open): (Vec<_>, Vec<_>) = ways.iter().partition(|way| way.is_closed);
            let list = |ways: &[&crate::sandbox::Escape]| {
                let ways: Vec<_> = ways.iter().map(|escape| escape.way.as_str()).collect();
                ways.join(", ")
            };
            match open.is_empty() {
                true => State::There(format!("{name}; held against code that {}", list(&closed))),
                false => missing(
                    format!("{name} does not hold against code that {}", list(&open)),
                    "grade on another machine, or in a virtual machine for each submission",
                ),
            }
        }
        Err(error) => missing(format!("{error:#}"), "as it says"),
    };
    finding("sandbox", "grade", state)
}

fn npm() -> Finding {
    let state = match version("npm", "--version") {
        Some(version) => State::There(format!("npm {version}")),
        None => missing(
            "no npm",
            "install Node.js, or use `data fetch NAME --from DIR`",
        ),
    };
    finding("npm", "data sets whose first source is down", state)
}

fn python() -> Finding {
    let state = match version("python3", "--version") {
        Some(version) => State::There(version),
        None => missing("no python3", "install Python 3.10 or later"),
    };
    finding(
        "Python",
        "lab, data sets from PyPI, and comparisons with PyTorch and scikit-learn",
        state,
    )
}

fn space() -> Finding {
    let folder = workbook::target();
    let state = match free_space(&folder) {
        Some(free) if free < SPACE_NEEDED => missing(
            format!("{:.1} GB free at {}", gigabytes(free), folder.display()),
            format!(
                "free {:.0} GB, or set CARGO_TARGET_DIR to a larger disk",
                gigabytes(SPACE_NEEDED)
            ),
        ),
        Some(free) => State::There(format!(
            "{:.1} GB free at {}",
            gigabytes(free),
            folder.display()
        )),
        None => State::There(format!("unknown at {}", folder.display())),
    };
    finding("space", "setup (the first build)", state)
}

fn cache() -> Finding {
    let state = match cuaderno_datasets::Cache::of_user() {
        Ok(cache) => State::There(cache.root().display().to_string()),
        Err(error) => missing(
            error.to_string(),
            "set CUADERNO_DATA to a folder you can write to",
        ),
    };
    finding("data cache", "complete data sets", state)
}

fn version(program: &str, flag: &str) -> Option<String> {
    let text = toolchain::output(Command::new(program).arg(flag)).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Bytes that this user may still write at `folder` or at its nearest existing parent.
fn free_space(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|folder| folder.exists())?;
    let path = std::ffi::CString::new(existing.to_str()?).ok()?;
    let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero, and the call fills the structure where it returns 0.
    let facts = unsafe {
        if libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) != 0 {
            return None;
        }
        facts.assume_init()
    };
    Some(facts.f_bavail as u64 * facts.f_frsize as u64)
}
