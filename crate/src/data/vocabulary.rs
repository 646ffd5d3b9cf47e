//! Numbers for words and tags.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::Sentences;
use crate::{Error, Result};

/// A number for each word, or for each tag. Number 0 is the padding, which is no word; in a
/// vocabulary of words, number 1 stands for every word that it does not know. The words follow, the
/// most frequent first; those of the same frequency are in the order of the alphabet.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let text = TaggedText::generated(100, 6202)?;
/// let words = Vocabulary::of_words(&text.words, 1)?;
/// assert_eq!(words.name(2), Some("the")); // the most frequent word
/// assert_eq!(words.id("the"), 2);
/// assert_eq!(words.id("xylophone"), Vocabulary::UNKNOWN);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vocabulary {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
    counts: Vec<usize>,
    knows_unknown: bool,
}

impl Vocabulary {
    /// The number of the padding.
    pub const PADDING: u32 = 0;
    /// The number of all words that a vocabulary of words does not know.
    pub const UNKNOWN: u32 = 1;

    /// The words that occur at least `min_count` times.
    ///
    /// # Errors
    /// If no word does.
    pub fn of_words(sentences: &Sentences, min_count: usize) -> Result<Self> {
        Self::new(sentences, min_count, &["<padding>", "<unknown>"])
    }

    /// All tags. A tag that it does not know is an error wherever it is met.
    ///
    /// # Errors
    /// If there are none.
    pub fn of_tags(sentences: &Sentences) -> Result<Self> {
        Self::new(sentences, 1, &["<padding>"])
    }

    fn new(sentences: &Sentences, min_count: usize, special: &[&str]) -> Result<Self> {
        let mut counted: HashMap<&Arc<str>, usize> = HashMap::new();
        for name in sentences.iter().flatten() {
            *counted.entry(name).or_default() += 1;
        }
        let mut counted: Vec<(&Arc<str>, usize)> = (counted.into_iter())
            .filter(|&(name, count)| count >= min_count && !special.contains(&&**name))
            .collect();
        if counted.is_empty() {
            return Err(Error::argument(
                "the text of a vocabulary",
                format!("{} sentences", sentences.len()),
                format!("one in which a word occurs at least {min_count} times"),
            ));
        }
        counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let names: Vec<Arc<str>> = (special.iter().map(|&name| name.into()))
            .chain(counted.iter().map(|&(name, _)| name.clone()))
            .collect();
        let none = special.iter().map(|_| 0);
        Ok(Self {
            ids: names.iter().cloned().zip(0..).collect(),
            counts: none
                .chain(counted.iter().map(|&(_, count)| count))
                .collect(),
            names,
            knows_unknown: special.len() > 1,
        })
    }

    /// How many numbers there are, with those of the padding and of unknown words.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: there is at least the padding.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of a word; [`Vocabulary::UNKNOWN`] if it is not known.
    pub fn id(&self, word: &str) -> u32 {
        self.ids.get(word).copied().unwrap_or(Self::UNKNOWN)
    }

    /// The word or tag with this number.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get(id as usize).map(AsRef::as_ref)
    }

    /// All words or tags, in the order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// How often each occurred in the text that the vocabulary was made of; 0 for the padding and
    /// for unknown words.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The sentences in numbers.
    ///
    /// # Errors
    /// In a vocabulary of tags, if there is one that it does not know.
    pub fn encode(&self, sentences: &Sentences) -> Result<Vec<Vec<u32>>> {
        let encode = |name: &Arc<str>| match self.ids.get(name) {
            Some(&id) => Ok(id),
            None if self.knows_unknown => Ok(Self::UNKNOWN),
            None => Err(Error::argument(
                "a tag",
                format!("{name:?}"),
                format!("one of: {}", self.names[1..].join(", ")),
            )),
        };
        let sentence = |names: &Vec<Arc<str>>| names.iter().map(encode).collect();
        sentences.iter().map(sentence).collect()
    }

    /// The words or tags of numbers `[sentences, time]`, without those where `mask`, of the same
    /// shape, is zero.
    ///
    /// # Errors
    /// If the shapes differ, or a number is not in the vocabulary.
    pub fn decode(&self, ids: &Tensor, mask: &Tensor) -> Result<Sentences> {
        if ids.dims() != mask.dims() || ids.rank() != 2 {
            return Err(Error::shape(
                "decode",
                format!(
                    "the numbers are {:?} and the mask is {:?}; both must be [sentences, time].",
                    ids.dims(),
                    mask.dims()
                ),
            ));
        }
        let ids = ids.to_dtype(DType::U32)?.to_vec2::<u32>()?;
        let mask = mask.ne(&mask.zeros_like()?)?.to_vec2::<u8>()?;
        let decode = |id: u32| {
            self.names.get(id as usize).cloned().ok_or_else(|| {
                let expected = format!("below {}, the size of the vocabulary", self.len());
                Error::argument("the number of a word", id, expected)
            })
        };
        let sentence = |(ids, mask): (Vec<u32>, Vec<u8>)| {
            let shown = ids.into_iter().zip(mask).filter(|(_, mask)| *mask != 0);
            shown.map(|(id, _)| decode(id)).collect()
        };
        ids.into_iter().zip(mask).map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Padding, pad_sequences};

    fn text(sentences: &[&str]) -> Sentences {
        let words = |sentence: &&str| sentence.split_whitespace().map(Into::into).collect();
        sentences.iter().map(words).collect()
    }

    #[test]
    fn frequent_words_come_first_and_rare_ones_are_unknown() {
        let text = text(&["b a c a", "b a"]);
        let words = Vocabulary::of_words(&text, 2).unwrap();
        assert_eq!(words.names().join(" "), "<padding> <unknown> a b");
        assert_eq!(words.counts(), [0, 0, 3, 2]);
        assert_eq!(words.encode(&text).unwrap(), [vec![3, 2, 1, 2], vec![3, 2]]);
        assert!(Vocabulary::of_words(&text, 4).is_err());
        assert!(Vocabulary::of_words(&Vec::new(), 1).is_err());
    }

    #[test]
    fn what_is_encoded_and_padded_is_decoded() {
        let text = text(&["O B-geo I-geo", "O"]);
        let tags = Vocabulary::of_tags(&text).unwrap();
        for padding in [Padding::Before, Padding::After] {
            let ids = pad_sequences(&tags.encode(&text).unwrap(), 4, padding).unwrap();
            let mask = ids.ne(0u32).unwrap();
            assert_eq!(tags.decode(&ids, &mask).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_tag_is_named() {
        let tags = Vocabulary::of_tags(&text(&["O B-geo O"])).unwrap();
        let error = tags.encode(&text(&["O B-tim"])).unwrap_err().to_string();
        assert_eq!(
            error,
            "a tag is \"B-tim\", but it must be one of: O, B-geo."
        );
    }
}
