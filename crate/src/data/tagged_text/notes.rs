//! What was skipped and repaired in reading a tagged text.

use std::fmt;

/// What was skipped and repaired in reading a [`TaggedText`](super::TaggedText).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadingNotes {
    /// Rows with another number of fields than the table has columns, which were skipped.
    pub bad_rows: usize,
    /// Rows without a word, a part of speech or a tag, which were skipped.
    pub incomplete_rows: usize,
    /// Tags `I-` that went on with nothing and became `B-`.
    pub repaired_tags: usize,
}

impl fmt::Display for ReadingNotes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (count, what) in [
            (self.bad_rows, "rows with a wrong number of fields skipped"),
            (self.incomplete_rows, "incomplete rows skipped"),
            (self.repaired_tags, "tags I- that began a name made B-"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        Ok(())
    }
}
