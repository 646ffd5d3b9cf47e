//! The engine on a thread of its own. Types are analysed in this process, where nothing can end the
//! analysis; so what waits for a cell can leave it, and the engine is free again when it ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::limits::{EndedBy, GLANCE, Verdict};
use super::output::{CellOutput, OnOutput, Stream};
use super::reading::Depth;
use super::support::Support;
use super::{AskUser, CellResult, Completions, Engine, Failure, Interrupts, Processes, Settings};
use crate::toolchain::Toolchain;

/// The analyser recurses deeply.
const STACK: usize = 256 << 20;
/// How long a cell that was ended may take to end.
const LAST_STEPS: Duration = Duration::from_millis(700);
/// How long what could stand somewhere may take to find out.
const PATIENCE: Duration = Duration::from_secs(10);
/// From when on a cell is told that it waits for the engine.
const NOTICED: Duration = Duration::from_millis(300);

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// A running engine: variables live in it from cell to cell.
pub struct EngineThread {
    /// None while it ends.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// What the engine still works at although nobody waits for it; disconnected when it is done.
    left: Option<mpsc::Receiver<()>>,
    interrupts: Interrupts,
    verdict: Verdict,
    processes: Processes,
    folder: PathBuf,
}

/// What a cell wants of those who wait for it.
enum Event {
    Question {
        prompt: String,
        is_hidden: bool,
        answer: mpsc::Sender<Option<String>>,
    },
    Ended(CellResult),
}

impl EngineThread {
    /// Starts an engine. One process can hold one.
    ///
    /// # Errors
    /// If the engine cannot be started.
    pub fn start(toolchain: &Toolchain, support: &Support, settings: Settings) -> Result<Self> {
        let (toolchain, support) = (toolchain.clone(), support.clone());
        let directory = settings.working_directory.to_owned();
        let (interrupts, live) = (settings.interrupts.clone(), settings.live);
        let (jobs, to_do) = mpsc::channel::<Job>();
        let (started, start) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let settings = Settings {
                    working_directory: &directory,
                    interrupts,
                    live,
                };
                let mut engine = match Engine::start(&toolchain, &support, settings) {
                    Ok(engine) => engine,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let parts = (
                    engine.verdict(),
                    engine.processes(),
                    engine.folder().to_owned(),
                );
                let _ = started.send(Ok(parts));
                for job in to_do {
                    job(&mut engine);
                }
            })?;
        let (verdict, processes, folder) = start
            .recv()
            .context("The notebook engine panicked while it started")??;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            left: None,
            interrupts: settings.interrupts,
            verdict,
            processes,
            folder,
        })
    }

    /// The processes that work for this engine, for those who must end them from another thread.
    pub fn processes(&self) -> Processes {
        self.processes.clone()
    }

    /// The folder of this engine, which must go with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a cell, to the student that of `number`, for at most `limit`; `on_output` sees what it
    /// prints and shows, as it comes.
    pub fn execute(
        &mut self,
        code: &str,
        number: Option<usize>,
        limit: Option<Duration>,
        ask_user: AskUser,
        mut on_output: OnOutput,
    ) -> CellResult {
        let start = Instant::now();
        let ended = |failure, by| CellResult {
            failure: Some(failure),
            interrupted: by == Some(EndedBy::Interrupt),
            duration: start.elapsed(),
        };
        if let Err(by) = self.wait_until_free(limit, &mut *on_output) {
            return ended(Failure::still_busy(by), Some(by));
        }
        let code = code.to_owned();
        self.verdict.clear();
        let (sender, events) = mpsc::channel();
        let done = self.send(move |engine| {
            let ask = |prompt: &str, is_hidden: bool| {
                let (answer, answered) = mpsc::channel();
                let prompt = prompt.to_owned();
                let question = Event::Question {
                    prompt,
                    is_hidden,
                    answer,
                };
                // Nobody answers a cell that was left.
                sender.send(question).ok()?;
                answered.recv().ok()?
            };
            let run = AssertUnwindSafe(|| engine.execute(&code, number, limit, &ask, on_output));
            // A panic of the analyser was told by its hook; what is not sent tells it here.
            if let Ok(result) = catch_unwind(run) {
                let _ = sender.send(Event::Ended(result));
            }
        });
        loop {
            match events.recv_timeout(GLANCE) {
                Ok(Event::Question {
                    prompt,
                    is_hidden,
                    answer,
                }) => {
                    let _ = answer.send(ask_user(&prompt, is_hidden));
                }
                Ok(Event::Ended(result)) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return ended(Failure::engine_panicked(), None);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(by) = self.verdict.older_than(LAST_STEPS) {
                        self.left = Some(done);
                        return ended(Failure::left(by), Some(by));
                    }
                }
            }
        }
    }

    /// What could stand at byte `position` of `code`.
    ///
    /// # Errors
    /// If the analyser cannot tell, or takes too long.
    pub fn completions(&mut self, code: &str, position: usize) -> Result<Completions> {
        let code = readable(code)?;
        self.ask(Some(PATIENCE), move |engine| {
            engine.completions(&code, position)
        })?
    }

    /// What is known of the expression before byte `position` of `code`, as text and as HTML.
    ///
    /// # Errors
    /// If the analyser cannot tell, or takes too long.
    pub fn describe(&mut self, code: &str, position: usize) -> Result<(String, String)> {
        let code = readable(code)?;
        self.ask(Some(PATIENCE), move |engine| {
            engine.describe(&code, position)
        })?
    }

    /// Forgets all variables and definitions and starts a new runtime process in
    /// `working_directory`; what the engine has learned of the types stays warm.
    ///
    /// # Errors
    /// If no process can be started.
    pub fn reset(&mut self, working_directory: &Path) -> Result<()> {
        let free = self.wait_until_free(None, &mut |_| {});
        free.map_err(|_| anyhow!("The notebook engine was interrupted while it was busy."))?;
        let directory = working_directory.to_owned();
        self.ask(None, move |engine| engine.reset(&directory))?
    }

    /// What the engine answers within `patience`.
    fn ask<T: Send + 'static>(
        &mut self,
        patience: Option<Duration>,
        question: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T> {
        ensure!(!self.is_busy(), "the engine is busy");
        let (sender, answer) = mpsc::channel();
        let done = self.send(move |engine| {
            let _ = sender.send(question(engine));
        });
        let Some(patience) = patience else {
            return answer.recv().context("the engine is gone");
        };
        answer.recv_timeout(patience).map_err(|_| {
            self.left = Some(done);
            anyhow!("the engine takes too long")
        })
    }

    /// Lets the engine do `job`. What is returned is disconnected when that is done.
    fn send(&self, job: impl FnOnce(&mut Engine) + Send + 'static) -> mpsc::Receiver<()> {
        let (at_work, done) = mpsc::channel();
        if let Some(jobs) = &self.jobs {
            // An engine that is gone does nothing, and who waits for it hears that.
            let _ = jobs.send(Box::new(move |engine| {
                job(engine);
                drop(at_work);
            }));
        }
        done
    }

    fn is_busy(&mut self) -> bool {
        let left = self.left.as_ref();
        let busy = left.is_some_and(|done| done.try_recv() == Err(mpsc::TryRecvError::Empty));
        if !busy {
            self.left = None;
        }
        busy
    }

    /// Waits for the end of what was left, at most for `limit`.
    ///
    /// # Errors
    /// What ended the wait.
    fn wait_until_free(
        &mut self,
        limit: Option<Duration>,
        on_output: &mut dyn FnMut(&CellOutput),
    ) -> Result<(), EndedBy> {
        let start = Instant::now();
        let mut told = false;
        while self.is_busy() {
            if self.interrupts.count() > 0 {
                return Err(EndedBy::Interrupt);
            }
            if let Some(limit) = limit.filter(|limit| start.elapsed() + GLANCE >= *limit) {
                return Err(EndedBy::TimeLimit(limit));
            }
            if start.elapsed() > NOTICED && !std::mem::replace(&mut told, true) {
                let note =
                    "Waiting until the analysis of a cell that was ended comes to its end ...\n";
                on_output(&CellOutput::Text(Stream::Stderr, note.to_owned()));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

/// The code, if it can be parsed on a stack that has an end.
fn readable(code: &str) -> Result<String> {
    Depth::of(code).check().map_err(anyhow::Error::msg)?;
    Ok(code.to_owned())
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.jobs = None;
        if self.is_busy() {
            // The thread ends with this process. What lies outside of it must be ended now.
            self.processes.kill();
            let _ = std::fs::remove_dir_all(&self.folder);
        } else if let Some(thread) = self.thread.take() {
            // Why it panicked was told then.
            let _ = thread.join();
        }
    }
}
