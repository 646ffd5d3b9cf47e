//! The examiner in the box: runs a student's cells on an engine and then asks the probes. What it
//! reports is only as true as the student lets it be; the verdict is formed outside.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cuaderno_protocol::answers::{ANSWERS, FOLDER, LONGEST, QUESTION, Question};
use serde::{Deserialize, Serialize};

use crate::engine::{EngineThread, Failure, Interrupts, Prebuilt, Settings, Support};
use crate::toolchain::Toolchain;
use crate::{files, sandbox, setup};

/// What to run and what to ask.
#[derive(Serialize, Deserialize)]
pub struct Task {
    /// The cell that all others rest on, and those that the student wrote, in order.
    pub cells: Vec<String>,
    pub probes: Vec<Asked>,
    /// The crates that cells may ask for.
    pub crates: Prebuilt,
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
    /// What became of the cell of this number, and the sentence of its error.
    Cell {
        number: usize,
        outcome: Outcome,
        says: String,
    },
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

/// Does the task that stands on standard input.
///
/// # Errors
/// If this is no box, there is no engine, or nobody reads the reports.
pub fn run() -> Result<ExitCode> {
    // It ends all processes that it can reach.
    ensure!(
        sandbox::is_inside(),
        "`examine` runs only in a box, which `cargo cuaderno grade` makes"
    );
    let mut task = String::new();
    std::io::stdin().read_to_string(&mut task)?;
    let task: Task = serde_json::from_str(&task).context("the task cannot be read")?;
    let folder = std::env::current_dir()?;
    let asked = std::env::var_os(FOLDER).context("the folder of the probes is not named")?;
    std::fs::create_dir_all(&asked)?;
    let toolchain = Toolchain::discover()?;
    let support = Support {
        prebuilt: Some(task.crates.clone()),
        ..setup::prepare(&toolchain)?
    };
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
            let (outcome, _) = self.execute(&probe.source);
            let bytes = read(&answers, probe).unwrap_or_default();
            report(&Report::Probe {
                number,
                outcome,
                answers: STANDARD.encode(bytes),
            })?;
            // Behind the last one nothing is asked.
            let is_last = number + 1 == self.task.probes.len();
            if matches!(outcome, Outcome::Lost | Outcome::Time) && !is_last {
                self.reset()?;
                self.run_cells()?;
            }
        }
        Ok(())
    }

    /// Runs the cells, without those that end the process and take the others' variables along.
    /// Each round leaves out one more than the one before.
    fn run_cells(&mut self) -> Result<()> {
        while let Some(number) = self.first_that_ends()? {
            self.ended.insert(number);
            self.reset()?;
        }
        Ok(())
    }

    /// Runs the cells up to the first that ends the process, and says which one does.
    fn first_that_ends(&mut self) -> Result<Option<usize>> {
        for (number, cell) in self.task.cells.iter().enumerate() {
            if self.ended.contains(&number) {
                continue;
            }
            let (outcome, says) = self.execute(cell);
            report(&Report::Cell {
                number,
                outcome,
                says,
            })?;
            if matches!(outcome, Outcome::Lost | Outcome::Time) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Begins anew, without whatever the cells have started.
    fn reset(&mut self) -> Result<()> {
        // SAFETY: a plain system call. It spares this process and the first of the box, and reaches
        // nothing outside of the box.
        unsafe { libc::kill(-1, libc::SIGKILL) };
        wait_for_room();
        self.engine.reset(self.folder)
    }

    fn execute(&mut self, code: &str) -> (Outcome, String) {
        let limit = Some(Duration::from_secs(self.task.seconds));
        let silent = Box::new(|_: &_| {});
        let result = self.engine.execute(code, None, limit, &|_, _| None, silent);
        match result.failure {
            None => (Outcome::Ran, String::new()),
            Some(failure) => (Outcome::of(&failure), short(&failure.value)),
        }
    }
}

/// Processes and threads that a compiler may need at a time, with room to spare.
const ROOM: usize = 64;

/// Waits until what was killed has gone. A process counts until it is reaped, and a submission that
/// has started as many as it may would leave none to the compiler. On a machine with much to do that
/// takes a while; if it takes too long, the next cell says what cannot be started.
fn wait_for_room() {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..500 {
        if is_there_room() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether so many threads can be started: the limit counts them as processes.
fn is_there_room() -> bool {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        let _closed = gate.lock();
        let start = |_| {
            let thread = std::thread::Builder::new().stack_size(1 << 16);
            thread.spawn_scoped(scope, || drop(gate.lock())).is_ok()
        };
        (0..ROOM).all(start)
    })
}

/// The most characters of what is said of a cell.
const MOST_OF_A_SENTENCE: usize = 300;

/// A sentence, or its beginning.
pub fn short(says: &str) -> String {
    let mut short: String = says.chars().take(MOST_OF_A_SENTENCE).collect();
    if short.len() < says.len() {
        short.push('…');
    }
    short
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

/// What the probe has left, or whatever the student has put in its place: no more of it than there
/// can be answers.
fn read(answers: &Path, probe: &Asked) -> Option<Vec<u8>> {
    /// The number of the case, the kind and the length of an answer.
    const HEAD: usize = 9;
    let cases = Question::parse(&probe.question)?.cases as usize;
    // The solution describes each input, too.
    let most = cases * 2 * (LONGEST + HEAD);
    let mut bytes = Vec::new();
    let file = files::open(answers).ok()?;
    file.take(most as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn report(report: &Report) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_answers_is_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let answers = folder.path().join(ANSWERS);
        let probe = Asked {
            source: String::new(),
            question: "7 4 false".to_owned(),
        };
        let left = || {
            let read = read(&answers, &probe).map(|bytes| bytes.len());
            let _ = std::fs::remove_file(&answers);
            read
        };
        assert_eq!(left(), None);
        std::fs::write(&answers, "four").unwrap();
        assert_eq!(left(), Some(4));
        let large = std::fs::File::create(&answers).unwrap();
        large.set_len(50 << 20).unwrap();
        assert_eq!(left(), Some(8 * (LONGEST + 9)));
        std::os::unix::fs::symlink("/dev/zero", &answers).unwrap();
        assert_eq!(left(), None);
        let pipe = std::process::Command::new("mkfifo").arg(&answers).status();
        assert!(pipe.unwrap().success());
        assert_eq!(left(), None);
    }
}
