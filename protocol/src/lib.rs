//! What the notebook engine and the support crate `cuaderno` say to each other while a cell runs.
//!
//! Between the student's text stand lines that begin with [`MARK`], each a [`Signal`] in JSON. They
//! go from the process that runs cells to the engine: most on its standard output, [`Started`],
//! [`Running`] and [`Finished`] on its standard error too, so that it is known of both streams which
//! cell they are of and where they are complete.
//!
//! [`Started`]: Signal::Started
//! [`Running`]: Signal::Running
//! [`Finished`]: Signal::Finished

pub mod answers;
pub mod evcxr;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a line begins that is not for the student.
pub const MARK: &str = "\u{1e}cuaderno:";

/// One thing that the process running the cells tells the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// A new process runs the cells; what came before was another one's.
    Started,
    /// The cell is compiled and begins to run.
    Running,
    /// The cell has ended and all its output has been sent.
    Finished,
    /// A panic, whether or not it ends the cell.
    Panic(Report),
    /// A `?` returned this error.
    Error(Report),
    /// The cell returned before it kept these new variables.
    Returned(Vec<String>),
    /// The value of the cell's last expression, or something shown like one.
    Value(Contents),
    /// Something shown while the cell runs.
    Display {
        /// What is shown.
        contents: Contents,
        /// The name by which an [`Update`](Self::Update) refers to it.
        id: Option<String>,
    },
    /// New contents for something shown before.
    Update {
        /// What takes its place.
        contents: Contents,
        /// The name it was shown under.
        id: String,
    },
    /// Removes what the cell has shown so far.
    Clear {
        /// Whether to keep it until there is something to take its place.
        wait: bool,
    },
}

impl Signal {
    /// The signal as a line of output, [`MARK`] and newline included.
    pub fn to_line(&self) -> String {
        let json = serde_json::to_string(self).expect("strings, numbers and maps are JSON");
        format!("{MARK}{json}\n")
    }

    /// The signal in `json`, a line without [`MARK`]; `None` if it is none.
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// What went wrong, and where in the generated source, if it happened there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The panic's or the error's own words.
    pub message: String,
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line in that file, from 1; 0 if it is not known.
    pub line: usize,
}

/// One thing in one or more representations, of which a front end shows the one it likes best.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// The representations by MIME type; pictures in base64.
    pub by_type: BTreeMap<String, String>,
    /// Width and height at which to show a PNG, in logical pixels.
    pub size: Option<[u32; 2]>,
}

impl Contents {
    /// Something that has one representation so far.
    pub fn new(mime: &str, content: impl Into<String>) -> Self {
        Self::default().with(mime, content)
    }

    /// A plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new("text/plain", text)
    }

    /// Adds a representation. White space at its end is dropped.
    #[must_use]
    pub fn with(mut self, mime: &str, content: impl Into<String>) -> Self {
        let mut content = content.into();
        content.truncate(content.trim_end().len());
        self.by_type.insert(mime.to_owned(), content);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_heard() {
        let report = Report {
            message: "two\nlines".to_owned(),
            file: "src/lib.rs".to_owned(),
            line: 7,
        };
        let mut figure = Contents::new("image/png", "iVBORw0KGgo=").with("text/plain", "\u{1e}");
        figure.size = Some([640, 480]);
        let id = "curve".to_owned();
        for signal in [
            Signal::Started,
            Signal::Running,
            Signal::Finished,
            Signal::Panic(report.clone()),
            Signal::Error(report),
            Signal::Returned(vec!["x".to_owned()]),
            Signal::Value(figure.clone()),
            Signal::Display {
                contents: Contents::text("now"),
                id: None,
            },
            Signal::Update {
                contents: figure,
                id,
            },
            Signal::Clear { wait: true },
        ] {
            let line = signal.to_line();
            let json = line
                .strip_prefix(MARK)
                .and_then(|rest| rest.strip_suffix('\n'));
            let json = json.unwrap();
            assert!(
                !json.contains(['\n', '\u{1e}']),
                "one line, one mark: {json}"
            );
            assert_eq!(Signal::parse(json), Some(signal));
        }
    }

    #[test]
    fn a_students_own_words_are_no_signal() {
        assert_eq!(Signal::parse("hello"), None);
        assert_eq!(Signal::parse("{\"launch\":1}"), None);
    }
}
