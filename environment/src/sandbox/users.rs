//! Users for boxes: nothing belongs to them, and no two boxes have the same.

use std::fs::{File, TryLockError};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Those that systemd leaves to nobody.
const USERS: std::ops::RangeInclusive<u32> = 60706..=61183;
/// A file for each user in a box.
const FOLDER: &str = "/run/cuaderno-boxes";

/// A user, reserved for as long as the file is open in a process.
#[derive(Debug)]
pub struct User {
    pub number: u32,
    lock: File,
}

impl User {
    /// One that is in no other box.
    ///
    /// # Errors
    /// If there is none left.
    pub fn reserve() -> Result<Self> {
        std::fs::create_dir_all(FOLDER).with_context(|| format!("{FOLDER} cannot be made"))?;
        for number in USERS {
            let path = format!("{FOLDER}/{number}");
            let lock = File::create(&path).with_context(|| format!("{path} cannot be written"))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { number, lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).context(path),
            }
        }
        bail!("all users for boxes are taken ({FOLDER}); end other graders, or give fewer --jobs")
    }

    /// Has the process that `command` starts keep the reservation for as long as it lives. Returns
    /// the number that the file has there.
    ///
    /// # Errors
    /// If there are too many open files.
    pub fn keep_by(&self, command: &mut Command) -> Result<i32> {
        let file = self.lock.try_clone()?;
        let number = file.as_raw_fd();
        // SAFETY: a plain system call, in the child, on a file that the closure holds open.
        unsafe {
            command.pre_exec(
                move || match libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                },
            );
        }
        Ok(number)
    }
}

/// Whether this process may become any user.
pub fn is_root() -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::geteuid() == 0 }
}

/// Whether this process has become the user of a box.
pub fn is_one() -> bool {
    // SAFETY: a plain system call.
    USERS.contains(&unsafe { libc::getuid() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_boxes_have_two_users() {
        if !is_root() {
            return;
        }
        let (one, other) = (User::reserve().unwrap(), User::reserve().unwrap());
        assert_ne!(one.number, other.number);
    }
}
