//! `cargo cuaderno grades`: what is done with results that are there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
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
/// If there is no folder, or one of the results was changed or is of another release.
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
            "{} was changed by hand, or is of another release; grade the submission again",
            path.display()
        );
        Ok((path, result))
    };
    paths.into_iter().map(read).collect()
}
