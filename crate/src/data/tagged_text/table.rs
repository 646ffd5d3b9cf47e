//! Tables with a word a row: `ner.csv`, `ner_dataset.csv`, and the same separated by tabs.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::WINDOWS_1252;

use super::{Growing, TaggedText, iob};
use crate::{Error, Result};

/// What `prev-iob` says at the first word of a sentence.
const START: &[u8] = b"__START1__";

/// How the table says where a sentence begins.
enum Boundary {
    /// The place of `prev-iob`.
    Start(usize),
    /// The place of `Sentence #`: a sentence goes on where it is empty or the same as before.
    Number(usize),
}

/// The places of the columns.
struct Columns {
    word: usize,
    lemma: Option<usize>,
    pos: usize,
    tag: usize,
    boundary: Boundary,
}

/// Reads the content of the table called `file`.
pub(super) fn parse(file: &str, content: &[u8]) -> Result<TaggedText> {
    let bad = |error: csv::Error| Error::data(file, error);
    let names = content.split(|&byte| byte == b'\n').next().unwrap_or(&[]);
    let separator = if names.contains(&b'\t') { b'\t' } else { b',' };
    let is_utf8 = std::str::from_utf8(content).is_ok();
    let decode = |field: &[u8]| -> String {
        if is_utf8 {
            String::from_utf8_lossy(field).into_owned()
        } else {
            WINDOWS_1252
                .decode_without_bom_handling(field)
                .0
                .into_owned()
        }
    };

    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .from_reader(content);
    let names = reader.byte_headers().map_err(bad)?.clone();
    let columns = Columns::of(file, &names, decode)?;
    let mut text = Growing::default();
    let mut sentence = Vec::new();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(bad)? {
        if record.len() != names.len() {
            text.text.notes.bad_rows += 1;
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().any(|field| field.contains(&b'\n')) {
            let problem = "a field that begins there with a quotation mark goes on over several \
                           lines; a quotation mark that is a word stands as \"\"\"\"";
            return Err(Error::data(file, format!("line {line}: {problem}")));
        }
        match columns.boundary {
            Boundary::Start(place) if &record[place] == START => text.begin_sentence(),
            Boundary::Number(place) if !record[place].is_empty() && record[place] != sentence => {
                sentence = record[place].to_vec();
                text.begin_sentence();
            }
            _ => {}
        }
        let field = |place: usize| -> Cow<str> {
            match std::str::from_utf8(&record[place]) {
                Ok(ascii) if ascii.is_ascii() => ascii.trim().into(),
                _ => decode(&record[place]).trim().to_owned().into(),
            }
        };
        let (word, pos, tag) = (field(columns.word), field(columns.pos), field(columns.tag));
        if word.is_empty() || pos.is_empty() || tag.is_empty() {
            text.text.notes.incomplete_rows += 1;
            continue;
        }
        if !iob::is_iob(&tag) {
            return Err(not_iob(file, line, &tag));
        }
        let lemma = match columns.lemma.map(field) {
            Some(lemma) if !lemma.is_empty() => lemma,
            _ => word.to_lowercase().into(),
        };
        text.push(&word, &lemma, &pos, &tag);
    }
    text.finish(file)
}

/// An error about a tag of another scheme.
pub(super) fn not_iob(file: &str, line: u64, tag: &str) -> Error {
    let problem = format!(
        "line {line}: the tag is `{tag}`, but expected is `O`, or `B-` or `I-` followed by a \
         kind, such as `B-geo`"
    );
    Error::data(file, problem)
}

impl Columns {
    fn of(file: &str, names: &ByteRecord, decode: impl Fn(&[u8]) -> String) -> Result<Self> {
        let find = |wanted: &[&str]| {
            names.iter().position(|name| {
                wanted
                    .iter()
                    .any(|wanted| name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
            })
        };
        let need = |wanted: &[&str]| {
            find(wanted).ok_or_else(|| {
                let found: Vec<String> = names.iter().map(&decode).collect();
                let wanted = wanted.join("` or `");
                let problem = format!(
                    "line 1 should name the columns, and `{wanted}` is not among them; found is `{}`",
                    found.join("`, `")
                );
                Error::data(file, problem)
            })
        };
        let boundary = match find(&["prev-iob"]) {
            Some(place) => Boundary::Start(place),
            None => Boundary::Number(need(&["prev-iob", "Sentence #"])?),
        };
        Ok(Self {
            word: need(&["word"])?,
            lemma: find(&["lemma"]),
            pos: need(&["pos"])?,
            tag: need(&["tag"])?,
            boundary,
        })
    }
}
