//! Names as Python has them: of arguments, constants, functions, modules and types.

use ra_ap_syntax::ast::{self, AstNode, HasArgList};

use super::python::{print, range};
use super::{Advice, Problem, Rule};

pub const RULES: &[Rule] = &[named_argument, constant, function, module, type_name];

/// `f(x=1)`
fn named_argument(problem: &Problem) -> Option<Advice> {
    let assignment = problem.around::<ast::BinExpr>()?;
    let list = assignment.syntax().parent().and_then(ast::ArgList::cast)?;
    let is_named = problem.is(&["E0425"])
        && assignment.op_kind() == Some(ast::BinaryOp::Assignment { op: None })
        && problem.range_of(assignment.lhs()?.syntax()) == problem.at;
    if !is_named {
        return None;
    }
    let mut advice = Advice::new(
        "arguments have no names in a call; their order says which is which.",
    )
    .says(format!(
        "`{}` names an argument, and calls have no named arguments",
        problem.text()
    ));
    for argument in list.args() {
        if let ast::Expr::BinExpr(named) = &argument
            && named.op_kind() == Some(ast::BinaryOp::Assignment { op: None })
        {
            let value = problem.range_of(named.rhs()?.syntax());
            let start = problem.range_of(named.syntax()).start;
            advice = advice.edit(start..value.start, "");
        }
    }
    Some(advice)
}

/// `True`
fn constant(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0425"]) {
        return None;
    }
    let (hint, word) = match problem.text() {
        "True" => ("it is written in small letters.", "true"),
        "False" => ("it is written in small letters.", "false"),
        "null" | "nil" | "nullptr" => ("nothing is `None`, of an `Option`.", "None"),
        "OK" | "ok" => ("it is written `Ok`.", "Ok"),
        "pass" => ("an empty block, `{ }`, does nothing.", "()"),
        "pi" | "PI" => ("it is in the standard library.", "std::f64::consts::PI"),
        "inf" | "Infinity" => ("it belongs to its type.", "f64::INFINITY"),
        "nan" | "NaN" => ("it belongs to its type.", "f64::NAN"),
        _ => return None,
    };
    Some(Advice::new(hint).edit(problem.at.clone(), word))
}

/// The method that is Python's function `name` of one number.
pub fn function_of_a_number(name: &str) -> Option<&str> {
    Some(match name {
        "log" | "ln" => "ln",
        "abs" | "fabs" => "abs",
        "sqrt" | "exp" | "sin" | "cos" | "tan" | "tanh" | "round" | "floor" | "ceil" => name,
        _ => return None,
    })
}

/// Functions of Python that are methods, macros or syntax in Rust.
fn function(problem: &Problem) -> Option<Advice> {
    let name = problem.text();
    if !problem.is(&["E0423", "E0425"]) {
        return None;
    }
    let call = problem.around::<ast::CallExpr>()?;
    if problem.range_of(call.expr()?.syntax()) != problem.at {
        return None;
    }
    let list = call.arg_list()?;
    let arguments: Vec<ast::Expr> = list.args().collect();
    let texts: Vec<&str> = arguments
        .iter()
        .map(|argument| problem.text_of(argument.syntax()))
        .collect();
    let whole = problem.range_of(call.syntax());
    let first = arguments
        .first()
        .zip(texts.first())
        .map(|(argument, text)| receiver(argument, text));
    let edit = |hint: &str, text: String| Some(Advice::new(hint).edit(whole.clone(), text));
    let method = |method: &str| {
        let (first, rest) = (first.clone()?, texts[1..].join(", "));
        edit(
            &format!(
                "it is a method: `x.{method}({})`.",
                if rest.is_empty() { "" } else { "y" }
            ),
            format!("{first}.{method}({rest})"),
        )
    };
    match (name, texts.as_slice()) {
        ("print" | "println" | "puts", _) => {
            let text = print(&texts.join(", "));
            let text = if problem.code[whole.end..].starts_with(';') {
                text.trim_end_matches(';').to_owned()
            } else {
                text
            };
            edit(
                "`println!(\"…\")` is a macro, with an exclamation mark, and `{}` in the text stands for a value.",
                text,
            )
        }
        ("printf", _) => Some(Advice::new(
            "`println!(\"x is {x:.3}\")` prints; values stand in braces in the text.",
        )),
        ("len", [_]) => method("len"),
        ("range", _) => {
            let range = range(problem.text_of(call.syntax()));
            let advice =
                Advice::new("a range is written `0..10`, and with a step `(0..10).step_by(2)`.");
            Some(match range {
                Some(range) => advice.edit(whole.clone(), range),
                None => advice,
            })
        }
        (name, [_]) if let Some(name) = function_of_a_number(name) => method(name),
        ("min" | "max", [first, second]) if is_whole(&arguments[0]) => edit(
            &format!("it is a method: `x.{name}(y)`."),
            format!("{first}.{name}({second})"),
        ),
        ("min" | "max", [_, _]) => method(name),
        ("min" | "max", [_]) => Some(Advice::new(format!(
            "a list of whole numbers has `v.iter().{name}().unwrap()`, a tensor `t.{name}_all()?`."
        ))),
        ("sum", [_]) => Some(Advice::new(
            "a list of numbers has `v.iter().sum::<f64>()`, a tensor `t.sum_all()?`.",
        )),
        ("pow", [base, _]) => {
            let kind = problem.type_of_expression(arguments.first()?);
            let advice =
                Advice::new("whole numbers have `x.pow(2)`, others `x.powi(2)` and `x.powf(0.5)`.");
            let power = power(&arguments[0], base, kind.as_deref(), texts[1]);
            Some(match power {
                Some(power) => advice.edit(whole.clone(), power),
                None => advice,
            })
        }
        ("str", [_]) => method("to_string"),
        ("int", [text]) => edit(
            "`as` changes the type of a number; a text has `.parse::<i64>()?`.",
            format!("{} as i64", operand(arguments.first()?, text)),
        ),
        ("float", [text]) => edit(
            "`as` changes the type of a number; a text has `.parse::<f64>()?`.",
            format!("{} as f64", operand(arguments.first()?, text)),
        ),
        ("zeros" | "ones", [count]) => {
            let value = if name == "zeros" { "0.0" } else { "1.0" };
            edit(
                "`vec![0.0; n]` is a list of n zeros, `Tensor::zeros(n, DType::F32, &Device::Cpu)?` a tensor.",
                format!("vec![{value}; {count}]"),
            )
        }
        ("sorted", [_]) => Some(Advice::new(
            "`v.sort();` sorts a list in its place; numbers with fractions by `v.sort_by(f64::total_cmp);`.",
        )),
        ("enumerate", [list]) => edit(
            "`v.iter().enumerate()` counts along.",
            format!("{list}.iter().enumerate()"),
        ),
        ("zip", [_, _]) => Some(Advice::new("`a.iter().zip(&b)` goes through both.")),
        ("map", [_, _]) => Some(Advice::new(
            "`v.iter().map(|x| …)` goes through the values.",
        )),
        ("list", [_]) => Some(Advice::new(
            "`.collect::<Vec<_>>()` makes a list of what comes one by one.",
        )),
        ("input", _) => Some(
            Advice::new("`cuaderno::notebook::input(\"…\")?` asks for a line.").edit(
                whole.clone(),
                format!(
                    "cuaderno::notebook::input({})?",
                    texts.first().unwrap_or(&"\"\"")
                ),
            ),
        ),
        ("type", [_]) => Some(Advice::new(
            "`:type x` in a cell's first line tells a type.",
        )),
        _ => None,
    }
}

/// Whether the expression is a whole number, written out.
fn is_whole(expression: &ast::Expr) -> bool {
    expression
        .syntax()
        .text()
        .to_string()
        .chars()
        .all(|c| c.is_ascii_digit())
}

/// `text` as what a method is called on.
fn receiver(expression: &ast::Expr, text: &str) -> String {
    match expression {
        ast::Expr::Literal(literal) => {
            let number = literal.syntax().text().to_string();
            let is_typed = super::NUMBERS.iter().any(|kind| number.ends_with(kind));
            match number.starts_with(|c: char| c.is_ascii_digit()) && !is_typed {
                true if number.contains('.') => format!("{number}_f64"),
                true => format!("{number}.0_f64"),
                false => text.to_owned(),
            }
        }
        _ => operand(expression, text),
    }
}

/// `text`, in brackets where what follows binds tighter.
pub fn operand(expression: &ast::Expr, text: &str) -> String {
    match expression {
        ast::Expr::BinExpr(_)
        | ast::Expr::PrefixExpr(_)
        | ast::Expr::CastExpr(_)
        | ast::Expr::RefExpr(_)
        | ast::Expr::RangeExpr(_)
        | ast::Expr::ClosureExpr(_)
        | ast::Expr::IfExpr(_) => {
            format!("({text})")
        }
        _ => text.to_owned(),
    }
}

/// `base` to the power of `exponent`, if the type says how.
pub fn power(
    expression: &ast::Expr,
    base: &str,
    kind: Option<&str>,
    exponent: &str,
) -> Option<String> {
    let kind = kind?;
    let is_literal = matches!(expression, ast::Expr::Literal(_));
    let is_typed = super::NUMBERS.iter().any(|kind| base.ends_with(kind));
    let base = match is_literal && !is_typed {
        true => format!("{base}_{kind}"),
        false => operand(expression, base),
    };
    let is_whole = exponent.chars().all(|c| c.is_ascii_digit());
    let method = match (super::is_float(kind), is_whole) {
        (false, true) => "pow",
        (true, true) => "powi",
        (true, false) if exponent.parse::<f64>().is_ok() => "powf",
        _ => return None,
    };
    (super::is_float(kind) || super::is_integer(kind))
        .then(|| format!("{base}.{method}({exponent})"))
}

/// `np.log(x)`
fn function_of_module(problem: &Problem) -> Option<Advice> {
    let call = problem.around::<ast::MethodCallExpr>()?;
    let is_of_module = ["np", "numpy", "math", "torch", "tf", "K", "jnp"].contains(&problem.text())
        && problem.range_of(call.receiver()?.syntax()) == problem.at;
    if !is_of_module {
        return None;
    }
    let theirs = call.name_ref()?.text().to_string();
    let arguments: Vec<ast::Expr> = call.arg_list()?.args().collect();
    let raised = match (theirs.as_str(), arguments.as_slice()) {
        ("square", [base]) => Some((base, "2")),
        ("power" | "pow", [base, exponent]) => Some((base, problem.text_of(exponent.syntax()))),
        _ => None,
    };
    if let Some((base, exponent)) = raised {
        let advice = Advice::new(
            "powers are methods: `x.pow(2)` of whole numbers, `x.powi(2)` of others, `x.sqr()?` of a tensor.",
        );
        let kind = problem.type_of_expression(base);
        let power = power(
            base,
            problem.text_of(base.syntax()),
            kind.as_deref(),
            exponent,
        );
        return Some(match power {
            Some(power) => advice.edit(problem.range_of(call.syntax()), power),
            None => advice,
        });
    }
    let ours = function_of_a_number(&theirs)?;
    let [argument] = arguments.as_slice() else {
        return None;
    };
    let advice = Advice::new(format!(
        "functions are methods: `x.{ours}()` of a number, `x.{theirs}()?` of a tensor."
    ));
    let text = receiver(argument, problem.text_of(argument.syntax()));
    let whole = problem.range_of(call.syntax());
    Some(match problem.type_of_expression(argument).as_deref() {
        Some("f32" | "f64") => advice.edit(whole, format!("{text}.{ours}()")),
        Some(kind) if kind.ends_with("Tensor") => advice.edit(whole, format!("{text}.{theirs}()?")),
        _ => advice,
    })
}

/// `np.zeros(3)`
fn module(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0425", "E0433"]) {
        return None;
    }
    if let Some(advice) = function_of_module(problem) {
        return Some(advice);
    }
    let hint = match problem.text() {
        "np" | "numpy" | "torch" | "tf" | "jnp" => {
            "tensors are `Tensor`, of `use cuaderno::prelude::*;`: `Tensor::zeros((2, 3), DType::F32, \
             &Device::Cpu)?`; `:type` and `?Tensor` tell more. A list of n zeros is `vec![0.0; n]`."
        }
        "math" => {
            "functions of numbers are their methods: `x.sqrt()`, `x.ln()`; `std::f64::consts::PI`."
        }
        "plt" | "matplotlib" => {
            "`line_chart`, `scatter`, `histogram` and `image_grid` of `use cuaderno::prelude::*;` make figures."
        }
        "random" => "random numbers come from `Rng::new(1)`, of `use cuaderno::prelude::*;`.",
        "keras" | "nn" | "optim" => {
            "layers, optimisers and `Trainer` come with `use cuaderno::prelude::*;`."
        }
        "pd" | "pandas" => {
            "tables come with `:dep cuaderno-tables` in a cell's first line, and `use cuaderno_tables::prelude::*;`."
        }
        "time" => "`let start = std::time::Instant::now();` and `start.elapsed()` measure time.",
        _ => return None,
    };
    Some(Advice::new(hint))
}

/// `x: int`
fn type_name(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0412", "E0425"]) {
        return None;
    }
    problem.exactly::<ast::PathType>()?;
    let (hint, name) = match problem.text() {
        "int" => (
            "whole numbers are `i32`, `i64`, `u32`, or `usize` for sizes and indices.",
            "i64",
        ),
        "float" | "double" | "Float" => {
            ("numbers with fractions are `f64`, in tensors `f32`.", "f64")
        }
        "string" | "Str" => ("a text is a `String`, or a `&str` that is lent.", "String"),
        "boolean" | "Bool" => ("it is `bool`.", "bool"),
        "list" | "List" | "array" | "Array" => (
            "a list is a `Vec` of its values' type: `Vec<f64>`.",
            "Vec<f64>",
        ),
        "dict" | "Dict" => (
            "a dictionary is `std::collections::HashMap<String, f64>`, with the types of keys and values.",
            "",
        ),
        "object" | "Any" => ("each value has one type; say which.", ""),
        _ => return None,
    };
    let advice = Advice::new(hint);
    Some(match name {
        "" => advice,
        name => advice.edit(problem.at.clone(), name),
    })
}
