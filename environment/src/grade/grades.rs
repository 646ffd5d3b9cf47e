//! `cargo cuaderno grades`: results of several partitions put together, and marks by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use super::formats::{self, harmless};
use super::result::GradeResult;
use super::results_folder;
use crate::files;
use crate::release::Manifest;

#[derive(Subcommand)]
pub enum GradesCommand {
    /// Put the results of partitions together, a line for each student of the roster.
    Merge {
        /// Folders that `grade` wrote.
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
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
}

/// # Errors
/// If results are missing, or do not belong together.
pub fn run(command: GradesCommand) -> Result<ExitCode> {
    match command {
        GradesCommand::Merge {
            folders,
            roster,
            out,
        } => merge(&folders, &roster, &out)?,
        GradesCommand::Manual {
            folder,
            csv,
            release,
        } => {
            let (manifest, _) = Manifest::read(&release)?;
            match csv.exists() {
                true => read_marks(&folder, &csv, &manifest.secret)?,
                false => ask_for_marks(&folder, &csv)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn merge(folders: &[PathBuf], roster: &Path, out: &Path) -> Result<()> {
    let mut merged: BTreeMap<(String, String), GradeResult> = BTreeMap::new();
    let mut graders = BTreeSet::new();
    for folder in folders {
        for (path, result) in results(folder)? {
            graders.insert(format!(
                "{} with Rust {}, release {}, run {}",
                result.receipt.grader, result.receipt.toolchain, result.release, result.run
            ));
            ensure!(
                graders.len() == 1,
                "the results are of more than one grader: {}; grade all with one",
                graders.into_iter().collect::<Vec<_>>().join(" and ")
            );
            let key = (result.submission.clone(), result.lab.clone());
            if let Some(other) = merged.get(&key).filter(|other| **other != result) {
                bail!(
                    "there are two results of {} for {}: {} and one that earns {}; keep one",
                    other.submission,
                    other.lab,
                    path.display(),
                    other.earned()
                );
            }
            merged.insert(key, result);
        }
    }
    let mut table = csv::ReaderBuilder::new();
    let mut table = table.has_headers(false).flexible(true).from_path(roster)?;
    let names = table
        .records()
        .map(|record| Ok(record?.get(0).unwrap_or_default().trim().to_owned()));
    let names = names.collect::<Result<Vec<String>>>()?;
    let is_there = |name: &String| merged.keys().any(|(other, _)| other == name);
    let named = names
        .iter()
        .filter(|name| !name.is_empty() && *name != "submission");
    let missing: Vec<_> = named.filter(|name| !is_there(name)).cloned().collect();
    ensure!(
        missing.is_empty(),
        "there is no result for {} of the roster {}; grade them, or take them off it",
        missing.join(", "),
        roster.display()
    );
    let results: Vec<_> = merged.into_values().collect();
    files::write(out, formats::csv(&results)?.as_bytes())?;
    println!("{} results: {}", results.len(), out.display());
    Ok(())
}

/// The results in a folder that `grade` wrote, with their files.
fn results(folder: &Path) -> Result<Vec<(PathBuf, GradeResult)>> {
    let folder = results_folder(folder);
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("{} is not a folder of results", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read(&path)?;
        let result = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        Ok((path, result))
    };
    paths.into_iter().map(read).collect()
}

const COLUMNS: [&str; 6] = [
    "submission",
    "id",
    "criterion",
    "points",
    "earned",
    "answer",
];

fn ask_for_marks(folder: &Path, file: &Path) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    let mut count = 0;
    for (_, result) in results(folder)? {
        for manual in result
            .manual
            .iter()
            .filter(|manual| manual.earned.is_none())
        {
            let points = manual.points.to_string();
            let answer = harmless(&manual.answer);
            let criterion = harmless(&manual.criterion);
            table.write_record([
                &result.submission,
                &manual.id,
                &criterion,
                &points,
                "",
                &answer,
            ])?;
            count += 1;
        }
    }
    files::write(file, &table.into_inner()?)?;
    println!(
        "{count} answers to mark in {}: fill in the column `earned` and give the same command again.",
        file.display()
    );
    Ok(())
}

fn read_marks(folder: &Path, file: &Path, secret: &str) -> Result<()> {
    let mut marks = BTreeMap::new();
    let mut table = csv::Reader::from_path(file)?;
    for record in table.records() {
        let record = record?;
        let field = |at: usize| record.get(at).unwrap_or_default().trim().to_owned();
        if field(4).is_empty() {
            continue;
        }
        let (points, earned) = (field(3).parse::<f64>(), field(4).parse::<f64>());
        let (Ok(points), Ok(earned)) = (points, earned) else {
            bail!(
                "{}: `{}` of {} is not a number",
                file.display(),
                field(4),
                field(0)
            );
        };
        ensure!(
            (0.0..=points).contains(&earned),
            "{}: {earned} for {} of {}, but it must lie between 0 and {points}",
            file.display(),
            field(1),
            field(0)
        );
        marks.insert((field(0), field(1), field(2)), earned);
    }
    let mut count = 0;
    for (path, mut result) in results(folder)? {
        ensure!(
            result.is_sealed(secret),
            "{} was changed by hand, or is of another release; grade the submission again",
            path.display()
        );
        let submission = result.submission.clone();
        for manual in &mut result.manual {
            let key = (
                submission.clone(),
                manual.id.clone(),
                harmless(&manual.criterion),
            );
            if let Some(earned) = marks.remove(&key) {
                manual.earned = Some(earned);
                count += 1;
            }
        }
        if result.has_score() && result.manual.iter().all(|manual| manual.earned.is_some()) {
            result.state = super::State::Graded;
        }
        result.sign(secret);
        let text = serde_json::to_string_pretty(&result)? + "\n";
        files::write(&path, text.as_bytes())?;
    }
    ensure!(
        marks.is_empty(),
        "{}: there are no results for {:?}",
        file.display(),
        marks
            .keys()
            .map(|(submission, id, _)| format!("{submission} {id}"))
            .collect::<Vec<_>>()
    );
    println!("{count} marks read; `grades merge` makes the table.");
    Ok(())
}
