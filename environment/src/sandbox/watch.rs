//! Watches a box from outside and ends it where it takes too much.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Limits;

/// How often a box is looked at.
const GLANCE: Duration = Duration::from_millis(40);

/// How many more processes there may be than the submission's user may have: those that keep the
/// box, and those that end while others begin. A box in which no more can be started goes on.
const SPARE: u64 = 16;

/// How a box has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It has lived as long as it may.
    Time,
    /// Its processes hold more memory than they may.
    Memory,
    /// There are more processes than there may be.
    Processes,
}

/// Waits for the end of the box that `child` made, and sees to it that there is one: a process that
/// hears `signal` ends, and all others of the box with it.
///
/// # Errors
/// If the process cannot be waited for.
pub fn watch(child: &mut Child, limits: &Limits, signal: libc::c_int) -> Result<End> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        let usage = Usage::of(child.id());
        let too_much = if usage.memory > limits.memory {
            Some(End::Memory)
        } else if usage.processes > limits.processes + SPARE {
            Some(End::Processes)
        } else if start.elapsed().as_secs() >= limits.seconds {
            Some(End::Time)
        } else {
            None
        };
        if let Some(end) = too_much {
            // SAFETY: a plain system call; the process was not waited for, so its number is its own.
            unsafe { libc::kill(child.id() as i32, signal) };
            child.wait()?;
            return Ok(end);
        }
        std::thread::sleep(GLANCE);
    }
}

/// What a box uses.
#[derive(Default)]
struct Usage {
    /// Memory of all its processes, in bytes.
    memory: u64,
    /// How many processes there are.
    processes: u64,
}

impl Usage {
    /// Of `process` and all that came from it.
    fn of(process: u32) -> Self {
        let mut children = BTreeMap::<u32, Vec<u32>>::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(parent) = parent(process) {
                children.entry(parent).or_default().push(process);
            }
        }
        let mut usage = Self::default();
        let mut seen = BTreeSet::new();
        let mut left = vec![process];
        while let Some(process) = left.pop() {
            if seen.insert(process) {
                usage.processes += 1;
                usage.memory += memory(process).unwrap_or(0);
                left.extend(children.get(&process).into_iter().flatten());
            }
        }
        usage
    }
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn memory(process: u32) -> Option<u64> {
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    // SAFETY: a plain question.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(resident * page as u64)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// How a script ends that reads a line which never comes.
    fn end_of(script: &str, limits: Limits) -> End {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Waiting for the child would close it.
        let line = child.stdin.take();
        let end = watch(&mut child, &limits, libc::SIGKILL).unwrap();
        drop(line);
        end
    }

    /// None alone exceeds the limit.
    #[test]
    fn the_memory_of_all_processes_counts() {
        let limits = Limits {
            memory: 150 << 20,
            ..Limits::new(60)
        };
        // `tail` keeps a line until it ends.
        let script = "exec 3<&0; for i in 1 2 3 4 5 6; do \
                      (head -c 60000000 /dev/zero; read line <&3) | tail -c 60000000 > /dev/null & \
                      done; wait";
        assert_eq!(end_of(script, limits), End::Memory);
    }

    #[test]
    fn processes_and_time_are_counted() {
        let limits = Limits {
            processes: 8,
            ..Limits::new(60)
        };
        let script = "exec 3<&0; for i in $(seq 40); do (read line <&3) & done; wait";
        assert_eq!(end_of(script, limits), End::Processes);
        assert_eq!(end_of("read line", Limits::new(1)), End::Time);
        assert!(
            matches!(end_of("exit 7", Limits::new(60)), End::Exited(status) if status.code() == Some(7))
        );
    }
}
