//! What a student handed in, and what of it answers our exercises: the student's answers go into our
//! notebook, never our checks into theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::files;
use crate::notebook::{Cell, Notebook};
use crate::release::ReleasedLab;

use super::whole::{Part, with_missing};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 20 << 20;
/// Of so many exercises and questions of a lab, one at least is in a notebook that answers it. Labs
/// may have names in common.
const ONE_OF: usize = 4;

/// What was handed in.
pub struct Submission {
    pub bytes: Vec<u8>,
    pub notebook: Notebook,
}

/// The parts of a submission that a grader runs and reads.
#[derive(Debug, Default)]
pub struct Answers {
    /// Code in the order of the submission: answers, and cells of the student's own.
    pub cells: Vec<String>,
    /// All code: the lab's, too.
    pub notebook: Vec<Part>,
    /// The answer to each exercise, by its cell's id.
    pub code: BTreeMap<String, String>,
    /// The answer in words to each question.
    pub words: BTreeMap<String, String>,
    pub flags: BTreeSet<String>,
    /// How many of the lab's exercises and questions are there, whatever became of them.
    found: usize,
}

impl Submission {
    /// Reads the notebook at `path`, if it is a file of its own and not too large.
    ///
    /// # Errors
    /// If it is not, or no notebook; the sentence is for whoever handed it in.
    pub fn read(path: &Path) -> Result<Self> {
        // A name may hold anything, even lines that a CI takes for commands.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.escape_debug();
        let about = fs::symlink_metadata(path).with_context(|| format!("{name} cannot be read"))?;
        ensure!(
            about.is_file(),
            "{name} is a link or a folder, not a notebook"
        );
        let mut bytes = Vec::new();
        let file = files::open(path).with_context(|| format!("{name} cannot be read"))?;
        // The file may grow while it is read.
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() as u64 <= LARGEST,
            "{name} has more than {} MB; clear the outputs of its cells",
            LARGEST >> 20
        );
        let text = std::str::from_utf8(&bytes).with_context(|| format!("{name} is not text"))?;
        let notebook =
            Notebook::parse(text).with_context(|| format!("{name} is not a Jupyter notebook"))?;
        Ok(Self { bytes, notebook })
    }
}

impl Answers {
    /// Finds the answers to the lab's exercises: the cell of our id, of nbgrader's name for it, or
    /// any that defines the function. Of several the last counts that is not as we gave it.
    pub fn of(submission: &Notebook, lab: &ReleasedLab) -> Self {
        let mut answers = Self::default();
        let cells: Vec<Cell> = submission.cells().collect();
        let ours = Ours::of(lab);
        // The cells that answer exercises, with earlier answers, whose other items they may use; and
        // those behind them, which would take their place.
        let mut answering = BTreeSet::<usize>::new();
        let mut outdone = BTreeSet::<usize>::new();
        // The cells whose code takes the place of ours.
        let mut places = BTreeMap::<usize, &str>::new();
        for exercise in &lab.exercises {
            let name = function(&exercise.stub);
            let named = |cell: &Cell| called(*cell, &exercise.id);
            let is_one = |cell: &Cell| {
                let defines =
                    name.is_some() && definitions(&cell.source()).any(|it| Some(it) == name);
                cell.is_code() && (named(cell) || defines)
            };
            let candidates: Vec<usize> =
                (0..cells.len()).filter(|&at| is_one(&cells[at])).collect();
            let written = |at: &&usize| bare(&cells[**at].source()) != bare(&exercise.stub);
            let answer = candidates.iter().rev().find(written).or(candidates.last());
            if let Some(&at) = answer {
                answers.code.insert(exercise.id.clone(), cells[at].source());
                places.entry(at).or_insert(&exercise.id);
                let (before, behind): (Vec<&usize>, Vec<&usize>) =
                    candidates.iter().partition(|other| **other <= at);
                answering.extend(before.into_iter().filter(|it| **it == at || written(it)));
                outdone.extend(behind);
                answers.found += 1;
                if candidates.len() > 1 {
                    answers.flag("copied-cell", &exercise.id);
                }
            } else if cells.iter().any(named) {
                answers.found += 1;
                answers.flag("not-code", &exercise.id);
            } else {
                answers.flag("missing", &exercise.id);
            }
        }
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.is_code()) {
            let id = ours.id_of(*cell);
            let is_own = id.is_none() && !outdone.contains(&at);
            let source = plain(&cell.source());
            if source.trim().is_empty() {
                continue;
            }
            if answering.contains(&at) || is_own {
                answers.cells.push(source.clone());
                let id = places.get(&at).map(|id| (*id).to_owned());
                answers.notebook.push(Part { id, source });
            } else if let Some(id) = id
                && !lab.exercises.iter().any(|exercise| exercise.id == id)
                && !answers.notebook.iter().any(|part| part.is(id))
            {
                answers.notebook.push(Part {
                    id: Some(id.to_owned()),
                    source: lab.source(id),
                });
            }
        }
        // A stub would take the place of an answer that stands in another cell.
        let is_answered = |id: &str| answers.code.contains_key(id);
        answers.notebook = with_missing(answers.notebook, lab, is_answered);
        for question in &lab.questions {
            let words = cells.iter().rfind(|cell| called(**cell, &question.id));
            if let Some(cell) = words {
                answers.words.insert(question.id.clone(), cell.source());
                answers.found += 1;
            } else {
                answers.flag("missing", &question.id);
            }
        }
        for exercise in &lab.exercises {
            let is_there =
                |cell: &Cell| called(*cell, &exercise.check) || ours.is(*cell, &exercise.check);
            if !cells.iter().any(is_there) {
                answers.flag("check-deleted", &exercise.check);
            }
        }
        answers
    }

    /// The lab of which a submission answers most, and the answers.
    ///
    /// # Errors
    /// If the notebook is of none of the labs: it earns no zero then, since somebody took the wrong
    /// notebook or the wrong release.
    pub fn best_of<'a>(
        submission: &Notebook,
        labs: &'a [ReleasedLab],
    ) -> Result<(&'a ReleasedLab, Self)> {
        let both = labs.iter().map(|lab| (lab, Self::of(submission, lab)));
        let best = both.reduce(|one, other| {
            if other.1.found > one.1.found {
                other
            } else {
                one
            }
        });
        let (lab, answers) = best.context("the release has no labs")?;
        let of = lab.exercises.len() + lab.questions.len();
        ensure!(
            ONE_OF * answers.found >= of,
            "the notebook has {} of the {of} exercises and questions of {}; hand in that lab, or \
             grade with the release of the one that this is",
            answers.found,
            lab.file
        );
        Ok((lab, answers))
    }

    fn flag(&mut self, kind: &str, id: &str) {
        self.flags.insert(format!("{kind}: {id}"));
    }
}

/// The cells that we handed out.
struct Ours {
    sources: BTreeMap<String, String>,
}

impl Ours {
    fn of(lab: &ReleasedLab) -> Self {
        let cells = lab.notebook["cells"].as_array().into_iter().flatten();
        let cells = cells.map(Cell::of).filter(|cell| cell.is_code());
        Self {
            sources: cells
                .map(|cell| (cell.id().to_owned(), bare(&cell.source())))
                .collect(),
        }
    }

    /// Which of them the cell is, changed or not.
    fn id_of(&self, cell: Cell) -> Option<&str> {
        let named = [cell.id(), cell.grade_id()].map(|id| self.sources.get_key_value(id));
        let source = bare(&cell.source());
        let same = || self.sources.iter().find(|(_, ours)| **ours == source);
        let (id, _) = named.into_iter().flatten().next().or_else(same)?;
        Some(id)
    }

    /// Whether the cell has the text of our cell `id`.
    fn is(&self, cell: Cell, id: &str) -> bool {
        self.sources
            .get(id)
            .is_some_and(|ours| *ours == bare(&cell.source()))
    }
}

/// Whether the cell is ours of this id.
fn called(cell: Cell, id: &str) -> bool {
    cell.id() == id || cell.grade_id() == id
}

/// The lines as Linux ends them.
fn plain(source: &str) -> String {
    source.replace("\r\n", "\n").replace('\r', "\n")
}

/// The text without its spaces.
fn bare(source: &str) -> String {
    source.split_whitespace().collect()
}

/// The function that an exercise asks for.
pub fn function(stub: &str) -> Option<&str> {
    definitions(stub).next()
}

/// The names of the functions that a cell defines at the beginning of a line.
fn definitions(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("fn ")
    });
    lines.filter_map(move |line| line.trim_start().split(|c| !is_part(c)).next())
}

/// Whether the character is part of a name.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What the function of this name takes and returns, as it is written.
pub fn signature(source: &str, name: &str) -> Option<String> {
    let defined = format!("fn {name}");
    let after = source.match_indices(&defined).map(|(at, it)| {
        let (before, after) = (&source[..at], &source[at + it.len()..]);
        (!before.ends_with(is_part) && !after.starts_with(is_part)).then_some(after)
    });
    let head = after.flatten().next()?.split('{').next()?;
    Some(head.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::release::{ReleasedExercise, ReleasedQuestion};

    const STUB: &str = "fn double(x: f64) -> Result<f64> {\n    unsolved(\"double `x`\")\n}";
    const CHECK: &str = "check(double(3.0)?)?;";

    fn cell(kind: &str, id: &str, source: &str) -> Value {
        json!({"cell_type": kind, "id": id, "metadata": {}, "source": source})
    }

    fn lab() -> ReleasedLab {
        let cells = [
            cell("code", "profile", "use cuaderno::prelude::*;"),
            cell("code", "double", STUB),
            cell("code", "double-check", CHECK),
            cell("markdown", "why", ""),
        ];
        ReleasedLab {
            file: "09.ipynb".to_owned(),
            sha256: String::new(),
            profile: String::new(),
            crates: vec![],
            exercises: vec![ReleasedExercise {
                id: "double".to_owned(),
                check: "double-check".to_owned(),
                points: 1.0,
                stub: STUB.to_owned(),
                solution: String::new(),
                probe: None,
            }],
            questions: vec![ReleasedQuestion {
                id: "why".to_owned(),
                points: 1.0,
                rubric: vec![],
            }],
            notebook: json!({"cells": cells}),
        }
    }

    fn answers(change: impl Fn(&mut Vec<Value>)) -> Answers {
        let mut cells = lab().notebook["cells"].as_array().unwrap().clone();
        cells[1]["source"] = json!("fn double(x: f64) -> Result<f64> { Ok(2.0 * x) }");
        change(&mut cells);
        let text = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
        Answers::of(&Notebook::parse(&text.to_string()).unwrap(), &lab())
    }

    const ANSWER: &str = "fn double(x: f64) -> Result<f64> { Ok(2.0 * x) }";

    #[test]
    fn an_answer_is_found_by_id_by_name_and_by_function() {
        let by_id = answers(|_| {});
        assert_eq!(by_id.code["double"], ANSWER);
        assert_eq!(by_id.cells, [ANSWER]);
        assert!(by_id.flags.is_empty(), "{:?}", by_id.flags);
        let by_name = answers(|cells| {
            cells[1]["id"] = json!("other");
            cells[1]["metadata"] = json!({"nbgrader": {"grade_id": "double"}});
        });
        assert_eq!(by_name.code["double"], ANSWER);
        let by_function = answers(|cells| {
            for cell in cells {
                cell["id"] = json!(format!("x{}", cell["id"].as_str().unwrap()));
            }
        });
        assert_eq!(by_function.cells, [ANSWER]);
        assert_eq!(
            by_function.flags,
            BTreeSet::from(["missing: why".to_owned()])
        );
    }

    #[test]
    fn copies_helpers_and_deleted_checks_are_no_harm() {
        let copied = answers(|cells| cells.push(cell("code", "copy", STUB)));
        assert_eq!(copied.cells, [ANSWER], "the copy is as we gave it");
        assert_eq!(
            copied.flags,
            BTreeSet::from(["copied-cell: double".to_owned()])
        );
        let earlier = "const TWO: f64 = 2.0;\nfn double(x: f64) -> Result<f64> { Ok(TWO) }";
        let later = "fn double(x: f64) -> Result<f64> { Ok(TWO * x) }";
        let twice = answers(|cells| {
            cells[1]["source"] = json!(earlier);
            cells.insert(1, cell("code", "first", STUB));
            cells.push(cell("code", "copy", later));
        });
        assert_eq!(twice.cells, [earlier, later]);
        assert_eq!(twice.code["double"], later);
        let helper =
            answers(|cells| cells.insert(1, cell("code", "own", "const TWO: f64 = 2.0;\r\n")));
        assert_eq!(helper.cells, ["const TWO: f64 = 2.0;\n", ANSWER]);
        let deleted = answers(|cells| drop(cells.remove(2)));
        assert_eq!(deleted.cells, [ANSWER]);
        assert_eq!(
            deleted.flags,
            BTreeSet::from(["check-deleted: double-check".to_owned()])
        );
        let changed = answers(|cells| cells[2]["source"] = json!("// all right"));
        assert_eq!(changed.cells, [ANSWER], "our cells are not run");
    }

    #[test]
    fn the_whole_notebook_has_our_cells_as_we_gave_them_and_theirs_in_place() {
        let sources = |answers: Answers| {
            let parts = answers.notebook.into_iter().map(|part| part.source);
            parts.collect::<Vec<_>>()
        };
        let profile = "use cuaderno::prelude::*;";
        let own = "const TWO: f64 = 2.0;";
        let changed = answers(|cells| {
            cells[2]["source"] = json!("// all right");
            cells.insert(1, cell("code", "own", own));
            cells.push(cell("code", "copy", CHECK));
        });
        assert_eq!(sources(changed), [profile, own, ANSWER, CHECK]);
        let moved = answers(|cells| {
            let answer = cells.remove(1);
            // The check stays where it is, before the answer.
            cells.extend([cell("code", "own", own), answer]);
            cells.remove(0);
        });
        assert_eq!(sources(moved), [profile, CHECK, own, ANSWER]);
        let deleted = answers(|cells| drop(cells.drain(1..3)));
        assert_eq!(sources(deleted), [profile, STUB, CHECK]);
        let in_one = answers(|cells| {
            cells[0]["source"] = json!("// mine");
            cells.drain(1..3);
            cells.push(cell("code", "all", &format!("{own}\n{ANSWER}")));
        });
        let all = format!("{own}\n{ANSWER}");
        assert_eq!(sources(in_one), [profile, &all, CHECK]);
    }

    #[test]
    fn an_answer_that_is_no_code_is_none() {
        let markdown = answers(|cells| cells[1]["cell_type"] = json!("markdown"));
        assert!(markdown.cells.is_empty() && markdown.code.is_empty());
        assert_eq!(
            markdown.flags,
            BTreeSet::from(["not-code: double".to_owned()])
        );
    }

    #[test]
    fn a_link_and_a_large_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/etc/passwd", at("link.ipynb")).unwrap();
        let error = Submission::read(&at("link.ipynb")).err().unwrap();
        assert!(
            error.to_string().contains("is a link or a folder"),
            "{error}"
        );
        let large = fs::File::create(at("large.ipynb")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        let error = Submission::read(&at("large.ipynb")).err().unwrap();
        assert!(error.to_string().contains("more than 20 MB"), "{error}");
    }

    #[test]
    fn a_name_is_said_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\n::stop-commands::x.ipynb");
        fs::write(&path, "{").unwrap();
        let error = format!("{:#}", Submission::read(&path).err().unwrap());
        assert!(!error.contains('\n'), "{error}");
        assert!(
            error.starts_with("a\\n::stop-commands::x.ipynb is"),
            "{error}"
        );
    }

    #[test]
    fn a_signature_is_what_stands_before_the_body() {
        let expected = "(x: f64) -> Result<f64>";
        assert_eq!(signature(STUB, "double").unwrap(), expected);
        let with_helper = format!("fn helper(n: usize) {{}}\n{STUB}");
        assert_eq!(signature(&with_helper, "double").unwrap(), expected);
        let with_longer_name = format!("fn double_all(list: &[f64]) {{}}\n{STUB}");
        assert_eq!(signature(&with_longer_name, "double").unwrap(), expected);
        assert_eq!(signature("// no function", "double"), None);
    }
}
