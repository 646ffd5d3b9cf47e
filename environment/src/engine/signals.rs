//! What the runtime process and the support crate say between a cell's output. Everything is a
//! line on standard output or standard error that begins with [`SIGNAL`].

use std::collections::BTreeMap;

use serde::Deserialize;

/// One thing in several representations, by mime type.
pub type Contents = BTreeMap<String, String>;

/// A line that begins with this is not for the student.
pub const SIGNAL: &str = "\u{1e}cuaderno:";
/// A new runtime process; what came before was another one's.
pub const STARTED: &str = "started";
/// The cell is compiled and begins to run.
pub const RUNNING: &str = "running";
/// The cell has ended and all that it wrote was sent.
pub const FINISHED: &str = "finished";
/// What the runtime process is answered where nobody can be asked for input, as a terminal's Ctrl-D.
pub const END_OF_INPUT: &str = "\u{4}";

/// A line for this side.
#[derive(Debug, PartialEq)]
pub enum Signal {
    Started,
    Running,
    Finished,
    /// A panic, whether or not it ends the cell.
    Panic(Report),
    /// A `?` returned this error.
    Error(Report),
    /// The cell has returned before it kept these new variables.
    Returned(Vec<String>),
    Display {
        contents: Contents,
        id: Option<String>,
    },
    Update {
        contents: Contents,
        id: String,
    },
    Clear {
        wait: bool,
    },
}

/// What went wrong, and where in the generated source, if it was there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Report {
    pub message: String,
    pub file: String,
    pub line: usize,
}

#[derive(Deserialize)]
struct Shown {
    contents: Contents,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Cleared {
    wait: bool,
}

impl Signal {
    /// The signal that `text`, the line after [`SIGNAL`], stands for.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, json) = text.split_once(' ').unwrap_or((text, "null"));
        let report = || serde_json::from_str(json).ok();
        let shown = || serde_json::from_str::<Shown>(json).ok();
        match name {
            STARTED => Some(Self::Started),
            RUNNING => Some(Self::Running),
            FINISHED => Some(Self::Finished),
            "panic" => report().map(Self::Panic),
            "error" => report().map(Self::Error),
            "returned" => serde_json::from_str(json).ok().map(Self::Returned),
            "display" => shown().map(|Shown { contents, id }| Self::Display { contents, id }),
            "update" => {
                shown().and_then(|Shown { contents, id }| Some(Self::Update { contents, id: id? }))
            }
            "clear" => serde_json::from_str(json)
                .ok()
                .map(|Cleared { wait }| Self::Clear { wait }),
            _ => None,
        }
    }
}
