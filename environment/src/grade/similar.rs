//! A list of answers that have much in common, for somebody to look at. It says nothing of who has
//! copied from whom, or whether, and it changes no points.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use ra_ap_parser::{Edition, LexedStr};

use super::formats::harmless;
use super::input;
use super::submission::{Answers, Submission};
use crate::files;
use crate::release::{Manifest, ReleasedLab};

/// How many tokens or words in a row make a piece.
const LONG: usize = 6;
/// So many pieces two answers have in common where that means anything ...
const FEWEST: usize = 12;
/// ... and so much of the shorter one.
const LEAST: f64 = 0.5;

/// The pieces of a text, each by its hash.
type Pieces = BTreeSet<u64>;

/// Two answers with much in common.
#[derive(Debug, PartialEq)]
struct Pair {
    names: [String; 2],
    /// How many pieces both have.
    common: usize,
    /// Which part that is of the shorter answer.
    share: f64,
}

/// Writes the pairs to `out`, those with most in common first.
///
/// # Errors
/// If the release cannot be read, there are no submissions, or the list cannot be written.
pub fn run(submissions: &[PathBuf], release: &Path, out: &Path) -> Result<()> {
    let (manifest, _) = Manifest::read(release)?;
    // By lab and answer.
    let mut answers: BTreeMap<(String, String), Vec<(String, Pieces)>> = BTreeMap::new();
    for (name, path) in input::found(submissions)? {
        let found = Submission::read(&path)
            .and_then(|submission| Answers::best_of(&submission.notebook, &manifest.labs));
        let (lab, found) = match found {
            Ok(found) => found,
            Err(error) => {
                println!("Left out: {name}: {error:#}.");
                continue;
            }
        };
        for (id, pieces) in pieces(lab, &found) {
            let all = answers.entry((lab.file.clone(), id)).or_default();
            all.push((name.clone(), pieces));
        }
    }
    let mut rows = Vec::new();
    for ((lab, id), all) in answers {
        rows.extend(
            pairs(all)
                .into_iter()
                .map(|pair| (lab.clone(), id.clone(), pair)),
        );
    }
    rows.sort_by(|(_, _, one), (_, _, other)| {
        let order = other.share.total_cmp(&one.share);
        order.then(other.common.cmp(&one.common))
    });
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["lab", "answer", "one", "other", "share", "common"])?;
    for (lab, id, pair) in &rows {
        let [one, other] = &pair.names;
        let (share, common) = (format!("{:.2}", pair.share), pair.common.to_string());
        table.write_record([lab, id, one, other, &share, &common].map(|text| harmless(text)))?;
    }
    files::write(out, &table.into_inner()?)?;
    println!(
        "{} pairs of answers have much in common: {}. Have a look; this proves nothing.",
        rows.len(),
        out.display()
    );
    Ok(())
}

/// What a submission answers, without what was handed out and what the solution has, too.
fn pieces(lab: &ReleasedLab, answers: &Answers) -> Vec<(String, Pieces)> {
    let code = lab.exercises.iter().filter_map(|exercise| {
        let mut pieces = pieces_of(&tokens(answers.code.get(&exercise.id)?));
        for given in [&exercise.stub, &exercise.solution] {
            for piece in pieces_of(&tokens(given)) {
                pieces.remove(&piece);
            }
        }
        Some((exercise.id.clone(), pieces))
    });
    let texts = answers.words.iter().map(|(id, text)| {
        let mut pieces = pieces_of(&words(text));
        for piece in pieces_of(&words(&lab.source(id))) {
            pieces.remove(&piece);
        }
        (id.clone(), pieces)
    });
    code.chain(texts).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// The kinds of the tokens: whatever one calls a variable, it is a name.
fn tokens(code: &str) -> Vec<u16> {
    let lexed = LexedStr::new(Edition::CURRENT, code);
    let kinds = (0..lexed.len()).map(|at| lexed.kind(at));
    kinds
        .filter(|kind| !kind.is_trivia())
        .map(u16::from)
        .collect()
}

fn pieces_of(parts: &[impl Hash]) -> Pieces {
    let hash = |piece| {
        let mut hasher = DefaultHasher::new();
        <[_] as Hash>::hash(piece, &mut hasher);
        hasher.finish()
    };
    parts.windows(LONG).map(hash).collect()
}

/// The pairs among the answers to one question.
fn pairs(mut answers: Vec<(String, Pieces)>) -> Vec<Pair> {
    // What more than half of a course has is how one does it.
    let mut counts = BTreeMap::<u64, usize>::new();
    for piece in answers.iter().flat_map(|(_, pieces)| pieces) {
        *counts.entry(*piece).or_default() += 1;
    }
    let most = (answers.len() / 2).max(2);
    for (_, pieces) in &mut answers {
        pieces.retain(|piece| counts[piece] <= most);
    }
    let mut pairs = Vec::new();
    for (at, (name, pieces)) in answers.iter().enumerate() {
        for (other_name, other) in &answers[at + 1..] {
            let common = pieces.intersection(other).count();
            let share = common as f64 / pieces.len().min(other.len()).max(1) as f64;
            if common >= FEWEST && share >= LEAST {
                pairs.push(Pair {
                    names: [name.clone(), other_name.clone()],
                    common,
                    share,
                });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "fn largest(list: &[f64]) -> Result<f64> {
        let mut best = list[0]; // the first
        for i in 1..list.len() { if list[i] > best { best = list[i]; } else { continue; } }
        Ok(best)
    }";

    fn found(codes: &[&str]) -> Vec<Pair> {
        let answers = (0..).zip(codes);
        let answers = answers.map(|(at, code): (usize, _)| {
            let pieces = pieces_of(&tokens(code));
            (at.to_string(), pieces)
        });
        pairs(answers.collect())
    }

    #[test]
    fn other_names_and_spaces_hide_nothing() {
        let renamed = ONE
            .replace("best", "b")
            .replace("list", "x")
            .replace("// the first", "");
        let other = "fn largest(list: &[f64]) -> Result<f64> {
            Ok(list.iter().copied().reduce(|a, b| a.max(b)).unwrap_or(f64::NAN) + 0.0)
        }";
        let pairs = found(&[ONE, other, &renamed.replace('\n', "  ")]);
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        assert_eq!(pairs[0].names, ["0", "2"]);
        assert_eq!(pairs[0].share, 1.0);
    }

    #[test]
    fn what_was_handed_out_is_no_sign() {
        let template = "*Your answer, in two or three sentences of your own:*";
        let cell = json!({
            "cell_type": "markdown", "id": "why", "metadata": {}, "source": template,
        });
        let lab = ReleasedLab {
            file: String::new(),
            sha256: String::new(),
            profile: String::new(),
            crates: vec![],
            exercises: vec![],
            questions: vec![],
            notebook: json!({"cells": [cell]}),
        };
        let count = |text: &str| {
            let mut answers = Answers::default();
            answers.words.insert("why".to_owned(), text.to_owned());
            pieces(&lab, &answers)[0].1.len()
        };
        assert_eq!(count(template), 0);
        assert_eq!(count("one two three four five six seven"), 2);
    }

    #[test]
    fn what_half_of_a_course_writes_is_no_sign() {
        assert_eq!(found(&[ONE; 2]).len(), 1);
        assert_eq!(found(&[ONE; 5]), []);
    }
}
