//! The first program in a box: it gives up its rights for good and becomes the program that the box
//! is for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Args;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::landlock::{self, Rules};
use super::{Limits, users};

#[derive(Args)]
pub struct BoxedArguments {
    /// The user to become.
    #[arg(long)]
    user: Option<u32>,
    /// How many processes and threads this user may have.
    #[arg(long)]
    processes: u64,
    /// How long a file may get, in bytes.
    #[arg(long)]
    file_size: u64,
    /// How much memory a process may have, in bytes.
    #[arg(long)]
    memory: u64,
    #[command(flatten)]
    rules: Rules,
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

/// How many files a process may have open.
const FILES: u64 = 1024;

/// Whether this process is in a box: whether it has become the user of one, or bubblewrap is its
/// first process.
pub fn is_inside() -> bool {
    let first = std::fs::read_to_string("/proc/1/comm");
    users::is_one() || first.is_ok_and(|name| name.trim_end() == "bwrap")
}

/// How this command is told of the limits.
pub fn arguments(limits: &Limits) -> Vec<String> {
    // One process that takes too much ends before the whole box does.
    let memory = limits.memory / 4 * 3;
    let named = [
        ("--processes", limits.processes),
        ("--file-size", limits.scratch),
        ("--memory", memory),
    ];
    let mut arguments = vec!["boxed".to_owned()];
    arguments.extend(named.map(|(name, value)| format!("{name}={value}")));
    arguments
}

/// Becomes the program.
///
/// # Errors
/// If a right cannot be given up; the program does not run then.
pub fn run(arguments: BoxedArguments) -> Result<ExitCode> {
    close_what_was_inherited();
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, FILES)?;
    limit(libc::RLIMIT_FSIZE, arguments.file_size)?;
    limit(libc::RLIMIT_DATA, arguments.memory)?;
    limit(libc::RLIMIT_NPROC, arguments.processes)?;
    // As root, who reaches all paths that the rules name.
    let rules = arguments.rules.made()?;
    if let Some(user) = arguments.user {
        become_user(user)?;
    }
    if let Some(rules) = rules {
        // Another session than that of whoever made the box, whose terminal it could type into.
        // SAFETY: plain system calls.
        let done = unsafe {
            libc::setsid() >= 0 && libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
        };
        ensure!(done, "the box cannot be tied to whoever made it");
        landlock::enforce(rules)?;
    }
    // Also sets `no_new_privs`.
    for filter in [refusals()?, no_clone3()?] {
        seccompiler::apply_filter(&filter).context("the filter of system calls was refused")?;
    }
    let mut program = Command::new(&arguments.program[0]);
    let error = program.args(&arguments.program[1..]).exec();
    Err(error).with_context(|| format!("{} does not start", arguments.program[0].display()))
}

fn close_what_was_inherited() {
    // SAFETY: nothing in this process uses another stream than the first three.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn limit(resource: Resource, most: u64) -> Result<()> {
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: a plain system call.
    let done = unsafe { libc::setrlimit(resource, &limit) };
    ensure!(
        done == 0,
        "a limit cannot be set: {}",
        std::io::Error::last_os_error()
    );
    Ok(())
}

fn become_user(user: u32) -> Result<()> {
    // SAFETY: plain system calls; the first group goes before the right to change it.
    let done = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setresgid(user, user, user) == 0
            && libc::setresuid(user, user, user) == 0
    };
    ensure!(
        done,
        "the box cannot switch to user {user}: {}",
        std::io::Error::last_os_error()
    );
    Ok(())
}

/// System calls that no notebook needs and that lead out of a box, or into the kernel.
const REFUSED: [i64; 45] = [
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    // Compilers talk through `socketpair`, which stays.
    libc::SYS_socket,
    // Landlock lets anybody watch files that all may read.
    libc::SYS_inotify_add_watch,
    libc::SYS_fanotify_init,
    // Memory that belongs to no process, which nobody would count.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_semget,
];
/// The same calls by the numbers of another interface of x86-64.
const X32: i64 = 0x4000_0000;

const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

fn refusals() -> Result<BpfProgram> {
    let mut rules = BTreeMap::new();
    let mut refuse = |call: i64, when: Vec<SeccompRule>| {
        rules.insert(call, when.clone());
        rules.insert(call | X32, when);
    };
    for call in REFUSED {
        refuse(call, vec![]);
    }
    let has = |argument, flag: u64| {
        let holds = SeccompCmpOp::MaskedEq(flag);
        SeccompCondition::new(argument, SeccompCmpArgLen::Qword, holds, flag)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let namespaces = NAMESPACES.map(|flag| has(0, flag as u64));
    refuse(
        libc::SYS_clone,
        namespaces.into_iter().collect::<Result<_, _>>()?,
    );
    // One of a pair that sends datagrams can send them to others, too.
    refuse(libc::SYS_socketpair, vec![has(1, libc::SOCK_DGRAM as u64)?]);
    let types_into_the_terminal =
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::TIOCSTI)?;
    refuse(
        libc::SYS_ioctl,
        vec![SeccompRule::new(vec![types_into_the_terminal])?],
    );
    // Memory of several processes counts only for those that have touched it.
    let shared = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u64;
    refuse(libc::SYS_mmap, vec![has(3, shared)?]);
    program(rules, libc::EPERM)
}

/// Its flags lie in memory, where a filter cannot see them. Who hears that there is no such call
/// takes `clone`.
fn no_clone3() -> Result<BpfProgram> {
    let calls = [libc::SYS_clone3, libc::SYS_clone3 | X32];
    program(calls.map(|call| (call, vec![])).into(), libc::ENOSYS)
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, error: libc::c_int) -> Result<BpfProgram> {
    let refuse = SeccompAction::Errno(error as u32);
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?;
    Ok(filter.try_into()?)
}
