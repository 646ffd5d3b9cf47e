//! This library's side of the notebook: displays while a cell runs, requests to stop, and errors.
//!
//! It talks to the notebook engine through lines of standard output, which `cuaderno-protocol`
//! defines. In a program or on another kernel none of them is printed.

use std::ffi::c_void;
use std::io::Write;
use std::panic::{Location, PanicHookInfo};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cuaderno_protocol::{Report, Signal, evcxr};

#[doc(hidden)]
pub mod cell;
mod display;
mod shell;
mod show;

pub use cuaderno_protocol::Contents;
pub use display::{Display, clear_output};
pub(crate) use display::{show, show_as_value};
pub use shell::shell;
pub use show::{Show, show_values_with};

/// Whether this library's own front end reads what cells print.
static CONNECTED: AtomicBool = AtomicBool::new(false);
/// Whether somebody watches while a cell runs.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// Whether the user wants the running cell to stop.
static STOP: AtomicBool = AtomicBool::new(false);
/// Whether the running cell checks for interrupts itself and ends in its own way.
static LOOKS: AtomicBool = AtomicBool::new(false);
/// Whether the user is being asked for a line.
static ASKING: AtomicBool = AtomicBool::new(false);
/// When the running cell last checked `STOP`, in milliseconds since `start`; 0 if it never has.
static LAST_LOOK: AtomicU64 = AtomicU64::new(0);

/// An interrupt ends a cell whose last check was longer ago than this.
const LOOKS_AGAIN: Duration = Duration::from_secs(60);

/// Whether the user has asked the running cell to stop. Long computations should check this from
/// time to time and end early with the results they have, as the trainer does between batches. It
/// is always false outside a notebook.
///
/// A loop that draws batches or takes steps of an optimiser need not check. Both fail with
/// [`Error::Interrupted`](crate::Error::Interrupted), which `?` passes on, and the variables of the
/// cell are kept. In a cell that calls this function they do not fail, and the cell decides how to
/// end.
///
/// ```
/// for step in 0..1000 {
///     if cuaderno::notebook::stop_requested() {
///         println!("stopped in step {step}");
///         break;
///     }
/// }
/// ```
pub fn stop_requested() -> bool {
    LOOKS.store(true, Ordering::Relaxed);
    look()
}

/// Ends a loop that does not check for interrupts itself.
///
/// # Errors
/// If the user has asked the running cell to stop.
pub(crate) fn check_stop() -> crate::Result<()> {
    if look() && !LOOKS.load(Ordering::Relaxed) {
        return Err(crate::Error::Interrupted);
    }
    Ok(())
}

/// While it lives, the running code checks for interrupts itself.
#[derive(Debug)]
pub(crate) struct Looking(bool);

impl Looking {
    pub(crate) fn new() -> Self {
        Self(LOOKS.swap(true, Ordering::Relaxed))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKS.store(self.0, Ordering::Relaxed);
    }
}

fn look() -> bool {
    if CONNECTED.load(Ordering::Relaxed) {
        LAST_LOOK.store(now().max(1), Ordering::Relaxed);
    }
    STOP.load(Ordering::Relaxed)
}

/// Whether somebody watches while the cell runs: true in a notebook, false in a headless run.
pub fn is_live() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// Asks the user for a line, like Python's `input`; outside a notebook it reads standard input.
///
/// # Errors
/// If there is nobody to ask.
pub fn input(prompt: &str) -> crate::Result<String> {
    let prompt = prompt.replace('\n', " ");
    let ask = if CONNECTED.load(Ordering::Relaxed) {
        format!("{}:{prompt}\n", evcxr::INPUT_REQUEST)
    } else {
        prompt
    };
    let mut line = String::new();
    ASKING.store(true, Ordering::Relaxed);
    let mut read = || {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(ask.as_bytes())?;
        stdout.flush()?;
        std::io::stdin().read_line(&mut line)
    };
    let read = read();
    ASKING.store(false, Ordering::Relaxed);
    read.map_err(|error| crate::Error::io("standard input", error))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn report(kind: fn(Report) -> Signal, message: String, place: Option<&Location>) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal(&kind(Report {
            message,
            file: place.map_or_else(String::new, |place| place.file().to_owned()),
            line: place.map_or(0, |place| place.line() as usize),
        }));
    } else {
        eprintln!("{message}");
    }
}

/// Sends a message to the front end, in order with the printed output.
fn signal(signal: &Signal) {
    let mut stdout = std::io::stdout().lock();
    // A front end that is gone does not need it.
    let _ = stdout
        .write_all(signal.to_line().as_bytes())
        .and_then(|()| stdout.flush());
}

fn now() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

fn report_panic(panic: &PanicHookInfo) {
    let payload = panic.payload();
    let message = (payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned()))
    .or_else(|| payload.downcast_ref::<String>().cloned())
    .unwrap_or_else(|| "it carries no message".to_owned());
    report(Signal::Panic, message, panic.location());
}

/// Connects this library with the front end. `live` says whether somebody watches.
pub(crate) fn connect(live: bool) {
    now();
    CONNECTED.store(true, Ordering::Relaxed);
    WATCHED.store(live, Ordering::Relaxed);
    std::panic::set_hook(Box::new(report_panic));
}

/// Called when a cell begins.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_begin_cell() {
    STOP.store(false, Ordering::Relaxed);
    LOOKS.store(false, Ordering::Relaxed);
    LAST_LOOK.store(0, Ordering::Relaxed);
}

/// Runs a compiled cell with the store of variables, and returns the store. Where a variable panics
/// while it is dropped, the cell has panicked.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_run_cell(
    run: extern "C-unwind" fn(*mut c_void) -> *mut c_void,
    variables: *mut c_void,
) -> *mut c_void {
    std::panic::catch_unwind(|| run(variables)).unwrap_or_else(|payload| {
        // It might panic, too.
        std::mem::forget(payload);
        println!("{}", evcxr::PANIC);
        variables
    })
}

/// Called when the user wants the cell to stop. Returns whether the cell will stop by itself.
/// Signal handlers may call it.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_interrupt() -> bool {
    STOP.store(true, Ordering::Relaxed);
    let look = LAST_LOOK.load(Ordering::Relaxed);
    look > 0 && now().saturating_sub(look) < LOOKS_AGAIN.as_millis() as u64
}

/// Whether the user is being asked already, so that who sees the cell wait need not ask.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_is_asking() -> bool {
    ASKING.load(Ordering::Relaxed)
}

/// Writes out what a cell printed without a newline at its end.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_flush_output() {
    // A cell whose output goes nowhere has nobody to tell.
    let _ = std::io::stdout().flush();
}
