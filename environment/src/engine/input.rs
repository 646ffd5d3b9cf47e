//! The standard input of cells, in the runtime process. evcxr's requests come on the stream that the
//! process was started with; what cells read is a pipe of their own, into which the answers of the
//! user go. A cell that waits at an empty pipe asks for one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::{Result, ensure};
use cuaderno_protocol::evcxr::INPUT_REQUEST;

/// What the runtime process is answered where nobody can be asked for input, as a terminal's Ctrl-D.
pub const END_OF_INPUT: &str = "\u{4}";

/// The other end of what cells read; none at the end of input.
static PIPE: Mutex<Option<PipeWriter>> = Mutex::new(None);
/// Whether the user has been asked and has not answered.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Puts a pipe in the place of standard input. What the engine says while a cell runs is the user's
/// answer; the rest, which is returned, are its requests.
///
/// # Errors
/// If the process was started without standard input.
pub fn separate(runs: &'static AtomicBool) -> Result<mpsc::Receiver<String>> {
    // SAFETY: a plain system call; what it returns belongs to nobody else.
    let engine = unsafe {
        let engine = libc::fcntl(libc::STDIN_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        ensure!(engine >= 0, "standard input is closed");
        File::from_raw_fd(engine)
    };
    renew()?;
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(engine).lines().map_while(Result::ok) {
            if runs.load(Ordering::SeqCst) {
                answer(&line);
            } else if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(requests)
}

/// An empty input for the next cell.
///
/// # Errors
/// If there can be no more pipes.
pub fn renew() -> Result<()> {
    let (input, pipe) = std::io::pipe()?;
    // SAFETY: plain system calls on descriptors of this process.
    let put = unsafe { libc::dup2(input.as_raw_fd(), libc::STDIN_FILENO) };
    ensure!(put >= 0, std::io::Error::last_os_error());
    *PIPE.lock().unwrap_or_else(PoisonError::into_inner) = Some(pipe);
    ASKED.store(false, Ordering::SeqCst);
    Ok(())
}

fn answer(line: &str) {
    let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
    if line == END_OF_INPUT {
        *pipe = None;
    } else if let Some(pipe) = &mut *pipe {
        // The cell may have closed what it reads.
        let _ = writeln!(pipe, "{line}");
    }
    ASKED.store(false, Ordering::SeqCst);
}

/// Looks now and then whether a cell waits for input.
pub struct Lookout {
    /// Whether the support crate has asked in its own words.
    is_asking: extern "C" fn() -> bool,
    /// Whether the cell waited at the last look, too: at one look it may just be about to read what
    /// was typed.
    waited: bool,
}

impl Lookout {
    pub fn new(is_asking: extern "C" fn() -> bool) -> Self {
        Self {
            is_asking,
            waited: false,
        }
    }

    /// Asks for a line if the cell waits for one.
    pub fn look(&mut self) {
        let waits = !(self.is_asking)() && !ASKED.load(Ordering::SeqCst) && is_waiting();
        let asks = waits && self.waited;
        self.waited = waits && !asks;
        if asks {
            ASKED.store(true, Ordering::SeqCst);
            // SAFETY: the stream is open for as long as this process; `ManuallyDrop` leaves it so.
            let stdout = unsafe { File::from_raw_fd(libc::STDOUT_FILENO) };
            // Without a front end nobody can be asked.
            let _ = std::mem::ManuallyDrop::new(stdout)
                .write_all(format!("{INPUT_REQUEST}:\n").as_bytes());
        }
    }
}

/// Whether a thread of this process waits for standard input, as Linux tells; elsewhere nobody does.
fn is_waiting() -> bool {
    let mut waiting: libc::c_int = 0;
    // SAFETY: asks how much can be read, and writes that to a number of the size that it expects.
    let known = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::FIONREAD, &mut waiting) };
    if known < 0 || waiting > 0 {
        return false;
    }
    let reads = [libc::SYS_read, libc::SYS_readv];
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks.flatten().any(|task| {
        // `0 0x0 …`: the call's number and its first argument, or `running`.
        let call = fs::read_to_string(task.path().join("syscall")).unwrap_or_default();
        let mut words = call.split(' ');
        let number = words.next().and_then(|number| number.parse().ok());
        number.is_some_and(|number| reads.contains(&number)) && words.next() == Some("0x0")
    })
}
