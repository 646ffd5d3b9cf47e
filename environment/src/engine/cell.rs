//! A cell as evcxr reads it: commands, then statements and items. evcxr skips in silence what it
//! cannot read; here that is found before the cell runs.

use std::collections::BTreeSet;
use std::ops::Range;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, T};

use super::reading::mentions;

/// A cell is read as a function's body.
const BEFORE: &str = "fn f(){";

/// Types of the standard library by which a static changes.
const CHANGING: [&str; 6] = ["Atomic", "Cell", "Lazy", "Mutex", "Once", "RwLock"];

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
        let mut names = BTreeSet::new();
        for node in &statements {
            if let Some(name) = item_name(node)
                && !names.insert(name.clone())
            {
                let reason = format!(
                    "the cell defines `{name}` a second time, and a session keeps one definition \
                     of a name. Give one of them another name"
                );
                return Err(unread(at(node), &reason));
            }
        }
        Ok(Self { start, statements })
    }

    /// The statements and items in order.
    pub fn statements(&self) -> &[SyntaxNode] {
        &self.statements
    }

    /// The byte of the cell where something can be put before statement `index`: behind what stands
    /// before it, and so, mostly, on an earlier line.
    pub fn place_before(&self, index: usize) -> usize {
        match index.checked_sub(1) {
            Some(before) => self.place_after(before),
            None => {
                let first = self.statements[index].text_range();
                self.start + usize::from(first.start()) - BEFORE.len()
            }
        }
    }

    /// The byte of the cell behind statement `index`.
    pub fn place_after(&self, index: usize) -> usize {
        self.start + usize::from(self.statements[index].text_range().end()) - BEFORE.len()
    }

    /// The parts of a cell of `length` bytes as evcxr takes them apart, and whether each is an item,
    /// which does not stay with the statements.
    pub fn segments(&self, length: usize) -> Vec<(Range<usize>, bool)> {
        let starts = self.statements.iter().map(|node| self.at(node));
        let starts: Vec<usize> = [self.start].into_iter().chain(starts.skip(1)).collect();
        let ends = starts.iter().skip(1).copied().chain([length]);
        let ranges = starts.iter().zip(ends).map(|(start, end)| *start..end);
        let is_item = |node: &SyntaxNode| {
            let kind = node.kind();
            !ast::Expr::can_cast(kind) && (ast::Item::can_cast(kind) || ast::Attr::can_cast(kind))
        };
        ranges.zip(self.statements.iter().map(is_item)).collect()
    }

    /// Where the last statement or item stands.
    pub fn last(&self) -> Option<Range<usize>> {
        let node = self.statements.last()?;
        let start = self.at(node);
        Some(start..start + usize::from(node.text_range().len()))
    }

    /// Where the cell ends with the call of a macro that defines items and no `;` stands behind it: to
    /// evcxr the call is an expression, whose value it shows.
    pub fn open_end(&self, macros: &dyn Fn(&str) -> bool) -> Option<usize> {
        let last = self.statements.last()?;
        let is_open = last.kind() == SyntaxKind::MACRO_EXPR;
        item_macro(last, macros).filter(|_| is_open)?;
        Some(self.place_after(self.statements.len() - 1))
    }

    /// The names that the cell's statements give to values.
    pub fn new_variables(&self) -> BTreeSet<String> {
        let lets = self
            .statements
            .iter()
            .cloned()
            .filter_map(ast::LetStmt::cast);
        lets.filter_map(|statement| statement.pat())
            .flat_map(|pattern| names_in(&pattern))
            .collect()
    }

    /// The names among `variables` that the cell gives to new values without a look at the old ones.
    pub fn replaced<'a>(&self, variables: impl Iterator<Item = &'a str>) -> Vec<String> {
        let new = |node: &SyntaxNode, name: &str| {
            let pattern = ast::LetStmt::cast(node.clone()).and_then(|statement| statement.pat());
            pattern.is_some_and(|pattern| names_in(&pattern).iter().any(|new| new == name))
        };
        let is_replaced = |name: &&str| {
            let Some(at) = self.statements.iter().position(|node| new(node, name)) else {
                return false;
            };
            let pattern = ast::LetStmt::cast(self.statements[at].clone());
            let pattern = pattern.and_then(|statement| statement.pat());
            let patterns = pattern.map(|pattern| pattern.syntax().text().to_string());
            let own = patterns.map_or(0, |text| mentions(&text, name));
            let before = self.statements[..=at].iter();
            before
                .map(|node| mentions(&node.text().to_string(), name))
                .sum::<usize>()
                == own
        };
        variables.filter(is_replaced).map(str::to_owned).collect()
    }

    fn at(&self, node: &SyntaxNode) -> usize {
        self.start + usize::from(node.text_range().start()) - BEFORE.len()
    }

    /// What the cell defines that later cells do not see as it leaves it, a sentence each; `macros`
    /// says of a macro whether it defines items.
    pub fn what_does_not_last(&self, macros: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut sentences = Vec::new();
        for node in &self.statements {
            if let Some(item) = ast::Static::cast(node.clone()) {
                let kind = item.ty().map(|kind| kind.syntax().text().to_string());
                let changes = item.mut_token().is_some()
                    || CHANGING
                        .iter()
                        .any(|name| kind.as_ref().is_some_and(|kind| kind.contains(name)));
                if let Some(name) = item.name().filter(|_| changes) {
                    sentences.push(format!(
                        "`{name}` starts anew in every cell: what must last belongs in a variable, \
                         `let {} = ...`.",
                        name.text().to_lowercase()
                    ));
                }
            }
            if let Some(name) = item_macro(node, macros) {
                sentences.push(format!(
                    "What `{name}!` defines is known in this cell alone. If later cells need it, \
                     write it without the macro, or put the call into a module: \
                     `mod name {{ ... }}`."
                ));
            }
        }
        sentences
    }
}

/// The macro that the statement `node` calls, if it defines items; `macros` says that of a macro.
fn item_macro(node: &SyntaxNode, macros: &dyn Fn(&str) -> bool) -> Option<String> {
    let call = node.descendants().find_map(ast::MacroCall::cast)?;
    let is_whole = call.syntax().text_range().start() == node.text_range().start()
        && !ast::Item::can_cast(node.kind());
    let name = call.path()?.syntax().text().to_string();
    (is_whole && (name == "thread_local" || macros(&name))).then_some(name)
}

/// The names that a pattern gives.
fn names_in(pattern: &ast::Pat) -> BTreeSet<String> {
    let names = pattern
        .syntax()
        .descendants()
        .filter_map(ast::IdentPat::cast);
    names
        .filter_map(|pattern| Some(pattern.name()?.text().to_string()))
        .collect()
}

/// The name that a session keeps an item by; macros have names of their own.
pub fn item_name(node: &SyntaxNode) -> Option<String> {
    let name = match ast::Item::cast(node.clone())? {
        ast::Item::Const(item) => item.name(),
        ast::Item::Enum(item) => item.name(),
        ast::Item::Fn(item) => item.name(),
        ast::Item::MacroDef(item) => item.name(),
        ast::Item::MacroRules(item) => {
            let name = item.name()?;
            return Some(format!("{}!", plain(name.text())));
        }
        ast::Item::Module(item) => item.name(),
        ast::Item::Static(item) => item.name(),
        ast::Item::Struct(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::TypeAlias(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        _ => None,
    };
    Some(plain(name?.text()).to_owned())
}

/// A name without what makes a word of the language a name.
pub fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// The names of what the cell `code` would make, as far as it can be read.
pub fn names(code: &str) -> BTreeSet<String> {
    let Ok(cell) = Cell::read(code) else {
        return names_in_tokens(rust_of(code));
    };
    let items = cell.statements.iter().filter_map(item_name);
    items.chain(cell.new_variables()).collect()
}

/// The same of a cell that cannot be read, as far as single words tell.
fn names_in_tokens(code: &str) -> BTreeSet<String> {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let words: Vec<usize> = (0..tokens.len())
        .filter(|token| !tokens.kind(*token).is_trivia())
        .collect();
    let (mut depth, mut names) = (0, BTreeSet::new());
    for (place, &token) in words.iter().enumerate() {
        match tokens.kind(token) {
            SyntaxKind::L_CURLY => depth += 1,
            SyntaxKind::R_CURLY => depth -= 1,
            T![fn] | T![struct] | T![enum] | T![const] | T![let] if depth == 0 => {
                let mut behind = words[place + 1..].iter();
                let name = behind.find(|word| tokens.kind(**word) != T![mut]);
                let name = name.filter(|word| tokens.kind(**word) == SyntaxKind::IDENT);
                names.extend(name.map(|word| tokens.text(*word).to_owned()));
            }
            _ => {}
        }
    }
    names
}

/// The cell without the commands, comments and empty lines before its Rust code.
pub fn rust_of(code: &str) -> &str {
    &code[rust_start(code)..]
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
        let cell = Cell::read(":vars\n\n  let a = 1; a").ok().unwrap();
        assert_eq!((cell.place_before(0), cell.place_before(1)), (9, 19));
    }

    #[test]
    fn a_variable_is_replaced_where_nothing_looks_at_what_it_was() {
        let replaced = |code: &str| {
            let cell = Cell::read(code).ok().unwrap();
            !cell.replaced(["v"].into_iter()).is_empty()
        };
        for code in ["let v = 1;", "let w = 2;\nlet (v, u) = (w, 1);\nv"] {
            assert!(replaced(code), "{code}");
        }
        for code in [
            "let w = 1;",
            "let v = v + 1;",
            "println!(\"{v}\");\nlet v = 1;",
            "{ let v = 1; }",
        ] {
            assert!(!replaced(code), "{code}");
        }
    }

    #[test]
    fn what_does_not_last_is_said() {
        let count = |code: &str| {
            let cell = Cell::read(code).unwrap_or_else(|unread| panic!("{code}: {unread:?}"));
            cell.what_does_not_last(&|name| name == "pair").len()
        };
        assert_eq!(count("static CALLS: AtomicUsize = AtomicUsize::new(0);"), 1);
        assert_eq!(count("static mut CALLS: usize = 0;"), 1);
        assert_eq!(
            count("static NAMES: [&str; 1] = [\"a\"];\nprintln!(\"{NAMES:?}\");"),
            0
        );
        assert_eq!(
            count("thread_local! { static A: u8 = 1; }\npair!(Shoes);"),
            2
        );
    }

    #[test]
    fn a_macro_that_defines_items_is_no_value() {
        let end = |code: &str| {
            let cell = Cell::read(code).ok().unwrap();
            cell.open_end(&|name| name == "pair")
        };
        for code in [
            "thread_local! { static A: u8 = 1; }",
            "let a = 1;\npair!(Shoes)",
        ] {
            assert_eq!(end(code), Some(code.len()), "{code}");
        }
        for code in [
            "pair!(Shoes);",
            "vec![1]",
            "pair!(Shoes);\nA",
            "{ pair!(Shoes) }",
        ] {
            assert_eq!(end(code), None, "{code}");
        }
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
            (
                "macro_rules! sq { () => {} }\nfn sq() {}\nmacro_rules! sq { () => {} }",
                3,
            ),
        ] {
            let unread = Cell::read(code).err();
            assert_eq!(unread.map(|unread| unread.line), Some(line), "{code}");
        }
    }
}
