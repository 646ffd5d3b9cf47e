//! What ends a cell that does not end: its time limit, or an interrupt.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
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
    verdict: Verdict,
    running: Option<(mpsc::Sender<()>, JoinHandle<Option<EndedBy>>)>,
}

/// Whether the cell must end now, why, and since when; for those who wait for it.
#[derive(Clone, Default)]
pub struct Verdict(Arc<Mutex<Option<(EndedBy, Instant)>>>);

impl Verdict {
    /// Why the cell must end, if that is known for longer than `age`.
    pub fn older_than(&self, age: Duration) -> Option<EndedBy> {
        let verdict = *self.lock();
        let (by, since) = verdict?;
        (since.elapsed() > age).then_some(by)
    }

    /// There is none on the next cell.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    fn give(&self, by: EndedBy) {
        self.lock().get_or_insert_with(|| (by, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(EndedBy, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes that work for a session.
#[derive(Clone)]
pub struct Processes {
    runtime: Arc<Mutex<Child>>,
    session: PathBuf,
}

/// How often a watch looks.
pub const GLANCE: Duration = Duration::from_millis(20);
/// The file of a session that is there while its cell must not be compiled any more.
pub const ENDED: &str = "ended";

impl Watch {
    pub fn new(processes: Processes, collector: Collector, interrupts: Interrupts) -> Self {
        Self {
            processes,
            collector,
            interrupts,
            verdict: Verdict::default(),
            running: None,
        }
    }

    /// The verdict on the cell that is watched.
    pub fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    /// Starts to watch; without a `limit` only interrupts end the cell.
    pub fn begin(&mut self, limit: Option<Duration>) {
        let (cell_ended, ended) = mpsc::channel();
        let (processes, collector) = (self.processes.clone(), self.collector.clone());
        let (interrupts, verdict) = (self.interrupts.clone(), self.verdict.clone());
        let runtime = processes.runtime();
        let start = Instant::now();
        let mut progress = Progress::anew(&processes.session);
        let watcher = std::thread::spawn(move || {
            let mut ended_by = None;
            let mut asked = false;
            // Again and again: the compiler may end between its start and the look at its file.
            while ended.recv_timeout(GLANCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                if let Some(news) = progress.news() {
                    collector.say(Stream::Stderr, news);
                }
                // What has ended a cell stays: the wishes are forgotten when the next one begins,
                // and this one may still be in the analyser then.
                let wishes = interrupts.count();
                if let Some(limit) = limit.filter(|limit| start.elapsed() > *limit) {
                    ended_by = Some(EndedBy::TimeLimit(limit));
                } else if wishes > 0 {
                    ended_by.get_or_insert(EndedBy::Interrupt);
                }
                let Some(by) = ended_by else { continue };
                if !collector.is_running() {
                    verdict.give(by);
                    processes.forbid_compiler();
                } else if by == EndedBy::Interrupt && wishes < 2 {
                    if !std::mem::replace(&mut asked, true) && !collector.is_asking() {
                        processes.ask_to_stop(runtime);
                    }
                } else {
                    verdict.give(by);
                    processes.kill_compiler();
                    processes.kill_runtime(runtime);
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
        let ended_by = watcher.join().ok().flatten();
        self.processes.allow_compiler();
        ended_by
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

    /// The process that runs the next cell.
    fn runtime(&self) -> i32 {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.id() as i32
    }

    /// Ends `runtime`, but not the process that the engine starts when that has ended: it is for the
    /// next cell.
    fn kill_runtime(&self, runtime: i32) {
        self.signal(|now| {
            if now == runtime {
                kill(-runtime, libc::SIGKILL);
            }
        });
    }

    /// Whether the runtime process has not ended.
    pub fn are_alive(&self) -> bool {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(runtime.try_wait(), Ok(None))
    }

    /// Ends the compiler, and lets none begin until the next cell.
    fn forbid_compiler(&self) {
        // Without it the compiler is ended again and again.
        let _ = std::fs::write(self.session.join(ENDED), "");
        self.kill_compiler();
    }

    fn allow_compiler(&self) {
        // Mostly there is none.
        let _ = std::fs::remove_file(self.session.join(ENDED));
    }

    /// Ends the compiler or cargo, and what it has started: the linker, other compilers.
    fn kill_compiler(&self) {
        let compiler = std::fs::read_to_string(self.session.join(super::cargo::COMPILER));
        if let Some(compiler) = compiler.ok().and_then(|pid| pid.parse::<i32>().ok()) {
            kill(-compiler, libc::SIGKILL);
        }
    }

    fn ask_to_stop(&self, runtime: i32) {
        self.signal(|now| {
            if now == runtime {
                kill(runtime, libc::SIGINT);
            }
        });
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn the_process_of_the_next_cell_is_not_ended_with_that_of_this_one() {
        let start = || {
            let mut command = Command::new("sleep");
            command.arg("60").process_group(0).spawn().unwrap()
        };
        let runtime = Arc::new(Mutex::new(start()));
        let processes = Processes::new(runtime.clone(), Path::new("no session"));
        let of_this_cell = processes.runtime();
        let mut ended = std::mem::replace(&mut *runtime.lock().unwrap(), start());
        ended.kill().unwrap();
        ended.wait().unwrap();
        processes.ask_to_stop(of_this_cell);
        processes.kill_runtime(of_this_cell);
        assert!(processes.are_alive());

        processes.kill_runtime(processes.runtime());
        let status = runtime.lock().unwrap().wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    }
}
