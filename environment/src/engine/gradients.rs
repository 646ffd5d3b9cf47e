//! Warns where a cell uses an operation of candle whose gradient is wrong or missing. A training
//! would go through in silence and learn something else, and an inherent method cannot be hidden.

use std::collections::BTreeMap;

use ra_ap_syntax::ast::{self, HasName};
use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, SyntaxToken, T};

/// Methods of candle's tensors, what is wrong with each, and what to use.
const METHODS: [(&str, &str, &str); 8] = [
    ("max_pool2d", WRONG, "cuaderno::ops::max_pool2d"),
    ("max_pool2d_with_stride", WRONG, "cuaderno::ops::max_pool2d"),
    ("avg_pool2d", WRONG, "cuaderno::ops::avg_pool2d"),
    ("avg_pool2d_with_stride", WRONG, "cuaderno::ops::avg_pool2d"),
    (
        "upsample_nearest2d",
        WRONG,
        "cuaderno::ops::upsample_nearest2d",
    ),
    ("interpolate2d", WRONG, "cuaderno::ops::upsample_nearest2d"),
    ("conv1d", WRONG, "cuaderno::ops::conv1d"),
    ("conv1d_with_algo", WRONG, "cuaderno::ops::conv1d"),
];

/// The same for what `candle_nn` has under these names, in whichever of its modules.
const FUNCTIONS: [(&str, &str, &str); 10] = [
    ("layer_norm", MISSING, "cuaderno::ops::layer_norm"),
    ("layer_norm_no_bias", MISSING, "cuaderno::nn::LayerNorm"),
    ("LayerNorm", MISSING, "cuaderno::nn::LayerNorm"),
    ("rms_norm", MISSING, "candle_nn::ops::rms_norm_slow"),
    ("RmsNorm", MISSING, "candle_nn::ops::rms_norm_slow"),
    ("softmax_last_dim", MISSING, "cuaderno::ops::softmax"),
    (
        "binary_cross_entropy_with_logit",
        "gives infinities and a gradient that is no number for large logits",
        "cuaderno::ops::bce_with_logits",
    ),
    ("conv1d", WRONG, "cuaderno::nn::Conv1d"),
    ("conv1d_no_bias", WRONG, "cuaderno::nn::Conv1d"),
    ("Conv1d", WRONG, "cuaderno::nn::Conv1d"),
];

const WRONG: &str = "gives a wrong gradient";
const MISSING: &str = "gives no gradient, so what is before it does not learn";

/// What the cells of a session have imported.
#[derive(Default)]
pub struct Gradients {
    /// Names and the paths that they stand for.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths of which all is imported.
    globs: Vec<Vec<String>>,
}

impl Gradients {
    /// A line of warning for each use of such an operation in `code`. What it imports is remembered
    /// for later cells.
    pub fn warnings(&mut self, code: &str) -> String {
        // A cell is the body of a function; the line stays the same.
        let wrapped = format!("fn cell() {{{code}\n}}");
        let file = SourceFile::parse(&wrapped, Edition::Edition2024).tree();
        let syntax = file.syntax();
        for tree in syntax.descendants().filter_map(ast::Use::cast) {
            if let Some(tree) = tree.use_tree() {
                self.import(&[], &tree);
            }
        }
        let is_code = |token: &SyntaxToken| {
            let in_import = |node| ast::Use::can_cast(ra_ap_syntax::SyntaxNode::kind(&node));
            !token.kind().is_trivia() && !token.parent_ancestors().any(in_import)
        };
        let tokens: Vec<SyntaxToken> = syntax
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .filter(is_code)
            .collect();
        let mut warnings = String::new();
        // Token by token: what stands in a macro, such as `println!`, has no other syntax.
        for at in 0..tokens.len() {
            if let Some((name, problem, ours)) = self.found(&tokens[..=at]) {
                let before = usize::from(tokens[at].text_range().start());
                let line = wrapped[..before].matches('\n').count() + 1;
                warnings +=
                    &format!("warning: line {line}: candle's `{name}` {problem}. Use `{ours}`.\n");
            }
        }
        warnings
    }

    fn import(&mut self, before: &[String], tree: &ast::UseTree) {
        let path = tree.path().map(|path| path.syntax().text().to_string());
        let path = path.unwrap_or_default();
        let segments = path.split("::").map(|segment| segment.trim().to_owned());
        let segments = segments.filter(|segment| !segment.is_empty() && segment != "self");
        let path: Vec<String> = before.iter().cloned().chain(segments).collect();
        if let Some(list) = tree.use_tree_list() {
            for tree in list.use_trees() {
                self.import(&path, &tree);
            }
        } else if tree.star_token().is_some() {
            self.globs.push(self.resolved(path));
        } else if let Some(last) = path.last() {
            let renamed = tree.rename().and_then(|rename| rename.name());
            let name = renamed.map_or_else(|| last.clone(), |name| name.text().to_string());
            let path = self.resolved(path);
            self.imports.insert(name, path);
        }
    }

    /// The path with what its first word was imported as.
    fn resolved(&self, path: Vec<String>) -> Vec<String> {
        match path.first().and_then(|first| self.imports.get(first)) {
            Some(imported) => imported.iter().chain(&path[1..]).cloned().collect(),
            None => path,
        }
    }

    /// What the last of `tokens` is, if that is one of the operations.
    fn found(
        &self,
        tokens: &[SyntaxToken],
    ) -> Option<&'static (&'static str, &'static str, &'static str)> {
        let [before @ .., last] = tokens else {
            return None;
        };
        if last.kind() != SyntaxKind::IDENT {
            return None;
        }
        let kind_before = before.last().map(SyntaxToken::kind);
        if kind_before == Some(T![.]) {
            return METHODS.iter().find(|(name, ..)| *name == last.text());
        }
        if kind_before == Some(T![fn]) {
            return None;
        }
        let path = self.resolved(path(tokens));
        let of = |path: &[String], package: &str| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            matches!(path[..], [first, ..] if first == package)
                || matches!(path[..], ["cuaderno", second, ..] if second == package)
        };
        let is_of_tensor = path
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|owner| owner == "Tensor");
        if is_of_tensor {
            return METHODS.iter().find(|(name, ..)| *name == last.text());
        }
        let in_candle_nn = of(&path, "candle_nn")
            || (path.len() == 1 && self.globs.iter().any(|glob| of(glob, "candle_nn")));
        let functions = in_candle_nn.then_some(&FUNCTIONS)?;
        functions
            .iter()
            .find(|(name, ..)| path.last().is_some_and(|last| last == name))
    }
}

/// The path that ends with the last of `tokens`.
fn path(tokens: &[SyntaxToken]) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = tokens;
    while let [before @ .., name] = rest
        && name.kind() == SyntaxKind::IDENT
    {
        path.insert(0, name.text().to_owned());
        // Two colons are one token in code and two in a macro.
        rest = match before {
            [before @ .., colons] if colons.kind() == T![::] => before,
            [before @ .., first, second] if first.kind() == T![:] && second.kind() == T![:] => {
                before
            }
            _ => break,
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are warned of, in a session of these cells.
    fn lines(cells: &[&str]) -> Vec<String> {
        let mut gradients = Gradients::default();
        let warnings = cells.iter().map(|cell| gradients.warnings(cell));
        let warnings: String = warnings.collect();
        let line = |warning: &str| {
            let (_, rest) = warning.split_once("line ").unwrap();
            let (line, rest) = rest.split_once(": candle's `").unwrap();
            format!("{line} {}", rest.split_once('`').unwrap().0)
        };
        warnings.lines().map(line).collect()
    }

    #[test]
    fn a_warning_says_what_is_wrong_and_names_ours() {
        let warning = Gradients::default().warnings("let x = 1;\nx.max_pool2d(2)?");
        assert_eq!(
            warning,
            "warning: line 2: candle's `max_pool2d` gives a wrong gradient. \
             Use `cuaderno::ops::max_pool2d`.\n"
        );
    }

    #[test]
    fn methods_are_found_wherever_they_stand_and_functions_of_that_name_are_ours() {
        for (name, ..) in METHODS {
            let found = [format!("1 {name}")];
            for cell in [
                format!("let y = (&x * 2.0)?.{name}(2)?;"),
                format!("println!(\"{{}}\", x.{name}(2)?);"),
                format!("fn f(x: &Tensor) -> Tensor {{ Tensor::{name}(x, 2).unwrap() }}"),
            ] {
                assert_eq!(lines(&[&cell]), found, "{cell}");
            }
            for cell in [
                format!("let y = ops::{name}(&x, 2)?;"),
                format!("use cuaderno::ops::*;\nlet y = {name}(&x, 2)?;"),
                format!("// x.{name}(2)\nlet text = \"x.{name}(2)\";"),
                format!("fn {name}(x: &Tensor) {{}}"),
            ] {
                assert_eq!(lines(&[&cell]), [""; 0], "{cell}");
            }
        }
    }

    #[test]
    fn functions_of_candle_nn_are_found_however_they_are_imported_and_ours_are_not() {
        for (name, ..) in FUNCTIONS {
            let found = [format!("1 {name}")];
            for cells in [
                [String::new(), format!("candle_nn::ops::{name}(&x)?")],
                [
                    String::new(),
                    format!("dbg!(cuaderno::candle_nn::{name}(&x)?);"),
                ],
                [
                    format!("use candle_nn::ops::{name};"),
                    format!("{name}(&x)?"),
                ],
                [
                    "use candle_nn::{ops, VarBuilder};".into(),
                    format!("ops::{name}(&x)?"),
                ],
                [
                    "use candle_nn as nn;".into(),
                    format!("nn::{name}::new(&x)?"),
                ],
                [
                    "use cuaderno::candle_nn::{self, ops::*};".into(),
                    format!("{name}(&x)?"),
                ],
            ] {
                assert_eq!(
                    lines(&cells.each_ref().map(String::as_str)),
                    found,
                    "{cells:?}"
                );
            }
            for cells in [
                [String::new(), format!("cuaderno::ops::{name}(&x)?")],
                [
                    format!("use cuaderno::nn::{name};"),
                    format!("{name}::new(&x)?"),
                ],
                ["use candle_nn::VarBuilder;".into(), format!("{name}(&x)?")],
                [
                    "use candle_nn::ops;".into(),
                    format!("cuaderno::ops::{name}(&x)?"),
                ],
            ] {
                assert_eq!(
                    lines(&cells.each_ref().map(String::as_str)),
                    [""; 0],
                    "{cells:?}"
                );
            }
        }
    }
}
