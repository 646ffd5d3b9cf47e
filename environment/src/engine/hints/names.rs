//! Names that the compiler does not find, and what it says they could be.

use ra_ap_syntax::ast::{self, AstNode};

use super::super::diagnostics::Span;
use super::{Advice, Problem, Rule, UNKNOWN, is_name};

pub const RULES: &[Rule] = &[new_variable, import, length_of_an_array];

/// Imports that people mean, where several things have a name.
const MEANT: [&str; 12] = [
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::collections::BTreeMap",
    "std::collections::VecDeque",
    "std::time::Instant",
    "std::time::Duration",
    "std::rc::Rc",
    "std::cell::RefCell",
    "std::sync::Arc",
    "std::sync::Mutex",
    "std::fmt::Display",
    "std::fs::File",
];

/// A name that an import brings in.
fn import(problem: &Problem) -> Option<Advice> {
    if !problem.is(&UNKNOWN) && !problem.is(&["E0405", "E0599"]) {
        return None;
    }
    let spans = problem.error.children.iter().flat_map(|child| &child.spans);
    let replacements = spans.filter_map(|span| span.suggested_replacement.as_deref());
    let mut uses: Vec<&str> = replacements
        .filter_map(|text| text.trim().strip_prefix("use ")?.strip_suffix(';'))
        .map(str::trim)
        .collect();
    // A method of another name is meant, or an operator, rather than one of some crate's trait.
    let brings_methods = |path: &&str| {
        let ours = ["cuaderno::", "candle_core::", "std::"];
        ours.iter().any(|begin| path.starts_with(begin)) && !path.starts_with("std::ops::")
    };
    if problem.is(&["E0599"]) {
        uses.retain(brings_methods);
    }
    uses.sort_unstable();
    uses.dedup();
    let ours = ["cuaderno::prelude::", "cuaderno::"];
    let of_the_prelude = || {
        ours.iter()
            .find_map(|begin| uses.iter().find(|path| path.starts_with(begin)))
    };
    let path = match uses.as_slice() {
        [] => return None,
        [path] => *path,
        _ => match MEANT.iter().find(|meant| uses.contains(meant)) {
            Some(meant) => meant,
            None => of_the_prelude()?,
        },
    };
    let in_the_prelude = [
        "cuaderno::prelude::",
        "candle_core::",
        "cuaderno::candle_core::",
    ];
    let path = match in_the_prelude.iter().any(|begin| path.starts_with(begin)) {
        true => "cuaderno::prelude::*",
        false => path,
    };
    // Behind commands, before the first line of Rust.
    let start: usize = problem
        .code
        .split_inclusive('\n')
        .take_while(|line| line.trim_start().starts_with(':') || line.trim().is_empty())
        .map(str::len)
        .sum();
    Some(match problem.line_start() <= start {
        true => Advice::new(format!("it comes with `use {path};`."))
            .edit(start..start, format!("use {path};\n")),
        false => Advice::new(format!(
            "write `use {path};` in the cell's first line, or in a cell before."
        )),
    })
}

/// `x = 3`
fn new_variable(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0425"]) {
        return None;
    }
    let assignment = problem.around::<ast::BinExpr>()?;
    let is_new = assignment.op_kind() == Some(ast::BinaryOp::Assignment { op: None })
        && problem.range_of(assignment.lhs()?.syntax()) == problem.at
        && problem.before().trim().is_empty();
    is_new.then(|| {
        let name = problem.text();
        let at = problem.at.start;
        Advice::new(format!(
            "a new variable begins with `let`, and `let mut` if it is to change: `let {name} = …;`."
        ))
        .edit(at..at, "let ")
    })
}

/// `[0; n]`
fn length_of_an_array(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0435"]) {
        return None;
    }
    let array = problem.around::<ast::ArrayExpr>()?;
    let start = problem.range_of(array.syntax()).start;
    if problem.code[..start].ends_with('!') {
        return None;
    }
    Some(
        Advice::new("an array's length is known before the cell runs. A list of any length is a `vec![0; n]`.")
            .edit(start..start, "vec!"),
    )
}

/// Whether a suggestion of which the compiler is not sure is one that people mean.
pub fn is_likely(code: &str, span: &Span, replaced: &str) -> bool {
    let text = span.suggested_replacement.as_deref().unwrap_or_default();
    match code {
        // Names: only if they are alike.
        "E0425" | "E0412" | "E0433" | "E0432" | "E0599" | "E0609" | "E0560" | "E0423"
            if is_name(replaced) =>
        {
            let most = match replaced.chars().count() {
                0..4 => 0,
                4..6 => 1,
                _ => 2,
            };
            // A list and one of its values are two things.
            let is_plural = replaced.strip_suffix('s') == Some(text);
            strsim::levenshtein(replaced, text) <= most && !is_plural
        }
        "E0616" | "E0615" => text == "()",
        "E0308" => [".to_string()", "&", "*", "push"].contains(&text) || text.starts_with(".to_"),
        "E0277" => text == "#[derive(Debug)]\n" || text == "&",
        "" => text == "let " || text == "..",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_alike_are_near() {
        let span = |text: &str| Span {
            suggested_replacement: Some(text.to_owned()),
            ..Span::default()
        };
        assert!(is_likely("E0425", &span("length"), "lenght"));
        assert!(!is_likely("E0599", &span("fmt"), "fit"));
        assert!(!is_likely("E0425", &span("b"), "a"));
        assert!(!is_likely("E0425", &span("model"), "models"));
    }
}
