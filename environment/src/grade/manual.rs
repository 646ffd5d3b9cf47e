//! Marks by hand: a table out, and in again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::formats::harmless;
use super::grades::results;
use super::result::State;
use crate::files;

const COLUMNS: [&str; 6] = [
    "submission",
    "id",
    "criterion",
    "points",
    "earned",
    "answer",
];

/// Submission, question and criterion, as they stand in the table.
type Key = [String; 3];

/// Writes what has no marks yet to `file`.
///
/// # Errors
/// If the results cannot be read or the table cannot be written.
pub fn ask_for_marks(folder: &Path, file: &Path, secret: &str) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    let mut count = 0;
    for (_, result) in results(folder, secret)? {
        // One without a score is graded again, and marks in it would be lost.
        let manual = result.manual.iter().filter(|_| result.has_score());
        let unmarked = manual.filter(|one| one.earned.is_none());
        for manual in unmarked {
            let [submission, id, criterion] =
                key(&result.submission, &manual.id, &manual.criterion);
            let (points, answer) = (manual.points.to_string(), harmless(&manual.answer));
            table.write_record([submission, id, criterion, points, String::new(), answer])?;
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

fn key(submission: &str, id: &str, criterion: &str) -> Key {
    [submission, id, criterion].map(harmless)
}

/// Enters the marks of `file` into the results; if one is refused, none is entered.
///
/// # Errors
/// If a mark is no number of points that can be had, or is for nothing that there is.
pub fn read_marks(folder: &Path, file: &Path, secret: &str) -> Result<()> {
    let name = file.display();
    let mut marks = marks(file)?;
    let count = marks.len();
    let mut results = results(folder, secret)?;
    for (_, result) in &mut results {
        let has_score = result.has_score();
        for manual in &mut result.manual {
            let key = key(&result.submission, &manual.id, &manual.criterion);
            let Some(earned) = marks.remove(&key) else {
                continue;
            };
            ensure!(
                has_score,
                "{name}: {} has no score yet; grade it again before it gets marks",
                result.submission
            );
            ensure!(
                (0.0..=manual.points).contains(&earned),
                "{name}: {earned} for {} of {}, but it must lie between 0 and {}",
                manual.id,
                result.submission,
                manual.points
            );
            manual.earned = Some(earned);
        }
        if result.has_score() && result.manual.iter().all(|manual| manual.earned.is_some()) {
            result.state = State::Graded;
        }
        result.sign(secret);
    }
    let unknown = marks.keys().map(|[submission, id, criterion]| {
        format!("{submission} {id} {criterion}")
            .trim_end()
            .to_owned()
    });
    let unknown: Vec<_> = unknown.collect();
    ensure!(
        unknown.is_empty(),
        "{name}: nothing is to be marked for {}",
        unknown.join(", ")
    );
    let mut waiting = 0;
    for (path, result) in results {
        let text = serde_json::to_string_pretty(&result)? + "\n";
        files::write(&path, text.as_bytes())?;
        if result.has_score() {
            waiting += result
                .manual
                .iter()
                .filter(|it| it.earned.is_none())
                .count();
        }
    }
    match waiting {
        0 => println!("{count} marks read; `grades merge` makes the table."),
        _ => println!(
            "{count} marks read, {waiting} answers still wait; delete {name} to list them."
        ),
    }
    Ok(())
}

/// The marks in the table.
fn marks(file: &Path) -> Result<BTreeMap<Key, f64>> {
    let name = file.display();
    let mut table = csv::Reader::from_path(file).with_context(|| name.to_string())?;
    let header = table.headers()?.clone();
    let column = |title: &str| {
        let at = header.iter().position(|other| other.trim() == title);
        at.with_context(|| {
            format!(
                "{name} has no column `{title}`, only `{}`; save it as a CSV with commas, with the \
                 first line as it was",
                header.iter().collect::<Vec<_>>().join("`, `")
            )
        })
    };
    let (submission, id, criterion) = (column("submission")?, column("id")?, column("criterion")?);
    let earned = column("earned")?;
    let mut marks = BTreeMap::new();
    for record in table.records() {
        let record = record.with_context(|| name.to_string())?;
        let field = |at: usize| record.get(at).unwrap_or_default().trim().to_owned();
        let mark = field(earned);
        if mark.is_empty() {
            continue;
        }
        let key = [submission, id, criterion].map(field);
        let Ok(points) = mark.parse::<f64>() else {
            bail!(
                "{name}: `{mark}` for {} of {} is not a number such as 1.5",
                key[1],
                key[0]
            );
        };
        let again = format!("{name}: {} of {} stands there twice", key[1], key[0]);
        ensure!(marks.insert(key, points).is_none(), again);
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::result::{GradeResult, Manual};

    #[test]
    fn marks_are_read_by_their_columns_and_all_or_none() {
        let desk = tempfile::tempdir().unwrap();
        std::fs::create_dir(desk.path().join("results")).unwrap();
        let (file, result) = (
            desk.path().join("m.csv"),
            desk.path().join("results/1.json"),
        );
        let mut waiting = GradeResult::example();
        waiting.state = State::Manual;
        waiting.submission = "-ada".to_owned();
        waiting.manual = ["", "gradient"]
            .map(|criterion| Manual {
                id: "why".to_owned(),
                criterion: criterion.to_owned(),
                points: 1.0,
                earned: None,
                answer: "=A1".to_owned(),
            })
            .into();
        waiting.sign("s");
        let before = serde_json::to_string(&waiting).unwrap();
        std::fs::write(&result, &before).unwrap();
        ask_for_marks(desk.path(), &file, "s").unwrap();
        let table = std::fs::read_to_string(&file).unwrap();
        assert!(table.contains("'-ada,why,gradient,1,,'=A1"), "{table}");

        let refused = |table: &str| {
            std::fs::write(&file, table).unwrap();
            let error = read_marks(desk.path(), &file, "s").unwrap_err();
            assert_eq!(
                std::fs::read_to_string(&result).unwrap(),
                before,
                "as it was"
            );
            format!("{error:#}")
        };
        let one = "'-ada,why,,0.5\n";
        let header = "submission,id,criterion,earned\n";
        assert!(refused("submission;id;criterion;earned\n").contains("no column `submission`"));
        let good_and = |line: &str| format!("{header}{one}{line}\n");
        // The points that the table names do not count.
        let more = "submission,id,criterion,points,earned\n'-ada,why,gradient,9,9\n";
        assert!(refused(more).contains("between 0 and 1"));
        assert!(refused(&good_and("'-ada,why,gradient,NaN")).contains("between 0 and 1"));
        assert!(refused(&good_and("'-ada,why,gradient,half")).contains("`half`"));
        assert!(refused(&good_and("bea,why,,1")).contains("nothing is to be marked for bea why"));
        assert!(refused(&good_and(one)).contains("twice"));
        let mut failed = waiting.clone();
        failed.state = State::GraderError;
        failed.sign("s");
        std::fs::write(&result, serde_json::to_string(&failed).unwrap()).unwrap();
        std::fs::write(&file, good_and("")).unwrap();
        let error = read_marks(desk.path(), &file, "s").unwrap_err().to_string();
        assert!(error.contains("-ada has no score yet"), "{error}");
        ask_for_marks(desk.path(), &file, "s").unwrap();
        let table = std::fs::read_to_string(&file).unwrap();
        assert_eq!(table.lines().count(), 1, "{table}");
        std::fs::write(&result, &before).unwrap();

        // In another order.
        let table = "earned,criterion,id,submission\n0.5,,why,'-ada\n1,gradient,why,'-ada\n";
        std::fs::write(&file, table).unwrap();
        read_marks(desk.path(), &file, "s").unwrap();
        let (_, marked) = results(desk.path(), "s").unwrap().remove(0);
        assert_eq!(marked.state, State::Graded);
        assert_eq!(
            marked.manual.iter().filter_map(|it| it.earned).sum::<f64>(),
            1.5
        );
    }
}
