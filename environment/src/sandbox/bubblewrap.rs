//! Boxes made by bubblewrap: mounts and namespaces.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Limits, Plan};

/// Parts of `/etc` that the linker and the loader ask for.
const SYSTEM: [&str; 4] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
];
/// Folders that on most systems are links into `/usr`.
const MERGED: [&str; 5] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// `program` in a box that `bwrap` makes. Arguments of the program may follow.
///
/// # Errors
/// If there is no user for the box.
pub fn command(bwrap: &Path, plan: &Plan, limits: &Limits, program: &Path) -> Result<Command> {
    let mut command = Command::new(bwrap);
    // The first process of a box keeps the environment that bwrap was started with, whatever
    // `--clearenv` says.
    command.env_clear();
    command.args([
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
    ]);
    command.args(["--unshare-cgroup-try", "--die-with-parent", "--new-session"]);
    let user = if is_root() { Some(user()?) } else { None };
    if let Some((_, reserved)) = &user {
        keep_open(&mut command, reserved)?;
        // Another user of the system's, whom `inside.rs` becomes: limits do not count for root.
        command.args([
            "--cap-drop",
            "ALL",
            "--cap-add",
            "CAP_SETUID",
            "--cap-add",
            "CAP_SETGID",
        ]);
    } else {
        command.arg("--unshare-user");
    }
    command.args(["--ro-bind", "/usr", "/usr"]);
    for folder in MERGED {
        match std::fs::read_link(folder) {
            Ok(to) => drop(command.arg("--symlink").arg(to).arg(folder)),
            Err(_) => drop(command.args(["--ro-bind-try", folder, folder])),
        }
    }
    // A home that only its owner may enter would hide the toolchain in it.
    let (in_scratch, above) = folders_above(plan)
        .into_iter()
        .partition::<Vec<_>, _>(|folder| plan.scratch.iter().any(|it| folder.starts_with(it)));
    for folder in above.into_iter().chain([Path::new("/etc")]) {
        command.args(["--perms", "0755", "--dir"]).arg(folder);
    }
    for path in SYSTEM {
        command.args(["--ro-bind-try", path, path]);
    }
    command.args(["--proc", "/proc", "--dev", "/dev"]);
    // Shared, it is memory that stays when those are gone who count for it.
    command.args(["--dev-bind", "/dev/null", "/dev/zero"]);
    let size = limits.scratch.to_string();
    let scratch = plan.scratch.iter().map(PathBuf::as_path);
    for folder in scratch.chain([Path::new("/dev/shm")]) {
        command
            .args(["--perms", "1777", "--size", &size, "--tmpfs"])
            .arg(folder);
    }
    for folder in in_scratch {
        command.args(["--perms", "0755", "--dir"]).arg(folder);
    }
    for path in &plan.read_only {
        command.arg("--ro-bind").arg(path).arg(path);
    }
    if let Some((kept, shown_at)) = &plan.kept {
        command.arg("--bind").arg(kept).arg(shown_at);
    }
    // Both are memory, too.
    command.args(["--remount-ro", "/dev", "--remount-ro", "/"]);
    command.arg("--clearenv");
    for (name, value) in &plan.environment {
        command.args(["--setenv", name, value]);
    }
    command.arg("--chdir").arg(&plan.folder).arg("--");
    let own_binary = std::env::current_exe().unwrap_or_default();
    command.arg(own_binary).args(["boxed", "--processes"]);
    command.arg(limits.processes.to_string());
    command.args(["--file-size", &size, "--memory"]);
    // One process that takes too much ends before the whole box does.
    command.arg((limits.memory / 4 * 3).to_string());
    if let Some((user, _)) = user {
        command.arg("--user").arg(user.to_string());
    }
    command.arg("--").arg(program);
    Ok(command)
}

/// The folders that lead to what the box shows.
fn folders_above(plan: &Plan) -> BTreeSet<&Path> {
    let kept = plan.kept.iter().map(|(_, shown_at)| shown_at);
    let shown = plan.read_only.iter().chain(&plan.scratch).chain(kept);
    let above = shown.flat_map(|path| path.ancestors().skip(1));
    above
        .filter(|folder| folder.parent().is_some() && !folder.starts_with("/usr"))
        .collect()
}

/// Whether this process may become any user.
fn is_root() -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::geteuid() == 0 }
}

/// A user whom nothing belongs to and who is in no other box, and the lock that reserves it.
fn user() -> Result<(u32, File)> {
    /// Those that systemd leaves to nobody.
    const USERS: std::ops::RangeInclusive<u32> = 60706..=61183;
    /// A file for each user in a box.
    const FOLDER: &str = "/run/cuaderno-boxes";
    std::fs::create_dir_all(FOLDER).with_context(|| format!("{FOLDER} cannot be made"))?;
    for user in USERS {
        let path = format!("{FOLDER}/{user}");
        let file = File::create(&path).with_context(|| format!("{path} cannot be written"))?;
        match file.try_lock() {
            Ok(()) => return Ok((user, file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).context(path),
        }
    }
    bail!("all users for boxes are taken ({FOLDER}); end other graders, or give fewer --jobs")
}

/// Has the first process of the box keep the file open for as long as the box lives.
fn keep_open(command: &mut Command, file: &File) -> Result<()> {
    let file = file.try_clone()?;
    command.arg("--sync-fd").arg(file.as_raw_fd().to_string());
    // SAFETY: a plain system call, in the child, on a file that the closure holds open.
    unsafe {
        command.pre_exec(
            move || match libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            },
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_boxes_have_two_users() {
        if !is_root() {
            return;
        }
        let (one, other) = (user().unwrap(), user().unwrap());
        assert_ne!(one.0, other.0);
    }
}
