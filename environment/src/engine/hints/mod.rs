//! What to do about the mistakes that people from Python make, in plain words. A hint is a rule on one
//! diagnostic of the compiler: its code, its place, the types that it names. Where a rule is not sure,
//! it says nothing. `tests/hints.rs` has for each a cell that it is for, and one that it is not for.

mod api;
mod calls;
mod lost;
mod names;
mod numbers;
mod ownership;
mod python;
mod python_names;
mod results;
mod running;
mod tensors;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, TextRange, TextSize};

use super::cell::{Cell, item_name};
use super::diagnostics::Diagnostic;
use super::variables::Gone;

pub use names::is_likely;
pub use running::hint as hint_at_run_time;

/// A cell is parsed as a function's body.
const BEFORE: &str = "fn f(){";

/// What is known of the session in which a cell failed.
pub struct Session<'a> {
    pub gone: &'a Gone,
    /// The variables and their types.
    pub variables: &'a BTreeMap<String, String>,
    pub definitions: &'a BTreeSet<String>,
}

/// What to do about a mistake.
#[derive(Debug, Default, PartialEq)]
pub struct Advice {
    /// What is wrong, where the compiler's own sentence does not tell.
    pub sentence: Option<String>,
    pub hint: String,
    /// What makes the cell right.
    pub edits: Vec<Edit>,
    /// Whether the compiler's own correction would lead astray.
    pub alone: bool,
}

/// A change of the cell's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

impl Edit {
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            range,
            text: text.into(),
        }
    }
}

impl Advice {
    fn new(hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..Self::default()
        }
    }

    fn says(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = Some(sentence.into());
        self
    }

    fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    fn edit(mut self, range: Range<usize>, text: impl Into<String>) -> Self {
        self.edits.push(Edit::new(range, text));
        self
    }
}

/// An error and the place in the cell that it is about.
pub struct Problem<'a> {
    pub error: &'a Diagnostic,
    /// The cell.
    pub code: &'a str,
    /// The place, in bytes.
    pub at: Range<usize>,
    /// The places of the error's other labels.
    pub others: Vec<(Range<usize>, String)>,
    pub session: &'a Session<'a>,
    tree: SyntaxNode,
}

/// A rule: its advice if the problem is one that it is for.
type Rule = fn(&Problem) -> Option<Advice>;

const RULES: &[&[Rule]] = &[
    python::RULES,
    lost::RULES,
    python_names::RULES,
    names::RULES,
    api::RULES,
    tensors::RULES,
    calls::RULES,
    results::RULES,
    numbers::RULES,
    text::RULES,
    ownership::RULES,
];

/// The way out of the problem, if a rule knows one.
pub fn advice(problem: &Problem) -> Option<Advice> {
    RULES
        .iter()
        .copied()
        .flatten()
        .find_map(|rule| rule(problem))
}

/// The definitions of the session that the cell `code` replaces.
pub fn changed_names(code: &str, session: &Session) -> Vec<String> {
    let cell = Cell::read(code).ok();
    let items = cell
        .iter()
        .flat_map(|cell| cell.statements())
        .filter_map(item_name);
    items
        .filter(|name| session.definitions.contains(name))
        .collect()
}

impl<'a> Problem<'a> {
    pub fn new(
        error: &'a Diagnostic,
        code: &'a str,
        at: Range<usize>,
        others: Vec<(Range<usize>, String)>,
        session: &'a Session<'a>,
    ) -> Self {
        let code_alone = with_macros_as_calls(&without_commands(code));
        let tree = SourceFile::parse(&format!("{BEFORE}{code_alone}\n}}"), Edition::Edition2024);
        Self {
            error,
            code,
            at,
            others,
            session,
            tree: tree.syntax_node(),
        }
    }

    /// Whether the error has one of these codes.
    fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.error.code())
    }

    /// Whether the code could not be read.
    fn is_syntax(&self) -> bool {
        self.error.code().is_empty()
    }

    /// What the student wrote at the place.
    fn text(&self) -> &'a str {
        &self.code[self.at.clone()]
    }

    fn line_start(&self) -> usize {
        self.code[..self.at.start]
            .rfind('\n')
            .map_or(0, |at| at + 1)
    }

    /// The line of the place.
    fn line(&self) -> &'a str {
        let rest = &self.code[self.line_start()..];
        rest.lines().next().unwrap_or_default()
    }

    /// What stands before the place in its line.
    fn before(&self) -> &'a str {
        &self.code[self.line_start()..self.at.start]
    }

    /// What stands behind the place in its line.
    fn after(&self) -> &'a str {
        self.code[self.at.end..].lines().next().unwrap_or_default()
    }

    fn range_in_tree(&self) -> TextRange {
        let at = |byte: usize| TextSize::try_from(byte + BEFORE.len()).unwrap_or_default();
        TextRange::new(at(self.at.start), at(self.at.end))
    }

    /// The bytes of the cell where a node stands.
    fn range_of(&self, node: &SyntaxNode) -> Range<usize> {
        let at = |byte: TextSize| usize::from(byte).saturating_sub(BEFORE.len());
        at(node.text_range().start())..at(node.text_range().end()).min(self.code.len())
    }

    fn text_of(&self, node: &SyntaxNode) -> &'a str {
        &self.code[self.range_of(node)]
    }

    /// The smallest node of a kind around the place, within the cell.
    fn around<N: AstNode>(&self) -> Option<N> {
        let element = self.tree.covering_element(self.range_in_tree());
        let node = match element {
            ra_ap_syntax::NodeOrToken::Node(node) => node,
            ra_ap_syntax::NodeOrToken::Token(token) => token.parent()?,
        };
        let mut nodes = node.ancestors();
        let found = nodes.find_map(N::cast)?;
        (usize::from(found.syntax().text_range().start()) >= BEFORE.len()).then_some(found)
    }

    /// The node of a kind whose text is just the place's.
    fn exactly<N: AstNode>(&self) -> Option<N> {
        let found = self.around::<N>()?;
        let nodes = found.syntax().ancestors();
        let range = self.range_in_tree();
        nodes
            .filter(|node| node.text_range() == range)
            .find_map(N::cast)
    }

    /// The function of the cell that the place is in.
    fn function(&self) -> Option<ast::Fn> {
        self.around()
    }

    /// What was expected and what was found, as the label of mismatched types says.
    fn types(&self) -> Option<(&'a str, &'a str)> {
        if self.error.code() != "E0308" {
            return None;
        }
        expected_and_found(self.error.label())
    }

    /// The type of the name as the cell or the session says it.
    fn type_of(&self, name: &str) -> Option<String> {
        if let Some(function) = self.function() {
            let parameters = function.param_list()?;
            let is_named = |parameter: &ast::Param| {
                parameter
                    .pat()
                    .is_some_and(|pattern| pattern.syntax().text() == name)
            };
            let found = parameters.params().find(is_named);
            if let Some(found) = found {
                return Some(found.ty()?.syntax().text().to_string());
            }
        }
        let lets = self.tree.descendants().filter_map(ast::LetStmt::cast);
        let before = |statement: &ast::LetStmt| {
            statement.syntax().text_range().start() < self.range_in_tree().start()
        };
        let named = |statement: &ast::LetStmt| match statement.pat() {
            Some(ast::Pat::IdentPat(pattern)) => {
                pattern.name().is_some_and(|found| found.text() == name)
            }
            _ => false,
        };
        if let Some(statement) = lets.filter(before).filter(named).last() {
            if let Some(kind) = statement.ty() {
                return Some(kind.syntax().text().to_string());
            }
            return type_of_literal(&statement.initializer()?);
        }
        self.session.variables.get(name).cloned()
    }

    /// The type of an expression, where that can be seen.
    fn type_of_expression(&self, expression: &ast::Expr) -> Option<String> {
        match expression {
            ast::Expr::PathExpr(path) => self.type_of(&path.syntax().text().to_string()),
            ast::Expr::ParenExpr(inner) => self.type_of_expression(&inner.expr()?),
            ast::Expr::PrefixExpr(inner) => self.type_of_expression(&inner.expr()?),
            ast::Expr::BinExpr(operation) => {
                let sides = [operation.lhs()?, operation.rhs()?];
                let mut kinds = sides
                    .iter()
                    .filter_map(|side| self.type_of_expression(side));
                kinds.find(|kind| is_float(kind) || kind.ends_with("Tensor"))
            }
            ast::Expr::CastExpr(cast) => Some(cast.ty()?.syntax().text().to_string()),
            other => type_of_literal(other),
        }
    }
}

/// The cell with blanks in place of commands.
fn without_commands(code: &str) -> String {
    let mut rust = false;
    let blank = |line: &str| {
        rust |= !(line.trim_start().starts_with(':')
            || line.trim().is_empty()
            || line.starts_with("//"));
        if rust {
            line.to_owned()
        } else {
            line.bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
                .collect()
        }
    };
    code.split_inclusive('\n').map(blank).collect()
}

/// Macros whose arguments are expressions.
const MACROS: [&str; 9] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "eprintln",
    "format",
    "panic",
    "print",
    "println",
];

/// The code with calls in place of macros whose arguments are expressions, each byte in its place: a
/// parser sees no expressions in macros.
fn with_macros_as_calls(code: &str) -> String {
    let tokens = LexedStr::new(Edition::Edition2024, code);
    let mut calls = String::with_capacity(code.len());
    for token in 0..tokens.len() {
        let is_macro = tokens.kind(token) == SyntaxKind::BANG
            && token > 0
            && MACROS.contains(&tokens.text(token - 1))
            && token + 1 < tokens.len()
            && tokens.kind(token + 1) == SyntaxKind::L_PAREN;
        calls.push_str(if is_macro { "_" } else { tokens.text(token) });
    }
    calls
}

fn type_of_literal(expression: &ast::Expr) -> Option<String> {
    let text = expression.syntax().text().to_string();
    let ast::Expr::Literal(_) = expression else {
        return None;
    };
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let suffix = NUMBERS
        .iter()
        .find(|kind| is_number && text.ends_with(**kind));
    Some(match suffix {
        Some(kind) => (*kind).to_owned(),
        None if !is_number => return None,
        None if text.contains(['.', 'e']) => "f64".to_owned(),
        None => "i32".to_owned(),
    })
}

/// The types of numbers.
const NUMBERS: [&str; 14] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32",
    "f64",
];

fn is_float(kind: &str) -> bool {
    matches!(kind, "f32" | "f64" | "{float}" | "floating-point number")
}

fn is_integer(kind: &str) -> bool {
    kind == "{integer}" || kind == "integer" || NUMBERS.contains(&kind) && !is_float(kind)
}

/// The two types of a label such as ``expected `f64`, found integer``.
fn expected_and_found(label: &str) -> Option<(&str, &str)> {
    let (expected, found) = label.strip_prefix("expected ")?.split_once(", found ")?;
    Some((expected.trim_matches('`'), found.trim_matches('`')))
}

/// What stands between the first two back ticks of `message`, the next two, and so on.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// A name of which nothing is known: no variable, function or type.
const UNKNOWN: [&str; 6] = ["E0423", "E0425", "E0412", "E0433", "E0432", "E0574"];

/// Whether `text` is a name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
