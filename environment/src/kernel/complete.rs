//! Whether code is complete, what could follow it, and where in it a front end's cursor is.

use jupyter_protocol::{CompleteReply, InspectReply, IsCompleteReply};
use ra_ap_syntax::{Edition, SourceFile};
use serde_json::json;

use crate::engine::{Contents, Depth, EngineThread, NOTHING_KNOWN, ends_within_a_token};
use crate::media::media;

/// Whether `code` is a whole cell: what a console asks before it runs a line.
pub fn is_complete(code: &str) -> IsCompleteReply {
    // A cell is statements and items, as a function's body.
    const BEFORE: &str = "fn cell() {";
    let code = commands_removed(code);
    if ends_within_a_token(&code) {
        return IsCompleteReply::incomplete(String::new());
    }
    let depth = Depth::of(&code);
    if depth.check().is_err() {
        // Parsing recurses. The cell is refused when it runs, which tells why.
        return IsCompleteReply::complete();
    }
    let parsed = SourceFile::parse(&format!("{BEFORE}{code}\n}}"), Edition::Edition2024);
    if parsed.errors().is_empty() {
        return IsCompleteReply::complete();
    }
    let end = BEFORE.len() + code.trim_end().len();
    let at_the_end = |error: &ra_ap_syntax::SyntaxError| usize::from(error.range().end()) >= end;
    if depth.open > 0 {
        IsCompleteReply::incomplete("    ".repeat(depth.open as usize))
    } else if depth.open == 0 && parsed.errors().iter().all(at_the_end) {
        IsCompleteReply::incomplete(String::new())
    } else {
        IsCompleteReply::invalid()
    }
}

/// `code` without the engine's commands, such as `:dep`.
fn commands_removed(code: &str) -> String {
    let lines = code.lines();
    let lines = lines.map(|line| if line.starts_with(':') { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// What could stand at the cursor.
pub fn complete(engine: &mut EngineThread, code: &str, cursor: usize) -> CompleteReply {
    let Ok(found) = engine.completions(code, byte_at(code, cursor)) else {
        return CompleteReply {
            cursor_start: cursor,
            cursor_end: cursor,
            ..CompleteReply::default()
        };
    };
    let (start, end) = (
        character_at(code, found.start_offset),
        character_at(code, found.end_offset),
    );
    let mut matches = Vec::new();
    let mut types = Vec::new();
    for completion in &found.completions {
        // Arguments, fields and blocks are the student's to write.
        let text = completion
            .code
            .split(['(', '{', '$', ' ', '\n'])
            .next()
            .unwrap_or_default()
            .to_owned();
        if !text.is_empty() && !matches.contains(&text) {
            types.push(json!({
                "text": text, "start": start, "end": end,
                "type": completion.kind, "signature": completion.label,
            }));
            matches.push(text);
        }
    }
    let metadata = json!({"_jupyter_types_experimental": types});
    CompleteReply {
        matches,
        cursor_start: start,
        cursor_end: end,
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        ..CompleteReply::default()
    }
}

/// The signature and the documentation of what the cursor is on.
pub fn inspect(engine: &mut EngineThread, code: &str, cursor: usize) -> InspectReply {
    let position = byte_at(code, cursor);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let rest = &code[position..];
    let end = position + rest.find(|c| !word(c)).unwrap_or(rest.len());
    match engine.describe(code, end) {
        Ok((text, html)) if text != NOTHING_KNOWN => InspectReply {
            found: true,
            data: media(&Contents::text(text).with("text/html", html)),
            ..InspectReply::default()
        },
        _ => InspectReply::default(),
    }
}

/// The byte at which the `character`-th character of `code` begins.
fn byte_at(code: &str, character: usize) -> usize {
    let mut characters = code.char_indices();
    characters
        .nth(character)
        .map_or(code.len(), |(byte, _)| byte)
}

fn character_at(code: &str, byte: usize) -> usize {
    code.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use jupyter_protocol::IsCompleteReplyStatus::{Complete, Incomplete, Invalid};

    use super::*;

    #[test]
    fn complete_incomplete_and_wrong_code_are_told_apart() {
        for code in [
            "1 + 1",
            "let a = 1;",
            "fn f() {}\nf()",
            "",
            ":dep serde = \"1\"\nlet a = 1;",
            "// {",
            "\"{\".len()",
        ] {
            assert_eq!(is_complete(code).status, Complete, "{code}");
        }
        for code in [
            "fn f() {",
            "let a =",
            "vec![1,",
            "for i in 0..3 {\n",
            "f(",
            "/* open",
            "let a = \"open",
        ] {
            assert_eq!(is_complete(code).status, Incomplete, "{code}");
        }
        for code in ["let a = 1; }", "fn 3() {}\nlet a = 1;", ")"] {
            assert_eq!(is_complete(code).status, Invalid, "{code}");
        }
        assert_eq!(is_complete("fn f() {\n    if a {").indent, "        ");
        // As many as a parser's stack does not hold.
        is_complete(&"(".repeat(100_000));
    }

    #[test]
    fn a_cursor_counts_characters() {
        let code = "ñandú.len";
        assert_eq!(byte_at(code, 1), 2);
        assert_eq!(byte_at(code, 99), code.len());
        assert_eq!(character_at(code, byte_at(code, 6)), 6);
    }
}
