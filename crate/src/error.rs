//! The crate's error type. Its messages say what went wrong and where, what was expected and found,
//! and what to do.

use std::path::PathBuf;

/// `std::result::Result` with this crate's [`Error`] as the default error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate. Its `Display` is written for a student.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tensors whose shapes do not fit an operation; the sentence names both shapes.
    #[error("{operation}: {problem}")]
    Shape {
        operation: &'static str,
        problem: String,
    },

    /// An argument out of its range.
    #[error("{name} is {found}, but it must be {expected}.")]
    Argument {
        name: &'static str,
        found: String,
        expected: String,
    },

    /// A file that could not be read or written.
    #[error("{}: {source}.", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },

    /// A file whose content is not what it should be; the sentence names the place.
    #[error("{file}: {problem}.")]
    Data { file: String, problem: String },

    /// A training whose loss has become NaN or infinite.
    #[error(
        "epoch {epoch}, batch {batch} of {batches}: {part} is {value}. The step before was too large, or the data hold what is not a number: lower the learning rate, or clip the gradients with `.clip_norm(1.0)`."
    )]
    Diverged {
        epoch: usize,
        batch: usize,
        batches: usize,
        part: String,
        value: f64,
    },

    /// A data set that could not be fetched, found or verified.
    #[error(transparent)]
    Dataset(#[from] cuaderno_datasets::Error),

    /// An error with the place it happened in, such as a layer of a network.
    #[error("{place}: {source}")]
    At { place: String, source: Box<Error> },

    /// The user has interrupted the cell, which a batch or a step of an optimiser has noticed.
    #[error("The cell was interrupted in a loop. What it has changed so far stays.")]
    Interrupted,

    /// An exercise that is not solved yet, or results of a lab that are outside their bands.
    #[error("{0}")]
    Lab(String),

    /// A figure that could not be drawn.
    #[error("The figure cannot be drawn: {0}.")]
    Figure(String),

    /// An error of linfa.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),

    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// An error about shapes that do not fit `operation`. `problem` names them and says what to do.
    pub fn shape(operation: &'static str, problem: impl Into<String>) -> Self {
        Self::Shape {
            operation,
            problem: problem.into(),
        }
    }

    /// An error about the argument `name`, whose value is `found` instead of something `expected`.
    pub fn argument(
        name: &'static str,
        found: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Argument {
            name,
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    /// The same error with the place it happened in put before it.
    pub fn at(self, place: impl Into<String>) -> Self {
        Self::At {
            place: place.into(),
            source: Box::new(self),
        }
    }

    /// An error about the content of `file`. `problem` names the place in it.
    pub fn data(file: impl std::fmt::Display, problem: impl std::fmt::Display) -> Self {
        Self::Data {
            file: file.to_string(),
            problem: problem.to_string(),
        }
    }

    /// An error about reading or writing `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }
}

/// Candle's `Module` returns candle's error, so layers need this to implement it.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(error) => error,
            error => candle_core::Error::Msg(error.to_string()),
        }
    }
}
