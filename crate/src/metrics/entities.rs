//! Precision, recall and F1 of whole names.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::classification::Scores;
use crate::table::Table;
use crate::{Error, Result};

/// How many names of each kind were found, from the tags of the same sentences: the true ones, then
/// the predicted ones. A name counts as found if its first word, its last word and its kind are all
/// right; half a name is none. The numbers are those of seqeval's `classification_report` in its
/// default mode, as CoNLL's evaluation has them: a name begins at `B-`, and also at an `I-` behind
/// `O` or behind another kind.
///
/// The padding of a vocabulary, `<padding>`, is outside of names like `O`.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let truth = [vec!["B-per", "I-per", "O", "B-geo"]];
/// let predicted = [vec!["B-per", "O", "O", "B-geo"]];
/// let report = entity_report(&truth, &predicted)?;
/// assert_eq!(report.micro_average.f1, 0.5); // the place was found, the person was not
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the two differ in their number of sentences or the lengths of one, or a tag is not IOB; the
/// sentence says where.
pub fn entity_report<A: AsRef<str>, B: AsRef<str>>(
    truth: &[Vec<A>],
    predicted: &[Vec<B>],
) -> Result<EntityReport> {
    if truth.len() != predicted.len() {
        let (truth, predicted) = (truth.len(), predicted.len());
        let problem = format!("there are {truth} true sentences and {predicted} predicted ones.");
        return Err(Error::shape("entity_report", problem));
    }
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for (number, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
        if truth.len() != predicted.len() {
            let (truth, predicted) = (truth.len(), predicted.len());
            return Err(Error::shape(
                "entity_report",
                format!(
                    "sentence {number} has {truth} true tags and {predicted} predicted ones; decode \
                     with the mask of its words."
                ),
            ));
        }
        let there = entities(number, truth)?;
        let found = entities(number, predicted)?;
        for entity in &there {
            counts.entry(entity.kind.into()).or_default().there += 1;
        }
        for entity in &found {
            let of_kind = counts.entry(entity.kind.into()).or_default();
            of_kind.found += 1;
            of_kind.right += usize::from(there.contains(entity));
        }
    }
    Ok(EntityReport::of(counts))
}

/// A name: its kind, its first word, and the word after its last.
#[derive(PartialEq, Eq, Hash)]
struct Entity<'a> {
    kind: &'a str,
    start: usize,
    end: usize,
}

fn entities<S: AsRef<str>>(sentence: usize, tags: &[S]) -> Result<HashSet<Entity<'_>>> {
    let mut all = HashSet::new();
    let mut open: Option<(&str, usize)> = None;
    for (place, tag) in tags.iter().enumerate() {
        let tag = tag.as_ref();
        let (begins, kind) = match (tag.strip_prefix("B-"), tag.strip_prefix("I-")) {
            (Some(kind), _) => (true, Some(kind)),
            (_, Some(kind)) => (false, Some(kind)),
            _ if matches!(tag, "O" | "<padding>") => (false, None),
            _ => {
                return Err(Error::argument(
                    "a tag of entity_report",
                    format!("{tag:?} (sentence {sentence}, word {place})"),
                    "`O`, or `B-` or `I-` followed by a kind",
                ));
            }
        };
        let goes_on = !begins && kind.is_some() && open.map(|(kind, _)| kind) == kind;
        if !goes_on {
            all.extend(open.take().map(|(kind, start)| Entity {
                kind,
                start,
                end: place,
            }));
            open = kind.map(|kind| (kind, place));
        }
    }
    let end = tags.len();
    all.extend(open.map(|(kind, start)| Entity { kind, start, end }));
    Ok(all)
}

#[derive(Clone, Copy, Default)]
struct Counts {
    there: usize,
    found: usize,
    right: usize,
}

impl Counts {
    fn scores(self) -> Scores {
        let ratio = |part: usize, whole: usize| match whole {
            0 => 0.0,
            whole => part as f64 / whole as f64,
        };
        Scores {
            precision: ratio(self.right, self.found),
            recall: ratio(self.right, self.there),
            f1: ratio(2 * self.right, self.there + self.found),
            support: self.there,
        }
    }
}

/// The result of [`entity_report`]. It prints as a table, and a notebook shows it as one.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityReport {
    /// The kinds of names in the order of the alphabet, each with its scores. Their support is the
    /// number of names that are there.
    pub kinds: Vec<(String, Scores)>,
    /// Over all names together: what is usually called *the* F1 of a tagger.
    pub micro_average: Scores,
    /// The mean over kinds, all with the same weight.
    pub macro_average: Scores,
    /// The mean over kinds, weighted by their frequencies.
    pub weighted_average: Scores,
}

impl EntityReport {
    fn of(counts: BTreeMap<String, Counts>) -> Self {
        let all = counts
            .values()
            .fold(Counts::default(), |sum, of_kind| Counts {
                there: sum.there + of_kind.there,
                found: sum.found + of_kind.found,
                right: sum.right + of_kind.right,
            });
        let kinds: Vec<(String, Scores)> = (counts.into_iter())
            .map(|(kind, counts)| (kind, counts.scores()))
            .collect();
        let average = |weight: &dyn Fn(&Scores) -> f64| {
            let weights: f64 = kinds.iter().map(|(_, scores)| weight(scores)).sum();
            let mean = |score: fn(&Scores) -> f64| {
                let weighted = kinds.iter().map(|(_, s)| weight(s) * score(s)).sum::<f64>();
                if weights == 0.0 {
                    0.0
                } else {
                    weighted / weights
                }
            };
            Scores {
                precision: mean(|scores| scores.precision),
                recall: mean(|scores| scores.recall),
                f1: mean(|scores| scores.f1),
                support: all.there,
            }
        };
        Self {
            micro_average: all.scores(),
            macro_average: average(&|_| 1.0),
            weighted_average: average(&|scores| scores.support as f64),
            kinds,
        }
    }

    /// The scores of a kind of names, such as `geo`.
    pub fn kind(&self, kind: &str) -> Option<&Scores> {
        let found = self.kinds.iter().find(|(name, _)| name == kind);
        found.map(|(_, scores)| scores)
    }

    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    fn table(&self) -> Table {
        let line = |(name, scores): (&str, &Scores)| {
            let digits = |score: f64| format!("{score:.3}");
            let scores_of = [scores.precision, scores.recall, scores.f1].map(digits);
            let mut line = vec![name.to_owned()];
            line.extend(scores_of);
            line.push(scores.support.to_string());
            line
        };
        let averages = [
            ("micro average", &self.micro_average),
            ("macro average", &self.macro_average),
            ("weighted average", &self.weighted_average),
        ];
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, scores)| (kind.as_str(), scores));
        Table {
            headings: ["Kind", "Precision", "Recall", "F1", "Names"]
                .map(String::from)
                .to_vec(),
            lines: kinds.chain(averages).map(line).collect(),
            note: String::new(),
        }
    }
}

impl fmt::Display for EntityReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_name_is_none() {
        let truth = [vec!["B-per", "I-per", "O"], vec!["B-geo", "B-geo"]];
        let predicted = [vec!["B-per", "O", "O"], vec!["B-geo", "I-geo"]];
        let report = entity_report(&truth, &predicted).unwrap();
        assert_eq!(report.micro_average.f1, 0.0);
        assert_eq!(report.micro_average.support, 3);
        let right = entity_report(&truth, &truth).unwrap();
        assert_eq!(right.micro_average.f1, 1.0);
        assert_eq!(right.kind("geo").unwrap().support, 2);
        assert!(right.kind("tim").is_none());
    }

    #[test]
    fn an_i_behind_another_kind_begins_a_name() {
        let truth = [vec!["B-geo", "B-per", "B-per"]];
        let predicted = [vec!["I-geo", "I-per", "B-per"]];
        let report = entity_report(&truth, &predicted).unwrap();
        assert_eq!(report.micro_average.f1, 1.0);
    }

    #[test]
    fn without_names_all_scores_are_zero() {
        let report = entity_report(&[vec!["O"]], &[vec!["<padding>"]]).unwrap();
        assert!(report.kinds.is_empty());
        assert_eq!(report.macro_average.f1, 0.0);
    }

    #[test]
    fn tags_without_their_partner_and_other_tags_are_refused() {
        let refused = |truth: &[Vec<&str>], predicted: &[Vec<&str>]| {
            entity_report(truth, predicted).unwrap_err().to_string()
        };
        assert_eq!(
            refused(&[vec!["O", "O"]], &[vec!["O"]]),
            "entity_report: sentence 0 has 2 true tags and 1 predicted ones; decode with the mask of its words."
        );
        assert!(refused(&[vec!["O"]], &[]).contains("1 true sentences and 0"));
        assert_eq!(
            refused(&[vec!["O"]], &[vec!["geo"]]),
            "a tag of entity_report is \"geo\" (sentence 0, word 0), but it must be `O`, or `B-` or `I-` followed by a kind."
        );
    }
}
