//! A cell as evcxr reads it: commands, then statements and items. evcxr skips in silence what it
//! cannot read; here that is found before the cell runs.

use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{Edition, SourceFile, SyntaxNode};

/// A cell is read as a function's body.
const BEFORE: &str = "fn f(){";

/// A cell's statements and items.
pub struct Cell {
    /// Where the Rust code begins, behind the commands.
    start: usize,
    statements: Vec<SyntaxNode>,
}

/// What keeps a cell from being read to its end.
#[derive(Debug, PartialEq)]
pub struct Unread {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

impl Unread {
    /// The sentence, and the line itself.
    pub fn message(&self, code: &str) -> String {
        let Self { line, reason } = self;
        let text = code.lines().nth(line - 1).unwrap_or_default();
        format!("Line {line} cannot be run: {reason}.\n  line {line}: {text}")
    }
}

impl Cell {
    /// Reads `code`.
    ///
    /// # Errors
    /// If evcxr would leave out a part of it.
    pub fn read(code: &str) -> Result<Self, Unread> {
        let start = rust_start(code);
        let rust = &code[start..];
        let unread = |at: usize, reason: &str| Unread {
            line: code[..(start + at).min(code.len())].matches('\n').count() + 1,
            reason: reason.to_owned(),
        };
        let parsed = SourceFile::parse(&format!("{BEFORE}{rust}\n}}"), Edition::Edition2024);
        let first = parsed.syntax_node().first_child().and_then(ast::Fn::cast);
        let body = first.and_then(|function| function.body());
        let Some(list) = body.and_then(|body| body.stmt_list()) else {
            return Err(unread(0, "the cell cannot be read as Rust"));
        };
        let end = usize::from(list.syntax().text_range().end()) - BEFORE.len();
        if end <= rust.len() {
            return Err(unread(
                end.saturating_sub(1),
                "this `}` closes nothing. Take it away, or add the `{` that it belongs to",
            ));
        }
        let statements: Vec<_> = list.syntax().children().collect();
        let at = |node: &SyntaxNode| usize::from(node.text_range().start()) - BEFORE.len();
        // evcxr stops where a statement has no text.
        let mut from = 0;
        for next in statements.iter().skip(1).map(at).chain([rust.len()]) {
            if next <= from && !statements.is_empty() {
                return Err(unread(from, "what follows cannot be read as Rust"));
            }
            from = next;
        }
        let nameless = statements.iter().find(|node| {
            ast::LetStmt::cast((*node).clone()).is_some_and(|statement| statement.pat().is_none())
        });
        if let Some(nameless) = nameless {
            return Err(unread(
                at(nameless),
                "`let` needs the name of a variable behind it, and words of the language such as \
                 `type`, `in` or `match` are none",
            ));
        }
        Ok(Self { start, statements })
    }

    /// The statements and items in order.
    pub fn statements(&self) -> &[SyntaxNode] {
        &self.statements
    }

    /// The byte of the cell at which `node` begins.
    pub fn position(&self, node: &SyntaxNode) -> usize {
        self.start + usize::from(node.text_range().start()) - BEFORE.len()
    }
}

/// Where the commands, comments and empty lines before the Rust code end.
fn rust_start(code: &str) -> usize {
    let is_before = |line: &str| {
        line.starts_with('!')
            || line.starts_with("//")
            || line.trim_start_matches(' ').starts_with(':')
            || line.trim().is_empty()
    };
    let lines = code.split_inclusive('\n');
    lines.take_while(|line| is_before(line)).map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(code: &str) -> Vec<String> {
        let cell = Cell::read(code).unwrap_or_else(|unread| panic!("{code}: {unread:?}"));
        let text = |node: &SyntaxNode| node.text().to_string();
        cell.statements().iter().map(text).collect()
    }

    #[test]
    fn what_a_cell_may_hold_is_read_to_its_end() {
        for code in [
            "",
            "\n// only a comment",
            "/* only a comment */",
            ":dep itertools = \"0.14\"",
        ] {
            assert!(statements(code).is_empty(), "{code}");
        }
        assert_eq!(
            statements("#![allow(unused)]\nstruct A;\nimpl A {}\nlet a = A;\na"),
            [
                "#![allow(unused)]",
                "struct A;",
                "impl A {}",
                "let a = A;",
                "a"
            ]
        );
        assert_eq!(statements("let a = 1; // one"), ["let a = 1;"]);
        let cell = Cell::read(":vars\n\n  let a = 1;").unwrap();
        assert_eq!(cell.position(&cell.statements()[0]), 9);
    }

    #[test]
    fn what_would_be_skipped_is_refused_at_its_line() {
        for (code, line) in [
            ("}\nassert_eq!(add(2, 2), 4);", 1),
            ("let a = 1;\n}\nlet b = 2;", 2),
            ("} fn g() {", 1),
            ("let a = 1;\nlet type = 3;", 2),
            ("let = 3;", 1),
            ("let in = 4;", 1),
        ] {
            let unread = Cell::read(code).err();
            assert_eq!(unread.map(|unread| unread.line), Some(line), "{code}");
        }
    }
}
