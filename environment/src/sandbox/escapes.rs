//! Ways out of a box, tried from inside.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
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
    // All users may read it, so that nothing but the box is in the way.
    let outside = tempfile::tempdir()?;
    fs::set_permissions(outside.path(), Permissions::from_mode(0o755))?;
    let canary = outside.path().join("canary");
    fs::write(&canary, "outside")?;
    let own_binary = std::env::current_exe()?;
    let mut command = sandbox.command(&Plan::bare(sandbox), &Limits::new(60), &own_binary)?;
    command.arg("escapes").arg("--canary").arg(&canary);
    command.arg("--library").arg(&own_binary);
    let output = command.output().context("the box does not start")?;
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
        (
            "leaves files beside its scratch",
            leaves(Path::new("/var/tmp/cuaderno-canary")),
        ),
        ("connects to this machine", connects("127.0.0.1:22")),
        ("opens a socket", opens_socket()),
        ("sends datagrams", UnixDatagram::pair().is_ok()),
        ("watches the files of others", watches(&arguments.canary)),
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
        (
            "holds memory that nobody counts (messages)",
            opens_messages(),
        ),
        ("is root", has_rights()),
        ("starts as many processes as it likes", starts_without_end()),
    ]
}

/// The first process of the box or the parent of this one would have it.
fn reads_environment() -> bool {
    let parent = std::os::unix::process::parent_id();
    [1, parent].iter().any(|process| {
        let environment = fs::read(format!("/proc/{process}/environ"));
        environment.is_ok_and(|environment| !environment.is_empty())
    })
}

fn leaves(file: &Path) -> bool {
    let left = fs::write(file, "").is_ok();
    let _ = fs::remove_file(file);
    left
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

fn watches(file: &Path) -> bool {
    let path = CString::new(file.as_os_str().as_bytes()).unwrap_or_default();
    // SAFETY: a text that ends with a zero.
    unsafe {
        let watcher = libc::inotify_init1(0);
        libc::inotify_add_watch(watcher, path.as_ptr(), libc::IN_ACCESS) >= 0
    }
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

/// Messages stay in the kernel when those are gone who have sent them.
fn opens_messages() -> bool {
    let name = c"cuaderno-canary".as_ptr();
    let flags = libc::O_CREAT | libc::O_RDWR;
    // SAFETY: a text that ends with a zero, and no attributes.
    unsafe { libc::syscall(libc::SYS_mq_open, name, flags, 0o600, 0) >= 0 }
}

fn has_rights() -> bool {
    /// The third version, which has rights of 64 bits in two halves.
    const VERSION: u32 = 0x2008_0522;
    let head = [VERSION, 0];
    // Of each half those in effect, permitted and inherited.
    let mut rights = [u32::MAX; 6];
    // SAFETY: the call reads a head of two numbers and writes six.
    let known = unsafe { libc::syscall(libc::SYS_capget, head.as_ptr(), rights.as_mut_ptr()) };
    known != 0 || [0, 1, 3, 4].iter().any(|&at| rights[at] != 0)
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
