//! Warns where a cell takes the mean of a tensor of whole numbers, or multiplies one by a fraction. The
//! result is a tensor of whole numbers, too: candle cuts the factor to one, and so a mean is 0.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::ast::{self, ArithOp, AstNode, BinaryOp, HasArgList, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxNode};

use super::cell;

/// Methods of tensors that give whole numbers, whatever the tensor holds.
const COMPARISONS: [&str; 11] = [
    "argmax",
    "argmax_keepdim",
    "argmin",
    "argmin_keepdim",
    "arg_sort_last_dim",
    "eq",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
];

/// Methods that leave the type of a tensor's values as it is.
const THE_SAME: [&str; 17] = [
    "clone",
    "contiguous",
    "copy",
    "detach",
    "flatten_all",
    "get",
    "i",
    "max",
    "min",
    "narrow",
    "reshape",
    "squeeze",
    "sum",
    "sum_all",
    "sum_keepdim",
    "t",
    "unsqueeze",
];

const MEANS: [&str; 3] = ["mean", "mean_all", "mean_keepdim"];

/// What is known of a session's tensors.
#[derive(Clone, Default)]
pub struct WholeNumbers {
    /// Variables that are tensors of whole numbers.
    names: BTreeSet<String>,
}

/// A cell while its statements are read.
struct Reading {
    known: WholeNumbers,
    /// The types of variables, where they are known.
    types: BTreeMap<String, String>,
    /// The statement that is read, behind those that it is a part of.
    around: Vec<SyntaxNode>,
    warnings: Vec<(usize, String)>,
}

impl WholeNumbers {
    /// A line of warning for each such result in `code`, and what is known if the cell runs. `types`
    /// has the session's variables and their types.
    pub fn warnings(&self, code: &str, types: &BTreeMap<String, String>) -> (String, Self) {
        const BEFORE: &str = "fn cell(){";
        let rust = cell::rust_of(code);
        let parsed = SourceFile::parse(&format!("{BEFORE}{rust}\n}}"), Edition::Edition2024);
        let function = parsed.syntax_node().first_child().and_then(ast::Fn::cast);
        let body = function.and_then(|function| function.body());
        let Some(list) = body.and_then(|body| body.stmt_list()) else {
            return (String::new(), self.clone());
        };
        let mut reading = Reading {
            known: self.clone(),
            types: types.clone(),
            around: Vec::new(),
            warnings: Vec::new(),
        };
        for statement in list.syntax().children() {
            reading.statement(&statement, code.len() - rust.len(), BEFORE.len());
        }
        let line = |(at, sentence): &(usize, String)| {
            let line = code[..*at].matches('\n').count() + 1;
            format!("warning: line {line}: {sentence}\n")
        };
        let warnings = reading.warnings.iter().map(line).collect();
        (warnings, reading.known)
    }
}

impl Reading {
    /// Reads a statement of a text that begins `before` bytes before what is at byte `start` of the
    /// cell.
    fn statement(&mut self, node: &SyntaxNode, start: usize, before: usize) {
        self.around.push(node.clone());
        for inner in node.descendants() {
            let at = start + usize::from(inner.text_range().start()) - before;
            if let Some(call) = ast::MacroCall::cast(inner.clone()) {
                self.arguments(&call, start, before);
            }
            let sentence = ast::Expr::cast(inner).and_then(|inner| self.problem(&inner));
            self.warnings
                .extend(sentence.map(|sentence| (at, sentence)));
        }
        if let Some(given) = ast::LetStmt::cast(node.clone()) {
            let whole = given
                .initializer()
                .is_some_and(|value| self.is_whole(&value));
            let names = node.descendants().filter_map(ast::IdentPat::cast);
            let names: Vec<_> = names.filter_map(|pattern| pattern.name()).collect();
            let is_one = matches!(given.pat(), Some(ast::Pat::IdentPat(_)));
            let is_mnist = given.initializer().is_some_and(|value| loads_mnist(&value));
            for name in names {
                let name = name.text().to_string();
                self.known.names.remove(&name);
                self.types.remove(&name);
                if is_mnist && is_one {
                    self.types.insert(name.clone(), "Mnist".to_owned());
                }
                if whole && is_one {
                    self.known.names.insert(name);
                }
            }
        }
        // A new value of another type would not compile; it may hold other numbers.
        for change in node.descendants().filter_map(ast::BinExpr::cast) {
            if let (Some(BinaryOp::Assignment { op: None }), Some(place)) =
                (change.op_kind(), change.lhs())
            {
                self.known.names.remove(&place.syntax().text().to_string());
            }
        }
        self.around.pop();
    }

    /// Reads what a macro such as `println!` is given: to a parser these are no expressions.
    fn arguments(&mut self, call: &ast::MacroCall, start: usize, before: usize) {
        const CALL: &str = "fn f(){f";
        let Some(tokens) = call.token_tree() else {
            return;
        };
        let text = tokens.syntax().text().to_string();
        let parsed = SourceFile::parse(&format!("{CALL}{text};}}"), Edition::Edition2024);
        if !text.starts_with('(') || !parsed.errors().is_empty() {
            return;
        }
        let function = parsed.syntax_node().first_child().and_then(ast::Fn::cast);
        let body = function.and_then(|function| function.body());
        let start = start + usize::from(tokens.syntax().text_range().start()) - before;
        for statement in body.iter().flat_map(|body| body.statements()) {
            self.statement(statement.syntax(), start, CALL.len());
        }
    }

    /// What is wrong with the numbers that `expression` gives.
    fn problem(&self, expression: &ast::Expr) -> Option<String> {
        match expression {
            ast::Expr::MethodCallExpr(call) => {
                let name = call.name_ref()?.text().to_string();
                let takes_mean = MEANS.contains(&name.as_str());
                let arguments = call.arg_list()?.syntax().text();
                (takes_mean && self.is_whole(&call.receiver()?)).then(|| {
                    format!(
                        "the mean of whole numbers is a whole number, too: 0, because 1 / n counts as \
                         0. Make them `f32` first: `.to_dtype(DType::F32)?.{name}{arguments}?`."
                    )
                })
            }
            ast::Expr::BinExpr(operation) => {
                let Some(BinaryOp::ArithOp(operator)) = operation.op_kind() else {
                    return None;
                };
                let (left, right) = (operation.lhs()?, operation.rhs()?);
                let (tensor, number) = match (fraction(&left), fraction(&right)) {
                    (None, Some(number)) => (left, number),
                    (Some(number), None)
                        if operator == ArithOp::Mul || operator == ArithOp::Add =>
                    {
                        (right, number)
                    }
                    _ => return None,
                };
                let counts: f64 = match operator {
                    ArithOp::Mul | ArithOp::Add | ArithOp::Sub => number,
                    ArithOp::Div => 1.0 / number,
                    _ => return None,
                };
                let written = match operator {
                    ArithOp::Div => format!("1 / {number:?}"),
                    _ => format!("{number:?}"),
                };
                let is_cut = counts.is_finite() && counts.trunc() != counts;
                (is_cut && self.is_whole(&tensor)).then(|| {
                    format!(
                        "a tensor of whole numbers stays one, so that {written} counts as {} here. \
                         Make it `f32` first: `.to_dtype(DType::F32)?`.",
                        counts.trunc().abs()
                    )
                })
            }
            _ => None,
        }
    }

    /// Whether `expression` is certainly a tensor of whole numbers.
    fn is_whole(&self, expression: &ast::Expr) -> bool {
        let whole = |inner: Option<ast::Expr>| inner.is_some_and(|inner| self.is_whole(&inner));
        match expression {
            ast::Expr::ParenExpr(inner) => whole(inner.expr()),
            ast::Expr::RefExpr(inner) => whole(inner.expr()),
            ast::Expr::TryExpr(inner) => match inner.expr() {
                // With a `?` behind it, it is not the comparison of two values.
                Some(ast::Expr::MethodCallExpr(call)) if has_name(&call, &COMPARISONS) => true,
                Some(ast::Expr::CallExpr(call)) => makes_whole(&call).unwrap_or(false),
                inner => whole(inner),
            },
            ast::Expr::MethodCallExpr(call) if has_name(call, &THE_SAME) => whole(call.receiver()),
            ast::Expr::MethodCallExpr(call) if has_name(call, &["to_dtype"]) => {
                let kind = call.arg_list().and_then(|list| list.args().next());
                let kind = kind.map(|kind| kind.syntax().text().to_string());
                let kind = kind
                    .as_deref()
                    .and_then(|kind| kind.strip_prefix("DType::"));
                matches!(kind, Some("U8" | "U32" | "I16" | "I32" | "I64"))
            }
            ast::Expr::PathExpr(path) => {
                let name = path.syntax().text().to_string();
                self.known.names.contains(&name) && !self.binds(&name)
            }
            ast::Expr::FieldExpr(field) => {
                field.name_ref().is_some_and(|name| name.text() == "labels")
                    && field.expr().is_some_and(|images| self.has_labels(&images))
            }
            _ => false,
        }
    }

    /// Whether `expression` is certainly a set of images with labels.
    fn has_labels(&self, expression: &ast::Expr) -> bool {
        let is = |expression: &ast::Expr, kind: &str| {
            let name = expression.syntax().text().to_string();
            let known = self.types.get(&name).map(String::as_str);
            known.and_then(|known| known.rsplit("::").next()) == Some(kind) && !self.binds(&name)
        };
        match expression {
            ast::Expr::FieldExpr(field) => {
                let part = field.name_ref().map(|name| name.text().to_string());
                matches!(part.as_deref(), Some("train" | "test"))
                    && field.expr().is_some_and(|all| is(&all, "Mnist"))
            }
            path => is(path, "LabelledImages"),
        }
    }

    /// Whether `name` means something else in a part of the statement: a parameter, or a variable of
    /// a block.
    fn binds(&self, name: &str) -> bool {
        self.around.iter().any(|statement| {
            let patterns = statement.descendants().filter_map(ast::IdentPat::cast);
            // What a `let` itself names is there behind it.
            let is_inner = |pattern: &ast::IdentPat| {
                !ast::LetStmt::can_cast(statement.kind())
                    || pattern.syntax().parent().as_ref() != Some(statement)
            };
            let inner = patterns.filter(is_inner);
            let names: Vec<_> = inner.filter_map(|pattern| pattern.name()).collect();
            names.iter().any(|found| found.text() == name)
        })
    }
}

/// `Mnist::load()?` and its like.
fn loads_mnist(value: &ast::Expr) -> bool {
    let ast::Expr::TryExpr(tried) = value else {
        return false;
    };
    let text = tried.syntax().text().to_string();
    matches!(tried.expr(), Some(ast::Expr::CallExpr(_))) && text.starts_with("Mnist::")
}

fn has_name(call: &ast::MethodCallExpr, names: &[&str]) -> bool {
    call.name_ref()
        .is_some_and(|name| names.contains(&name.text()))
}

/// Whether a constructor such as `Tensor::arange(0, 10, …)` makes a tensor of whole numbers; unknown
/// where its numbers are not written there.
fn makes_whole(call: &ast::CallExpr) -> Option<bool> {
    let function = call.expr()?.syntax().text().to_string();
    let function = function.strip_prefix("Tensor::")?;
    if !["arange", "arange_step", "from_slice", "from_vec", "new"].contains(&function) {
        return None;
    }
    let first = call.arg_list()?.args().next()?;
    let literals = first.syntax().descendants().filter_map(ast::Literal::cast);
    let numbers: Vec<String> = literals
        .map(|literal| literal.syntax().text().to_string())
        .collect();
    let only_literals = first.syntax().descendants().all(|node| {
        ast::Literal::can_cast(node.kind())
            || ast::ArrayExpr::can_cast(node.kind())
            || ast::RefExpr::can_cast(node.kind())
            || ast::PrefixExpr::can_cast(node.kind())
    });
    let is_whole = |number: &String| {
        number.starts_with(|c: char| c.is_ascii_digit())
            && !number.contains('.')
            && (number.starts_with("0x") || !number.contains(['f', 'e', 'E']))
    };
    (!numbers.is_empty() && only_literals).then(|| numbers.iter().all(is_whole))
}

/// The number that a literal such as `0.5` or `-0.5` says.
fn fraction(expression: &ast::Expr) -> Option<f64> {
    let text = expression.syntax().text().to_string();
    let text = text.trim_matches(['(', ')']).replace('_', "");
    text.trim_end_matches("f64").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are warned of in the last of a session's cells.
    fn lines(cells: &[&str]) -> Vec<usize> {
        let types = [
            ("mnist", "cuaderno::data::Mnist"),
            ("some", "LabelledImages"),
            ("x", "Tensor"),
        ];
        let types = types.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        let types = BTreeMap::from(types);
        let mut known = WholeNumbers::default();
        let mut said = String::new();
        for cell in cells {
            (said, known) = known.warnings(cell, &types);
        }
        let line = |warning: &str| {
            let (_, rest) = warning.split_once("line ").unwrap();
            rest.split_once(": ").unwrap().0.parse().unwrap()
        };
        said.lines().map(line).collect()
    }

    #[test]
    fn what_is_said_is_what_happens_and_what_to_do() {
        let said = |code: &str| {
            let (said, _) = WholeNumbers::default().warnings(code, &BTreeMap::new());
            said
        };
        assert_eq!(
            said("let a = 1;\nx.eq(&y)?.mean_all()?"),
            "warning: line 2: the mean of whole numbers is a whole number, too: 0, because 1 / n counts \
             as 0. Make them `f32` first: `.to_dtype(DType::F32)?.mean_all()?`.\n"
        );
        assert_eq!(
            said("(Tensor::arange(0, 10, &Device::Cpu)? / 4.0)?"),
            "warning: line 1: a tensor of whole numbers stays one, so that 1 / 4.0 counts as 0 here. \
             Make it `f32` first: `.to_dtype(DType::F32)?`.\n"
        );
    }

    #[test]
    fn what_is_certainly_of_whole_numbers_is_found() {
        for code in [
            "x.argmax(1)?.eq(&y)?.mean_all()?",
            "x.argmax(D::Minus1)?.mean(0)?",
            "println!(\"{}\", x.eq(&y)?.mean_all()?);",
            "mnist.test.labels.mean_all()?",
            "some.labels.get(0)?.mean_all()?",
            "x.to_dtype(DType::U32)?.mean_all()?",
            "let y = (Tensor::arange(0, 10, &Device::Cpu)? * 0.5)?;",
            "let y = (&Tensor::arange(0i64, 10, &Device::Cpu)? + 1.5)?;",
            "let y = (0.5 * Tensor::new(&[1u32, 2], &Device::Cpu)?)?;",
            "for i in 0..3 { println!(\"{}\", (x.ge(&y)?.sum_all()? / 10.0)?); }",
        ] {
            assert_eq!(lines(&[code]), [1], "{code}");
        }
    }

    #[test]
    fn variables_are_followed_from_cell_to_cell() {
        let hits = "let hits = x.eq(&y)?;";
        assert_eq!(lines(&[hits, "hits.mean_all()?"]), [1]);
        assert_eq!(
            lines(&["// here\nlet hits = x.eq(&y)?;\nlet m = hits.mean_all()?;"]),
            [3]
        );
        assert_eq!(lines(&[hits, "let hits = hits.mean_all()?;"]), [1]);
        for after in [
            "let hits = hits.to_dtype(DType::F32)?;\nhits.mean_all()?",
            "let (hits, y) = (x.clone(), 1);\nhits.mean_all()?",
            "fn mean(hits: &Tensor) -> Result<Tensor> { Ok(hits.mean_all()?) }",
            "for hits in &batches { hits.mean_all()?; }",
            "for hits in &batches { println!(\"{}\", hits.mean_all()?); }",
            "let mean = |hits: Tensor| hits.mean_all();",
        ] {
            assert_eq!(lines(&[hits, after]), [0; 0], "{after}");
        }
        assert_eq!(
            lines(&[
                "let all = Mnist::load()?;\nlet y = all.test.labels.clone();",
                "y.mean(0)?"
            ]),
            [1]
        );
        assert_eq!(
            lines(&["let mnist = 3;\nmnist.test.labels.mean(0)?"]),
            [0; 0]
        );
        assert_eq!(
            lines(&[hits, "hits = x.clone();", "hits.mean_all()?"]),
            [0; 0]
        );
    }

    #[test]
    fn what_may_hold_fractions_is_let_through() {
        for code in [
            "x.mean_all()?",
            "x.eq(&y)?.to_dtype(DType::F32)?.mean_all()?",
            "x.eq(&y).mean_all()",
            "images.labels.mean_all()?",
            "some.images.mean_all()?",
            "Tensor::new(&[1f32, 2.], &Device::Cpu)?.mean_all()?",
            "Tensor::new(&list, &Device::Cpu)?.mean_all()?",
            "Tensor::arange(0f32, 10., &Device::Cpu)?.mean_all()?",
            "let y = (Tensor::arange(0, 10, &Device::Cpu)? * 2.0)?;",
            "let y = (x.eq(&y)? + 1.0)?;",
            "(&x * 0.5)?",
            "// x.eq(&y)?.mean_all()?",
        ] {
            assert_eq!(lines(&[code]), [0; 0], "{code}");
        }
    }
}
