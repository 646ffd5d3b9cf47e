//! What ends a cell that does not end: its time limit, or an interrupt.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::collector::Collector;
use super::output::Stream;
use super::progress::Progress;

/// Why a cell was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EndedBy {
    TimeLimit(Duration),
    Interrupt,
}

/// Counts the user's wishes to stop the running cell. The first asks: a training stops after its
/// batch, the compiler at once, and the process ends if nothing in the cell looks for interrupts.
/// The second ends the process.
#[derive(Clone, Default)]
pub struct Interrupts(Arc<AtomicUsize>);

impl Interrupts {
    /// Wishes to stop the running cell.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets the wishes so far.
    pub fn clear(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Watches over one cell at a time, and tells what cargo says of the crates that it asks for.
pub struct Watch {
    processes: Processes,
    collector: Collector,
    interrupts: Interrupts,
    running: Option<(mpsc::Sender<()>, JoinHandle<Option<EndedBy>>)>,
}

/// The processes that work for a session.
#[derive(Clone)]
pub struct Processes {
    runtime: Arc<Mutex<Child>>,
    session: PathBuf,
}

const GLANCE: Duration = Duration::from_millis(20);

impl Watch {
    pub fn new(processes: Processes, collector: Collector, interrupts: Interrupts) -> Self {
        Self {
            processes,
            collector,
            interrupts,
            running: None,
        }
    }

    /// Starts to watch; without a `limit` only interrupts end the cell.
    pub fn begin(&mut self, limit: Option<Duration>) {
        let (cell_ended, ended) = mpsc::channel();
        let (processes, collector) = (self.processes.clone(), self.collector.clone());
        let interrupts = self.interrupts.clone();
        let start = Instant::now();
        let mut progress = Progress::anew(&processes.session);
        let watcher = std::thread::spawn(move || {
            let mut ended_by = None;
            let mut asked = false;
            // Again and again: the compiler may end between its start and the look at its file.
            while ended.recv_timeout(GLANCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                if let Some(limit) = limit.filter(|limit| start.elapsed() > *limit) {
                    ended_by = Some(EndedBy::TimeLimit(limit));
                    processes.kill();
                }
                let running = collector.is_running();
                if let Some(news) = progress.news() {
                    collector.say(Stream::Stderr, news);
                }
                match interrupts.count() {
                    0 => {}
                    1 if !running => {
                        ended_by = Some(EndedBy::Interrupt);
                        processes.kill_compiler();
                    }
                    1 if !asked => {
                        ended_by = Some(EndedBy::Interrupt);
                        asked = true;
                        processes.ask_to_stop();
                    }
                    1 => {}
                    _ => {
                        ended_by = Some(EndedBy::Interrupt);
                        processes.kill();
                    }
                }
            }
            ended_by
        });
        self.running = Some((cell_ended, watcher));
    }

    /// The cell has ended: stops watching and says whether it was this watch that ended it.
    pub fn end(&mut self) -> Option<EndedBy> {
        let (cell_ended, watcher) = self.running.take()?;
        drop(cell_ended);
        watcher.join().ok().flatten()
    }
}

impl Processes {
    pub fn new(runtime: Arc<Mutex<Child>>, session: &Path) -> Self {
        Self {
            runtime,
            session: session.to_owned(),
        }
    }

    /// Ends the compiler and the runtime process, and what the cell started.
    pub fn kill(&self) {
        self.kill_compiler();
        self.signal(|runtime| kill(-runtime, libc::SIGKILL));
    }

    /// Whether the runtime process has not ended.
    pub fn are_alive(&self) -> bool {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(runtime.try_wait(), Ok(None))
    }

    fn kill_compiler(&self) {
        let compiler = std::fs::read_to_string(self.session.join(super::cargo::COMPILER));
        if let Some(compiler) = compiler.ok().and_then(|pid| pid.parse().ok()) {
            kill(compiler, libc::SIGKILL);
        }
    }

    fn ask_to_stop(&self) {
        self.signal(|runtime| kill(runtime, libc::SIGINT));
    }

    fn signal(&self, send: impl FnOnce(i32)) {
        // The engine holds the lock only while it waits for the process to end by itself.
        if let Ok(runtime) = self.runtime.try_lock() {
            send(runtime.id() as i32);
        }
    }
}

fn kill(process: i32, signal: i32) {
    // SAFETY: sends a signal to a process, or its group, that this session started.
    unsafe { libc::kill(process, signal) };
}
