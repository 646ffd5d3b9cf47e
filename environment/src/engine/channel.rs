//! The pipes between the runtime process and this one. evcxr would read a cell's output line by
//! line and in its own time; through these it comes byte by byte, and what a process wrote before
//! it was lost is still there. Lines meant for evcxr go back to the process, which passes them on.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// This process's ends.
pub struct FrontEnd {
    pub stdout: PipeReader,
    pub stderr: PipeReader,
    /// Lines that the runtime process passes on to evcxr.
    pub echo: PipeWriter,
    /// A byte for each cell that has ended. A cell that prints the line that says so does not end by
    /// it.
    pub ends: PipeReader,
}

/// The runtime process's ends.
pub struct BackEnd {
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub echo: OwnedFd,
    pub ends: OwnedFd,
}

/// Opens the pipes and lets every process that `command` starts inherit its ends.
pub fn open(command: &mut Command) -> Result<FrontEnd> {
    let (stdout, out) = std::io::pipe()?;
    let (stderr, err) = std::io::pipe()?;
    let (passed_on, echo) = std::io::pipe()?;
    let (ends, ended) = std::io::pipe()?;
    let theirs: [OwnedFd; 4] = [out.into(), err.into(), passed_on.into(), ended.into()];
    command.args(theirs.iter().map(|end| end.as_raw_fd().to_string()));
    // SAFETY: the closure makes plain system calls on descriptors that it owns.
    unsafe {
        command.pre_exec(move || {
            for end in &theirs {
                if libc::fcntl(end.as_raw_fd(), libc::F_SETFD, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    Ok(FrontEnd {
        stdout,
        stderr,
        echo,
        ends,
    })
}

impl BackEnd {
    /// The ends that `open` named in this process's arguments, `cuaderno runtime OUT ERR ECHO ENDS`.
    pub fn of_this_process() -> Result<Self> {
        let named: Vec<RawFd> = std::env::args()
            .skip(2)
            .take(4)
            .map(|word| word.parse())
            .collect::<Result<_, _>>()
            .context("the runtime process is started by the engine only")?;
        ensure!(
            named.len() == 4,
            "the runtime process is started by the engine only"
        );
        let own = |descriptor| -> Result<OwnedFd> {
            // SAFETY: a plain system call; the engine opened this descriptor for this process.
            unsafe {
                ensure!(
                    libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) >= 0,
                    std::io::Error::last_os_error()
                );
                Ok(OwnedFd::from_raw_fd(descriptor))
            }
        };
        Ok(Self {
            stdout: own(named[0])?,
            stderr: own(named[1])?,
            echo: own(named[2])?,
            ends: own(named[3])?,
        })
    }
}
