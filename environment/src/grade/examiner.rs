//! The examiner in the box: runs a student's cells on an engine and then asks the probes. What it
//! reports is only as true as the student lets it be; the verdict is formed outside.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cuaderno_protocol::answers::{ANSWERS, FOLDER, QUESTION};
use serde::{Deserialize, Serialize};

use crate::engine::{EngineThread, Failure, Interrupts, Settings};
use crate::setup;
use crate::toolchain::Toolchain;

/// What to run and what to ask.
#[derive(Serialize, Deserialize)]
pub struct Task {
    /// The cell that all others rest on, and those that the student wrote, in order.
    pub cells: Vec<String>,
    pub probes: Vec<Asked>,
    /// How long a cell may take, in seconds.
    pub seconds: u64,
}

/// A probe with its question.
#[derive(Clone, Serialize, Deserialize)]
pub struct Asked {
    pub source: String,
    pub question: String,
}

/// What the examiner reports, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// The engine runs, and nothing of the student's has run yet.
    Ready,
    /// What became of the cell of this number.
    Cell { number: usize, outcome: Outcome },
    /// What became of the probe of this number, and its frames in base64.
    Probe {
        number: usize,
        outcome: Outcome,
        answers: String,
    },
    /// All was asked.
    Done,
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ran,
    Compile,
    Error,
    Panic,
    Time,
    /// The process ended.
    Lost,
}

/// How many times what a cell has ended is begun anew.
const ATTEMPTS: usize = 8;

/// Does the task that stands on standard input.
///
/// # Errors
/// If there is no engine, or nobody reads the reports.
pub fn run() -> Result<ExitCode> {
    let mut task = String::new();
    std::io::stdin().read_to_string(&mut task)?;
    let task: Task = serde_json::from_str(&task).context("the task cannot be read")?;
    let folder = std::env::current_dir()?;
    let asked = std::env::var_os(FOLDER).context("the folder of the probes is not named")?;
    std::fs::create_dir_all(&asked)?;
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    let settings = Settings {
        working_directory: &folder,
        interrupts: Interrupts::default(),
        live: false,
    };
    let engine = EngineThread::start(&toolchain, &support, settings)?;
    report(&Report::Ready)?;
    let mut examiner = Examiner {
        engine,
        task: &task,
        folder: &folder,
        ended: BTreeSet::new(),
    };
    examiner.examine(Path::new(&asked))?;
    report(&Report::Done)?;
    Ok(ExitCode::SUCCESS)
}

struct Examiner<'a> {
    engine: EngineThread,
    task: &'a Task,
    folder: &'a Path,
    /// Cells that have ended the process, which are not run again.
    ended: BTreeSet<usize>,
}

impl Examiner<'_> {
    fn examine(&mut self, asked: &Path) -> Result<()> {
        self.run_cells()?;
        for (number, probe) in self.task.probes.iter().enumerate() {
            let answers = asked.join(ANSWERS);
            let _ = std::fs::remove_file(&answers);
            std::fs::write(asked.join(QUESTION), &probe.question)?;
            let outcome = self.execute(&probe.source);
            let bytes = std::fs::read(&answers).unwrap_or_default();
            report(&Report::Probe {
                number,
                outcome,
                answers: STANDARD.encode(bytes),
            })?;
            if matches!(outcome, Outcome::Lost | Outcome::Time) {
                self.begin_anew()?;
            }
        }
        Ok(())
    }

    /// Runs the cells, without those that end the process and take the others' variables along.
    fn run_cells(&mut self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let mut is_whole = true;
            for (number, cell) in self.task.cells.iter().enumerate() {
                if self.ended.contains(&number) {
                    continue;
                }
                let outcome = self.execute(cell);
                report(&Report::Cell { number, outcome })?;
                if matches!(outcome, Outcome::Lost | Outcome::Time) {
                    self.ended.insert(number);
                    is_whole = false;
                    break;
                }
            }
            if is_whole {
                break;
            }
            self.engine.reset(self.folder)?;
        }
        Ok(())
    }

    fn begin_anew(&mut self) -> Result<()> {
        self.engine.reset(self.folder)?;
        self.run_cells()
    }

    fn execute(&mut self, code: &str) -> Outcome {
        let limit = Some(Duration::from_secs(self.task.seconds));
        let silent = Box::new(|_: &_| {});
        let result = self.engine.execute(code, None, limit, &|_, _| None, silent);
        result.failure.as_ref().map_or(Outcome::Ran, Outcome::of)
    }
}

impl Outcome {
    fn of(failure: &Failure) -> Self {
        match failure.name {
            "Error" => Self::Error,
            "Panic" => Self::Panic,
            "Timeout" | "Interrupted" => Self::Time,
            "ProcessLost" => Self::Lost,
            _ => Self::Compile,
        }
    }
}

fn report(report: &Report) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
