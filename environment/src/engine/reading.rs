//! A cell's text as evcxr must have it in order to read what the student meant. Lines stay lines, so
//! that messages keep their places.

use std::borrow::Cow;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};

/// More brackets than this within one another are refused: programs that read code recurse.
pub const MOST_NESTED: usize = 200;

/// Brackets of a text.
pub struct Brackets {
    /// Those open at its end; fewer than none if it closes too many.
    pub open: isize,
    /// The most that were open within one another.
    pub nested: usize,
}

/// Counts brackets without parsing, which recurses.
pub fn brackets(code: &str) -> Brackets {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let (mut open, mut nested) = (0_isize, 0);
    for token in 0..tokens.len() {
        match tokens.kind(token) {
            SyntaxKind::L_CURLY | SyntaxKind::L_PAREN | SyntaxKind::L_BRACK => open += 1,
            SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => open -= 1,
            _ => {}
        }
        nested = nested.max(open.max(0) as usize);
    }
    Brackets { open, nested }
}

/// Whether `code` ends within a comment or a string.
pub fn ends_within_a_token(code: &str) -> bool {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let last = tokens.len().checked_sub(1);
    last.and_then(|last| tokens.error(last))
        .is_some_and(|error| {
            ["Missing trailing", "Invalid raw string"]
                .iter()
                .any(|begin| error.starts_with(begin))
        })
}

/// How often `code` names `name` outside of comments; a string that holds the word counts, as it may
/// be a format.
pub fn mentions(code: &str, name: &str) -> usize {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let names = |token: &usize| match tokens.kind(*token) {
        SyntaxKind::IDENT => tokens.text(*token) == name,
        SyntaxKind::STRING => tokens
            .text(*token)
            .split(|c| !is_word(c))
            .any(|word| word == name),
        _ => false,
    };
    (0..tokens.len()).filter(names).count()
}

/// The name that the cell `code` asks about, as in `?Trainer` or `Trainer?`. Behind the name of a
/// variable a `?` is Rust.
pub fn asks_about(code: &str, is_variable: impl Fn(&str) -> bool) -> Option<&str> {
    let code = code.trim();
    let before = code.trim_start_matches('?');
    let name = if before.len() < code.len() {
        before.trim()
    } else {
        let name = code.strip_suffix('?')?.trim_end_matches('?').trim();
        if is_variable(name) {
            return None;
        }
        name
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_') && part.chars().all(is_word)
    };
    name.split("::").all(is_name).then_some(name)
}

/// Whether the cell asks evcxr for a new runtime process.
pub fn restarts(code: &str) -> bool {
    let mut words = code.lines().map(|line| line.split_whitespace().next());
    words.any(|word| matches!(word, Some(":clear" | ":restart")))
}

/// The cell for evcxr. `is_known` tells the names of variables and definitions.
///
/// # Errors
/// A sentence on what no cell may hold.
pub fn prepare(code: &str, is_known: impl Fn(&str) -> bool) -> Result<String, String> {
    let nested = brackets(code).nested;
    if nested > MOST_NESTED {
        return Err(format!(
            "The cell has {nested} brackets within one another; {MOST_NESTED} are the most. Give \
             inner parts a name with `let`."
        ));
    }
    let code = with_plain_spaces(code);
    let mut prepared = String::with_capacity(code.len());
    let mut rest: &str = &code;
    // evcxr looks for its own lines before the first one of Rust.
    while let Some(line) = rest.split_inclusive('\n').next() {
        let text = line.trim();
        if text.starts_with(":quit") {
            return Err(
                "`:quit` would end the kernel from within a cell. Close the notebook instead."
                    .to_owned(),
            );
        }
        if text.starts_with("::") || line.starts_with('!') && is_rust(rest, &is_known) {
            // With a tab in front evcxr takes it for Rust.
            prepared.push('\t');
            break;
        }
        if let Some(command) = line.strip_prefix('!') {
            let command = command.trim_start_matches('!').trim();
            prepared += &format!("cuaderno::notebook::shell({command:?})?;");
            prepared.push_str(&line[line.trim_end().len()..]);
        } else if text.is_empty() || text.starts_with(':') || line.starts_with("//") {
            prepared.push_str(line);
        } else {
            break;
        }
        rest = &rest[line.len()..];
    }
    prepared.push_str(rest);
    Ok(prepared)
}

/// Spaces that other programs write and Rust does not know, as in what was copied from a page, made
/// plain ones; within strings and comments they stay.
fn with_plain_spaces(code: &str) -> Cow<'_, str> {
    let strange =
        |c: char| !c.is_ascii() && c.is_whitespace() || "\u{200b}\u{2060}\u{feff}".contains(c);
    if !code.contains(strange) {
        return code.into();
    }
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let mut plain = String::with_capacity(code.len());
    for token in 0..tokens.len() {
        let text = tokens.text(token);
        if tokens.kind(token) == SyntaxKind::ERROR {
            plain.extend(text.chars().map(|c| if strange(c) { ' ' } else { c }));
        } else {
            plain.push_str(text);
        }
    }
    plain.into()
}

/// Whether `code`, which begins with `!`, is a negation and not a command for the shell.
fn is_rust(code: &str, is_known: &impl Fn(&str) -> bool) -> bool {
    let line = code.lines().next().unwrap_or_default();
    let negated = line.trim_start_matches('!');
    let name_end = negated.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, after) = negated.split_at(name_end.unwrap_or(negated.len()));
    let is_value = name.is_empty()
        || is_known(name)
        || ["true", "false"].contains(&name)
        || ["(", "::", "!", "["].iter().any(|begin| after.starts_with(begin))
        // A method, and not a file such as `train.py`.
        || after.starts_with('.') && after.contains('(');
    let parses = |text: &str| {
        let text = format!("fn cell() {{{text}\n}}");
        let parsed = SourceFile::parse(&text, Edition::Edition2024);
        parsed.errors().is_empty()
    };
    is_value && (parses(line) || parses(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(code: &str) -> String {
        prepare(code, |name| name == "done").unwrap()
    }

    #[test]
    fn a_negation_is_rust_and_a_command_runs_in_the_shell() {
        for code in [
            "!done",
            "!!done",
            "!(1 > 2)",
            "!list.is_empty()",
            "!matches!(x,\n  1)",
            "!true",
            "::std::println!(\"a\");",
            "  ::std::println!(\"a\");",
        ] {
            assert_eq!(prepared(code), format!("\t{code}"));
        }
        assert_eq!(
            prepared("// list\n!ls -la \"a b\"\n\nlet a = !b;"),
            "// list\ncuaderno::notebook::shell(\"ls -la \\\"a b\\\"\")?;\n\nlet a = !b;"
        );
        for command in [
            "!ls",
            "!ls -la",
            "!pip list",
            "!python train.py",
            "!train.sh",
        ] {
            assert!(
                prepared(command).starts_with("cuaderno::notebook::shell("),
                "{command}"
            );
        }
        for same in [
            ":dep serde = \"1\"\nlet a = 1;",
            "",
            "let a = 1;\n!done",
            "// !ls",
        ] {
            assert_eq!(prepared(same), same);
        }
        assert!(prepare(":quit", |_| false).is_err());
    }

    #[test]
    fn spaces_of_other_programs_are_spaces_but_in_text() {
        assert_eq!(
            prepared("let\u{a0}a\u{2009}= \"\u{a0}\"; //\u{a0}\nb\u{feff}"),
            "let a = \"\u{a0}\"; //\u{a0}\nb "
        );
    }

    #[test]
    fn a_question_is_told_from_a_question_mark() {
        let asks = |code| asks_about(code, |name| name == "result");
        for (code, name) in [
            ("?Trainer", "Trainer"),
            (" Trainer? ", "Trainer"),
            ("Trainer::fit??", "Trainer::fit"),
            ("?result", "result"),
        ] {
            assert_eq!(asks(code), Some(name), "{code}");
        }
        for code in [
            "result?",
            "load()?",
            "model.fit?",
            "1?",
            "",
            "?",
            "let a = b?",
        ] {
            assert_eq!(asks(code), None, "{code}");
        }
    }

    #[test]
    fn brackets_are_counted_whatever_their_number() {
        let deep = "(".repeat(100_000) + &")".repeat(100_000);
        let counted = brackets(&deep);
        assert_eq!((counted.open, counted.nested), (0, 100_000));
        assert!(prepare(&deep, |_| false).unwrap_err().contains("100000"));
        assert_eq!(brackets("f(\"((\") // ((\n)").open, -1);
    }

    #[test]
    fn an_open_comment_or_string_is_seen() {
        for code in ["/* open", "let a = \"open", "r#\"open\"", "1 /* /* */"] {
            assert!(ends_within_a_token(code), "{code}");
        }
        for code in ["/* closed */", "\"closed\"", "", "// open"] {
            assert!(!ends_within_a_token(code), "{code}");
        }
    }
}
