//! A failed cell in words a student can use: what went wrong and in which line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cuaderno_protocol::Report;
use evcxr::{CompilationError, Error, EvalOutputs};

use super::collected::Collected;
use super::limits::EndedBy;
use super::place;
use super::variables::Variables;

/// Why a cell failed, as Jupyter's error output has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind: `CompileError`, `Panic`, `Error` (a `?`), `Timeout`, `Interrupted`, `ProcessLost`.
    pub name: &'static str,
    /// One sentence.
    pub value: String,
    /// The details: the line, the compiler's labels and help, which variables are left.
    pub traceback: Vec<String>,
}

impl Failure {
    /// What the end of a cell says of its success; `None` if it succeeded.
    pub(super) fn of(
        cells: &Cells,
        result: Result<EvalOutputs, Error>,
        collected: &Collected,
        ended_by: Option<EndedBy>,
        variables: &Variables,
    ) -> Option<Self> {
        let mut failure = match (result, ended_by) {
            (Err(_), Some(EndedBy::TimeLimit(limit))) => Self::timeout(limit.as_secs()),
            (Err(_), Some(EndedBy::Interrupt)) => Self::interrupted(collected.running),
            (Ok(_), _) => match (&collected.panicked, &collected.error) {
                (Some(report), _) => Self::panic(cells, report),
                (None, Some(report)) => Self::returned(cells, report),
                (None, None) => return None,
            },
            (Err(Error::CompilationErrors(errors)), _) => Self::compile(cells, &errors),
            (Err(Error::SubprocessTerminated(status)), _) => Self::process_lost(&status),
            (Err(Error::TypeRedefinedVariablesLost(_)), _) => Self::compile_error(
                "A type was defined anew, so the variables that held it are lost.".to_owned(),
                vec![],
            ),
            (Err(Error::Message(message)), _) => {
                // evcxr's own advice; ours is in `hints`.
                let advice = message.contains("prevent evcxr");
                let details = if advice { vec![] } else { rest(&message) };
                Self::compile_error(first_line(&message), details)
            }
        };
        failure.traceback.extend(variables.describe());
        Some(failure)
    }

    /// The engine could not be started, so that no cell can run.
    pub fn not_ready(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        Self {
            name: "EngineNotReady",
            value: first_line(&message),
            traceback: rest(&message),
        }
    }

    /// The cell holds something that no cell may hold.
    pub(super) fn refused(value: String) -> Self {
        Self::compile_error(value, vec![])
    }

    fn compile_error(value: String, traceback: Vec<String>) -> Self {
        Self {
            name: "CompileError",
            value,
            traceback,
        }
    }

    fn timeout(seconds: u64) -> Self {
        Self {
            name: "Timeout",
            value: format!(
                "The cell ran for more than its {seconds} s and was ended. Give it more with \
                 --timeout, or less to do."
            ),
            traceback: vec![],
        }
    }

    /// The cell was ended, and the engine still works at it.
    pub(super) fn left(ended_by: EndedBy) -> Self {
        let note = "Its types are still being analysed, which cannot be stopped; the next cell waits \
                    until that ends. Variables are kept. Where the cell holds a long list of \
                    numbers, read it from a file.";
        Self {
            traceback: vec![note.to_owned()],
            ..Self::ended(ended_by, "while it was analysed")
        }
    }

    /// The cell was ended while it waited for the engine.
    pub(super) fn still_busy(ended_by: EndedBy) -> Self {
        let note = "The engine was still busy with the types of an earlier cell, which was ended. \
                    If it does not come to an end, restart the kernel.";
        Self {
            traceback: vec![note.to_owned()],
            ..Self::ended(ended_by, "while it waited for the engine")
        }
    }

    fn ended(ended_by: EndedBy, when: &str) -> Self {
        match ended_by {
            EndedBy::TimeLimit(limit) => Self::timeout(limit.as_secs()),
            EndedBy::Interrupt => Self {
                name: "Interrupted",
                value: format!("The cell was interrupted {when}."),
                traceback: vec![],
            },
        }
    }

    /// The engine itself panicked.
    pub(super) fn engine_panicked() -> Self {
        Self {
            name: "EnginePanicked",
            value: "The engine could not work on this cell: it panicked, which is a fault of the \
                    engine and not of the cell. Say it another way, and restart the kernel if other \
                    cells fail, too."
                .to_owned(),
            traceback: vec![],
        }
    }

    fn interrupted(ran: bool) -> Self {
        let value = if ran {
            "The cell was interrupted. It did not look for interrupts, so its process was ended."
        } else {
            "The cell was interrupted before it ran."
        };
        Self {
            name: "Interrupted",
            value: value.to_owned(),
            traceback: vec![],
        }
    }

    fn panic(cells: &Cells, report: &Report) -> Self {
        Self {
            name: "Panic",
            value: format!("The cell panicked: {}", report.message.trim()),
            traceback: cells.line_of(report).into_iter().collect(),
        }
    }

    fn returned(cells: &Cells, report: &Report) -> Self {
        let message = report.message.trim();
        let value = if message.is_empty() {
            "A `?` in the cell returned an error that says nothing.".to_owned()
        } else {
            first_line(message)
        };
        Self {
            name: "Error",
            value,
            traceback: rest(message)
                .into_iter()
                .chain(cells.line_of(report))
                .collect(),
        }
    }

    fn process_lost(status: &str) -> Self {
        let how = status.lines().last().unwrap_or_default();
        let how = how.split_once("status: ").map_or(how, |(_, how)| how);
        Self {
            name: "ProcessLost",
            value: format!(
                "The process that ran the cell is gone ({how}). A cell that calls \
                 `std::process::exit`, overflows the stack or runs out of memory does that."
            ),
            traceback: vec![],
        }
    }

    fn compile(cells: &Cells, errors: &[CompilationError]) -> Self {
        let is_error = |error: &&CompilationError| error.level() != "warning";
        // The first error's own words are the sentence that stands above the traceback.
        let traceback = errors
            .iter()
            .filter(is_error)
            .enumerate()
            .map(|(index, error)| {
                let message = (index > 0).then(|| with_code(error));
                let details = describe(cells, error);
                message
                    .into_iter()
                    .chain(details)
                    .collect::<Vec<_>>()
                    .join("\n")
            })
            .filter(|part| !part.is_empty())
            .collect();
        let value = errors
            .iter()
            .find(is_error)
            .map_or_else(|| "The cell does not compile.".to_owned(), with_code);
        Self::compile_error(value, traceback)
    }

    /// Puts the marks below lines to where they are in the cell, of which evcxr got code with
    /// insertions: for a line, the column of the insertion and its length.
    pub(super) fn move_back(&mut self, moved: &BTreeMap<usize, (usize, usize)>) {
        for part in &mut self.traceback {
            let mut lines: Vec<String> = part.lines().map(str::to_owned).collect();
            for at in 1..lines.len() {
                let Some((head, _)) = lines[at - 1].split_once(": ") else {
                    continue;
                };
                let number = head.trim_start().strip_prefix("line ");
                let number = number.and_then(|number| number.parse::<usize>().ok());
                let Some((column, by)) = number.and_then(|number| moved.get(&number)) else {
                    continue;
                };
                let first = head.chars().count() + ": ".len() + column;
                let indent = lines[at].chars().take_while(|&next| next == ' ').count();
                if indent >= first + by {
                    lines[at].drain(..*by);
                }
            }
            *part = lines.join("\n");
        }
    }

    /// The failure as a terminal shows it.
    pub fn readable(&self) -> String {
        let mut text = format!("{}: {}", self.name, self.value);
        for line in self.traceback.iter().flat_map(|part| part.lines()) {
            let _ = write!(text, "\n{line}");
        }
        text
    }
}

/// The compiler's words in one line, without evcxr's advice, which is in `hints` as ours.
fn with_code(error: &CompilationError) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    let message = message
        .split(" You can prevent")
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.code() {
        Some(code) => format!("{message} [{code}]"),
        None => message,
    }
}

/// The details of a compiler error: the student's lines with the places marked, the help.
fn describe(cells: &Cells, error: &CompilationError) -> Vec<String> {
    let lines: Vec<&str> = cells.prepared.lines().collect();
    let mut details = Vec::new();
    for message in error.spanned_messages() {
        let Some(span) = message.span else { continue };
        let Some(line) = lines.get(span.start_line - 1) else {
            continue;
        };
        let width = if span.end_line == span.start_line {
            span.end_column.saturating_sub(span.start_column).max(1)
        } else {
            line.chars()
                .count()
                .saturating_sub(span.start_column - 1)
                .max(1)
        };
        let margin = format!("line {}: ", span.start_line);
        // As wide as the compiler counts it.
        let line = line.replace('\t', " ");
        details.push(format!(
            "  {margin}{line}\n  {:indent$}{} {}",
            "",
            "^".repeat(width),
            message.label,
            indent = margin.len() + span.start_column - 1,
        ));
    }
    if details.is_empty() {
        details.extend(place_in_earlier_cell(cells, error));
    }
    for help in error.help() {
        details.push(format!("  help: {}", help.replace('\n', "\n    ")));
    }
    details
}

/// Where an error is that is in none of the cell's own lines, and what the compiler says there: the
/// cell has changed something that an earlier one uses.
fn place_in_earlier_cell(cells: &Cells, error: &CompilationError) -> Option<String> {
    let spans = error.json["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let place = cells.line(
        span["file_name"].as_str()?,
        span["line_start"].as_u64()? as usize,
    )?;
    let label = span["label"].as_str().unwrap_or_default();
    Some(format!("  {place}\n  {label}").trim_end().to_owned())
}

/// The cell that failed and those before it.
pub struct Cells<'a> {
    /// The cell as evcxr had it.
    pub prepared: &'a str,
    /// Earlier cells that ran, the newest last.
    pub earlier: &'a [String],
    /// The source that was last generated.
    pub generated: &'a Path,
}

impl Cells<'_> {
    fn line_of(&self, report: &Report) -> Option<String> {
        self.line(&report.file, report.line)
    }

    /// The student's line that stands in line `number` of the generated source, if `file` is that.
    fn line(&self, file: &str, number: usize) -> Option<String> {
        if !file.ends_with("src/lib.rs") {
            return None;
        }
        let source = std::fs::read_to_string(self.generated).ok()?;
        place::describe(&source, number, self.prepared, self.earlier)
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

fn rest(message: &str) -> Vec<String> {
    message.lines().skip(1).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_put_back_to_where_they_belong() {
        let line = "  line 1: a; impl B {}\n";
        let mut failure = Failure::compile_error(
            String::new(),
            vec![format!("{line}{:29}^", ""), format!("{line}{:10}^", "")],
        );
        failure.move_back(&BTreeMap::from([(1, (2, 10))]));
        assert_eq!(
            failure.traceback,
            [format!("{line}{:19}^", ""), format!("{line}{:10}^", "")]
        );
    }

    #[test]
    fn a_report_names_the_students_line() {
        let folder = tempfile::tempdir().unwrap();
        let generated = folder.path().join("lib.rs");
        std::fs::write(&generated, "mod evcxr {}\nlet list = vec![1];\nlist[3]\n").unwrap();
        let report = |file: &str| Report {
            message: "index out of bounds".to_owned(),
            file: file.to_owned(),
            line: 3,
        };
        let cells = Cells {
            prepared: "let list = vec![1];\n  list[3]",
            earlier: &[],
            generated: &generated,
        };
        let place = cells.line_of(&report("/session/src/lib.rs"));
        assert_eq!(place.as_deref(), Some("line 2: list[3]"));
        assert_eq!(cells.line_of(&report("/other/tensor.rs")), None);
    }
}
