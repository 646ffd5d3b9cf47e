//! Crates that were built ahead of the cells that ask for them, where no others can be built: in the
//! box of a submission, so that nothing of a student's runs while crates are built.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::dependencies::name_of_folder;
use super::stand_ins;

/// The crates of one notebook, built.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Prebuilt {
    /// The manifest's lines.
    pub(super) requested: Vec<String>,
    /// Where crates are built.
    pub(super) folder: PathBuf,
}

impl Prebuilt {
    /// All of the crates, where a cell asks for some of them: they are one library.
    ///
    /// # Errors
    /// If a cell asks for another one.
    pub fn instead_of(&self, requested: Vec<String>) -> Result<Vec<String>> {
        let other = requested.iter().find(|line| !self.requested.contains(line));
        if let Some(other) = other {
            let names = self
                .requested
                .iter()
                .filter_map(|line| line.split(' ').next());
            let names: Vec<String> = names.map(|name| format!("`:dep {name}`")).collect();
            let names = match names.is_empty() {
                true => "none".to_owned(),
                false => format!("only {}", names.join(", ")),
            };
            bail!(
                "cells in a box have the crates that the lab asks for and whose versions are pinned, here \
                 {names}; leave out `:dep {other}`"
            );
        }
        Ok(match requested.is_empty() {
            true => requested,
            false => self.requested.clone(),
        })
    }

    /// The folders that a box has to show.
    pub fn shown(&self) -> Vec<PathBuf> {
        let mut shown = vec![stand_ins::folder(&self.folder)];
        if !self.requested.is_empty() {
            shown.push(self.folder.join("target/debug/deps"));
            shown.push(self.folder.join(name_of_folder(&self.requested)));
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_one_of_them_gets_all_and_nobody_gets_another() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let prebuilt = Prebuilt {
            requested: lines(&["layers = \"*\"", "numbers = { path = \"/numbers\" }"]),
            folder: "/built".into(),
        };
        let of = |requested: &[&str]| prebuilt.instead_of(lines(requested));
        assert_eq!(of(&[]).unwrap(), [""; 0]);
        assert_eq!(of(&["layers = \"*\""]).unwrap(), prebuilt.requested);
        for other in [
            "layers = \"0.2\"",
            "numbers = { path = \"/mine\" }",
            "rand = \"*\"",
        ] {
            let error = of(&["layers = \"*\"", other]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "cells in a box have the crates that the lab asks for and whose versions are pinned, \
                     here only `:dep layers`, `:dep numbers`; leave out `:dep {other}`"
                )
            );
        }
        assert!(
            Prebuilt::default()
                .instead_of(lines(&["rand = \"*\""]))
                .is_err()
        );
    }
}
