//! The distance of texts in edits, and the error rates of transcripts.

use crate::{Error, Result};

/// The smallest number of insertions, deletions and substitutions that make one list of another
/// (Levenshtein 1966).
///
/// ```
/// use cuaderno::metrics::edit_distance;
/// let letters = |word: &str| word.chars().collect::<Vec<_>>();
/// assert_eq!(edit_distance(&letters("seven"), &letters("eleven")), 2);
/// assert_eq!(edit_distance(&["one", "two"], &["two"]), 1);
/// ```
pub fn edit_distance<T: PartialEq>(truth: &[T], found: &[T]) -> usize {
    // The distances of the beginning of `truth` so far to each beginning of `found`.
    let mut row: Vec<usize> = (0..=found.len()).collect();
    for (place, item) in truth.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, other) in found.iter().enumerate() {
            let substituted = diagonal + usize::from(item != other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[found.len()]
}

/// The edits that the texts found need to become the true ones, over the number of true characters.
/// It is above 1 if more is invented than there is.
///
/// ```
/// use cuaderno::metrics::character_error_rate;
/// assert_eq!(character_error_rate(&["six", "nine"], &["sex", "nine"])?, 1.0 / 7.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the numbers of texts differ, or the true ones are empty.
pub fn character_error_rate<S: AsRef<str>, T: AsRef<str>>(truth: &[S], found: &[T]) -> Result<f64> {
    rate("character_error_rate", truth, found, |text| {
        text.chars().collect()
    })
}

/// As [`character_error_rate`], in words, which spaces part.
///
/// ```
/// use cuaderno::metrics::word_error_rate;
/// assert_eq!(word_error_rate(&["six nine"], &["sex nine nine"])?, 1.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// As for [`character_error_rate`].
pub fn word_error_rate<S: AsRef<str>, T: AsRef<str>>(truth: &[S], found: &[T]) -> Result<f64> {
    rate("word_error_rate", truth, found, |text| {
        text.split_whitespace().collect()
    })
}

fn rate<'a, P: PartialEq + 'a, S: AsRef<str>, T: AsRef<str>>(
    name: &'static str,
    truth: &'a [S],
    found: &'a [T],
    parts: impl Fn(&'a str) -> Vec<P>,
) -> Result<f64> {
    if truth.len() != found.len() {
        return Err(Error::shape(
            name,
            format!(
                "there are {} true texts and {} found ones; give one for each.",
                truth.len(),
                found.len()
            ),
        ));
    }
    let (mut edits, mut length) = (0, 0);
    for (truth, found) in truth.iter().zip(found) {
        let (truth, found) = (parts(truth.as_ref()), parts(found.as_ref()));
        edits += edit_distance(&truth, &found);
        length += truth.len();
    }
    if length == 0 {
        return Err(Error::shape(
            name,
            "the true texts are empty, so that there is nothing to divide the edits by.",
        ));
    }
    Ok(edits as f64 / length as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_rate_is_one_sentence() {
        let error = word_error_rate(&["one"], &["one", "two"]).unwrap_err();
        assert!(
            error.to_string().contains("1 true texts and 2 found"),
            "{error}"
        );
        let none: [&str; 1] = [" "];
        let error = word_error_rate(&none, &["one"]).unwrap_err().to_string();
        assert!(error.contains("the true texts are empty"), "{error}");
    }

    proptest! {
        #[test]
        fn it_is_a_distance(
            [a, b, c] in prop::array::uniform3(prop::collection::vec(0u8..3, 0..8)),
        ) {
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
            prop_assert_eq!(edit_distance(&a, &b) == 0, a == b);
            prop_assert!(edit_distance(&a, &c) <= edit_distance(&a, &b) + edit_distance(&b, &c));
            prop_assert!(edit_distance(&a, &b) >= a.len().abs_diff(b.len()));
            prop_assert!(edit_distance(&a, &b) <= a.len().max(b.len()));
        }
    }
}
