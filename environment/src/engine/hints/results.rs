//! `Result` and `Option`: values that may not be there.

use ra_ap_syntax::ast::{self, AstNode};

use super::python_names::operand;
use super::{Advice, Edit, Problem, Rule, quoted};

pub const RULES: &[Rule] = &[
    return_of_a_cell,
    value_for_result,
    result_of_another_error,
    result_for_value,
    option_for_value,
    method_of_result,
    operator_on_result,
    question_mark_in_function,
    question_mark_on_value,
    printed,
];

const TAKES_OUT: &str =
    "this is a `Result`: it may hold an error. A `?` behind the call takes the value out.";

/// The names of the type, with or without a path.
fn is_result(kind: &str) -> bool {
    let name = kind.split('<').next().unwrap_or_default();
    kind.contains('<') && name.rsplit("::").next() == Some("Result")
}

fn is_option(kind: &str) -> bool {
    kind.starts_with("Option<")
}

/// `return 3;` outside of a function
fn return_of_a_cell(problem: &Problem) -> Option<Advice> {
    let (expected, _) = problem.types()?;
    if !expected.contains("EvcxrUserCodeError") || problem.function().is_some() {
        return None;
    }
    let returned = problem.around::<ast::ReturnExpr>()?;
    let range = problem.range_of(returned.syntax());
    let end = range.end + usize::from(problem.code[range.end..].starts_with(';'));
    let value = problem.text_of(returned.expr()?.syntax()).to_owned();
    Some(
        Advice::new("a cell's value is its last expression, without `return` and without `;`.")
            .says("a cell returns nothing")
            .edit(range.start..end, value),
    )
}

/// The last line of a function that gives a `Result`.
fn value_for_result(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    if !is_result(expected) || is_result(found) || expected.contains("EvcxrUserCodeError") {
        return None;
    }
    problem.function()?;
    let advice = Advice::new(format!(
        "the function gives a `Result`: its last line says `Ok(…)` around the value, as the type `{expected}` demands."
    ));
    if found == "()" {
        return Some(Advice::new(
            "the function gives a `Result`: its last line is the value in `Ok(…)`, without `;`.",
        ));
    }
    let expression = problem.exactly::<ast::Expr>()?;
    // A literal of the other type of numbers would be the next error.
    let inner = inner_type(expected)?;
    let text = problem.text();
    let is_digits =
        matches!(expression, ast::Expr::Literal(_)) && text.chars().all(|c| c.is_ascii_digit());
    let text = match is_digits && super::is_float(inner) {
        true => format!("{text}.0"),
        false => text.to_owned(),
    };
    let cast = super::NUMBERS.contains(&found) && super::NUMBERS.contains(&inner) && found != inner;
    let text = match cast {
        true if super::is_float(inner) && super::is_integer(found) => {
            super::numbers::with_fractions(&expression, inner)
        }
        true => format!("{} as {inner}", operand(&expression, &text)),
        false => text,
    };
    Some(advice.edit(problem.at.clone(), format!("Ok({text})")))
}

/// A tensor's `Result` as the value of a function that gives ours: their errors are two types.
fn result_of_another_error(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    let are_errors =
        is_result(expected) && is_result(found) && inner_type(expected) == inner_type(found)
            || expected.ends_with("Error") && found.ends_with("Error");
    if !are_errors || expected.contains("EvcxrUserCodeError") {
        return None;
    }
    problem.function()?;
    let advice = Advice::new(
        "both are a `Result`, with two types of errors. `Ok(…?)` takes the value out and hands the error on.",
    );
    let expression = problem.exactly::<ast::Expr>()?;
    if ast::ArgList::can_cast(expression.syntax().parent()?.kind()) {
        return None;
    }
    let text = operand(&expression, problem.text());
    Some(advice.edit(problem.at.clone(), format!("Ok({text}?)")))
}

/// `T` of `Result<T, E>`
fn inner_type(kind: &str) -> Option<&str> {
    let inner = kind.split_once('<')?.1.strip_suffix('>')?;
    let mut depth = 0;
    let end = inner.find(|c| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    Some(&inner[..end.unwrap_or(inner.len())])
}

/// Whether a `?` can stand at the place.
fn can_hand_on(problem: &Problem) -> bool {
    if problem.around::<ast::ClosureExpr>().is_some() {
        return false;
    }
    let Some(function) = problem.function() else {
        return true;
    };
    let kind = function.ret_type().and_then(|kind| kind.ty());
    kind.is_some_and(|kind| kind.syntax().text().to_string().contains("Result<"))
}

/// A `Result` where a value is meant.
fn taken_out(problem: &Problem, at: usize) -> Advice {
    if can_hand_on(problem) {
        return Advice::new(TAKES_OUT).edit(at..at, "?");
    }
    match problem.function() {
        Some(_) if problem.around::<ast::ClosureExpr>().is_none() => Advice::new(
            "this is a `Result`: it may hold an error. Let the function give a `cuaderno::Result<…>` and end \
             with `Ok(…)`; then a `?` behind the call takes the value out.",
        ),
        _ => Advice::new(
            "this is a `Result`: it may hold an error, and a `?` in a function without a name ends that \
             function alone. A `for` loop in its place can use `?`; `.unwrap()` takes the value and panics at an error.",
        ),
    }
}

fn result_for_value(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    if !is_result(found) || is_result(expected) {
        return None;
    }
    let inner = inner_type(found)?;
    // With `()` in it nothing would be taken out.
    if inner == "()" && expected != "()" {
        return None;
    }
    problem.exactly::<ast::Expr>()?;
    Some(taken_out(problem, problem.at.end))
}

fn option_for_value(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    if !is_option(found) || is_option(expected) || is_result(expected) {
        return None;
    }
    problem.exactly::<ast::Expr>()?;
    Some(Advice::new(
        "this is an `Option`: it may hold nothing. `.unwrap_or(…)` takes the value out and says what holds otherwise; \
         `.unwrap()` panics where there is none.",
    ))
}

/// `tensor.relu().sum_all()`
fn method_of_result(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).get(1)?;
    if !problem.is(&["E0599"]) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    if problem.range_of(call.name_ref()?.syntax()) != problem.at {
        return None;
    }
    if is_option(kind) {
        return Some(Advice::new(
            "this is an `Option`: it may hold nothing. `.unwrap()` takes the value out and panics where there is none; \
             `if let Some(value) = …` looks first.",
        ));
    }
    is_result(kind).then(|| {
        let end = call.receiver().map_or(problem.at.start, |receiver| {
            problem.range_of(receiver.syntax()).end
        });
        taken_out(problem, end)
    })
}

/// `f()? + g()`
fn operator_on_result(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0369", "E0277", "E0614", "E0600"]) {
        return None;
    }
    if problem.is(&["E0600", "E0614"]) {
        let kind = quoted(&problem.error.message);
        return kind
            .iter()
            .any(|kind| is_result(kind))
            .then(|| taken_out(problem, problem.at.end));
    }
    let operation = problem.around::<ast::BinExpr>()?;
    let operator = problem.range_of(operation.syntax());
    let is_operator = operation
        .op_token()
        .is_some_and(|token| token.text() == problem.text());
    if !is_operator {
        return None;
    }
    let (left, right) = (operation.lhs()?, operation.rhs()?);
    let places = [&left, &right].map(|side| problem.range_of(side.syntax()));
    let label = problem.error.label();
    let mut kinds: Vec<bool> = places
        .iter()
        .map(|place| {
            problem
                .others
                .iter()
                .any(|(other, label)| other == place && is_result(label))
        })
        .collect();
    if let Some(types) = quoted(label).first()
        && let Some((left, right)) = types.split_once(&format!(" {} ", problem.text()))
    {
        kinds = vec![
            is_result(left.trim_start_matches('&')),
            is_result(right.trim_start_matches('&')),
        ];
    }
    if !kinds.contains(&true) || operator.is_empty() {
        return None;
    }
    let (place, side) = match kinds[0] {
        true => (&places[0], &left),
        false => (&places[1], &right),
    };
    let mut advice = taken_out(problem, place.end);
    if matches!(side, ast::Expr::BinExpr(_)) && !advice.edits.is_empty() {
        let whole = format!("({})?", &problem.code[place.clone()]);
        advice.edits = vec![Edit::new(place.clone(), whole)];
    }
    if kinds == [true, true] && !advice.edits.is_empty() {
        advice = advice.edit(places[1].end..places[1].end, "?");
    }
    Some(advice)
}

/// A `?` in a function that gives no `Result`.
fn question_mark_in_function(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0277"]) || problem.text() != "?" {
        return None;
    }
    if problem.around::<ast::ClosureExpr>().is_some() {
        return Some(Advice::new(
            "the `?` ends the function without a name that it is in, which gives no `Result`. A `for` loop \
             in its place can use `?`.",
        ));
    }
    let function = problem.function()?;
    if can_hand_on(problem) {
        return None;
    }
    let list = problem.range_of(function.param_list()?.syntax());
    let body = function.body()?;
    let tail = body.tail_expr();
    let mut advice = Advice::new(
        "a `?` hands an error to who calls the function, so the function gives a `cuaderno::Result<…>` and ends with `Ok(…)`.",
    )
    .says("a function with a `?` in it gives a `Result`");
    let kind = function.ret_type().and_then(|kind| kind.ty());
    match (&kind, &tail) {
        (Some(kind), Some(tail)) => {
            let range = problem.range_of(kind.syntax());
            let text = problem.code[range.clone()].to_owned();
            advice = advice.edit(range, format!("cuaderno::Result<{text}>"));
            let range = problem.range_of(tail.syntax());
            let text = problem.code[range.clone()].to_owned();
            advice = advice.edit(range, format!("Ok({text})"));
        }
        (None, None) => {
            advice = advice.edit(list.end..list.end, " -> cuaderno::Result<()>");
            let end = problem.range_of(body.syntax()).end - 1;
            let is_one_line = !problem.text_of(body.syntax()).contains('\n');
            let ok = if is_one_line {
                "Ok(()) "
            } else {
                "    Ok(())\n"
            };
            advice = advice.edit(end..end, ok);
        }
        _ => {}
    }
    Some(advice)
}

/// `x.ln()?`
fn question_mark_on_value(problem: &Problem) -> Option<Advice> {
    let is_on_value = problem.is(&["E0277"])
        && problem
            .error
            .message
            .contains("can only be applied to values")
        && problem.text().ends_with('?');
    is_on_value.then(|| {
        let end = problem.at.end;
        Advice::new("a `?` stands behind what can fail, and this cannot: leave it out.")
            .edit(end - 1..end, "")
    })
}

/// `println!("{}", half(0.5))`
fn printed(problem: &Problem) -> Option<Advice> {
    let names = quoted(&problem.error.message);
    let is_printed = problem.is(&["E0277"]) && problem.error.message.contains("doesn't implement");
    if !is_printed || !is_result(names.first()?) {
        return None;
    }
    let places = problem.others.iter().map(|(range, _)| range);
    let is_value =
        |range: &&std::ops::Range<usize>| !problem.code[(*range).clone()].starts_with('{');
    let value = places.chain([&problem.at]).find(is_value)?;
    Some(taken_out(problem, value.end))
}
