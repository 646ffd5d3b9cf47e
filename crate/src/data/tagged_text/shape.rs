//! What can be seen of a word without knowing it.

/// `X` for capitals, `x` for other letters and `d` for digits, each once where several follow each
/// other. Anything else stays.
pub(super) fn word_shape(word: &str) -> String {
    let mut shape = String::new();
    for letter in word.chars() {
        let class = if letter.is_uppercase() {
            'X'
        } else if letter.is_alphabetic() {
            'x'
        } else if letter.is_numeric() {
            'd'
        } else {
            letter
        };
        if !shape.ends_with(class) {
            shape.push(class);
        }
    }
    shape
}

/// The last `letters` letters in lower case, or all of a shorter word.
pub(super) fn word_end(word: &str, letters: usize) -> String {
    let word = word.to_lowercase();
    let skipped = word.chars().count().saturating_sub(letters);
    word.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_capitals_and_digits() {
        let shapes = ["London", "U.S.", "NATO", "1990s", "anti-war", ""].map(word_shape);
        assert_eq!(shapes, ["Xx", "X.X.", "X", "dx", "x-x", ""]);
    }

    #[test]
    fn ends_count_letters_not_bytes() {
        assert_eq!(word_end("Pakistan", 3), "tan");
        assert_eq!(word_end("São", 2), "ão");
        assert_eq!(word_end("US", 3), "us");
    }
}
