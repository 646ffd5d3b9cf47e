//! Shell commands in cells: lines that begin with `!`.

use std::io::{Error, Result, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::stop_requested;

/// How often a running command is checked.
const GLANCE: Duration = Duration::from_millis(20);

/// Runs a shell command in the folder of the notebook, with its output as that of the cell. A line
/// such as `!ls` in a cell calls this function. An interrupt ends the command.
///
/// # Errors
/// If there is no shell, or the command ends with a status other than 0.
pub fn shell(command: &str) -> Result<()> {
    // Earlier output has to appear first.
    std::io::stdout().flush()?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                Err(Error::other(format!("`{command}` ended with {status}")))
            };
        }
        if stop_requested() {
            child.kill()?;
            child.wait()?;
            return Err(Error::other(format!("`{command}` was interrupted")));
        }
        std::thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_with_its_status() {
        assert!(shell("true").is_ok());
        let error = shell("exit 3").unwrap_err().to_string();
        assert!(
            error.contains("`exit 3` ended with exit status: 3"),
            "{error}"
        );
    }
}
