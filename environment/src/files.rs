//! Files that are written whole or not at all, and files of others, which may be anything.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes all of the file or nothing.
///
/// # Errors
/// If its folder cannot be written.
pub fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let attempt = || -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(contents)?;
        file.persist(path)?;
        Ok(())
    };
    attempt().with_context(|| format!("{} cannot be written", path.display()))
}

/// Opens a file that somebody else has put there, if it is a file and no link: neither a device that
/// never ends nor a pipe that nobody writes to.
///
/// # Errors
/// If it is anything else, or cannot be read.
#[cfg(target_os = "linux")]
pub fn open(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}
