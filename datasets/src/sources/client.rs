//! The clients of package registries: each knows the user's registry, proxy and certificates, and
//! leaves a package's archive in the folder in which it runs.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::delivery::{Delivery, Failure};

/// What is to be said of a client, and of what it leaves.
pub(crate) struct Client {
    /// Its name.
    pub name: &'static str,
    /// What to say where it is not installed.
    pub missing: &'static str,
    /// The ending of an archive.
    pub extension: &'static str,
    /// What is wrong, on one line, of its error output.
    pub complaint: fn(&str) -> String,
}

impl Client {
    /// Runs the client as `command` says, in a folder of its own; returns the archive that it leaves
    /// there, and the folder, which is removed with the value.
    pub fn archive(
        &self,
        command: &mut Command,
        delivery: &Delivery<'_>,
    ) -> Result<(File, TempDir), Failure> {
        let folder = tempfile::tempdir_in(delivery.staging())
            .map_err(|error| delivery.write_error(delivery.staging(), error))?;
        let path = self.run(command, folder.path())?;
        let file = File::open(&path)
            .map_err(|error| Failure::Source(format!("its archive cannot be read ({error})")))?;
        Ok((file, folder))
    }

    /// The path of what the client leaves in `folder`.
    fn run(&self, command: &mut Command, folder: &Path) -> Result<PathBuf, Failure> {
        let name = self.name;
        let output = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                Failure::Source(match error.kind() {
                    ErrorKind::NotFound => self.missing.to_string(),
                    _ => format!("{name} does not start ({error})"),
                })
            })?;
        if !output.status.success() {
            let complaint = (self.complaint)(&String::from_utf8_lossy(&output.stderr));
            return Err(Failure::Source(format!("{name} failed ({complaint})")));
        }
        let archive = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.extension()
                    .is_some_and(|ending| ending == self.extension)
            });
        archive.ok_or_else(|| Failure::Source(format!("{name} left no archive")))
    }
}
