//! Long lists and sums of literals. The analyser, which types variables, would take minutes for tens
//! of thousands of numbers; it sees `[0.5; 20000]`, or one number instead of a sum, which has the same
//! type, and the compiler sees them all.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Result;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SyntaxKind};

/// Lists of fewer elements stay as they are.
const LONG: usize = 500;
/// Sums of fewer terms do: the analyser's time grows with their square.
const LONG_SUM: usize = 32;
/// What stands around what is shortened; the name of its file is between the first two.
const BEGIN: &str = "/*cuaderno:";
const BEGUN: &str = "*/";
const END: &str = "/*:cuaderno*/";

/// The cell with its long lists and sums shortened; what they were is kept in `folder`.
///
/// # Errors
/// If they cannot be written.
pub fn shorten(code: &str, folder: &Path) -> Result<String> {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let mut short = String::with_capacity(code.len());
    let mut token = 0;
    while token < tokens.len() {
        if let Some((end, number)) = sum_at(&tokens, token) {
            short += &kept(tokens.range_text(token..end), &number, folder)?;
            token = end;
            continue;
        }
        short.push_str(tokens.text(token));
        token += 1;
        if tokens.kind(token - 1) == SyntaxKind::L_BRACK
            && let Some(list) = List::after(&tokens, token - 1)
            && list.elements >= LONG
        {
            let inner = tokens.range_text(token..list.end);
            let repeated = format!("{}; {}", list.element, list.elements);
            short += &kept(inner, &repeated, folder)?;
            token = list.end;
        }
    }
    Ok(short)
}

/// Keeps `text` in `folder`; returns what stands for it, which is read as `meaning`.
fn kept(text: &str, meaning: &str, folder: &Path) -> Result<String> {
    let file = file_of(text, folder);
    fs::create_dir_all(folder)?;
    fs::write(&file, text)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Lines stay lines.
    let count = |text: &str| text.matches('\n').count();
    let lines = "\n".repeat(count(text) - count(meaning));
    Ok(format!("{BEGIN}{name}{BEGUN}{meaning}{lines}{END}"))
}

/// The end of the long sum of numbers that begins with `start`, products and differences included,
/// and one of its numbers that tells the type of all.
fn sum_at(tokens: &LexedStr, start: usize) -> Option<(usize, String)> {
    let is_number = |token: usize| {
        let kind = tokens.kind(token);
        matches!(kind, SyntaxKind::INT_NUMBER | SyntaxKind::FLOAT_NUMBER)
    };
    // What follows a dot is a field, or the end of a range.
    let follows_dot = start > 0 && tokens.kind(start - 1) == SyntaxKind::DOT;
    if !is_number(start) || follows_dot {
        return None;
    }
    let (mut terms, mut last, mut is_operator_open) = (vec![start], start, false);
    for token in start + 1..tokens.len() {
        match tokens.kind(token) {
            SyntaxKind::WHITESPACE | SyntaxKind::COMMENT => {}
            SyntaxKind::PLUS
            | SyntaxKind::MINUS
            | SyntaxKind::STAR
            | SyntaxKind::SLASH
            | SyntaxKind::PERCENT => is_operator_open = true,
            _ if is_operator_open && is_number(token) => {
                is_operator_open = false;
                last = token;
                terms.push(token);
            }
            _ => break,
        }
    }
    if terms.len() < LONG_SUM {
        return None;
    }
    let typed = terms.iter().find(|&&token| has_suffix(tokens, token));
    let number = tokens.text(*typed.unwrap_or(&start)).to_owned();
    Some((last + 1, number))
}

/// The source with its lists and sums as long as they were.
///
/// # Errors
/// If what was kept in `folder` cannot be read.
pub fn restore(source: &str, folder: &Path) -> Result<String> {
    let mut whole = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, marked)) = rest.split_once(BEGIN)
        && let Some((name, marked)) = marked.split_once(BEGUN)
        && let Some((_, after)) = marked.split_once(END)
    {
        whole.push_str(before);
        whole += &fs::read_to_string(folder.join(name))?;
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

fn file_of(inner: &str, folder: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    inner.hash(&mut hasher);
    folder.join(format!("{:x}", hasher.finish()))
}

/// A list of nothing but literals, also in tuples and lists.
struct List {
    /// The token that closes it.
    end: usize,
    elements: usize,
    /// One that tells the type of all, without its comments.
    element: String,
}

impl List {
    /// The list that the bracket `open` opens, if it is one.
    fn after(tokens: &LexedStr, open: usize) -> Option<Self> {
        let mut elements: Vec<Range<usize>> = Vec::new();
        let (mut depth, mut start) = (0_usize, None);
        for token in open + 1..tokens.len() {
            match tokens.kind(token) {
                SyntaxKind::WHITESPACE | SyntaxKind::COMMENT => continue,
                SyntaxKind::COMMA if depth == 0 => {
                    elements.push(start.take()?..token);
                    continue;
                }
                SyntaxKind::R_BRACK if depth == 0 => {
                    elements.extend(start.map(|start| start..token));
                    let is_typed = |element: &&Range<usize>| {
                        let mut tokens_of_it = (*element).clone();
                        tokens_of_it.any(|token| has_suffix(tokens, token))
                    };
                    let typed = elements.iter().find(is_typed).or(elements.first())?;
                    return Some(Self {
                        end: token,
                        elements: elements.len(),
                        element: text_of(tokens, typed.clone()),
                    });
                }
                SyntaxKind::L_BRACK | SyntaxKind::L_PAREN => depth += 1,
                SyntaxKind::R_BRACK | SyntaxKind::R_PAREN => depth = depth.checked_sub(1)?,
                SyntaxKind::IDENT if tokens.text(token) == "vec" => {}
                SyntaxKind::COMMA | SyntaxKind::MINUS | SyntaxKind::BANG => {}
                SyntaxKind::TRUE_KW | SyntaxKind::FALSE_KW => {}
                kind if kind.is_literal() => {}
                _ => return None,
            }
            start.get_or_insert(token);
        }
        None
    }
}

/// The text of tokens without what is only for readers.
fn text_of(tokens: &LexedStr, range: Range<usize>) -> String {
    let told = range.filter(|token| {
        !matches!(
            tokens.kind(*token),
            SyntaxKind::WHITESPACE | SyntaxKind::COMMENT
        )
    });
    told.map(|token| tokens.text(token))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether the token is a number that says its type, as `0.5f32`.
fn has_suffix(tokens: &LexedStr, token: usize) -> bool {
    let text = tokens.text(token);
    let is_number = matches!(
        tokens.kind(token),
        SyntaxKind::INT_NUMBER | SyntaxKind::FLOAT_NUMBER
    );
    is_number
        && ["i", "u", "f"].iter().any(|kind| {
            text.rsplit_once(kind).is_some_and(|(number, bits)| {
                !number.starts_with("0x") && ["8", "16", "32", "64", "128", "size"].contains(&bits)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list, shortened and restored.
    fn shortened(code: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let short = shorten(code, folder.path()).unwrap();
        assert_eq!(restore(&short, folder.path()).unwrap(), code);
        assert_eq!(short.lines().count(), code.lines().count());
        short
    }

    #[test]
    fn a_long_list_becomes_one_element_and_comes_back() {
        let numbers = vec!["-0.5"; LONG - 1].join(",\n    ");
        let code = format!("let a = vec![\n    {numbers}, - /* a */ 2.5f32 // last\n];\na.len()");
        let short = shortened(&code);
        assert!(short.contains("*/- 2.5f32; 500\n"), "{short}");
        assert!(short.starts_with("let a = vec![/*cuaderno:") && short.ends_with("];\na.len()"));
        let rows = vec!["vec![(1, \"a\")]"; LONG].join(", ");
        let short = shortened(&format!("f([{rows},])"));
        assert!(
            short.contains("*/vec ! [ ( 1 , \"a\" ) ]; 500/*"),
            "{short}"
        );
    }

    #[test]
    fn a_long_sum_of_numbers_becomes_one_number_and_comes_back() {
        let sum = vec!["1"; LONG_SUM].join(" +\n");
        let short = shortened(&format!("let a = x.0 + {sum} - 2.5e3f32;\na"));
        assert!(short.starts_with("let a = x.0 + /*cuaderno:"), "{short}");
        assert!(short.contains("*/2.5e3f32\n"), "{short}");
        assert!(short.ends_with("/*:cuaderno*/;\na"), "{short}");
        let names = vec!["a"; LONG_SUM].join(" + ");
        let few = vec!["1"; LONG_SUM - 1].join(" * ");
        let statements = "1;\n".repeat(LONG_SUM);
        for code in [names, few, statements, "1 1 ".repeat(LONG_SUM)] {
            assert_eq!(shortened(&code), code);
        }
    }

    #[test]
    fn other_lists_stay() {
        let short = vec!["1"; LONG - 1].join(", ");
        let names = vec!["a"; LONG].join(", ");
        for code in [
            format!("[{short}]"),
            format!("[{names}]"),
            format!("[{short}, 1; 2]"),
            format!("[{short}, 1"),
            format!("[{short}, 1)]"),
            format!("// [{short}, 1]"),
        ] {
            assert_eq!(shortened(&code), code);
        }
    }
}
