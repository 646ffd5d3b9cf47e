//! The notebook as a whole: our cells as we gave them, with the student's answers in their places and
//! the cells that are the student's own.

use std::collections::BTreeSet;

use crate::notebook::Cell;
use crate::release::ReleasedLab;

/// A cell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The id of our cell; none of one that is the student's own.
    pub id: Option<String>,
    pub source: String,
}

/// The longest name of a cell on a page, in characters.
const LONGEST: usize = 60;

impl Part {
    /// Whether it is our cell of this id.
    pub fn is(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }
}

/// Adds our cells that are missing in `parts`, each behind the one of ours that comes before it, but
/// for those that are `answered` elsewhere.
pub fn with_missing(
    mut parts: Vec<Part>,
    lab: &ReleasedLab,
    answered: impl Fn(&str) -> bool,
) -> Vec<Part> {
    let cells = lab.notebook["cells"].as_array().into_iter().flatten();
    let ours = cells.map(Cell::of).filter(|cell| cell.is_code());
    let mut next = 0;
    for cell in ours.filter(|cell| !cell.source().trim().is_empty()) {
        match parts.iter().position(|part| part.is(cell.id())) {
            Some(at) => next = at + 1,
            None if answered(cell.id()) => {}
            None => {
                let part = Part {
                    id: Some(cell.id().to_owned()),
                    source: cell.source(),
                };
                parts.insert(next, part);
                next += 1;
            }
        }
    }
    parts
}

/// What a page calls each cell that it shows: exercises, their checks, and the student's own.
pub fn names(parts: &[Part], lab: &ReleasedLab) -> Vec<Option<String>> {
    let exercises = lab.exercises.iter();
    let shown: BTreeSet<&str> = exercises.flat_map(|it| [&*it.id, &*it.check]).collect();
    let name = |part: &Part| match &part.id {
        Some(id) => shown.contains(&**id).then(|| id.clone()),
        None => {
            let lines = part.source.lines().map(str::trim);
            let first = lines
                .clone()
                .find(|line| !line.is_empty())
                .unwrap_or_default();
            Some(first.chars().take(LONGEST).collect())
        }
    };
    parts.iter().map(name).collect()
}
