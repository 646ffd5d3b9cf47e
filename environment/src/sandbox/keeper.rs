//! The keeper of a box that has no process namespace: the parent of its first process. All others of
//! the box come to it when their parents end, so that none is left when it has no children. It goes
//! on as root, and does no more than to wait and to clear away.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Args;

#[derive(Args)]
pub struct KeeperArguments {
    /// The user of the box.
    #[arg(long)]
    user: u32,
    /// A folder that is made for the box and removed with it.
    #[arg(long)]
    folder: PathBuf,
    /// Folders in it that belong to the user.
    #[arg(long)]
    scratch: Vec<PathBuf>,
    /// A path, and where in the folder a link leads to it.
    #[arg(long, num_args = 2)]
    link: Vec<PathBuf>,
    /// Where the program starts.
    #[arg(long)]
    within: PathBuf,
    /// What becomes the first process of the box.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

/// The first process of the box, while it runs.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// Whether the box was told to end.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Makes room, runs the program, and clears away whatever it leaves. Where it is told to end, the
/// program ends first.
///
/// # Errors
/// If there is something that cannot be cleared away.
pub fn run(arguments: KeeperArguments) -> Result<ExitCode> {
    let end: extern "C" fn(libc::c_int) = end_first;
    // SAFETY: the handler makes one system call, which is allowed in a handler.
    unsafe { libc::signal(libc::SIGTERM, end as libc::sighandler_t) };
    // SAFETY: plain system calls.
    let done = unsafe {
        // Also where whoever made the box is killed.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0
            && libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) == 0
    };
    ensure!(done, "a box cannot be kept by this process");
    // What a keeper has left that was killed itself.
    arguments.clear()?;
    arguments.make_room()?;
    let status = arguments.run_first();
    arguments.clear()?;
    let status = status?;
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    Ok(ExitCode::from(code.unwrap_or(1) as u8))
}

impl KeeperArguments {
    fn make_room(&self) -> Result<()> {
        // The user enters what leads to its own folders.
        // SAFETY: a plain system call.
        unsafe { libc::umask(0o022) };
        fs::create_dir(&self.folder).with_context(|| self.folder.display().to_string())?;
        for folder in &self.scratch {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            chown(folder, Some(self.user), Some(self.user))?;
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        for link in self.link.chunks_exact(2) {
            // One folder of scratch may lie in another.
            if !link[1].exists() {
                symlink(&link[0], &link[1])?;
            }
        }
        Ok(())
    }

    /// Runs the program to its end, and sees off all that end before it.
    fn run_first(&self) -> Result<ExitStatus> {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).current_dir(&self.within);
        let first = command.spawn().context("the box does not start")?.id() as i32;
        FIRST.store(first, Ordering::SeqCst);
        if IS_OVER.load(Ordering::SeqCst) {
            end_first(libc::SIGTERM);
        }
        loop {
            let (process, status) = wait().context("the first process of the box is lost")?;
            if process == first {
                FIRST.store(0, Ordering::SeqCst);
                return Ok(status);
            }
        }
    }

    /// Ends all processes of the user's, and removes the folder.
    fn clear(&self) -> Result<()> {
        // As that user, who reaches no others; the kernel ends them all at once, also those that are
        // about to start more.
        let mut end = Command::new("/bin/sh");
        end.args(["-c", "kill -s KILL -- -1; :"]).env_clear();
        let status = end.uid(self.user).gid(self.user).status()?;
        ensure!(
            status.success(),
            "the processes of a box cannot be ended: {status}"
        );
        while wait().is_some() {}
        // It may be deeper than this process can open files.
        let mut remove = Command::new("/bin/rm");
        remove.args(["-rf", "--"]).arg(&self.folder).env_clear();
        let status = remove.status()?;
        ensure!(
            status.success(),
            "{} cannot be removed",
            self.folder.display()
        );
        Ok(())
    }
}

extern "C" fn end_first(_: libc::c_int) {
    IS_OVER.store(true, Ordering::SeqCst);
    let first = FIRST.load(Ordering::SeqCst);
    if first > 0 {
        // SAFETY: a plain system call; nobody else waits for this process, so its number is its own.
        unsafe { libc::kill(first, libc::SIGKILL) };
    }
}

/// The next process that ends, or none if there are no more.
fn wait() -> Option<(i32, ExitStatus)> {
    let mut status = 0;
    loop {
        // SAFETY: the status is a number of the size that is expected.
        match unsafe { libc::waitpid(-1, &mut status, 0) } {
            process if process > 0 => return Some((process, ExitStatus::from_raw(status))),
            _ if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}
