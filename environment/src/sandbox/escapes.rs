//! Ways out of a box, tried from inside.

use std::ffi::CString;
use std::fs;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use super::{Limits, Plan, Sandbox};

#[derive(Args)]
pub struct EscapeArguments {
    /// A file outside.
    #[arg(long)]
    canary: PathBuf,
    /// A file of the engine's.
    #[arg(long)]
    library: PathBuf,
}

/// A way out, and whether it is closed.
#[derive(Debug, PartialEq, Eq)]
pub struct Escape {
    /// What was tried, in words.
    pub way: String,
    pub is_closed: bool,
}

/// Makes a box and tries every way out of it.
///
/// # Errors
/// If nothing can be tried.
pub fn try_escapes(sandbox: &Sandbox) -> Result<Vec<Escape>> {
    let outside = tempfile::tempdir()?;
    let canary = outside.path().join("canary");
    fs::write(&canary, "outside")?;
    let own_binary = std::env::current_exe()?;
    let mut command = sandbox.command(&Plan::bare(), &Limits::new(60), &own_binary)?;
    command.arg("escapes").arg("--canary").arg(&canary);
    command.arg("--library").arg(&own_binary);
    let output = command.output().context("bwrap could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<_> = text.lines().filter_map(read).collect();
    anyhow::ensure!(
        output.status.success() && !found.is_empty(),
        "The box could not be tried: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(found)
}

fn read(line: &str) -> Option<Escape> {
    let (state, way) = line.split_once('\t')?;
    Some(Escape {
        way: way.to_owned(),
        is_closed: state == "closed",
    })
}

/// Tries every way out, in the box.
pub fn attempt(arguments: EscapeArguments) -> ExitCode {
    for (way, is_open) in ways(&arguments) {
        println!("{}\t{way}", if is_open { "open" } else { "closed" });
    }
    ExitCode::SUCCESS
}

fn ways(arguments: &EscapeArguments) -> Vec<(&'static str, bool)> {
    let writes = |path: &Path| fs::OpenOptions::new().append(true).open(path).is_ok();
    let lists = |path: &str| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    vec![
        (
            "reads a file of the user's",
            fs::read(&arguments.canary).is_ok(),
        ),
        (
            "reads the passwords of the system",
            fs::read("/etc/shadow").is_ok(),
        ),
        (
            "reads the environment of whoever made the box",
            reads_environment(),
        ),
        ("sees processes outside", processes() > 6),
        ("sees the devices of the machine (/sys)", lists("/sys")),
        ("writes to the engine", writes(&arguments.library)),
        (
            "writes to the system",
            fs::write("/usr/bin/cuaderno-canary", "").is_ok(),
        ),
        (
            "fills the memory behind /",
            fs::write("/canary", "").is_ok(),
        ),
        (
            "fills the memory behind /dev",
            fs::write("/dev/canary", "").is_ok(),
        ),
        ("connects to this machine", connects("127.0.0.1:22")),
        ("opens a socket", opens_socket()),
        (
            "makes a namespace",
            calls(libc::SYS_unshare, libc::CLONE_NEWUSER as usize),
        ),
        ("makes a namespace by clone3", calls_clone3()),
        ("mounts a file system", mounts()),
        (
            "looks into other processes (ptrace)",
            calls(libc::SYS_ptrace, 0),
        ),
        ("holds memory that nobody counts (memfd)", makes_memfd()),
        ("holds memory that nobody counts (shared)", shares_memory()),
        ("is root", has_rights()),
        ("starts as many processes as it likes", starts_without_end()),
    ]
}

/// The first process of the box would have it.
fn reads_environment() -> bool {
    fs::read("/proc/1/environ").is_ok_and(|environment| !environment.is_empty())
}

fn processes() -> usize {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        .count()
}

fn connects(address: &str) -> bool {
    // A port that nobody listens on refuses, and has been reached.
    match TcpStream::connect(address) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
    }
}

fn opens_socket() -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) >= 0 }
}

fn calls(number: i64, argument: usize) -> bool {
    // SAFETY: calls that change nothing but this process, which ends soon.
    unsafe { libc::syscall(number, argument, 0, 0, 0) >= 0 }
}

fn calls_clone3() -> bool {
    // SAFETY: without arguments the call fails, but not because it is not there.
    unsafe { libc::syscall(libc::SYS_clone3, 0, 0) };
    std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
}

fn mounts() -> bool {
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let (kind, target) = (text("tmpfs"), text("/tmp"));
    // SAFETY: texts that end with a zero.
    unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            std::ptr::null(),
        ) == 0
    }
}

fn makes_memfd() -> bool {
    // SAFETY: a text that ends with a zero.
    unsafe { libc::syscall(libc::SYS_memfd_create, c"canary".as_ptr(), 0) >= 0 }
}

/// Memory that stays when those are gone who have touched it.
fn shares_memory() -> bool {
    let maps = |flags, file| {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, which nothing uses.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, flags, file, 0) };
        at != libc::MAP_FAILED
    };
    let zero = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/zero");
    maps(libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)
        || zero.is_ok_and(|zero| maps(libc::MAP_SHARED, zero.as_raw_fd()))
}

fn has_rights() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.is_none_or(|rights| rights.trim().chars().any(|digit| digit != '0'))
}

/// Whether twice as many processes start as may.
fn starts_without_end() -> bool {
    let most = 2 * Limits::new(0).processes;
    let mut started = Vec::new();
    for _ in 0..most {
        match Command::new("/usr/bin/sleep").arg("20").spawn() {
            Ok(process) => started.push(process),
            Err(_) => break,
        }
    }
    let count = started.len() as u64;
    for mut process in started {
        let _ = process.kill();
        let _ = process.wait();
    }
    count == most
}
