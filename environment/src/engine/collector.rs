//! Reads what the runtime process writes, in order, as it comes.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cuaderno_protocol::{Contents, MARK, Signal, evcxr};

use super::channel::FrontEnd;
use super::collected::{Collected, cut};
use super::input::END_OF_INPUT;
use super::output::{CellOutput, OnOutput, Stream};
use super::scanner::{Piece, Scanner};

/// Text of a quick loop is passed on in pieces of about this much time.
const ONE_PIECE: Duration = Duration::from_millis(30);
/// How long text waits for more of it.
const PAUSE: Duration = Duration::from_millis(4);
/// How long the last words of a process may take from there to here.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Collects what the runtime process writes.
#[derive(Clone)]
pub struct Collector {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

impl Collector {
    /// Reads the pipes for as long as this process lives.
    pub fn new(pipes: FrontEnd) -> Self {
        let collector = Self {
            shared: Arc::default(),
        };
        let FrontEnd {
            stdout,
            stderr,
            echo,
            ends,
        } = pipes;
        let this = collector.clone();
        std::thread::spawn(move || this.read(Stream::Stderr, stderr, None));
        let this = collector.clone();
        let aside = Aside { echo, ends };
        std::thread::spawn(move || this.read(Stream::Stdout, stdout, Some(aside)));
        collector
    }

    fn read(&self, stream: Stream, mut pipe: impl Read + AsRawFd, mut aside: Option<Aside>) {
        let mut scanner = Scanner::default();
        let mut chunk = vec![0; 1 << 16];
        let mut bytes = Vec::new();
        loop {
            let start = Instant::now();
            bytes.clear();
            loop {
                match pipe.read(&mut chunk) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                }
                // A signal at the end is worth acting on at once.
                let ends_with_signal = bytes.ends_with(b"\n")
                    && memchr::memrchr(b'\n', &bytes[..bytes.len() - 1])
                        .map_or(&bytes[..], |at| &bytes[at + 1..])
                        .contains(&MARK.as_bytes()[0]);
                if ends_with_signal || start.elapsed() > ONE_PIECE || !has_more(&pipe, PAUSE) {
                    break;
                }
            }
            for piece in scanner.feed(&bytes) {
                self.take_piece(stream, piece, aside.as_mut());
            }
        }
    }

    fn take_piece(&self, stream: Stream, piece: Piece, mut aside: Option<&mut Aside>) {
        let mut collected = self.lock();
        let for_evcxr = match piece {
            Piece::Text(text) => {
                collected.say(stream, text);
                None
            }
            Piece::Content { mime, content } => {
                collected.show_value(Contents::new(&mime, content));
                None
            }
            Piece::Evcxr(line) => {
                collected.hear_evcxr(&line);
                Some(line)
            }
            Piece::Signal(line) => match Signal::parse(&line) {
                // Standard error may tell what it likes: the other stream decides.
                Some(Signal::Finished)
                    if aside.as_mut().is_some_and(|aside| !aside.has_ended()) =>
                {
                    collected.say(stream, format!("{line}\n"));
                    None
                }
                Some(signal) => self.hear(collected, stream, signal),
                None => {
                    collected.say(stream, format!("{line}\n"));
                    None
                }
            },
        };
        if let (Some(line), Some(aside)) = (for_evcxr, aside) {
            // Without a process there is nobody to tell.
            let _ = writeln!(aside.echo, "{line}");
        }
    }

    /// Acts on a signal and returns the line that evcxr must hear of it.
    fn hear(
        &self,
        mut collected: MutexGuard<Collected>,
        stream: Stream,
        signal: Signal,
    ) -> Option<String> {
        let index = stream as usize;
        match signal {
            Signal::Started => collected.started[index] += 1,
            Signal::Running => collected.running[index] = true,
            Signal::Finished => {
                collected.finished[index] += 1;
                self.shared.1.notify_all();
                if stream == Stream::Stdout {
                    let number = collected.finished[index];
                    let behind = |collected: &mut Collected| {
                        collected.finished[Stream::Stderr as usize] < number
                    };
                    // Both streams are heard to their ends before evcxr hears that the cell ended.
                    let (mut collected, _) = self
                        .shared
                        .1
                        .wait_timeout_while(collected, LAST_WORDS, behind)
                        .unwrap_or_else(PoisonError::into_inner);
                    collected.end();
                    return Some(evcxr::COMPLETE.to_owned());
                }
            }
            Signal::Panic(report) => {
                collected.tell_panic_of_a_thread();
                collected.panic = Some(report);
            }
            Signal::Error(report) => collected.error = Some(report),
            Signal::Returned(missing) => {
                collected.tell_return(&missing);
                return Some(evcxr::ERROR.to_owned());
            }
            Signal::Value(contents) => collected.show_value(contents),
            Signal::Display { mut contents, id } => {
                cut(&mut contents);
                collected.put_out(CellOutput::Display(contents, id));
            }
            Signal::Update { mut contents, id } => {
                cut(&mut contents);
                collected.put_out(CellOutput::Update(contents, id));
            }
            Signal::Clear { wait } => collected.put_out(CellOutput::Clear { wait }),
        }
        self.shared.1.notify_all();
        None
    }

    /// A cell begins.
    pub fn begin(&self, on_output: OnOutput) {
        let mut collected = self.lock();
        let earlier = collected.earlier.take();
        *collected = collected.anew(Some(on_output));
        collected.earlier = earlier;
    }

    /// Passes on a text that is not the cell's own.
    pub fn say(&self, stream: Stream, text: String) {
        if let Some(on_output) = &mut self.lock().on_output {
            on_output(&CellOutput::Text(stream, text));
        }
    }

    /// Shows what a command of the engine has answered.
    pub fn show(&self, contents: Contents) {
        if let Some(on_output) = &mut self.lock().on_output {
            on_output(&CellOutput::Value(contents));
        }
    }

    /// What was collected since the cell began. What its threads put out from now on is still seen.
    pub fn take(&self) -> Collected {
        let mut collected = self.lock();
        let since = collected.anew(None);
        let mut taken = std::mem::replace(&mut *collected, since);
        // A cell that did not run has no threads, and those of the one before it go on.
        let earlier = taken.earlier.take();
        let earlier = earlier.filter(|_| !taken.running[Stream::Stdout as usize]);
        collected.earlier = earlier.or(taken.on_output.take());
        taken
    }

    /// What the cell last asked the user for.
    pub fn prompt(&self) -> String {
        self.lock().prompt.clone()
    }

    /// Whether the cell waits for what the user types.
    pub fn is_asking(&self) -> bool {
        self.lock().asking
    }

    /// The user has answered, or nobody could be asked; returns the line for the runtime process.
    pub fn answer(&self, answer: Option<String>) -> String {
        let mut collected = self.lock();
        collected.asking = false;
        answer.unwrap_or_else(|| {
            if !std::mem::replace(&mut collected.told_that_nobody_answers, true) {
                let note =
                    "Nobody can be asked for input here: the cell finds its input at an end.\n";
                collected.say(Stream::Stderr, note.to_owned());
            }
            END_OF_INPUT.to_owned()
        })
    }

    /// Whether the cell's code runs, and not the compiler.
    pub fn is_running(&self) -> bool {
        self.lock().running[Stream::Stdout as usize]
    }

    /// Waits until the `count`-th runtime process has spoken: all that the one before it wrote has
    /// been read then.
    pub fn wait_for_process(&self, count: u64) {
        let waiting = self
            .shared
            .1
            .wait_timeout_while(self.lock(), LAST_WORDS, |collected| {
                collected.started.iter().any(|started| *started < count)
            });
        let (mut collected, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        collected.earlier = None;
        // A process that was lost has told fewer ends on one stream than on the other.
        collected.finished = [0; 2];
        collected.end();
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pipes beside those that cells write to.
struct Aside {
    echo: PipeWriter,
    ends: PipeReader,
}

impl Aside {
    /// Whether the runtime process says, too, that a cell has ended.
    fn has_ended(&mut self) -> bool {
        has_more(&self.ends, Duration::ZERO) && self.ends.read_exact(&mut [0]).is_ok()
    }
}

/// Whether more can be read within a moment.
fn has_more(pipe: &impl AsRawFd, moment: Duration) -> bool {
    let mut waiting = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor, which is open.
    unsafe { libc::poll(&mut waiting, 1, moment.as_millis() as i32) > 0 }
}
