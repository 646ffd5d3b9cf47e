//! Texts as numbers of characters.

use std::collections::BTreeSet;

use crate::{Error, Result};

/// The characters of some texts, each with a number. Three numbers are kept for signs that are no
/// characters: [padding](Self::PADDING), [start](Self::START) and [end](Self::END).
///
/// ```
/// use cuaderno::data::Characters;
/// let characters = Characters::of(["one", "two"]);
/// assert_eq!(characters.count(), 3 + 5); // e n o t w
/// let ids = characters.encode("ten")?;
/// assert_eq!(ids, [6, 3, 4, Characters::END]);
/// assert_eq!(characters.decode(&ids), "ten");
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characters {
    known: Vec<char>,
}

impl Characters {
    /// Fills a text that is shorter than others of its batch. [`pad_sequences`](super::pad_sequences)
    /// pads with this number.
    pub const PADDING: u32 = 0;
    /// Precedes the first character.
    pub const START: u32 = 1;
    /// Follows the last character.
    pub const END: u32 = 2;
    /// The number of the first character.
    const FIRST: u32 = 3;

    /// The characters of these texts, in the order of Unicode.
    pub fn of<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Self {
        let mut known = BTreeSet::new();
        for text in texts {
            known.extend(text.as_ref().chars());
        }
        Self {
            known: known.into_iter().collect(),
        }
    }

    /// The number of numbers: of the characters and the three signs.
    pub fn count(&self) -> usize {
        Self::FIRST as usize + self.known.len()
    }

    /// The numbers of a text, followed by [`END`](Self::END).
    ///
    /// # Errors
    /// If a character is not among the known ones; the error names it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let number = |character: char| {
            let place = self.known.binary_search(&character).map_err(|_| {
                let known: String = self.known.iter().collect();
                Error::argument(
                    "a character",
                    format!("{character:?} in {text:?}"),
                    format!("one of those the texts had, {known:?}"),
                )
            })?;
            Ok(Self::FIRST + place as u32)
        };
        text.chars().map(number).chain([Ok(Self::END)]).collect()
    }

    /// The text of these numbers up to the first end. Other signs are left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        let text = ids.iter().take_while(|&&id| id != Self::END);
        text.filter_map(|&id| self.known.get(id.checked_sub(Self::FIRST)? as usize))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_that_is_not_known_is_named() {
        let error = Characters::of(["one"]).encode("own").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a character is 'w' in \"own\", but it must be one of those the texts had, \"eno\"."
        );
    }

    #[test]
    fn the_text_ends_at_the_first_end() {
        let characters = Characters::of(["ab"]);
        let ids = [Characters::START, 3, 0, 4, Characters::END, 3, 99];
        assert_eq!(characters.decode(&ids), "ab");
        assert_eq!(characters.decode(&[99, 4]), "b");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(texts in prop::collection::vec(any::<String>(), 1..4)) {
            let characters = Characters::of(&texts);
            for text in &texts {
                let ids = characters.encode(text).unwrap();
                prop_assert!(ids.iter().all(|&id| (id as usize) < characters.count()));
                prop_assert_eq!(&characters.decode(&ids), text);
            }
        }
    }
}
