//! A package of the Python Package Index, through pip.

use std::process::Command;

use serde::Deserialize;

use crate::DataFile;
use crate::delivery::{Delivery, Failure};
use crate::sources::archive;
use crate::sources::client::Client;

const PIP: Client = Client {
    name: "pip",
    missing: "Python is not installed (https://www.python.org)",
    extension: "whl",
    complaint,
};

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
        let (file, _folder) = PIP.archive(&mut self.download(), delivery)?;
        archive::deliver_zip(file, &self.folder, wanted, delivery)
    }

    /// The command that downloads the package's wheel.
    fn download(&self) -> Command {
        let mut pip = Command::new(if cfg!(windows) { "python" } else { "python3" });
        pip.args(["-m", "pip", "download", &self.package])
            // Without these, pip would run the code of a package that has no wheel.
            .args(["--only-binary=:all:", "--no-deps"])
            .args(["--timeout=30", "--retries=2", "--no-input", "--quiet"])
            .arg("--disable-pip-version-check");
        pip
    }
}

/// The last line of pip's error output, which says what is wrong.
fn complaint(stderr: &str) -> String {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    let line = last.map_or("it did not say why", |line| line.trim());
    line.trim_start_matches("ERROR: ").to_string()
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
