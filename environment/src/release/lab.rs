//! A lab as its author wrote it: exercises with their solutions, checks and known answers.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::engine;
use crate::notebook::{Cell, Notebook};
use crate::probe::Probe;

/// Cells of these tags are the author's own.
const OF_THE_AUTHOR: [&str; 4] = ["solution", "mistake", "variant", "probe"];
/// A solution that is shorter is no secret.
const SHORT: usize = 12;

/// What a release needs of a lab.
pub struct Lab {
    /// The source of the cell that the others rest on, with the crates that exercises ask for.
    pub profile: String,
    /// The names of the crates that its cells ask for with `:dep`.
    pub crates: BTreeSet<String>,
    pub exercises: Vec<Exercise>,
    pub questions: Vec<Question>,
}

/// A function that the student writes.
pub struct Exercise {
    /// The cell that the student fills.
    pub id: String,
    pub stub: String,
    pub check: Check,
    /// By what a grader learns whether an answer is right.
    pub probe: Option<Probe>,
    pub answers: Vec<Answer>,
}

/// The cell that tells whether an answer is right.
pub struct Check {
    pub id: String,
    pub source: String,
    pub points: f64,
}

/// An answer whose worth the author knows.
pub struct Answer {
    pub id: String,
    pub source: String,
    pub is_right: bool,
}

/// A question that is answered in words.
pub struct Question {
    /// The cell of the answer.
    pub id: String,
    pub points: f64,
    /// What whoever marks it looks for, each with its points; nothing if that is not said.
    pub rubric: Vec<(String, f64)>,
}

impl Lab {
    /// # Errors
    /// If a part is missing; the sentence names the cell and what to add.
    pub fn of(notebook: &Notebook) -> Result<Self> {
        let mut profile = None;
        let mut exercises = Vec::new();
        let mut questions = Vec::new();
        let mut cells = notebook.cells().peekable();
        while let Some(cell) = cells.next() {
            if cell.has_tag("profile") {
                profile = Some(cell.source());
            } else if cell.has_tag("answer") {
                questions.push(Question {
                    id: cell.id().to_owned(),
                    points: points(cell)?,
                    rubric: rubric(cell)?,
                });
            } else if cell.has_tag("exercise") {
                let mut parts = Vec::new();
                while let Some(part) = cells.next_if(|part| is_part(*part)) {
                    parts.push(part);
                }
                exercises.push(Exercise::of(cell, &parts)?);
            }
        }
        let profile = profile.context(
            "no cell has the tag `profile`; tag the first code cell, which has the `use`",
        )?;
        // A student's answer may leave them to the cell of the lab that asked first.
        let asked = exercises
            .iter()
            .flat_map(|it: &Exercise| engine::asked_for(&it.stub));
        let asked: String = asked.map(|name| format!(":dep {name}\n")).collect();
        let lab = Self {
            profile: asked + &profile,
            crates: all_crates(notebook)?,
            exercises,
            questions,
        };
        ensure!(
            !(lab.exercises.is_empty() && lab.questions.is_empty()),
            "it has neither exercises nor questions; tag cells `exercise` or `answer`"
        );
        Ok(lab)
    }
}

impl Exercise {
    /// The author's own answer, which the notebook runs.
    pub fn solution(&self) -> &str {
        // `of` puts it first.
        &self.answers[0].source
    }

    fn of(cell: Cell, parts: &[Cell]) -> Result<Self> {
        let id = cell.id().to_owned();
        let tagged = |tag| parts.iter().filter(move |part| part.has_tag(tag));
        let only = |tag| match tagged(tag).collect::<Vec<_>>()[..] {
            [part] => Ok(*part),
            [] => bail!("the exercise `{id}` has no {tag}; add a cell tagged `{tag}` behind it"),
            [_, second, ..] => bail!(
                "the exercise `{id}` has a second {tag}, `{}`; keep one",
                second.id()
            ),
        };
        let solution = only("solution")?;
        let probe = tagged("probe").next().is_some().then(|| only("probe"));
        let probe = probe.transpose()?.map(Probe::of).transpose()?;
        let check = only("check")?;
        ensure!(
            tagged("mistake").next().is_some(),
            "the exercise `{id}` has no mistakes, so nothing shows that its check can fail; add raw \
             cells tagged `mistake` behind the check"
        );
        let right = [solution].into_iter().chain(tagged("variant").copied());
        let wrong = tagged("mistake").copied();
        let answer = |is_right| {
            move |part: Cell| Answer {
                id: part.id().to_owned(),
                source: part.source(),
                is_right,
            }
        };
        Ok(Self {
            stub: cell.source(),
            check: Check {
                id: check.id().to_owned(),
                source: check.source(),
                points: points(check)?,
            },
            probe,
            answers: right
                .map(answer(true))
                .chain(wrong.map(answer(false)))
                .collect(),
            id,
        })
    }
}

/// The names of the crates that the cells of a lab ask for.
///
/// # Errors
/// If no version of one is pinned, so that another machine might build another one.
fn all_crates(notebook: &Notebook) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for cell in notebook.cells().filter(|cell| cell.is_code()) {
        for name in engine::asked_for(&cell.source()) {
            ensure!(
                engine::is_offered(name)?,
                "the cell `{}` asks for `:dep {name}`, but a lab can be released only with crates \
                 whose versions are pinned: name one of `ecosystem/Cargo.toml` or of the workbook's \
                 own, without a version, or add it there",
                cell.id()
            );
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// The criteria in `metadata.cuaderno.rubric`: `{"names the gradient": 1, …}`.
fn rubric(cell: Cell) -> Result<Vec<(String, f64)>> {
    let rubric = cell.note("rubric");
    let criteria = rubric.as_object().into_iter().flatten();
    let criterion = |(text, points): (&String, &Value)| Some((text.clone(), points.as_f64()?));
    let criteria: Option<Vec<_>> = criteria.map(criterion).collect();
    let is_one = rubric.is_null() || rubric.is_object();
    criteria.filter(|_| is_one).with_context(|| {
        format!(
            "the rubric of `{}` is {rubric}, but it must be criteria with their points, such as \
             {{\"names the gradient\": 1}}",
            cell.id()
        )
    })
}

/// Whether the cell belongs to the exercise before it.
fn is_part(cell: Cell) -> bool {
    cell.has_tag("check") || OF_THE_AUTHOR.iter().any(|tag| cell.has_tag(tag))
}

fn points(cell: Cell) -> Result<f64> {
    let points = cell.note("points");
    let id = cell.id();
    if points.is_null() {
        return Ok(1.0);
    }
    let points = points.as_f64().filter(|points| *points > 0.0);
    points.with_context(|| {
        format!(
            "the points of `{id}` are {}, but they must be a number above 0 \
             (`metadata.cuaderno.points`)",
            cell.note("points")
        )
    })
}

/// The lab without what is the author's own, and without outputs.
///
/// # Errors
/// If the text of a solution stands elsewhere, too.
pub fn students_version(lab: &Notebook) -> Result<Notebook> {
    let is_of_the_author = |cell: Cell| OF_THE_AUTHOR.iter().any(|tag| cell.has_tag(tag));
    let student = lab.cut(|cell| !is_of_the_author(cell));
    for solution in lab.cells().filter(|cell| cell.has_tag("solution")) {
        let secret = secret(solution);
        let holds = |cell: &Cell| in_words(&cell.source()).contains(&secret);
        if secret.len() >= SHORT
            && let Some(cell) = student.cells().find(holds)
        {
            bail!(
                "the cell `{}` tells the solution `{}`; change it, or tag it `solution`",
                cell.id(),
                solution.id()
            );
        }
    }
    Ok(student)
}

/// What students must not read: the body of a function, or the answer to a question.
fn secret(solution: Cell) -> String {
    let text = solution.source();
    let inner = if solution.is_code() {
        text.split_once('{')
            .and_then(|(_, rest)| Some(rest.rsplit_once('}')?.0))
    } else {
        let (_, rest) = text.split_once("</summary>").unwrap_or(("", &text));
        rest.rsplit_once("</details>").map(|(inner, _)| inner)
    };
    in_words(inner.unwrap_or(&text))
}

/// The text with one space wherever it has any.
fn in_words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
