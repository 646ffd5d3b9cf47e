//! Cells that cannot be read. evcxr would take them apart at the wrong places, and the compiler would
//! then speak of what nobody wrote; so they are shown to the compiler as they are.

use std::fs;
use std::path::Path;
use std::process::Command;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};
use serde_json::Value;

use super::diagnostics::Report;
use super::reading;

/// What stands before the cell when the compiler only reads it: it is not asked what names mean.
const BEFORE: &str = "#[cfg(any())]\nfn cell() {\n";
/// How many lines that is.
pub const LINES_BEFORE: usize = 2;

/// Something that is opened and not closed, or closed and not opened.
#[derive(Debug, PartialEq)]
pub struct Unbalanced {
    pub sentence: String,
    pub hint: String,
    /// The byte of the bracket or quote.
    pub at: usize,
}

/// The first bracket, string or comment of `code` that has no other end.
/// `before` lines stand above `code`.
pub fn unbalanced(code: &str, before: usize) -> Option<Unbalanced> {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let mut open: Vec<(usize, char, usize)> = Vec::new();
    let mut at = 0;
    let line = |at: usize| before + code[..at].matches('\n').count() + 1;
    for token in 0..tokens.len() {
        let text = tokens.text(token);
        let start = at;
        at += text.len();
        let closes = match tokens.kind(token) {
            SyntaxKind::L_CURLY => '}',
            SyntaxKind::L_PAREN => ')',
            SyntaxKind::L_BRACK => ']',
            SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => {
                match open.last() {
                    Some((_, closes, _)) if text.starts_with(*closes) => {
                        open.pop();
                    }
                    None => {
                        return Some(Unbalanced {
                            sentence: format!("this `{text}` closes nothing"),
                            hint: format!("take the `{text}` away, or add what it belongs to."),
                            at: start,
                        });
                    }
                    Some((opened, closes, _)) => {
                        // Where a later bracket fits, the one in between is missing.
                        let bracket = &code[*opened..=*opened];
                        let is_outer = open.iter().any(|(_, closes, _)| text.starts_with(*closes));
                        let (at, sentence) = match is_outer {
                            true => (
                                *opened,
                                format!(
                                    "the `{bracket}` in line {} is never closed",
                                    line(*opened)
                                ),
                            ),
                            false => (
                                start,
                                format!(
                                    "the `{bracket}` in line {} is closed by a `{text}`",
                                    line(*opened)
                                ),
                            ),
                        };
                        let hint = match is_outer {
                            true => format!(
                                "a `{closes}` is missing before the `{text}` in line {}.",
                                line(start)
                            ),
                            false => format!("write `{closes}` in place of `{text}`."),
                        };
                        return Some(Unbalanced { sentence, hint, at });
                    }
                }
                continue;
            }
            _ => continue,
        };
        open.push((start, closes, token));
    }
    let last = tokens.len().checked_sub(1)?;
    if reading::ends_within_a_token(code) {
        let text = tokens.text(last);
        let at = code.len() - text.len();
        let is_comment = tokens.kind(last) == SyntaxKind::COMMENT;
        let (what, end) = if is_comment {
            ("comment", "*/")
        } else {
            ("text", "\"")
        };
        return Some(Unbalanced {
            sentence: format!("the {what} that begins in line {} has no end", line(at)),
            hint: format!("close it with `{end}`."),
            at,
        });
    }
    let (at, closes, _) = *open.last()?;
    let bracket = &code[at..=at];
    Some(Unbalanced {
        sentence: format!("the `{bracket}` in line {} is never closed", line(at)),
        hint: format!("add the `{closes}` that belongs to it."),
        at,
    })
}

/// What the compiler says of a cell that cannot be read; `None` if it can.
pub fn report(code: &str, rust: &str, rustc: &Path, folder: &Path) -> Option<Report> {
    let parsed = SourceFile::parse(&format!("fn f(){{{rust}\n}}"), Edition::Edition2024);
    if parsed.errors().is_empty() {
        return None;
    }
    // Commands are not for the compiler; lines stay lines.
    let blank: String = code[..code.len() - rust.len()]
        .chars()
        .filter(|c| *c == '\n')
        .collect();
    let source = format!("{BEFORE}{blank}{rust}\n}}\n");
    let file = folder.join("src/lib.rs");
    fs::write(&file, &source).ok()?;
    let output = Command::new(rustc)
        .args([
            "--edition=2024",
            "--error-format=json",
            "--emit=metadata",
            "--crate-type=lib",
        ])
        .args(["--crate-name=cell", "--out-dir"])
        .arg(folder.join("out"))
        .arg(&file)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let errors = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors = errors.filter_map(|error| serde_json::from_value(error).ok());
    let report = Report {
        source,
        errors: errors.collect(),
    };
    report
        .errors
        .iter()
        .any(super::diagnostics::Diagnostic::is_about_something)
        .then_some(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_closed_is_named_where_it_is_opened() {
        for (code, at, words) in [
            (
                "for i in 0..3 {\n  f(i);",
                14,
                "the `{` in line 1 is never closed",
            ),
            (
                "f(1, 2;\nlet a = 1;",
                1,
                "the `(` in line 1 is never closed",
            ),
            (
                "fn f() { g(1, 2; }",
                10,
                "the `(` in line 1 is never closed",
            ),
            ("g(1];", 3, "the `(` in line 1 is closed by a `]`"),
            ("let a = 1;\n}", 11, "this `}` closes nothing"),
            (
                "let a = 1;\nlet s = \"abc;",
                19,
                "the text that begins in line 2 has no end",
            ),
            ("/* a", 0, "the comment that begins in line 1 has no end"),
        ] {
            let found = unbalanced(code, 0).unwrap();
            assert_eq!((found.sentence.as_str(), found.at), (words, at), "{code}");
        }
        for code in ["", "f(\"(\")", "// (", "'('", "let a = [(1, 2)];"] {
            assert_eq!(unbalanced(code, 0), None, "{code}");
        }
    }
}
