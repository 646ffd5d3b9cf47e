//! Results of several partitions put together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::formats;
use super::grades::results;
use super::result::GradeResult;
use crate::files;

/// Results by submission and lab, each with its file.
type Merged = BTreeMap<(String, String), (PathBuf, GradeResult)>;

/// Writes one table of the results in `folders` to `out`, and says how many have no score.
///
/// # Errors
/// If a name on the roster has no result, or results do not belong together.
pub fn run(folders: &[PathBuf], secret: &str, roster: &Path, out: &Path) -> Result<usize> {
    let mut merged = Merged::new();
    for folder in folders {
        for (path, result) in results(folder, secret)? {
            add(&mut merged, path, result)?;
        }
    }
    let names = names(roster)?;
    let has_result = |name: &&String| merged.keys().any(|(other, _)| other == *name);
    let missing: Vec<_> = names.iter().filter(|name| !has_result(name)).collect();
    ensure!(
        missing.is_empty(),
        "there is no result for {} of the roster {}; grade them, or take them off it",
        listed(missing),
        roster.display()
    );
    let mut strangers: Vec<_> = merged.keys().map(|(name, _)| name).collect();
    strangers.retain(|name| !names.contains(name));
    if !strangers.is_empty() {
        println!(
            "Not on the roster {}: {}.",
            roster.display(),
            listed(strangers)
        );
    }
    let results: Vec<_> = merged.into_values().map(|(_, result)| result).collect();
    files::write(out, formats::csv(&results)?.as_bytes())?;
    let unscored = results.iter().filter(|result| !result.has_score()).count();
    println!(
        "{} results, {unscored} without a score: {}",
        results.len(),
        out.display()
    );
    Ok(unscored)
}

fn add(merged: &mut Merged, path: PathBuf, result: GradeResult) -> Result<()> {
    if let Some((first_path, first)) = merged.values().next() {
        let (one, other) = (first.conditions(), result.conditions());
        ensure!(
            one == other,
            "the results are of more than one grader: {one} ({}), and {other} ({}); grade all with \
             one",
            first_path.display(),
            path.display()
        );
    }
    // A file that cannot be read is of no lab, and may have been of any.
    let is_of_same = |other: &GradeResult| {
        other.submission == result.submission
            && (other.lab == result.lab || other.lab.is_empty() || result.lab.is_empty())
            && *other != result
    };
    if let Some((other, _)) = merged.values().find(|(_, other)| is_of_same(other)) {
        bail!(
            "there are two results of {}: {} and {}; keep one",
            result.submission,
            other.display(),
            path.display()
        );
    }
    merged.insert(
        (result.submission.clone(), result.lab.clone()),
        (path, result),
    );
    Ok(())
}

/// The submissions that there should be.
fn names(roster: &Path) -> Result<Vec<String>> {
    let mut table = csv::ReaderBuilder::new();
    let mut table = table.has_headers(false).flexible(true).from_path(roster)?;
    let mut names = Vec::new();
    for record in table.records() {
        names.push(record?.get(0).unwrap_or_default().trim().to_owned());
    }
    names.retain(|name| !name.is_empty() && name != "submission");
    Ok(names)
}

fn listed(names: Vec<&String>) -> String {
    names.into_iter().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::result::State;

    const SECRET: &str = "s";

    /// A folder that holds the result of one submission.
    fn folder(at: &Path, name: &str, change: impl Fn(&mut GradeResult)) -> PathBuf {
        let mut result = GradeResult::example();
        result.submission = name.to_owned();
        result.state = State::Graded;
        change(&mut result);
        result.sign(SECRET);
        let results = at.join(name).join("results");
        std::fs::create_dir_all(&results).unwrap();
        let text = serde_json::to_string(&result).unwrap();
        std::fs::write(results.join("1.json"), text).unwrap();
        at.join(name)
    }

    #[test]
    fn only_results_that_belong_together_are_merged() {
        let desk = tempfile::tempdir().unwrap();
        let at = |name: &str| desk.path().join(name);
        std::fs::write(at("roster"), "submission\nada\nbea\n").unwrap();
        let merge = |folders: &[PathBuf]| run(folders, SECRET, &at("roster"), &at("table"));
        let ada = folder(desk.path(), "ada", |_| {});
        let bea = folder(desk.path(), "bea", |result| {
            result.state = State::Unreadable
        });
        // A part without submissions.
        std::fs::create_dir(at("none")).unwrap();
        assert_eq!(merge(&[ada.clone(), bea, at("none")]).unwrap(), 1);
        assert_eq!(
            std::fs::read_to_string(at("table"))
                .unwrap()
                .lines()
                .count(),
            3
        );

        let refused = |folders: &[PathBuf]| format!("{:#}", merge(folders).unwrap_err());
        assert!(refused(std::slice::from_ref(&ada)).contains("no result for bea of the roster"));
        assert!(refused(&[at("nothing")]).contains("is not a folder of results"));
        let twice = folder(&at("again"), "ada", |result| {
            result.lab = String::new();
            result.state = State::Unreadable;
        });
        let error = refused(&[ada.clone(), twice.clone()]);
        for file in [&ada, &twice].map(|folder| folder.join("results/1.json")) {
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
        let slower = folder(desk.path(), "slower", |result| {
            result.receipt.limits.insert("seconds".to_owned(), 9);
        });
        let elsewhere = folder(desk.path(), "elsewhere", |result| {
            "landlock".clone_into(&mut result.receipt.sandbox);
        });
        for other in [slower, elsewhere] {
            let error = refused(&[ada.clone(), other]);
            assert!(error.contains("more than one grader"), "{error}");
        }
        let file = ada.join("results/1.json");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\"earned\":1.0", "\"earned\":2.0")).unwrap();
        assert!(refused(&[ada]).contains("was changed by hand"));
    }
}
