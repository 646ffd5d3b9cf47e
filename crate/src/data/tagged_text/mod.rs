//! Sentences whose words have tags, such as those of the Groningen Meaning Bank.

mod conll;
mod generated;
mod grammar;
mod iob;
mod lexicon;
mod notes;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod wnut17;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use notes::ReadingNotes;
pub use wnut17::Wnut17;

use crate::table::thousands;
use crate::{Error, Result};

/// A list of words, parts of speech or tags for each sentence.
///
/// The lists of [`TaggedText`] are of this type. Equal words share their memory, so a million of
/// them are small.
pub type Sentences = Vec<Vec<Arc<str>>>;

/// Sentences in which every word has a lemma, a part of speech and a tag. The four lists have the
/// same lengths: `text.tags[3][0]` is the tag of the word `text.words[3][0]`.
///
/// Tags are IOB: `B-geo` begins the name of a place, `I-geo` goes on with it, and `O` belongs to no
/// name. The Groningen Meaning Bank has eight kinds: `geo` (places), `gpe` (peoples and states),
/// `org`, `per`, `tim` (times), `art` (works and products), `eve` (events), `nat` (forces of
/// nature).
///
/// ```
/// use cuaderno::prelude::*;
///
/// let text = TaggedText::generated(100, 6202)?;
/// assert_eq!(text.len(), 100);
/// assert_eq!(text.words[7].len(), text.tags[7].len());
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaggedText {
    /// The words as they are written.
    pub words: Sentences,
    /// Their dictionary forms: `go` for *went*. A file without lemmas gives the words in lower
    /// case.
    pub lemmas: Sentences,
    /// Their parts of speech, as in the Penn Treebank: `NNP` is a proper noun.
    pub pos: Sentences,
    /// Their tags.
    pub tags: Sentences,
    /// What was skipped and repaired in reading them.
    pub notes: ReadingNotes,
}

impl TaggedText {
    /// Reads a table with a word a row, below a line with the names of its columns: the file
    /// `ner.csv` of the course as Kaggle serves it, its sister `ner_dataset.csv`, or the same
    /// separated by tabs. It prints what it has read.
    ///
    /// The columns are found by name: `word` or `Word`; `pos` or `POS`; `tag` or `Tag`; `lemma`, if
    /// there is one; and `prev-iob`, which is `__START1__` at the first word of a sentence, or
    /// `Sentence #`, whose value changes there. Others are ignored. The text is UTF-8 or, if it is
    /// not valid as that, cp1252.
    ///
    /// As pandas does with `error_bad_lines=False` and `dropna()`, rows with another number of
    /// fields than there are names, and rows without a word, tag or part of speech, are skipped;
    /// [`TaggedText::notes`] counts them. An `I-` that goes on with nothing becomes the `B-` that it
    /// stands for, and is counted, too.
    ///
    /// # Errors
    /// If the file cannot be read, has no such columns or no words, or holds a tag that is not
    /// IOB. The sentence names the file and the line.
    pub fn from_table(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        table::parse(&path.display().to_string(), &bytes)?.announced(path)
    }

    /// Reads a file in the form of the CoNLL conferences, such as CoNLL-2003 or [`Wnut17`]: a word a
    /// line, its columns separated by tabs or spaces, and an empty line after each sentence. The
    /// first column is the word, the last the tag, and the second, if there are more than two, the
    /// part of speech. `-DOCSTART-` lines are passed over. It prints what it has read.
    ///
    /// CoNLL-2003's own tags begin a name with `B-` only behind another of its kind; they become
    /// IOB as [`TaggedText::from_table`] says, and [`TaggedText::notes`] counts them.
    ///
    /// # Errors
    /// If the file cannot be read, is not UTF-8 or has no words; if a line has only one column or
    /// another number than those above, or holds a tag that is not IOB. The sentence names the file
    /// and the line.
    pub fn from_conll(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        conll::parse(&path.display().to_string(), &bytes)?.announced(path)
    }

    /// Sentences made by a program, with the columns and tags of the Groningen Meaning Bank, for
    /// runs without its file. They are *synthetic*: news of invented people and places. Many names
    /// belong to a person, a place and an organisation at once, and only the words around them tell
    /// which, often those that follow. It prints what they are.
    ///
    /// # Errors
    /// If `sentences` is 0.
    pub fn generated(sentences: usize, seed: u64) -> Result<Self> {
        let text = generated::generate(sentences, seed)?;
        println!("synthetic sentences made by a program, not the Groningen Meaning Bank: {text}");
        Ok(text)
    }

    /// The number of sentences.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The number of words in all sentences together.
    pub fn word_count(&self) -> usize {
        self.words.iter().map(Vec::len).sum()
    }

    /// The number of words in the longest sentence.
    pub fn longest(&self) -> usize {
        self.words.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The shape of each word: `X` for capitals, `x` for other letters and `d` for digits, each once
    /// where several follow each other. *London* is `Xx`, *1990s* is `dx`.
    pub fn shapes(&self) -> Sentences {
        mapped(&self.words, shape::word_shape)
    }

    /// The last `letters` letters of each word in lower case. In many languages they tell more of a
    /// word than the others do: *-stan*, *-ese*, *-day*.
    pub fn ends(&self, letters: usize) -> Sentences {
        mapped(&self.words, |word| shape::word_end(word, letters))
    }

    /// The sentences at these indices, in this order.
    ///
    /// # Errors
    /// If there is no such sentence.
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        let count = self.len();
        if let Some(&index) = indices.iter().find(|&&index| index as usize >= count) {
            return Err(Error::argument(
                "the index of a sentence",
                index,
                format!("below {count}, their number"),
            ));
        }
        let take = |sentences: &Sentences| {
            let of = |&index: &u32| sentences[index as usize].clone();
            indices.iter().map(of).collect()
        };
        Ok(Self {
            words: take(&self.words),
            lemmas: take(&self.lemmas),
            pos: take(&self.pos),
            tags: take(&self.tags),
            notes: self.notes,
        })
    }

    fn announced(self, path: &Path) -> Result<Self> {
        println!("{}: {self}", path.display());
        Ok(self)
    }
}

fn mapped(sentences: &Sentences, of: impl Fn(&str) -> String) -> Sentences {
    let sentence = |words: &Vec<Arc<str>>| words.iter().map(|word| of(word).into()).collect();
    sentences.iter().map(sentence).collect()
}

/// The sizes: `2,999 sentences, 66,161 words, 9,083 different lemmas, 17 tags`, and what was
/// skipped and repaired, if anything was.
impl fmt::Display for TaggedText {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let different = |sentences: &Sentences| {
            let all: HashSet<&str> = sentences.iter().flatten().map(AsRef::as_ref).collect();
            thousands(all.len())
        };
        write!(
            f,
            "{} sentences, {} words, {} different lemmas, {} tags{}",
            thousands(self.len()),
            thousands(self.word_count()),
            different(&self.lemmas),
            different(&self.tags),
            self.notes
        )
    }
}

/// A text that grows word by word.
#[derive(Default)]
struct Growing {
    text: TaggedText,
    known: HashSet<Arc<str>>,
}

impl Growing {
    /// Begins another sentence, unless the last one has no word yet.
    fn begin_sentence(&mut self) {
        if self.text.words.last().is_none_or(|words| !words.is_empty()) {
            let text = &mut self.text;
            for lists in [
                &mut text.words,
                &mut text.lemmas,
                &mut text.pos,
                &mut text.tags,
            ] {
                lists.push(Vec::new());
            }
        }
    }

    /// Adds a word to the last sentence, with a tag that is IOB.
    fn push(&mut self, word: &str, lemma: &str, pos: &str, tag: &str) {
        if self.text.words.is_empty() {
            self.begin_sentence();
        }
        let last = self.text.words.len() - 1;
        let before = self.text.tags[last].last().map(AsRef::as_ref);
        let repaired = iob::repaired(before, tag);
        self.text.notes.repaired_tags += usize::from(repaired.is_some());
        let tag = repaired.as_deref().unwrap_or(tag);
        let [word, lemma, pos, tag] = [word, lemma, pos, tag].map(|text| self.shared(text));
        self.text.words[last].push(word);
        self.text.lemmas[last].push(lemma);
        self.text.pos[last].push(pos);
        self.text.tags[last].push(tag);
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.known.insert(new.clone());
        new
    }

    /// The text of `file`, without a last sentence that got no word.
    fn finish(mut self, file: &str) -> Result<TaggedText> {
        let text = &mut self.text;
        if text.words.last().is_some_and(Vec::is_empty) {
            for lists in [
                &mut text.words,
                &mut text.lemmas,
                &mut text.pos,
                &mut text.tags,
            ] {
                lists.pop();
            }
        }
        if self.text.is_empty() {
            let problem = "it has no words; expected is a word a line, each with a tag";
            return Err(Error::data(file, problem));
        }
        Ok(self.text)
    }
}
