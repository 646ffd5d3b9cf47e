//! What a cell prints and shows.

use cuaderno_protocol::Contents;

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One piece of a cell's output.
#[derive(Clone, Debug, PartialEq)]
pub enum CellOutput {
    /// Text, with or without a newline at its end.
    Text(Stream, String),
    /// The value of the cell's last expression.
    Value(Contents),
    /// Something shown while the cell runs; an update names it by its identifier.
    Display(Contents, Option<String>),
    /// New contents for what was shown under this identifier.
    Update(Contents, String),
    /// Takes away what was shown, at once or with the next output.
    Clear { wait: bool },
}

/// Sees each piece of output as it comes.
pub type OnOutput = Box<dyn FnMut(&CellOutput) + Send>;
