//! What a cell prints and shows, in order, as it comes.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::FrontEnd;
use super::scanner::{Piece, Scanner};
use super::signals::{Contents, Report, Signal};

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One piece of a cell's output.
#[derive(Clone, Debug, PartialEq)]
pub enum CellOutput {
    /// Text, with or without a newline at its end.
    Text(Stream, String),
    /// The value of the cell's last expression.
    Value(Contents),
    /// Something shown while the cell runs; an update names it by its identifier.
    Display(Contents, Option<String>),
    /// New contents for what was shown under this identifier.
    Update(Contents, String),
    /// Takes away what was shown, at once or with the next output.
    Clear { wait: bool },
}

/// Sees each piece of output as it comes.
pub type OnOutput = Box<dyn FnMut(&CellOutput) + Send>;

/// More text than this from one cell is not passed on: a page that shows it stops answering.
const MOST_TEXT: usize = 8 << 20;
/// Text of a quick loop is passed on in pieces of about this much time.
const ONE_PIECE: Duration = Duration::from_millis(30);
/// How long text waits for more of it.
const PAUSE: Duration = Duration::from_millis(4);
/// How long the last words of a process may take from there to here.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What came from the runtime process since the cell began.
#[derive(Default)]
pub struct Collected {
    on_output: Option<OnOutput>,
    text: usize,
    untold: usize,
    value: Contents,
    /// A panic of which it is not known yet whether the cell ends with it.
    panic: Option<Report>,
    /// The panic that ended the cell.
    pub panicked: Option<Report>,
    /// The error that a `?` of the cell returned.
    pub error: Option<Report>,
    /// What the cell last asked the user for.
    prompt: String,
    /// Whether the cell's code has begun to run.
    pub running: bool,
    /// How often each stream has told the end of a cell, and the beginning of a process.
    finished: [u64; 2],
    started: [u64; 2],
}

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
        } = pipes;
        let this = collector.clone();
        std::thread::spawn(move || this.read(Stream::Stderr, stderr, None));
        let this = collector.clone();
        std::thread::spawn(move || this.read(Stream::Stdout, stdout, Some(Box::new(echo))));
        collector
    }

    fn read(
        &self,
        stream: Stream,
        mut pipe: impl Read + AsRawFd,
        mut echo: Option<Box<dyn Write>>,
    ) {
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
                        .contains(&super::signals::SIGNAL.as_bytes()[0]);
                if ends_with_signal || start.elapsed() > ONE_PIECE || !has_more(&pipe) {
                    break;
                }
            }
            for piece in scanner.feed(&bytes) {
                self.take_piece(stream, piece, echo.as_deref_mut());
            }
        }
    }

    fn take_piece(&self, stream: Stream, piece: Piece, echo: Option<&mut (dyn Write + '_)>) {
        let mut collected = self.lock();
        let for_evcxr = match piece {
            Piece::Text(text) => {
                collected.say(stream, text);
                None
            }
            Piece::Content { mime, content } => {
                collected.show_value(mime, content);
                None
            }
            Piece::Evcxr(line) => {
                collected.hear_evcxr(&line);
                Some(line)
            }
            Piece::Signal(line) => match Signal::parse(&line) {
                Some(signal) => self.hear(collected, stream, signal),
                None => {
                    collected.say(stream, format!("{line}\n"));
                    None
                }
            },
        };
        if let (Some(line), Some(echo)) = (for_evcxr, echo) {
            // Without a process there is nobody to tell.
            let _ = writeln!(echo, "{line}");
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
            Signal::Running => collected.running = true,
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
                    return Some("EVCXR_EXECUTION_COMPLETE".to_owned());
                }
            }
            Signal::Panic(report) => {
                collected.tell_panic_of_a_thread();
                collected.panic = Some(report);
            }
            Signal::Error(report) => collected.error = Some(report),
            Signal::Display { contents, id } => {
                collected.put_out(CellOutput::Display(contents, id));
            }
            Signal::Update { contents, id } => {
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
        *collected = Collected {
            on_output: Some(on_output),
            finished: collected.finished,
            started: collected.started,
            ..Collected::default()
        };
    }

    /// What was collected since the cell began.
    pub fn take(&self) -> Collected {
        let mut collected = self.lock();
        let since = Collected {
            finished: collected.finished,
            started: collected.started,
            ..Collected::default()
        };
        std::mem::replace(&mut *collected, since)
    }

    /// What the cell last asked the user for.
    pub fn prompt(&self) -> String {
        self.lock().prompt.clone()
    }

    /// Whether the cell's code runs, and not the compiler.
    pub fn is_running(&self) -> bool {
        self.lock().running
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
        // A process that was lost has told fewer ends on one stream than on the other.
        collected.finished = [0; 2];
        collected.end();
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    fn say(&mut self, stream: Stream, text: String) {
        let room = MOST_TEXT.saturating_sub(self.text);
        self.text += text.len();
        if text.len() <= room {
            self.put_out(CellOutput::Text(stream, text));
        } else {
            let cut = text.floor_char_boundary(room);
            self.untold += text.len() - cut;
            if cut > 0 {
                self.put_out(CellOutput::Text(stream, text[..cut].to_owned()));
            }
        }
    }

    fn show_value(&mut self, mime: String, content: String) {
        if self.value.contains_key(&mime) {
            self.show_pending_value();
        }
        self.value.insert(mime, content);
    }

    /// What was shown like a value is none if more output follows.
    fn show_pending_value(&mut self) {
        if !self.value.is_empty() {
            let value = std::mem::take(&mut self.value);
            self.pass_on(&CellOutput::Display(value, None));
        }
    }

    fn hear_evcxr(&mut self, line: &str) {
        match line {
            "EVCXR_PANIC_NOTIFICATION" => {
                self.panicked = Some(self.panic.take().unwrap_or_default());
            }
            // The report came before, unless the cell's crate has none.
            "EVCXR_ERROR_OCCURRED" => {
                self.error.get_or_insert_default();
            }
            // evcxr would cut the prompt at its first colon.
            _ => {
                if let Some((_, prompt)) = line.split_once("EVCXR_INPUT_REQUEST:") {
                    self.prompt = prompt.to_owned();
                } else if let Some((_, prompt)) = line.split_once("_PASSWORD:") {
                    self.prompt = prompt.to_owned();
                }
            }
        }
    }

    /// A panic that did not end the cell was another thread's, or was caught.
    fn tell_panic_of_a_thread(&mut self) {
        if let Some(Report { message, .. }) = self.panic.take() {
            self.say(
                Stream::Stderr,
                format!("A thread of the cell panicked: {message}\n"),
            );
        }
    }

    fn end(&mut self) {
        self.tell_panic_of_a_thread();
        if self.untold > 0 {
            let note = format!(
                "\n[The cell printed {} more bytes, which are not shown: {} MB is the most.]\n",
                std::mem::take(&mut self.untold),
                MOST_TEXT >> 20
            );
            self.put_out(CellOutput::Text(Stream::Stderr, note));
        }
        if !self.value.is_empty() {
            let value = std::mem::take(&mut self.value);
            self.pass_on(&CellOutput::Value(value));
        }
    }

    fn put_out(&mut self, output: CellOutput) {
        self.show_pending_value();
        self.pass_on(&output);
    }

    fn pass_on(&mut self, output: &CellOutput) {
        if let Some(on_output) = &mut self.on_output {
            on_output(output);
        }
    }
}

/// Whether more can be read within a moment.
fn has_more(pipe: &impl AsRawFd) -> bool {
    let mut waiting = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor, which is open.
    unsafe { libc::poll(&mut waiting, 1, PAUSE.as_millis() as i32) > 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn contents(text: &str) -> Contents {
        BTreeMap::from([("text/plain".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_value_is_the_last_thing_shown_and_nothing_else() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let mut collected = Collected {
            on_output: Some(Box::new(move |output| {
                sink.lock().unwrap().push(output.clone())
            })),
            ..Collected::default()
        };
        collected.show_value("text/plain".into(), "first".into());
        collected.say(Stream::Stdout, "between".into());
        collected.show_value("text/plain".into(), "second".into());
        collected.end();
        assert_eq!(
            *seen.lock().unwrap(),
            [
                CellOutput::Display(contents("first"), None),
                CellOutput::Text(Stream::Stdout, "between".into()),
                CellOutput::Value(contents("second")),
            ]
        );
    }

    #[test]
    fn too_much_text_is_cut_and_counted() {
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = seen.clone();
        let mut collected = Collected {
            on_output: Some(Box::new(move |output| {
                if let CellOutput::Text(_, text) = output {
                    sink.lock().unwrap().push_str(text);
                }
            })),
            ..Collected::default()
        };
        for _ in 0..MOST_TEXT / 1000 + 10 {
            collected.say(Stream::Stdout, "x".repeat(1000));
        }
        collected.end();
        let seen = seen.lock().unwrap();
        assert!(seen.len() < MOST_TEXT + 200 && seen.contains("more bytes, which are not shown"));
    }
}
