//! `cargo cuaderno grades`: what is done with results that are there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use super::result::GradeResult;
use super::{UNSCORED, manual, merge, results_folder, similar};
use crate::release::Manifest;

/// What to do with results.
#[derive(Subcommand)]
pub enum GradesCommand {
    /// Put the results of partitions together, a line for each student of the roster.
    Merge {
        /// Folders that `grade` wrote.
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// The `release.json`, with which results are sealed.
        #[arg(long, value_name = "FILE")]
        release: PathBuf,
        /// The submissions that there should be: a name a line, or the first column of a CSV.
        #[arg(long, value_name = "FILE")]
        roster: PathBuf,
        /// Where the table goes.
        #[arg(long, value_name = "FILE", default_value = "grades.csv")]
        out: PathBuf,
    },
    /// Write what is to be marked by hand to a CSV, or read the marks from it.
    Manual {
        /// A folder that `grade` wrote.
        folder: PathBuf,
        /// The CSV. If it is there, its marks are read.
        #[arg(long, value_name = "FILE", default_value = "manual.csv")]
        csv: PathBuf,
        /// The `release.json`, with which results are sealed.
        #[arg(long, value_name = "FILE")]
        release: PathBuf,
    },
    /// List pairs of submissions with much in common, for somebody to look at. It changes no points.
    Similar {
        /// Notebooks, or folders of them.
        #[arg(required = true, value_name = "SUBMISSION")]
        submissions: Vec<PathBuf>,
        /// The `release.json` of the release that they answer.
        #[arg(long, value_name = "FILE")]
        release: PathBuf,
        /// Where the list goes.
        #[arg(long, value_name = "FILE", default_value = "similar.csv")]
        out: PathBuf,
    },
}

/// Does what was asked with results, and says in the exit status whether all of them have a score.
///
/// # Errors
/// If results are missing, or do not belong together.
pub fn run(command: GradesCommand) -> Result<ExitCode> {
    match command {
        GradesCommand::Merge {
            folders,
            release,
            roster,
            out,
        } => {
            let (manifest, _) = Manifest::read(&release)?;
            if merge::run(&folders, &manifest.secret, &roster, &out)? > 0 {
                return Ok(ExitCode::from(UNSCORED));
            }
        }
        GradesCommand::Manual {
            folder,
            csv,
            release,
        } => {
            let (manifest, _) = Manifest::read(&release)?;
            match csv.exists() {
                true => manual::read_marks(&folder, &csv, &manifest.secret)?,
                false => manual::ask_for_marks(&folder, &csv, &manifest.secret)?,
            }
        }
        GradesCommand::Similar {
            submissions,
            release,
            out,
        } => similar::run(&submissions, &release, &out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The results in a folder that `grade` wrote, with their files. There may be none: a part of few
/// submissions can be empty, and whatever carries folders around may leave empty ones behind.
///
/// # Errors
/// If there is no folder, one of the results was changed or is of another release, or two are of one
/// submission.
pub fn results(folder: &Path, secret: &str) -> Result<Vec<(PathBuf, GradeResult)>> {
    let results = results_folder(folder);
    if folder.is_dir() && !results.exists() {
        return Ok(vec![]);
    }
    let entries = std::fs::read_dir(&results)
        .with_context(|| format!("{} is not a folder of results", results.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read(&path)?;
        let result: GradeResult =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(
            result.is_sealed(secret),
            "{} was changed by hand, or is of another release; delete it, and grade the submission \
             again",
            path.display()
        );
        Ok((path, result))
    };
    let read = paths.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    let mut seen = BTreeMap::new();
    for (path, result) in &read {
        if let Some(other) = seen.insert(&result.submission, path) {
            bail!(
                "{} and {} are both of {}; delete the older one",
                other.display(),
                path.display(),
                result.submission
            );
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_results_of_one_submission_are_refused() {
        let desk = tempfile::tempdir().unwrap();
        let at = results_folder(desk.path());
        std::fs::create_dir(&at).unwrap();
        let mut result = GradeResult::example();
        result.sign("s");
        let text = serde_json::to_string(&result).unwrap();
        std::fs::write(at.join("ada--1.json"), &text).unwrap();
        assert_eq!(results(desk.path(), "s").unwrap().len(), 1);
        std::fs::write(at.join("ada--2.json"), &text).unwrap();
        let error = results(desk.path(), "s").unwrap_err().to_string();
        assert!(
            error.contains("ada--1.json and ") && error.contains("ada--2.json are both of ada"),
            "{error}"
        );
    }
}
