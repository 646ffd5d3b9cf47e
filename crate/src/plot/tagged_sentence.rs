//! A sentence with the tags that were predicted for it.

use std::fmt::{self, Write};

use super::style;
use crate::notebook::{Contents, show_as_value};
use crate::table::escape;
use crate::{Error, Result};

/// Shows a sentence word by word: each name that was predicted on a ground of the colour of its
/// kind, with its tag below, and what it should be where the prediction is wrong. It prints as a
/// line a word.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let words = ["Ines", "lives", "in", "Lima"];
/// let (truth, predicted) = (["B-per", "O", "O", "B-geo"], ["B-per", "O", "O", "B-org"]);
/// let text = tagged_sentence(&words, &truth, &predicted)?.to_string();
/// assert!(text.ends_with("Lima            B-org   wrong, it is B-geo\n"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the three have different lengths.
pub fn tagged_sentence<A: AsRef<str>, B: AsRef<str>, C: AsRef<str>>(
    words: &[A],
    truth: &[B],
    predicted: &[C],
) -> Result<TaggedSentence> {
    if words.len() != truth.len() || words.len() != predicted.len() {
        return Err(Error::shape(
            "tagged_sentence",
            format!(
                "there are {} words, {} true tags and {} predicted ones; each word needs one of both.",
                words.len(),
                truth.len(),
                predicted.len()
            ),
        ));
    }
    let tags = truth.iter().zip(predicted);
    let word = |(word, (truth, predicted)): (&A, (&B, &C))| Word {
        word: word.as_ref().to_owned(),
        truth: truth.as_ref().to_owned(),
        predicted: predicted.as_ref().to_owned(),
    };
    Ok(TaggedSentence(words.iter().zip(tags).map(word).collect()))
}

/// The result of [`tagged_sentence`].
#[derive(Clone, Debug)]
pub struct TaggedSentence(Vec<Word>);

#[derive(Clone, Debug)]
struct Word {
    word: String,
    truth: String,
    predicted: String,
}

/// The kinds of the Groningen Meaning Bank, in the order of the colours. Other kinds follow.
const KINDS: [&str; 8] = ["geo", "per", "org", "gpe", "tim", "art", "eve", "nat"];

impl TaggedSentence {
    /// Shows the sentence in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        show_as_value(Contents::text(self.to_string()).with("text/html", self.html()));
    }

    /// The colours are mixed into whatever ground the page has, so that the letters, whose colour
    /// is the page's, stand out on a light page and on a dark one.
    fn html(&self) -> String {
        let mut html = String::from("<p style=\"line-height:1.15\">");
        for word in &self.0 {
            let mut ground = String::new();
            let mut below = String::from("&nbsp;");
            if let Some((_, kind)) = word.predicted.split_once('-') {
                let color = style::color(place_of(kind));
                ground = format!(
                    "background:rgba({},{},{},0.3);border-bottom:3px solid rgb({0},{1},{2});",
                    color.0, color.1, color.2
                );
                below = escape(&word.predicted);
            }
            if word.predicted != word.truth {
                let predicted = escape(&word.predicted);
                below = format!("<s>{predicted}</s> <b>{}</b>", escape(&word.truth));
            }
            // Writing to a string cannot fail.
            let _ = write!(
                html,
                "<span style=\"display:inline-block;text-align:center;margin:0 2px 6px;padding:0 \
                 3px;vertical-align:top;{ground}\">{}<br><small>{below}</small></span>",
                escape(&word.word)
            );
        }
        html + "</p>"
    }
}

/// A kind's place in the sequence of colours.
fn place_of(kind: &str) -> usize {
    let known = KINDS.iter().position(|known| *known == kind);
    known.unwrap_or_else(|| KINDS.len() + kind.len())
}

impl fmt::Display for TaggedSentence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for Word {
            word,
            truth,
            predicted,
        } in &self.0
        {
            if truth == predicted {
                writeln!(f, "{word:15} {predicted}")?;
            } else {
                writeln!(f, "{word:15} {predicted:7} wrong, it is {truth}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_coloured_and_mistakes_are_told() {
        let sentence = tagged_sentence(&["<", "Lima"], &["O", "B-geo"], &["B-per", "B-geo"]);
        let html = sentence.unwrap().html();
        assert!(
            html.contains("&lt;") && html.contains("<s>B-per</s> <b>O</b>"),
            "{html}"
        );
        assert!(html.contains("<small>B-geo</small>"), "{html}");
    }

    #[test]
    fn each_word_needs_its_tags() {
        let error = tagged_sentence(&["a", "b"], &["O", "O"], &["O"]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("2 words, 2 true tags and 1 predicted")
        );
    }
}
