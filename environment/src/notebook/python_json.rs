//! JSON as Python writes it: with `NaN` and `Infinity`, which are no JSON, and with halves of
//! characters, which are no text.

/// Text that is JSON if Python's `json` reads it.
pub struct PythonJson {
    pub text: String,
    /// How many numbers are `null` now because JSON does not have them.
    numbers: usize,
    /// How many halves of characters are U+FFFD now.
    halves: usize,
}

impl PythonJson {
    /// Reads `text`, which need not be JSON. Lines stay lines.
    pub fn read(text: &str) -> Self {
        let mut read = Self {
            text: String::with_capacity(text.len()),
            numbers: 0,
            halves: 0,
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '"' => read.string(rest),
                _ if is_of_word(first) => read.word(rest),
                _ => {
                    read.text.push(first);
                    first.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        read
    }

    /// What is not as it was, a sentence without a full stop each.
    pub fn mended(&self) -> Vec<String> {
        let mut mended = Vec::new();
        if self.numbers > 0 {
            mended.push(format!(
                "numbers that JSON does not have (NaN, Infinity) are null now: {}",
                self.numbers
            ));
        }
        if self.halves > 0 {
            mended.push(format!(
                "halves of characters (lone surrogates) are U+FFFD now: {}",
                self.halves
            ));
        }
        mended
    }

    /// Takes the string that `rest` begins with; says how long it is.
    fn string(&mut self, rest: &str) -> usize {
        let mut at = 1;
        self.text.push('"');
        while let Some(next) = rest[at..].chars().next() {
            let escaped = &rest[at..];
            let length = match next {
                '\\' => self.escape(escaped),
                _ => {
                    self.text.push(next);
                    next.len_utf8()
                }
            };
            at += length;
            if next == '"' {
                break;
            }
        }
        at
    }

    /// Takes the escape that `rest` begins with, or two that make one character.
    fn escape(&mut self, rest: &str) -> usize {
        let code = unit(rest);
        let pair = code
            .zip(rest.get(6..).and_then(unit))
            .filter(|&(first, second)| char::decode_utf16([first, second]).count() == 1);
        let is_half = code.is_some_and(|code| (0xd800..0xe000).contains(&code));
        let length = match code {
            Some(_) if pair.is_some() => 12,
            Some(_) => 6,
            None => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        if is_half && pair.is_none() {
            self.halves += 1;
            self.text.push('\u{fffd}');
        } else {
            self.text.push_str(&rest[..length]);
        }
        length
    }

    /// Takes the number or the name that `rest` begins with.
    fn word(&mut self, rest: &str) -> usize {
        let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let is_number = word
            .trim_start_matches('-')
            .starts_with(|c: char| c.is_ascii_digit());
        let too_large = || word.parse().is_ok_and(f64::is_infinite);
        if ["NaN", "Infinity", "-Infinity"].contains(&word) || is_number && too_large() {
            self.numbers += 1;
            self.text.push_str("null");
        } else {
            self.text.push_str(word);
        }
        length
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-.".contains(c)
}

/// The 16 bits of the escape `\uXXXX` that `text` begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let are_digits = digits.chars().all(|c| c.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| are_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: &str, numbers: usize, halves: usize) {
        let read = PythonJson::read(text);
        assert_eq!(read.text, expected);
        assert_eq!((read.numbers, read.halves), (numbers, halves));
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        reads(
            "[NaN, Infinity,-Infinity, 1e999, -1e999]",
            "[null, null,null, null, null]",
            5,
            0,
        );
        reads("{\"NaN\": [NaN]}", "{\"NaN\": [null]}", 1, 0);
    }

    #[test]
    fn halves_of_characters_are_replaced() {
        reads(r#"["\ud800"]"#, "[\"\u{fffd}\"]", 0, 1);
        reads(
            r#""\udc00\uD83D\uDE00\ud83d""#,
            "\"\u{fffd}\\uD83D\\uDE00\u{fffd}\"",
            0,
            2,
        );
        reads(
            r#""\ud800\ud83d\ude00""#,
            "\"\u{fffd}\\ud83d\\ude00\"",
            0,
            1,
        );
        reads(r#""a\\ud800""#, r#""a\\ud800""#, 0, 0);
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in [
            r#"{"a": [1, -2.5e-3, true, null], "b": "NaN \" Infinity \n \u00e9 é"}"#,
            "",
            "\"open",
            "\"open\\",
            r#""\u12"#,
            r#""\u+123""#,
            "nan inf [-",
            "NaNs é😀",
        ] {
            reads(text, text, 0, 0);
        }
    }
}
