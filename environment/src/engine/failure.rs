//! A failed cell in words a student can use: what went wrong and in which line.

use std::fmt::Write as _;

use cuaderno_protocol::Report;
use evcxr::{CompilationError, Error, EvalOutputs};

use super::answer::Answer;
use super::collected::Collected;
use super::hints;
use super::limits::EndedBy;
use super::output::Stream;
use super::place::{self, EarlierCell};
use super::variables::Variables;

/// Why a cell failed, as Jupyter's error output has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind: `CompileError`, `Panic`, `Error` (a `?`), `Timeout`, `Interrupted`, `ProcessLost`.
    pub name: &'static str,
    /// One sentence.
    pub value: String,
    /// The details: the line, what to do, the line as it should be, which variables are left.
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
            (Err(_), Some(EndedBy::Interrupt)) => {
                Self::interrupted(collected.running[Stream::Stdout as usize])
            }
            (Ok(_), _) => match (&collected.panicked, &collected.error) {
                (Some(report), _) => Self::panic(cells, report),
                (None, Some(report)) => Self::returned(cells, report),
                (None, None) => return None,
            },
            (Err(Error::CompilationErrors(errors)), _) => return Some(Self::compile(&errors)),
            (Err(Error::SubprocessTerminated(status)), _) => Self::process_lost(&status),
            (Err(Error::TypeRedefinedVariablesLost(_)), _) => Self::compile_error(
                "A type was defined anew, so the variables that held it are lost.".to_owned(),
                vec![],
            ),
            (Err(Error::Message(message)), _) => {
                return Some(Self::engine_message(cells, &message));
            }
        };
        failure.traceback.extend(variables.describe());
        Some(failure)
    }

    /// The compiler's answer to a cell.
    pub(super) fn of_answer(answer: Answer) -> Self {
        Self::compile_error(answer.sentence, answer.details)
    }

    /// evcxr's words on a variable that it cannot keep, in ours; others as they are.
    fn engine_message(cells: &Cells, message: &str) -> Self {
        let named = |before: &str, after: &str| {
            let (_, rest) = message.split_once(before)?;
            Some(rest.split_once(after)?.0)
        };
        let (name, sentence, hint) = if let Some(name) = named("The variable `", "` is a closure") {
            (
                name,
                format!("a cell cannot keep the closure `{name}`"),
                format!(
                    "write it as a function, `fn {name}(…) {{ … }}`, or use it inside one block, \
                     `{{ let {name} = …; … }}`."
                ),
            )
        } else if let Some(name) = named("Couldn't automatically determine type of variable `", "`")
        {
            (
                name,
                format!("the type of `{name}` is not known"),
                format!("say which type `{name}` has, as in `let {name}: Vec<f64> = …;`."),
            )
        } else if let Some(name) = named("The variable `", "` has type `") {
            (
                name,
                format!("a cell cannot keep `{name}`, whose type has no name"),
                format!(
                    "make a list of it with `.collect::<Vec<_>>()`, or use it inside one block, \
                     `{{ let {name} = …; … }}`."
                ),
            )
        } else if let Some(name) = named("Failed to determine type of variable `", "`") {
            (
                name,
                format!("a cell cannot keep `{name}`, whose type is private to its crate"),
                format!("use it inside one block, `{{ let {name} = …; … }}`."),
            )
        } else {
            return Self::compile_error(first_line(message), rest(message));
        };
        let place = super::answer::line_of_variable(cells.prepared, name);
        let details = place.into_iter().chain([format!("hint: {hint}")]);
        Self::compile_error(sentence, details.collect())
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
            traceback: cells
                .line_of(report)
                .into_iter()
                .chain(hint(cells, report))
                .collect(),
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
                .chain(hint(cells, report))
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

    /// What evcxr says itself, of commands.
    fn compile(errors: &[CompilationError]) -> Self {
        let error = errors.iter().find(|error| error.level() != "warning");
        let message = error.map(CompilationError::message).unwrap_or_default();
        match error {
            Some(_) => Self::compile_error(first_line(&message), rest(&message)),
            None => Self::compile_error("The cell does not compile.".to_owned(), vec![]),
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

/// The cell that failed and those before it.
pub struct Cells<'a> {
    /// The cell as evcxr had it.
    pub prepared: &'a str,
    /// The same with what was put into it for evcxr.
    pub marked: &'a str,
    /// Earlier cells that ran, the newest last.
    pub earlier: &'a [EarlierCell],
    /// The source that was last generated.
    pub generated: &'a str,
}

impl Cells<'_> {
    /// The student's line that a report is about.
    pub fn line_of(&self, report: &Report) -> Option<String> {
        self.line(&report.file, report.line)
    }

    /// The student's line that stands in line `number` of the generated source, if `file` is that.
    fn line(&self, file: &str, number: usize) -> Option<String> {
        if !file.ends_with("src/lib.rs") {
            return None;
        }
        place::describe(self.generated, number, self.prepared, self.earlier)
    }
}

fn hint(cells: &Cells, report: &Report) -> Option<String> {
    let line = cells.line_of(report);
    let hint = hints::hint_at_run_time(report, line.as_deref())?;
    Some(format!("hint: {hint}"))
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
    fn a_report_names_the_students_line() {
        let report = |file: &str| Report {
            message: "index out of bounds".to_owned(),
            file: file.to_owned(),
            line: 3,
        };
        let cells = Cells {
            prepared: "let list = vec![1];\n  list[3]",
            marked: "let list = vec![1];\n  list[3]",
            earlier: &[],
            generated: "mod evcxr {}\nlet list = vec![1];\nlist[3]\n",
        };
        let place = cells.line_of(&report("/session/src/lib.rs"));
        assert_eq!(place.as_deref(), Some("line 2: list[3]"));
        assert_eq!(cells.line_of(&report("/other/tensor.rs")), None);
    }
}
