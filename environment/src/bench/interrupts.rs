//! How long a wish to stop takes to act, whatever the session is doing: an interrupt, the time limit,
//! and Ctrl-C, which must save what ran.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{PRELUDE, row, training_cell};
use crate::engine::{EngineThread, Interrupts, Settings, Support};
use crate::toolchain::Toolchain;
use crate::workbook;

/// How often each activity is interrupted.
const TIMES: usize = 5;
/// How often the command is ended by Ctrl-C in each activity; it must start each time.
const COMMANDS: usize = 3;
/// At how many moments of an ordinary cell the interrupt comes, and how far apart they are.
const MOMENTS: usize = 30;
const APART: Duration = Duration::from_millis(25);

/// What a session can be doing for long.
struct Activity {
    name: &'static str,
    /// A cell to run before.
    before: &'static str,
    cell: String,
    /// When it is at it, from the cell's start.
    after: Duration,
}

fn activities() -> Vec<Activity> {
    let sum = vec!["x"; 3_000].join(" + ");
    let functions = (0..3_000).map(|i| {
        format!("fn f{i}() -> Vec<String> {{ (0..9).map(|k| format!(\"{{k}}\")).collect() }}\n")
    });
    let one = Duration::from_secs(1);
    vec![
        Activity {
            name: "analysing types",
            before: "let x = 0.5;",
            cell: format!("let sum = {sum};"),
            after: one,
        },
        Activity {
            name: "compiling",
            before: "",
            cell: functions.collect(),
            after: 2 * one,
        },
        Activity {
            name: "running, never looking for interrupts",
            before: "",
            cell: "loop { std::hint::spin_loop(); }".to_owned(),
            after: one,
        },
        Activity {
            name: "training",
            before: "",
            cell: "let network = Sequential::input(&[1, 28, 28]).then(\"flatten\", Flatten)\n    \
                   .then(\"digits\", Dense::units(10)).build(&mut Rng::new(1))?;\n\
                   let images = Rng::new(1).uniform(0.0, 1.0, &[512, 1, 28, 28])?;\n\
                   let examples = TensorExamples::new(images, Tensor::zeros(512, DType::U32, &Device::Cpu)?)?;\n\
                   Trainer::new(Adam::new(1e-3)).epochs(100_000)\n    \
                   .fit(&Classifier::new(network), &examples, &examples)?;"
                .to_owned(),
            after: 2 * one,
        },
        Activity {
            name: "dropping",
            before: "struct Slow;\nimpl Drop for Slow {\n    \
                     fn drop(&mut self) { loop { std::hint::spin_loop(); } }\n}\nlet slow = Slow;",
            cell: "let slow = 1;".to_owned(),
            after: one,
        },
    ]
}

/// Measures and prints.
///
/// # Errors
/// If a session does not start, a cell ends by itself, or Ctrl-C saves nothing.
pub fn measure(toolchain: &Toolchain, support: &Support) -> Result<()> {
    println!("From Ctrl-C to the end of `cargo cuaderno run`, with what ran saved:");
    for activity in activities() {
        let times = (0..COMMANDS).map(|_| end_command(&activity));
        row(activity.name, &times.collect::<Result<Vec<_>>>()?);
    }

    // Last: an engine changes the folder and the environment of its process.
    let interrupts = Interrupts::default();
    let settings = Settings {
        working_directory: workbook::root(),
        interrupts: interrupts.clone(),
        live: false,
    };
    let mut session = InterruptedSession {
        engine: EngineThread::start(toolchain, support, settings)?,
        interrupts,
    };
    println!("\nFrom an interrupt to the end of the cell:");
    session.run(PRELUDE, None);
    for activity in activities() {
        let times = (0..TIMES).map(|_| {
            session.run(activity.before, None);
            session.interrupted(&activity.cell, activity.after)
        });
        let times = times.collect::<Option<Vec<_>>>();
        row(activity.name, &times.with_context(|| ended(&activity))?);
    }
    let moments =
        (0..MOMENTS).filter_map(|i| session.interrupted(&training_cell(i), APART * i as u32));
    let moments: Vec<_> = moments.collect();
    row("anywhere in a cell with a training step", &moments);

    println!("\nFrom the time limit to the end of the cell:");
    for activity in activities() {
        let times = (0..TIMES).map(|_| {
            session.run(activity.before, None);
            let took = session.run(&activity.cell, Some(activity.after));
            took.checked_sub(activity.after)
        });
        let times = times.collect::<Option<Vec<_>>>();
        row(activity.name, &times.with_context(|| ended(&activity))?);
    }
    Ok(())
}

fn ended(activity: &Activity) -> String {
    format!("the cell for `{}` ended by itself", activity.name)
}

struct InterruptedSession {
    engine: EngineThread,
    interrupts: Interrupts,
}

impl InterruptedSession {
    /// How long the cell takes, without the wait for what an earlier one has left the engine with.
    fn run(&mut self, code: &str, limit: Option<Duration>) -> Duration {
        self.interrupts.clear();
        let _ = self
            .engine
            .execute("", None, None, &|_, _| None, Box::new(|_| {}));
        let start = Instant::now();
        let _ = self
            .engine
            .execute(code, None, limit, &|_, _| None, Box::new(|_| {}));
        start.elapsed()
    }

    /// How long after an interrupt the cell has ended; none if it ended before.
    fn interrupted(&mut self, code: &str, after: Duration) -> Option<Duration> {
        self.run("", None);
        let interrupts = self.interrupts.clone();
        let start = Instant::now();
        let interrupt = std::thread::spawn(move || {
            std::thread::sleep(after);
            interrupts.add();
            start.elapsed()
        });
        let _ = self
            .engine
            .execute(code, None, None, &|_, _| None, Box::new(|_| {}));
        let ended = start.elapsed();
        ended.checked_sub(interrupt.join().ok()?)
    }
}

/// How long after Ctrl-C the command has ended.
fn end_command(activity: &Activity) -> Result<Duration> {
    let desk = tempfile::tempdir()?;
    let at_work = desk.path().join("at-work");
    let flag = format!("std::fs::write({at_work:?}, \"\")?;");
    let cells = [
        "println!(\"it ran\");",
        PRELUDE,
        activity.before,
        &flag,
        &activity.cell,
    ];
    let cells: Vec<Value> = (0..).zip(cells).map(cell).collect();
    let notebook = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let path = desk.path().join("interrupted.ipynb");
    std::fs::write(&path, notebook.to_string())?;
    let out = desk.path().join("runs");
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg(&path).arg("--out").arg(&out);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = command.spawn()?;
    wait_for(&at_work, &mut command)?;
    std::thread::sleep(activity.after);
    let start = Instant::now();
    // SAFETY: sends a signal to the process that was started above and not waited for.
    unsafe { libc::kill(command.id() as i32, libc::SIGINT) };
    command.wait()?;
    let took = start.elapsed();
    let saved = std::fs::read_to_string(out.join("interrupted.ipynb"));
    let saved = saved.context("Ctrl-C saved nothing")?;
    ensure!(saved.contains("it ran\\n"), "Ctrl-C did not save what ran");
    Ok(took)
}

fn cell((id, source): (usize, &str)) -> Value {
    json!({
        "cell_type": "code", "id": format!("cell-{id}"), "metadata": {}, "execution_count": null,
        "outputs": [], "source": source,
    })
}

fn wait_for(file: &Path, command: &mut std::process::Child) -> Result<()> {
    while !file.exists() {
        let has_ended = command.try_wait()?.is_some();
        ensure!(!has_ended, "the command ended before its cells ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
