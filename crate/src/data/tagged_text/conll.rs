//! Files of the CoNLL conferences: a word a line, an empty line after each sentence.

use super::table::not_iob;
use super::{Growing, TaggedText, iob};
use crate::{Error, Result};

/// What stands in the place of a part of speech where a file has none.
const UNKNOWN_POS: &str = "X";

/// Reads the content of the file called `file`.
pub(super) fn parse(file: &str, content: &[u8]) -> Result<TaggedText> {
    let content = std::str::from_utf8(content).map_err(|error| {
        let line = 1 + content[..error.valid_up_to()]
            .iter()
            .filter(|&&b| b == b'\n')
            .count();
        Error::data(
            file,
            format!("line {line} is not UTF-8; save the file as UTF-8"),
        )
    })?;
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let mut text = Growing::default();
    let mut width = None;
    for (number, line) in (1..).zip(content.lines()) {
        let columns: Vec<&str> = if line.contains('\t') {
            line.split('\t').map(str::trim).collect()
        } else {
            line.split_whitespace().collect()
        };
        let [word, .., tag] = columns[..] else {
            if columns.iter().all(|column| column.is_empty()) {
                text.begin_sentence();
                continue;
            }
            let problem = format!(
                "line {number} is `{}`, but expected is a word and its tag, separated by a tab or \
                 spaces, or nothing between two sentences",
                line.trim()
            );
            return Err(Error::data(file, problem));
        };
        if columns.iter().all(|column| column.is_empty()) {
            text.begin_sentence();
            continue;
        }
        if word == "-DOCSTART-" {
            continue;
        }
        let expected = *width.get_or_insert(columns.len());
        if columns.len() != expected || word.is_empty() {
            let problem = format!(
                "line {number} is `{}`: {} columns, but the lines above have {expected}, and the \
                 first is a word",
                line.trim(),
                columns.len()
            );
            return Err(Error::data(file, problem));
        }
        if !iob::is_iob(tag) {
            return Err(not_iob(file, number, tag));
        }
        let pos = if columns.len() > 2 {
            columns[1]
        } else {
            UNKNOWN_POS
        };
        text.push(word, &word.to_lowercase(), pos, tag);
    }
    text.finish(file)
}
