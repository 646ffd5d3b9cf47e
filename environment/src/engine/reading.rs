//! A cell's text as evcxr must have it in order to read what the student meant. Lines stay lines, so
//! that messages keep their places.

use std::borrow::Cow;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};

/// More brackets than this within one another are refused: programs that read code recurse.
pub const MOST_NESTED: usize = 200;

/// More operators than this in one expression are refused, for the same reason: the left side of
/// each is an expression of its own. The compiler itself overflows its stack below 10,000.
pub const MOST_OPERATORS: usize = 4_000;

/// How deep programs that read a text must go.
pub struct Depth {
    /// Brackets that are open at its end; fewer than none if it closes too many.
    pub open: isize,
    /// The most brackets that were open within one another.
    pub nested: usize,
    /// The most operators and dots in one expression, brackets within it aside.
    pub operators: usize,
}

impl Depth {
    /// Measures `code` without parsing, which recurses.
    pub fn of(code: &str) -> Self {
        let tokens = LexedStr::new(Edition::Edition2024, code);
        let mut depth = Self {
            open: 0,
            nested: 0,
            operators: 0,
        };
        // Of the expression in each open bracket.
        let mut operators = vec![0];
        let (mut is_operator_open, mut block_ended) = (false, false);
        for token in 0..tokens.len() {
            let kind = tokens.kind(token);
            let was_open = std::mem::take(&mut is_operator_open);
            if matches!(kind, SyntaxKind::WHITESPACE | SyntaxKind::COMMENT) {
                continue;
            }
            let here = operators.len() - 1;
            let after_block = std::mem::replace(&mut block_ended, kind == SyntaxKind::R_CURLY);
            match kind {
                SyntaxKind::L_CURLY | SyntaxKind::L_PAREN | SyntaxKind::L_BRACK => {
                    depth.open += 1;
                    operators.push(0);
                }
                SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => {
                    depth.open -= 1;
                    operators.truncate(here.max(1));
                }
                SyntaxKind::SEMICOLON | SyntaxKind::COMMA => operators[here] = 0,
                SyntaxKind::AS_KW | SyntaxKind::ELSE_KW => operators[here] += 1,
                // Of two signs side by side, the second may belong to the first.
                _ if "!%&*+-./<=>?^|".contains(tokens.text(token)) => {
                    operators[here] += usize::from(!was_open);
                    is_operator_open = !was_open;
                }
                _ if after_block => operators[here] = 0,
                _ => {}
            }
            depth.nested = depth.nested.max(depth.open.max(0) as usize);
            let most = operators.last().copied().unwrap_or(0);
            depth.operators = depth.operators.max(most);
        }
        depth
    }

    /// # Errors
    /// A sentence, if there is more of something than programs can read.
    pub fn check(&self) -> Result<(), String> {
        let Self {
            nested, operators, ..
        } = self;
        if *nested > MOST_NESTED {
            return Err(format!(
                "The cell has {nested} brackets within one another; {MOST_NESTED} are the most. \
                 Give inner parts a name with `let`."
            ));
        }
        if *operators > MOST_OPERATORS {
            return Err(format!(
                "The cell has {operators} operators in one expression; {MOST_OPERATORS} are the \
                 most. Give parts of it a name with `let`, or put the values into a list and loop \
                 over it."
            ));
        }
        Ok(())
    }
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

/// Whether the cell names crates with `:dep`.
pub fn asks_for_crates(code: &str) -> bool {
    let mut words = code.lines().map(|line| line.split_whitespace().next());
    words.any(|word| word == Some(":dep"))
}

/// The cell for evcxr. `is_known` tells the names of variables and definitions.
///
/// # Errors
/// A sentence on what no cell may hold.
pub fn prepare(code: &str, is_known: impl Fn(&str) -> bool) -> Result<String, String> {
    Depth::of(code).check()?;
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
        let counted = Depth::of(&deep);
        assert_eq!((counted.open, counted.nested), (0, 100_000));
        assert!(prepare(&deep, |_| false).unwrap_err().contains("100000"));
        assert_eq!(Depth::of("f(\"((\") // ((\n)").open, -1);
    }

    #[test]
    fn operators_are_counted_in_each_expression() {
        let operators = |code: &str| Depth::of(code).operators;
        assert_eq!(operators("1 + 2 * -3"), 3);
        assert_eq!(operators("a && b || c == d"), 3);
        assert_eq!(operators("!!!!x"), 2);
        assert_eq!(operators("x.a().b()?"), 3);
        assert_eq!(operators("1 + (2 + 3) + [4 + 5, 6 + 7 + 8][0]"), 2);
        assert_eq!(operators("a + b; c + d, e + f"), 1);
        assert_eq!(operators("if a {} else if b {} else {}"), 2);
        assert_eq!(operators("fn f(a: &u8) -> u8 { 1 } fn g() -> u8 { 2 }"), 1);
        assert_eq!(operators(&"x as f64 / 2.0;\n".repeat(9_000)), 2);
        assert_eq!(operators(&")".repeat(9)), 0);
        let long = |terms| vec!["a"; terms].join("+");
        assert!(prepare(&long(MOST_OPERATORS + 1), |_| false).is_ok());
        let refused = prepare(&long(100_000), |_| false).unwrap_err();
        assert!(refused.starts_with("The cell has 99999 operators in one"));
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
