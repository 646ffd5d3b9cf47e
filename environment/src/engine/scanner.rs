//! A stream of bytes from the runtime process, cut into the student's text and what is between it.

use cuaderno_protocol::{MARK, evcxr};

/// A piece of the stream.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// What a cell printed.
    Text(String),
    /// One representation of a value, as evcxr's protocol shows it.
    Content { mime: String, content: String },
    /// A line of the generated code to evcxr.
    Evcxr(String),
    /// A line that begins with [`MARK`], without that.
    Signal(String),
}

/// Cuts bytes as they come; holds back what is not complete.
#[derive(Default)]
pub struct Scanner {
    held: Vec<u8>,
}

/// Lines of the generated code that evcxr acts on.
const FOR_EVCXR: [&str; 4] = [
    evcxr::PANIC,
    evcxr::ERROR,
    evcxr::VARIABLE_CHANGED_TYPE,
    evcxr::INPUT_REQUEST,
];

impl Scanner {
    /// The pieces that are complete with `bytes`.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some((piece, length)) = next_piece(&self.held[at..]) {
            at += length;
            match (pieces.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (_, piece) => pieces.push(piece),
            }
        }
        self.held.drain(..at);
        pieces
    }
}

/// The first piece of `bytes` and its length; none if it is not complete.
fn next_piece(bytes: &[u8]) -> Option<(Piece, usize)> {
    let marks = [MARK, evcxr::PREFIX].map(|mark| find(bytes, mark.as_bytes()));
    let Some(mark) = marks.into_iter().flatten().min() else {
        return text(bytes, bytes.len() - unfinished_mark(bytes));
    };
    if mark > 0 {
        return text(bytes, mark).or_else(|| Some((lossy(&bytes[..mark]), mark)));
    }
    if bytes.starts_with(evcxr::BEGIN_CONTENT.as_bytes()) {
        return content(bytes);
    }
    let end = find(bytes, b"\n")?;
    let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let piece = if let Some(signal) = line.strip_prefix(MARK) {
        Piece::Signal(signal.to_owned())
    } else if FOR_EVCXR.iter().any(|start| line.starts_with(start)) {
        Piece::Evcxr(line)
    } else {
        // A student's own words.
        return Some((lossy(&bytes[..evcxr::PREFIX.len()]), evcxr::PREFIX.len()));
    };
    Some((piece, end + 1))
}

/// `EVCXR_BEGIN_CONTENT mime`, lines, `EVCXR_END_CONTENT`.
fn content(bytes: &[u8]) -> Option<(Piece, usize)> {
    let head = find(bytes, b"\n")? + 1;
    let body = &bytes[head..];
    let last_line = format!("{}\n", evcxr::END_CONTENT);
    let end = find(body, last_line.as_bytes());
    // A panic while a value was written leaves it without its end.
    let broken = find(body, MARK.as_bytes()).filter(|&at| end.is_none_or(|end| at < end));
    if broken.is_some() {
        return Some((lossy(&bytes[..head]), head));
    }
    let end = end?;
    let utf8 = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .trim_end_matches('\n')
            .to_owned()
    };
    let piece = Piece::Content {
        mime: utf8(&bytes[evcxr::BEGIN_CONTENT.len()..head]),
        content: utf8(&body[..end]),
    };
    Some((piece, head + end + last_line.len()))
}

/// The text up to `length`, without a character that has only begun.
fn text(bytes: &[u8], length: usize) -> Option<(Piece, usize)> {
    let bytes = &bytes[..length];
    let complete = match std::str::from_utf8(bytes) {
        Ok(_) => length,
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        // Some bytes are not text at all.
        Err(_) => length,
    };
    (complete > 0).then(|| (lossy(&bytes[..complete]), complete))
}

fn lossy(bytes: &[u8]) -> Piece {
    Piece::Text(String::from_utf8_lossy(bytes).into_owned())
}

/// How many bytes at the end may be the beginning of a mark.
fn unfinished_mark(bytes: &[u8]) -> usize {
    let longest = MARK.len().max(evcxr::PREFIX.len()) - 1;
    (1..=longest.min(bytes.len()))
        .rev()
        .find(|&length| {
            let end = &bytes[bytes.len() - length..];
            [MARK, evcxr::PREFIX]
                .iter()
                .any(|mark| mark.as_bytes().starts_with(end))
        })
        .unwrap_or(0)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(chunks: &[&str]) -> Vec<Piece> {
        let mut scanner = Scanner::default();
        chunks
            .iter()
            .flat_map(|chunk| scanner.feed(chunk.as_bytes()))
            .collect()
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn text_does_not_wait_for_its_newline() {
        assert_eq!(scan(&["one\ntw", "o"]), [text("one\ntw"), text("o")]);
    }

    #[test]
    fn a_signal_may_follow_text_without_a_newline_and_come_in_parts() {
        assert_eq!(
            scan(&["a\u{1e}cuad", "erno:finished\nb"]),
            [text("a"), Piece::Signal("finished".to_owned()), text("b")]
        );
        let panic = "EVCXR_PANIC_NOTIFICATION";
        assert_eq!(
            scan(&["a", "EVC", "XR_PANIC_NOTIFICATION\n"]),
            [text("a"), Piece::Evcxr(panic.to_owned())]
        );
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        let said: String = scan(&["EVC", "EL and EVCXR_ME\n", "\u{1e}x"])
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(said, "EVCEL and EVCXR_ME\n\u{1e}x");
    }

    #[test]
    fn a_value_is_one_piece_a_representation() {
        assert_eq!(
            scan(&[
                "EVCXR_BEGIN_CONTENT text/plain\na\n",
                "b\nEVCXR_END_CONTENT\n"
            ]),
            [Piece::Content {
                mime: "text/plain".to_owned(),
                content: "a\nb".to_owned()
            }]
        );
    }

    #[test]
    fn a_value_whose_writing_panicked_is_text() {
        let pieces = scan(&["EVCXR_BEGIN_CONTENT text/plain\nhalf\u{1e}cuaderno:finished\n"]);
        assert_eq!(pieces.last(), Some(&Piece::Signal("finished".to_owned())));
    }

    #[test]
    fn a_character_cut_in_two_is_put_together_again() {
        let mut scanner = Scanner::default();
        let bytes = "né".as_bytes();
        assert_eq!(scanner.feed(&bytes[..2]), [text("n")]);
        assert_eq!(scanner.feed(&bytes[2..]), [text("é")]);
    }
}
