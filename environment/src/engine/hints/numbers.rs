//! Numbers: Rust keeps their types apart.

use ra_ap_syntax::ast::{self, AstNode, HasArgList};

use super::python_names::{operand, power};
use super::{Advice, Edit, Problem, Rule, is_float, is_integer, quoted};

pub const RULES: &[Rule] = &[
    power_of_stars,
    power_of_caret,
    two_types,
    mismatched,
    condition,
    without_type,
    method,
    logarithm,
    index,
    negative,
    too_large,
    loop_over_a_number,
    loop_with_places,
    loop_over_values,
    product_without_sign,
    order,
    list_as_vector,
];

/// Methods of numbers with fractions that whole numbers have not.
const OF_FRACTIONS: [&str; 17] = [
    "sqrt", "exp", "exp2", "ln", "log", "log2", "log10", "powi", "powf", "sin", "cos", "tan",
    "tanh", "round", "floor", "ceil", "recip",
];

const POWERS: &str =
    "powers are methods: `x.pow(2)` of whole numbers, `x.powi(2)` and `x.powf(0.5)` of others.";

/// `side ** 2`
fn power_of_stars(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0614"]) {
        return None;
    }
    let exponent = problem.exactly::<ast::PrefixExpr>()?;
    let product = exponent.syntax().parent().and_then(ast::BinExpr::cast)?;
    if product.op_kind() != Some(ast::BinaryOp::ArithOp(ast::ArithOp::Mul)) {
        return None;
    }
    let advice = Advice::new(POWERS).says("`**` is no operator of Rust");
    let exponent = problem.text_of(exponent.expr()?.syntax());
    Some(raised(problem, advice, &product, exponent))
}

/// `x ^ 2`
fn power_of_caret(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0369"]) || problem.text() != "^" {
        return None;
    }
    let operation = problem.around::<ast::BinExpr>()?;
    let exponent = problem.text_of(operation.rhs()?.syntax());
    let advice = Advice::new(POWERS).says("`^` is an operation on bits, and no power");
    Some(raised(problem, advice, &operation, exponent))
}

/// `x^2 + y`: the compiler takes it for `x ^ (2 + y)`.
fn caret_of_sum(problem: &Problem, sum: &ast::BinExpr) -> Option<Advice> {
    // The exponent is the first number of the sum.
    let mut exponent = sum.lhs()?;
    let mut whole = sum.syntax().clone();
    while let ast::Expr::BinExpr(inner) = &exponent {
        exponent = inner.lhs()?;
    }
    let caret = loop {
        whole = whole.parent()?;
        let operation = ast::BinExpr::cast(whole.clone())?;
        match operation.op_kind()? {
            ast::BinaryOp::ArithOp(ast::ArithOp::BitXor) => break operation,
            ast::BinaryOp::ArithOp(_) => {}
            _ => return None,
        }
    };
    let start = problem.range_of(exponent.syntax()).start;
    if problem.range_of(caret.rhs()?.syntax()).start != start {
        return None;
    }
    let base = caret.lhs()?;
    let base = match &base {
        ast::Expr::BinExpr(product) => product.rhs()?,
        _ => base,
    };
    let advice = Advice::new(POWERS).says("`^` is an operation on bits, and no power");
    let kind = problem.type_of_expression(&base);
    let range = problem.range_of(base.syntax()).start..problem.range_of(exponent.syntax()).end;
    let text = problem.text_of(base.syntax());
    let exponent = problem.text_of(exponent.syntax());
    Some(match power(&base, text, kind.as_deref(), exponent) {
        Some(power) => {
            let mut advice = advice.edit(range, power);
            if kind.as_deref().is_some_and(is_float) {
                advice.edits.extend(beside(problem, sum));
            }
            advice
        }
        None => advice,
    })
}

fn raised(problem: &Problem, advice: Advice, operation: &ast::BinExpr, exponent: &str) -> Advice {
    let raised = operation.lhs().and_then(|base| {
        // Of a product, only its last factor is raised.
        let base = match &base {
            ast::Expr::BinExpr(product) => product.rhs()?,
            _ => base,
        };
        let kind = problem.type_of_expression(&base);
        let range = problem.range_of(base.syntax());
        let text = power(
            &base,
            problem.text_of(base.syntax()),
            kind.as_deref(),
            exponent,
        )?;
        Some((range.start..problem.range_of(operation.syntax()).end, text))
    });
    match raised {
        Some((range, text)) => advice.edit(range, text),
        None => advice,
    }
}

/// `1 - x`, `2.0 * n`
fn two_types(problem: &Problem) -> Option<Advice> {
    const OPERATORS: [&str; 16] = [
        "+", "-", "*", "/", "%", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<", ">", "<=", ">=",
    ];
    if !problem.is(&["E0277"]) || !OPERATORS.contains(&problem.text()) {
        return None;
    }
    let operation = problem.around::<ast::BinExpr>()?;
    let (left, right) = (operation.lhs()?, operation.rhs()?);
    // As `{integer} - f64`.
    let (left_type, right_type) = quoted(problem.error.label())
        .into_iter()
        .find_map(|types| types.split_once(&format!(" {} ", problem.text())))?;
    let is_number = |kind: &str| is_float(kind) || is_integer(kind);
    if !is_number(left_type) || !is_number(right_type) {
        return None;
    }
    if let Some(advice) = caret_of_sum(problem, &operation) {
        return Some(advice);
    }
    if is_integer(left_type) && left_type != "{integer}" && gives_whole_numbers(problem) {
        let text = problem.text_of(right.syntax());
        if let Some(whole) = text
            .strip_suffix(".0")
            .filter(|text| text.parse::<u64>().is_ok())
        {
            let advice = Advice::new(format!(
                "Rust does not mix types of numbers: `{text}` has a fraction, and `{whole}` is a whole number."
            ));
            return Some(advice.edit(problem.range_of(right.syntax()), whole));
        }
    }
    // The one that is not so in the types that it can be of gives way.
    let assigns = problem.text().ends_with('=')
        && problem.text().len() == 2
        && !problem.text().starts_with(['=', '!', '<', '>']);
    let left_gives_way = !assigns
        && (is_integer(left_type) && is_float(right_type)
            || left_type == "f32" && right_type == "f64");
    let (expression, own, other) = match left_gives_way {
        true => (left, left_type, right_type),
        false => (right, right_type, left_type),
    };
    let other = match other {
        "{float}" => "f64",
        "{integer}" if assigns && is_float(own) => {
            return Some(Advice::new(
                "what is added to was made of whole numbers: start with `0.0`, a list with `vec![0.0; n]`.",
            ));
        }
        "{integer}" => return None,
        other => other,
    };
    if is_float(own) && is_integer(other) {
        // What the fraction is for, only the student knows.
        return Some(Advice::new(format!(
            "`{own}` has fractions and `{other}` has not: `x as f64` makes a whole number one with a fraction."
        )));
    }
    let text = problem.text_of(expression.syntax());
    let range = problem.range_of(expression.syntax());
    let mut advice = converted(&expression, text, range, own, other);
    // `n as f64 < x` would begin a list of types.
    if left_gives_way && problem.text().starts_with('<') {
        for edit in advice
            .edits
            .iter_mut()
            .filter(|edit| edit.text.contains(" as "))
        {
            edit.text = format!("({})", edit.text);
        }
    }
    if is_float(other) {
        advice.edits.extend(beside(problem, &operation));
    }
    Some(advice)
}

/// Whether the function around gives whole numbers.
fn gives_whole_numbers(problem: &Problem) -> bool {
    let kind = problem
        .function()
        .and_then(|function| function.ret_type()?.ty());
    kind.is_some_and(|kind| {
        let kind = kind.syntax().text().to_string();
        let inner = kind.split_once('<').map_or(&*kind, |(_, inner)| inner);
        is_integer(inner.trim_end_matches('>'))
    })
}

/// Makes a number another type's.
fn converted(
    expression: &ast::Expr,
    text: &str,
    range: std::ops::Range<usize>,
    own: &str,
    other: &str,
) -> Advice {
    let is_digits = text.chars().all(|c| c.is_ascii_digit() || c == '_');
    if is_digits && is_float(other) {
        return Advice::new(format!(
            "Rust does not mix types of numbers: `{text}` is a whole number, and `{text}.0` {} `{other}`.",
            article(other)
        ))
        .edit(range.end..range.end, ".0");
    }
    let own = own.trim_matches(['{', '}']);
    let note = if is_float(own) && is_integer(other) {
        ", and cuts the fraction off"
    } else {
        ""
    };
    if is_float(other) && !is_float(own) && has_division(expression) {
        return Advice::new(format!(
            "dividing whole numbers drops the remainder. Make each an `{other}` before: `n as {other}`, `1.0`."
        ))
        .edit(range, with_fractions(expression, other));
    }
    Advice::new(format!(
        "Rust does not mix types of numbers: `as {other}` makes the {own} {} `{other}`{note}.",
        article(other)
    ))
    .edit(range, format!("{} as {other}", operand(expression, text)))
}

/// `a` or `an`, before a type of numbers.
fn article(kind: &str) -> &'static str {
    match kind.starts_with('u') {
        true => "a",
        false => "an",
    }
}

/// What makes whole numbers of the rest of a sum or product fractions, too: `1 / x - 1`.
fn beside(problem: &Problem, operation: &ast::BinExpr) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut inner = operation.syntax().clone();
    while let Some(outer) = inner.parent() {
        if let Some(operation) = ast::BinExpr::cast(outer.clone()) {
            if !matches!(operation.op_kind(), Some(ast::BinaryOp::ArithOp(_))) {
                break;
            }
            let sides = [operation.lhs(), operation.rhs()].into_iter().flatten();
            let others = sides.filter(|side| *side.syntax() != inner);
            for other in others {
                let range = problem.range_of(other.syntax());
                if problem.code[range.clone()]
                    .chars()
                    .all(|c| c.is_ascii_digit())
                {
                    edits.push(Edit::new(range.end..range.end, ".0"));
                }
            }
        } else if !ast::ParenExpr::can_cast(outer.kind()) {
            break;
        }
        inner = outer;
    }
    edits
}

fn has_division(expression: &ast::Expr) -> bool {
    let operations = expression
        .syntax()
        .descendants()
        .filter_map(ast::BinExpr::cast);
    operations
        .into_iter()
        .any(|operation| operation.op_kind() == Some(ast::BinaryOp::ArithOp(ast::ArithOp::Div)))
}

/// The arithmetic of whole numbers, in numbers of the type `kind`.
pub fn with_fractions(expression: &ast::Expr, kind: &str) -> String {
    let text = expression.syntax().text().to_string();
    match expression {
        ast::Expr::BinExpr(operation) => {
            match (operation.lhs(), operation.op_token(), operation.rhs()) {
                (Some(left), Some(token), Some(right)) => {
                    format!(
                        "{} {token} {}",
                        with_fractions(&left, kind),
                        with_fractions(&right, kind)
                    )
                }
                _ => text,
            }
        }
        ast::Expr::ParenExpr(inner) => match inner.expr() {
            Some(inner) => format!("({})", with_fractions(&inner, kind)),
            None => text,
        },
        ast::Expr::Literal(_) if text.chars().all(|c| c.is_ascii_digit()) => format!("{text}.0"),
        ast::Expr::Literal(_) => text,
        other => format!("{} as {kind}", operand(other, &text)),
    }
}

/// A number of another type than expected.
fn mismatched(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    let is_number = |kind: &str| is_float(kind) || is_integer(kind);
    if !is_number(expected) || !is_number(found) {
        return None;
    }
    let expression = problem.exactly::<ast::Expr>()?;
    let text = problem.text();
    if expected.ends_with("integer") {
        return Some(Advice::new(
            "the numbers beside it are whole: write them with a point, `1.0`, or this one without.",
        ));
    }
    if is_float(expected) && expected.starts_with("float") {
        return text
            .chars()
            .all(|c| c.is_ascii_digit())
            .then(|| converted(&expression, text, problem.at.clone(), "integer", "f64"));
    }
    // A suffix says another type.
    if let ast::Expr::Literal(_) = expression
        && text.ends_with(found)
    {
        let end = problem.at.end;
        return Some(
            Advice::new(format!(
                "the number says of itself that it is {} `{found}`.",
                article(found)
            ))
            .edit(end - found.len()..end, expected),
        );
    }
    if let ast::Expr::Literal(_) = expression
        && is_float(found)
        && is_integer(expected)
    {
        let advice = Advice::new(format!("`{expected}` holds whole numbers only."));
        return Some(match text.strip_suffix(".0") {
            Some(whole) => advice.edit(problem.at.clone(), whole),
            None => advice,
        });
    }
    let found = match found {
        "integer" => "whole number",
        "floating-point number" => "number",
        found => found,
    };
    Some(converted(
        &expression,
        text,
        problem.at.clone(),
        found,
        expected,
    ))
}

/// `if n { … }`
fn condition(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    if expected != "bool" || !is_integer(found) {
        return None;
    }
    let expression = problem.exactly::<ast::Expr>()?;
    if matches!(expression, ast::Expr::Literal(_)) {
        return Some(Advice::new("it is `true` or `false`."));
    }
    Some(
        Advice::new("a number is no condition: compare it with 0.").edit(
            problem.at.clone(),
            format!("{} != 0", operand(&expression, problem.text())),
        ),
    )
}

/// `2.0.sqrt()`
fn without_type(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0689"]) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let receiver = call.receiver()?;
    let receiver = match receiver {
        ast::Expr::ParenExpr(inner) => inner.expr()?,
        other => other,
    };
    let kind = if problem.error.message.contains("{float}") {
        "f64"
    } else {
        "i32"
    };
    let wants_float = OF_FRACTIONS.contains(&problem.text());
    match &receiver {
        ast::Expr::Literal(literal) => {
            let end = problem.range_of(literal.syntax()).end;
            let suffix = match kind == "i32" && wants_float {
                true => ".0_f64",
                false if kind == "f64" => "_f64",
                false => "_i32",
            };
            Some(
                Advice::new(
                    "a number that stands alone says its type before its methods are called.",
                )
                .edit(end..end, suffix),
            )
        }
        _ => {
            let kind = if wants_float { "f64" } else { kind };
            Some(Advice::new(format!(
                "say the type where the number is made, as in `let x: {kind} = …;`."
            )))
        }
    }
}

/// `n.sqrt()` of a whole number, `x.mul(y)`
fn method(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).get(1)?;
    if !problem.is(&["E0599"]) || !(is_integer(kind) || is_float(kind)) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let receiver = call.receiver()?;
    let arguments: Vec<_> = call.arg_list()?.args().collect();
    let text = problem.text_of(receiver.syntax());
    let operator = match problem.text() {
        "powi" if is_integer(kind) => {
            return Some(
                Advice::new("whole numbers have `n.pow(2)`, others `x.powi(2)`.")
                    .edit(problem.at.clone(), "pow"),
            );
        }
        "pow" if is_float(kind) => {
            let exponent = arguments
                .first()
                .map(|exponent| problem.text_of(exponent.syntax()));
            let is_whole = exponent.is_none_or(|text| text.chars().all(|c| c.is_ascii_digit()));
            return Some(
                Advice::new("numbers with fractions have `x.powi(2)` and `x.powf(0.5)`.")
                    .edit(problem.at.clone(), if is_whole { "powi" } else { "powf" }),
            );
        }
        "sqr" | "square" => {
            let square = if is_float(kind) { "powi(2)" } else { "pow(2)" };
            let end = problem.range_of(call.syntax()).end;
            let end = end + usize::from(problem.code[end..].starts_with('?'));
            return Some(
                Advice::new(format!("of a number it is `.{square}`."))
                    .edit(problem.at.start..end, square),
            );
        }
        name if is_integer(kind) && OF_FRACTIONS.contains(&name) => {
            return Some(
                Advice::new(format!(
                    "`{name}` is for numbers with fractions: `as f64` makes the {kind} an `f64`."
                ))
                .edit(
                    problem.range_of(receiver.syntax()),
                    format!("({text} as f64)"),
                ),
            );
        }
        "add" => "+",
        "sub" | "subtract" => "-",
        "mul" | "multiply" => "*",
        "div" | "divide" => "/",
        _ => return None,
    };
    let advice = Advice::new(format!("numbers have operators: `x {operator} y`."));
    let is_alone = call.syntax().parent().is_some_and(|around| {
        ast::ArgList::can_cast(around.kind())
            || ast::LetStmt::can_cast(around.kind())
            || ast::ParenExpr::can_cast(around.kind())
    });
    Some(match arguments.as_slice() {
        [argument] => {
            let right = operand(argument, problem.text_of(argument.syntax()));
            let product = format!("{} {operator} {right}", operand(&receiver, text));
            let product = if is_alone {
                product
            } else {
                format!("({product})")
            };
            advice.edit(problem.range_of(call.syntax()), product)
        }
        _ => advice,
    })
}

/// `x.log()`: Rust's takes the base.
fn logarithm(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0061"]) || problem.text() != "log" {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let is_bare = call.arg_list()?.args().next().is_none();
    is_bare.then(|| {
        Advice::new("the natural logarithm is `x.ln()`; `x.log(b)` has the base b.")
            .edit(problem.at.clone(), "ln")
    })
}

/// `v[i]` with `i` of another type
fn index(problem: &Problem) -> Option<Advice> {
    let [list, kind] = quoted(&problem.error.message)[..] else {
        return None;
    };
    let is_index = problem.is(&["E0277"])
        && list.starts_with('[')
        && problem.error.label().starts_with("slice indices");
    let (kind, is_lent) = match kind.strip_prefix('&') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    if !is_index || !(is_integer(kind) || kind == "{float}") {
        return None;
    }
    let expression = problem.exactly::<ast::Expr>()?;
    if is_lent {
        return Some(
            Advice::new("a place in a list is a `usize`; the `*` goes from what is lent to the number itself.")
                .edit(problem.at.clone(), format!("*{} as usize", operand(&expression, problem.text()))),
        );
    }
    if kind == "{float}" {
        return Some(Advice::new(
            "a place in a list is a whole number, counted from 0.",
        ));
    }
    Some(Advice::new("a place in a list is a `usize`.").edit(
        problem.at.clone(),
        format!("{} as usize", operand(&expression, problem.text())),
    ))
}

/// `let n: u32 = -1;`
fn negative(problem: &Problem) -> Option<Advice> {
    let names = quoted(&problem.error.message);
    let kind = match problem.is(&["E0277"]) {
        true => names.first()?.strip_suffix(": std::ops::Neg")?,
        false => *names.get(1)?,
    };
    (problem.is(&["E0600", "E0277"]) && is_integer(kind)).then(|| {
        Advice::new(format!(
            "`{kind}` holds no numbers below 0; `i64` does. From the end of a list one counts with `v.len() - 1`."
        ))
    })
}

/// `let n: u8 = 300;`
fn too_large(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["overflowing_literals"]) {
        return None;
    }
    let kind = *quoted(&problem.error.message).first()?;
    let wider = if is_float(kind) { "f64" } else { "i64" };
    Some(Advice::new(format!(
        "the number does not fit into `{kind}`. A wider type is `{wider}`: say it where the number gets its name, `let x: {wider} = …;`."
    )))
}

/// `for i in 10`
fn loop_over_a_number(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    if !problem.is(&["E0277"])
        || !problem.error.message.ends_with("is not an iterator")
        || !is_integer(kind)
    {
        return None;
    }
    let expression = problem.exactly::<ast::Expr>()?;
    Some(
        Advice::new("a loop runs over a range: `0..n` are the numbers from 0 to n - 1.").edit(
            problem.at.clone(),
            format!("0..{}", operand(&expression, problem.text())),
        ),
    )
}

/// `for &count in counts`
fn loop_over_values(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    let pattern = problem.exactly::<ast::RefPat>()?;
    ast::ForExpr::cast(pattern.syntax().parent()?)?;
    let is_number = is_integer(expected) || is_float(expected) || expected.ends_with("number");
    let start = problem.at.start;
    (is_number && found.starts_with('&')).then(|| {
        Advice::new("the list gives the numbers themselves here, none is lent: leave the `&` out.")
            .edit(start..start + 1, "")
    })
}

/// `0.5 (x + y)`
fn product_without_sign(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    let end = problem.at.end;
    let sign = if problem.after().starts_with(' ') {
        " *"
    } else {
        " * "
    };
    (problem.is(&["E0618"]) && (is_integer(kind) || is_float(kind)))
        .then(|| Advice::new("a product needs its sign: `a * (b + c)`.").edit(end..end, sign))
}

/// `for (place, count) in counts`
fn loop_with_places(problem: &Problem) -> Option<Advice> {
    let (_, found) = problem.types()?;
    let pattern = problem.exactly::<ast::TuplePat>()?;
    let around = pattern.syntax().parent().and_then(ast::ForExpr::cast)?;
    let list = problem.range_of(around.iterable()?.syntax());
    (found == "(_, _)").then(|| {
        Advice::new("a loop gives one value at a time; `.iter().enumerate()` counts along.")
            .edit(list.end..list.end, ".iter().enumerate()")
    })
}

/// `v.sort()` of numbers with fractions
fn order(problem: &Problem) -> Option<Advice> {
    let [bound, ..] = quoted(&problem.error.message)[..] else {
        return None;
    };
    let kind = bound
        .strip_suffix(": Ord")
        .or_else(|| bound.strip_suffix(": std::cmp::Ord"))?;
    let kind = kind.trim_start_matches('&');
    if !problem.is(&["E0277"]) || !is_float(kind) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let kind = if kind == "{float}" { "f64" } else { kind };
    let advice = "numbers with fractions have no order of their own, as one may be no number (NaN); `total_cmp` compares them.";
    let end = problem.range_of(call.arg_list()?.syntax()).end;
    let range = problem.at.start..end;
    let text = match problem.text() {
        "sort" => format!("sort_by({kind}::total_cmp)"),
        name @ ("max" | "min") => format!("{name}_by(|a, b| {kind}::total_cmp(a, b))"),
        _ => return Some(Advice::new(advice)),
    };
    Some(Advice::new(advice).edit(range, text))
}

/// `v * 2.0` of a list
fn list_as_vector(problem: &Problem) -> Option<Advice> {
    let operation = problem.around::<ast::BinExpr>()?;
    let left = problem.range_of(operation.lhs()?.syntax());
    let label = |range: &std::ops::Range<usize>| {
        problem
            .others
            .iter()
            .find(|(other, _)| other == range)
            .map(|(_, label)| label.as_str())
    };
    let is_list = |kind: &str| kind.starts_with("Vec<") || kind.starts_with('[');
    let kind = label(&left)?;
    if !problem.is(&["E0369"]) || !is_list(kind) {
        return None;
    }
    let right = problem.range_of(operation.rhs()?.syntax());
    let made = operation.lhs().and_then(|list| match list {
        ast::Expr::ArrayExpr(list) => Some(list.exprs().collect::<Vec<_>>()),
        ast::Expr::MacroExpr(list) => {
            let inner = problem
                .text_of(list.syntax())
                .strip_prefix("vec![")?
                .strip_suffix(']')?;
            let parsed = ast::Expr::parse(inner, ra_ap_syntax::Edition::Edition2024);
            parsed.ok().ok().map(|value| vec![value])
        }
        _ => None,
    });
    if let (Some(values), "*") = (made, problem.text()) {
        let advice = Advice::new(
            "a list is repeated where it is made: `[0; 10]` are ten zeros, `vec![0; n]` are n.",
        );
        return Some(match values.as_slice() {
            [value] => {
                let value = value.syntax().text();
                let count = &problem.code[right.clone()];
                let is_known = count.chars().all(|c| c.is_ascii_digit());
                let made = if is_known { "" } else { "vec!" };
                advice.edit(left.start..right.end, format!("{made}[{value}; {count}]"))
            }
            _ => advice,
        });
    }
    let advice = Advice::new(
        "a list has no arithmetic. `v.iter().map(|x| 2.0 * x).collect::<Vec<_>>()` goes through it; a `Tensor` has arithmetic.",
    );
    let is_scalar = label(&right).is_some_and(|kind| is_float(kind) || is_integer(kind));
    let op = problem.text();
    if !is_scalar || !["+", "-", "*", "/"].contains(&op) {
        return Some(advice);
    }
    let (list, scalar) = (&problem.code[left.clone()], &problem.code[right.clone()]);
    Some(advice.edit(
        left.start..right.end,
        format!("{list}.iter().map(|x| x {op} {scalar}).collect::<Vec<_>>()"),
    ))
}
