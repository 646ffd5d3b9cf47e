//! The process that loads and runs compiled cells. It keeps evcxr's protocol on the streams that it
//! was started with; what cells write goes to the front end through pipes of its own.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cuaderno_protocol::Signal;

use super::channel::BackEnd;
use super::input::{self, Lookout};
use super::session::{Facts, WORKING_DIRECTORY};

/// How long what a cell printed without a newline may stay in its buffer, and how long a cell that
/// waits for input may not be noticed.
const EVERY: Duration = Duration::from_millis(50);

/// Whether a cell runs.
static RUNS: AtomicBool = AtomicBool::new(false);
/// The support crate's answer to an interrupt: whether something will stop by itself.
static INTERRUPT: AtomicPtr<libc::c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Runs cells as the engine asks for them, until it closes standard input.
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<()> {
    let facts = become_a_student_process()?;
    let pipes = BackEnd::of_this_process()?;
    let mut ends = File::from(pipes.ends.try_clone()?);
    let (mut passed_on, mut evcxr) = redirect(pipes)?;
    std::thread::spawn(move || std::io::copy(&mut passed_on, &mut evcxr));
    signal_on_both(&Signal::Started)?;
    let support = Support::load(&facts)?;
    let requests = input::separate(&RUNS)?;
    let mut lookout = Lookout::new(support.is_asking);
    let helpers = [
        std::thread::spawn(move || now_and_then(|| (support.flush)())),
        // By itself: a cell may hold standard output while it reads.
        std::thread::spawn(move || now_and_then(|| lookout.look())),
    ];
    // Unloading a library whose thread-locals live on crashes: loaded cells stay loaded.
    let mut loaded = Vec::new();
    let mut variables = std::ptr::null_mut();
    let own_process = std::process::id();
    for line in requests {
        let Some(("LOAD_AND_RUN", rest)) = line.split_once(' ') else {
            bail!("the engine said {line:?}, which this runtime does not know");
        };
        let (library, function) = rest.rsplit_once(' ').context("a library and a function")?;
        // SAFETY: the engine compiled this library from the cell; it has this function, which takes
        // and returns the store of variables, and it is never unloaded.
        unsafe {
            let cell = libloading::Library::new(library)?;
            let run = cell.get::<CellFunction>(function)?;
            (support.begin_cell)();
            signal_on_both(&Signal::Running)?;
            RUNS.store(true, Ordering::SeqCst);
            for helper in &helpers {
                helper.thread().unpark();
            }
            variables = (support.run_cell)(*run, variables);
            RUNS.store(false, Ordering::SeqCst);
            (support.flush)();
            if std::process::id() != own_process {
                // The cell has forked. What comes next from the engine is for the process it started.
                libc::_exit(0);
            }
            loaded.push(std::mem::ManuallyDrop::new(cell));
        }
        input::renew()?;
        // The signals only say how far both streams belong to the cell: it could have printed them.
        ends.write_all(&[1])?;
        signal_on_both(&Signal::Finished)?;
    }
    Ok(())
}

/// The compiled cell: it takes and returns the store of variables.
type CellFunction = extern "C-unwind" fn(*mut libc::c_void) -> *mut libc::c_void;

/// What this process calls in the support crate. It is the same copy that cells are linked with.
#[derive(Clone, Copy)]
struct Support {
    begin_cell: extern "C" fn(),
    run_cell: extern "C" fn(CellFunction, *mut libc::c_void) -> *mut libc::c_void,
    flush: extern "C" fn(),
    is_asking: extern "C" fn() -> bool,
}

impl Support {
    fn load(facts: &Facts) -> Result<Self> {
        // SAFETY: the workspace's own library; these are its functions of `live.rs` and `notebook.rs`.
        unsafe {
            let library = std::mem::ManuallyDrop::new(libloading::Library::new(&facts.library)?);
            let start = library.get::<extern "C" fn(bool)>("cuaderno_start")?;
            let interrupt = library.get::<extern "C" fn() -> bool>("cuaderno_interrupt")?;
            start(facts.live);
            INTERRUPT.store(*interrupt as *mut libc::c_void, Ordering::SeqCst);
            let handler = on_interrupt as extern "C" fn(libc::c_int);
            libc::signal(libc::SIGINT, handler as libc::sighandler_t);
            Ok(Self {
                begin_cell: *library.get::<extern "C" fn()>("cuaderno_begin_cell")?,
                run_cell: *library.get(c"cuaderno_run_cell")?,
                flush: *library.get::<extern "C" fn()>("cuaderno_flush_output")?,
                is_asking: *library.get::<extern "C" fn() -> bool>("cuaderno_is_asking")?,
            })
        }
    }
}

/// Leaves the stop to the cell if it looks for interrupts, and otherwise ends the process group.
extern "C" fn on_interrupt(signal: libc::c_int) {
    // SAFETY: the pointer is that of the support crate's function, which only touches atomics.
    let interrupt: extern "C" fn() -> bool =
        unsafe { std::mem::transmute(INTERRUPT.load(Ordering::SeqCst)) };
    if RUNS.load(Ordering::SeqCst) && !interrupt() {
        end_group(signal);
    }
}

/// Does something again and again while a cell runs.
fn now_and_then(mut act: impl FnMut()) {
    loop {
        while RUNS.load(Ordering::SeqCst) {
            std::thread::sleep(EVERY);
            act();
        }
        std::thread::park();
    }
}

/// Takes back what the engine changed for its own sake, and leaves its process group, so that
/// ending a cell also ends what the cell started.
fn become_a_student_process() -> Result<Facts> {
    let (folder, facts) = Facts::of_this_session()?;
    // SAFETY: this process has a single thread so far.
    unsafe {
        for (name, value) in [("PATH", &facts.path), ("CARGO_HOME", &facts.cargo_home)] {
            match value {
                Some(value) => std::env::set_var(name, value),
                None => std::env::remove_var(name),
            }
        }
        for name in [
            "EVCXR_IS_RUNTIME",
            "EVCXR_CONFIG_DIR",
            "RUST_BACKTRACE",
            super::session::SESSION,
        ] {
            std::env::remove_var(name);
        }
        libc::setpgid(0, 0);
        let handler = end_group as extern "C" fn(libc::c_int);
        libc::signal(libc::SIGHUP, handler as libc::sighandler_t);
    }
    // SIGKILL would end this process alone and leave what the cells started.
    end_with_parent(libc::SIGHUP);
    if let Ok(working_directory) = std::fs::read_to_string(folder.join(WORKING_DIRECTORY)) {
        std::env::set_current_dir(&working_directory).with_context(|| {
            format!("the notebook's folder {working_directory} cannot be entered")
        })?;
    }
    Ok(facts)
}

/// Sends this process `signal` when the one that started it ends, however that ends.
pub fn end_with_parent(signal: libc::c_int) {
    #[cfg(target_os = "linux")]
    // SAFETY: a plain system call.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, signal)
    };
}

/// Ends this process and what the cells started.
extern "C" fn end_group(_signal: libc::c_int) {
    // SAFETY: a plain system call, allowed in signal handlers.
    unsafe { libc::kill(0, libc::SIGKILL) };
}

/// Puts the front end's pipes in the place of standard output and standard error. Returns where the
/// front end's lines for evcxr come from, and the stream on which evcxr reads them.
fn redirect(pipes: BackEnd) -> Result<(File, File)> {
    // SAFETY: plain system calls on descriptors that this process owns.
    unsafe {
        let evcxr = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        ensure!(evcxr >= 0, "standard output is closed");
        for (pipe, stream) in [
            (&pipes.stdout, libc::STDOUT_FILENO),
            (&pipes.stderr, libc::STDERR_FILENO),
        ] {
            ensure!(
                libc::dup2(pipe.as_raw_fd(), stream) >= 0,
                std::io::Error::last_os_error()
            );
        }
        Ok((pipes.echo.into(), OwnedFd::from_raw_fd(evcxr).into()))
    }
}

fn signal_on_both(signal: &Signal) -> Result<()> {
    // Standard error first: the front end waits for it when it reads the other.
    write(libc::STDERR_FILENO, signal)?;
    write(libc::STDOUT_FILENO, signal)
}

fn write(stream: libc::c_int, signal: &Signal) -> Result<()> {
    // SAFETY: the stream is open for as long as this process; `ManuallyDrop` leaves it so.
    let mut file = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(stream) });
    Ok(file.write_all(signal.to_line().as_bytes())?)
}
