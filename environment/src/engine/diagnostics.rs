//! What the compiler says of a cell, as it says it to programs: the stand-in for cargo leaves it in
//! the session's folder, and the engine reads it there when the cell has failed.

use std::fs;
use std::io::{ErrorKind, Result};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file in the session's folder.
const FILE: &str = "diagnostics.json";
/// What evcxr is told in place of errors that it cannot mend.
pub const REFUSED: &str = "the student's code does not compile";

/// Everything that the compiler said of one source.
#[derive(Serialize, Deserialize)]
pub struct Report {
    /// The source as evcxr wrote it. Changes made later leave its lines in their places.
    pub source: String,
    pub errors: Vec<Diagnostic>,
}

/// An error, or what belongs to one: a note, a help, a suggestion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diagnostic {
    pub message: String,
    pub code: Option<Code>,
    pub level: String,
    pub spans: Vec<Span>,
    pub children: Vec<Diagnostic>,
}

/// As `E0308`, or the name of a lint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    pub code: String,
}

/// A place in a source; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Span {
    pub file_name: String,
    pub line_start: usize,
    pub line_end: usize,
    pub column_start: usize,
    pub column_end: usize,
    pub is_primary: bool,
    pub label: Option<String>,
    pub suggested_replacement: Option<String>,
    pub suggestion_applicability: Option<Applicability>,
    /// The call of the macro that this is in.
    pub expansion: Option<Box<Expansion>>,
    pub text: Vec<Line>,
}

/// How sure the compiler is of a suggestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applicability {
    MachineApplicable,
    MaybeIncorrect,
    HasPlaceholders,
    Unspecified,
}

/// What a macro was expanded from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expansion {
    pub span: Span,
}

/// A line of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub text: String,
}

impl Report {
    /// The report on the source that was compiled last, if it was refused.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// Leaves a report in the session's folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(folder: &Path, source: &str, errors: &[Value]) -> Result<()> {
        let errors = errors.iter().cloned().map(serde_json::from_value);
        let report = Self {
            source: source.to_owned(),
            errors: errors.filter_map(std::result::Result::ok).collect(),
        };
        fs::write(folder.join(FILE), serde_json::to_vec(&report)?)
    }

    /// Takes an earlier report away.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(folder: &Path) -> Result<()> {
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Report {
    /// Whether evcxr can mend all that is wrong: variables that the cell gives away are not kept.
    pub fn can_be_mended(&self) -> bool {
        self.errors
            .iter()
            .filter(|error| error.is_about_something())
            .all(|error| {
                error.kept_variable().is_some()
                    && ["E0382", "E0425", "E0505"].contains(&error.code())
            })
    }
}

impl Diagnostic {
    /// The error's code, or an empty text.
    pub fn code(&self) -> &str {
        self.code.as_ref().map_or("", |code| &code.code)
    }

    /// The places that the error is about, in the generated source.
    pub fn primary(&self) -> impl Iterator<Item = &Span> {
        self.spans
            .iter()
            .filter(|span| span.is_primary)
            .filter_map(Span::in_cells)
    }

    /// What the compiler writes at the place that the error is about.
    pub fn label(&self) -> &str {
        let primary = self.spans.iter().find(|span| span.is_primary);
        primary
            .and_then(|span| span.label.as_deref())
            .unwrap_or_default()
    }

    /// Whether it is about the cell's last value, which cannot be shown.
    pub fn is_about_showing(&self) -> bool {
        let is_shown = |span: &&Span| {
            let line = span.text.first().map_or("", |line| line.text.as_str());
            span.is_primary && line.starts_with(").evcxr_display()")
        };
        self.code() == "E0599" && self.spans.iter().any(|span| is_shown(&span))
    }

    /// Whether it says something, and not only how many errors there were.
    pub fn is_about_something(&self) -> bool {
        self.level == "error" && !self.spans.is_empty()
    }

    /// Whether it is about a variable that the session would keep, and which one.
    pub fn kept_variable(&self) -> Option<&str> {
        // What another one borrows from is where the error is.
        let (primary, others): (Vec<&Span>, Vec<&Span>) =
            self.spans.iter().partition(|span| span.is_primary);
        others
            .into_iter()
            .chain(primary)
            .find_map(Span::kept_variable)
    }
}

impl Span {
    /// This place, or where the macro is called that it is in: what of both is in the source of cells.
    pub fn in_cells(&self) -> Option<&Self> {
        if self.file_name.ends_with("src/lib.rs") {
            return Some(self);
        }
        self.expansion.as_ref()?.span.in_cells()
    }

    fn kept_variable(&self) -> Option<&str> {
        let line = self.text.first()?.text.as_str();
        let kept = line
            .strip_prefix("evcxr_variable_store.put_variable::<")
            .and_then(|rest| Some(rest.rsplit_once("(stringify!(")?.1));
        kept.or_else(|| line.strip_prefix("evcxr_variable_store("))?
            .split(')')
            .next()
    }
}

/// Whether the compiler's `message` is about what the student wrote, and not about what evcxr can mend:
/// what it has put around the cell to keep variables, or an `await`.
pub fn is_the_students(message: &Value) -> bool {
    let diagnostic = Diagnostic::deserialize(message).unwrap_or_default();
    diagnostic.is_about_something()
        && diagnostic.kept_variable().is_none()
        && diagnostic.code() != "E0728"
}

/// Whether evcxr compiles a cell that failed once more, for better messages: it then leaves out what
/// catches panics.
pub fn is_second_try(source: &str) -> bool {
    source.contains("\nlet evcxr_variable_store = unsafe {")
        && !source.contains("\nmatch std::panic::catch_unwind(\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn span(text: &str) -> Value {
        json!({"file_name": "src/lib.rs", "is_primary": true, "text": [{"text": text}]})
    }

    #[test]
    fn what_keeps_a_variable_is_not_the_students() {
        let error = |text: &str| json!({"level": "error", "message": "", "spans": [span(text)]});
        let keeping =
            "evcxr_variable_store.put_variable::<Vec<(u8, u8)>>(stringify!(pairs), pairs);";
        assert!(is_the_students(&error("let pairs = 1;")));
        assert!(!is_the_students(&error(keeping)));
        assert!(!is_the_students(&error("evcxr_variable_store(pairs);")));
        assert!(!is_the_students(
            &json!({"level": "error", "message": "aborting due to 1 error", "spans": []})
        ));
        let diagnostic: Diagnostic = serde_json::from_value(error(keeping)).unwrap();
        assert_eq!(diagnostic.kept_variable(), Some("pairs"));
    }

    #[test]
    fn a_place_in_a_macro_is_where_it_is_called() {
        let inner = json!({
            "file_name": "/rust/library/macros.rs", "expansion": {"span": span("println!(\"{a}\")")},
        });
        let inner: Span = serde_json::from_value(inner).unwrap();
        assert_eq!(inner.in_cells().unwrap().text[0].text, "println!(\"{a}\")");
    }
}
