//! Boxes made by bubblewrap: mounts and namespaces.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::inside;
use super::users::{User, is_root};
use super::{Limits, Plan};

/// Parts of `/etc` that the linker and the loader ask for.
pub const SYSTEM: [&str; 4] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
];
/// Folders that on most systems are links into `/usr`.
pub const MERGED: [&str; 5] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"];

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
    let user = is_root().then(User::reserve).transpose()?;
    if let Some(user) = &user {
        let reservation = user.keep_by(&mut command)?;
        command.arg("--sync-fd").arg(reservation.to_string());
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
    command.arg(std::env::current_exe()?);
    command.args(inside::arguments(limits));
    if let Some(user) = user {
        command.arg("--user").arg(user.number.to_string());
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
