//! Warns of `side ^ 2` in whole numbers: it compiles, and compares bits.

use ra_ap_syntax::ast::{self, AstNode, BinaryOp};
use ra_ap_syntax::{Edition, SourceFile};

use super::cell;

const BEFORE: &str = "fn cell(){";

/// A line of warning for each number in `code` that is compared bit by bit with a small exponent.
pub fn warnings(code: &str) -> String {
    let rust = cell::rust_of(code);
    let parsed = SourceFile::parse(&format!("{BEFORE}{rust}\n}}"), Edition::Edition2024);
    let operations = parsed
        .syntax_node()
        .descendants()
        .filter_map(ast::BinExpr::cast);
    let warning = |operation: ast::BinExpr| {
        let is_caret = operation.op_kind() == Some(BinaryOp::ArithOp(ast::ArithOp::BitXor));
        let (base, exponent) = (operation.lhs()?, operation.rhs()?);
        // It binds less than `*` and `+`, so that these are in its exponent, or its base.
        let (base, exponent) = (last(base), first(exponent));
        let [base_text, exponent] = [&base, &exponent].map(|side| side.syntax().text().to_string());
        // Whoever writes `3 ^ 2` looks at bits.
        if !is_caret || !["2", "3", "4"].contains(&&*exponent) || is_literal(&base) {
            return None;
        }
        let at = usize::from(base.syntax().text_range().start()) - BEFORE.len();
        let line = code[..code.len() - rust.len() + at].matches('\n').count() + 1;
        Some(format!(
            "warning: line {line}: `{base_text} ^ {exponent}` compares bits. The power is `{base_text}.pow({exponent})`.\n"
        ))
    };
    operations.filter_map(warning).collect()
}

/// The first number of a sum or product.
fn first(expression: ast::Expr) -> ast::Expr {
    match &expression {
        ast::Expr::BinExpr(operation) => operation.lhs().map_or(expression.clone(), first),
        _ => expression,
    }
}

/// The last number of a sum or product.
fn last(expression: ast::Expr) -> ast::Expr {
    match &expression {
        ast::Expr::BinExpr(operation) => operation.rhs().map_or(expression.clone(), last),
        _ => expression,
    }
}

fn is_literal(expression: &ast::Expr) -> bool {
    matches!(expression, ast::Expr::Literal(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_a_name_is_warned_of() {
        assert_eq!(
            warnings("// areas\nlet n = 4;\nlet area = n ^ 2;"),
            "warning: line 3: `n ^ 2` compares bits. The power is `n.pow(2)`.\n"
        );
        assert_eq!(
            warnings("filters * (channels * side^2 + 1)"),
            "warning: line 1: `side ^ 2` compares bits. The power is `side.pow(2)`.\n"
        );
        assert_eq!(warnings("let bits = 3 ^ 2; let other = a ^ b; a ^ 7"), "");
    }
}
