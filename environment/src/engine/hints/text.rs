//! Text: what is owned, what is lent, and how values are printed.

use ra_ap_syntax::ast::{self, AstNode};

use super::{Advice, Problem, Rule, is_float, is_integer, quoted};

pub const RULES: &[Rule] = &[
    owned,
    lent,
    joined,
    repeated,
    letter,
    size_of_text,
    cannot_be_printed,
    cannot_be_shown,
    format_missing,
];

/// `let s: String = "a";`
fn owned(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    (expected == "String" && found == "&str").then(|| {
        let end = problem.at.end;
        Advice::new(
            "a text in quotes is lent, a `&str`. `.to_string()` makes a `String` of one's own.",
        )
        .edit(end..end, ".to_string()")
    })
}

/// A `String` for a `&str`, a list for a slice
fn lent(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    let inner = expected.strip_prefix('&')?;
    let is_lent = inner == "str" && found == "String"
        || inner == found
        || inner.starts_with('[') && (found.starts_with("Vec<") || found.starts_with('['));
    if !is_lent || inner.starts_with("mut ") {
        return None;
    }
    problem.exactly::<ast::Expr>()?;
    let start = problem.at.start;
    Some(
        Advice::new(format!(
            "`{expected}` is something lent: an `&` in front lends it."
        ))
        .edit(start..start, "&"),
    )
}

fn is_text(kind: &str) -> bool {
    matches!(kind, "&str" | "String" | "&String")
}

/// The types of both sides of the operator that the error is about.
fn sides(problem: &Problem) -> Option<[(String, String); 2]> {
    let operation = problem.around::<ast::BinExpr>()?;
    let side = |side: ast::Expr| {
        let place = problem.range_of(side.syntax());
        let label = &problem.others.iter().find(|(other, _)| *other == place)?.1;
        Some((label.clone(), problem.code[place].to_owned()))
    };
    Some([side(operation.lhs()?)?, side(operation.rhs()?)?])
}

/// `"a" + "b"`, `"n = " + n`
fn joined(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0369", "E0277"]) || problem.text() != "+" {
        return None;
    }
    let [(left, first), (_, second)] = sides(problem)?;
    if !is_text(&left) {
        return None;
    }
    let operation = problem.around::<ast::BinExpr>()?;
    let range = problem.range_of(operation.syntax());
    // More than two would need more than one pair of braces.
    let is_pair = !first.contains(" + ");
    let advice = Advice::new("`format!(\"{a}{b}\")` puts texts and values together.");
    Some(match is_pair {
        true => advice.edit(range, format!("format!(\"{{}}{{}}\", {first}, {second})")),
        false => advice,
    })
}

/// `"-" * 3`
fn repeated(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0369"]) || problem.text() != "*" {
        return None;
    }
    let [(left, text), (right, count)] = sides(problem)?;
    if !is_text(&left) || !is_integer(&right) {
        return None;
    }
    let range = problem.range_of(problem.around::<ast::BinExpr>()?.syntax());
    Some(Advice::new("`.repeat(n)` repeats a text.").edit(range, format!("{text}.repeat({count})")))
}

/// `s[0]`
fn letter(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    if !problem.is(&["E0277"])
        || !matches!(kind, "str" | "String")
        || !problem.error.label().starts_with("string indices")
    {
        return None;
    }
    let index = problem.around::<ast::IndexExpr>()?;
    let base = problem.text_of(index.base()?.syntax());
    let place = problem.text_of(index.index()?.syntax());
    let advice = Advice::new(
        "a text has no numbered places, as letters differ in size. `.chars().nth(i)` goes to one, and is an `Option`.",
    );
    Some(advice.edit(
        problem.range_of(index.syntax()),
        format!("{base}.chars().nth({place})"),
    ))
}

/// `let s: str = …;`
fn size_of_text(problem: &Problem) -> Option<Advice> {
    let (expected, found) = problem.types()?;
    if expected != "str" || found != "&str" {
        return None;
    }
    let statement = problem.around::<ast::LetStmt>()?;
    let range = problem.range_of(statement.ty()?.syntax());
    Some(
        Advice::new("a text that is lent has the type `&str`, and one's own is a `String`.")
            .edit(range, "&str"),
    )
}

/// `println!("{}", list)`
fn cannot_be_printed(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0277"]) {
        return None;
    }
    let (kind, what) = match quoted(&problem.error.message)[..] {
        [kind, what] => (kind, what.rsplit("::").next()?),
        _ => return None,
    };
    if !problem.error.message.contains("doesn't implement") || is_float(kind) {
        return None;
    }
    match what {
        "Display" => {
            let is_students = !kind.contains(['<', '[', '(', '&']) && is_known(problem, kind);
            let advice = Advice::new(match is_students {
                true => {
                    format!("`{{:?}}` prints it, with `#[derive(Debug)]` above `struct {kind}`.")
                }
                false => "`{:?}` prints what has no form for readers of its own, such as lists."
                    .to_owned(),
            });
            let places = problem
                .others
                .iter()
                .map(|(range, _)| range)
                .chain([&problem.at]);
            let mut braces = places.filter_map(|range| {
                let text = &problem.code[range.clone()];
                let inner = text.strip_prefix('{')?.strip_suffix('}')?;
                (!inner.contains(':')).then(|| (range.clone(), format!("{{{inner}:?}}")))
            });
            let found = braces.next_back();
            Some(match found {
                Some((range, text)) if !is_students => advice.edit(range, text),
                _ => advice,
            })
        }
        "Debug" => Some(derive(problem, kind)),
        _ => None,
    }
}

fn is_known(problem: &Problem, kind: &str) -> bool {
    problem.session.definitions.contains(kind) || definition(problem, kind).is_some()
}

/// Where the cell defines the type.
fn definition(problem: &Problem, kind: &str) -> Option<usize> {
    let mut types = problem.tree.descendants().filter_map(ast::Adt::cast);
    let found = types.find(|item| {
        use ra_ap_syntax::ast::HasName;
        item.name().is_some_and(|name| name.text() == kind)
    })?;
    let start = problem.range_of(found.syntax()).start;
    Some(start)
}

fn derive(problem: &Problem, kind: &str) -> Advice {
    let advice = Advice::new(format!(
        "write `#[derive(Debug)]` in the line above the definition of `{kind}`, and it can be shown."
    ));
    match definition(problem, kind) {
        Some(start) => {
            let line = problem.code[..start].rfind('\n').map_or(0, |at| at + 1);
            let indent = &problem.code[line..start];
            let indent = if indent.trim().is_empty() { indent } else { "" };
            advice.edit(start..start, format!("#[derive(Debug)]\n{indent}"))
        }
        None => advice,
    }
}

/// A last expression that cannot be shown.
fn cannot_be_shown(problem: &Problem) -> Option<Advice> {
    if !problem.error.is_about_showing() {
        return None;
    }
    let names = quoted(&problem.error.message);
    let kind = *names.iter().find(|name| **name != "evcxr_display")?;
    if kind.contains("closure") {
        return Some(
            Advice::new("call it, or end the line with `;`.")
                .says("a cell shows its last value, and a function cannot be shown"),
        );
    }
    let kind = kind.split('<').next().unwrap_or(kind);
    let advice = match is_known(problem, kind) {
        true => derive(problem, kind),
        false => Advice::new("end the line with `;` so that it is not shown."),
    };
    Some(advice.says(format!(
        "a cell shows its last value, and `{kind}` does not say how"
    )))
}

/// `println!(x)`
fn format_missing(problem: &Problem) -> Option<Advice> {
    (problem.error.message == "format argument must be a string literal").then(|| {
        let start = problem.at.start;
        Advice::new("a text comes first, with braces for each value: `println!(\"{}\", x);`.")
            .edit(start..start, "\"{}\", ")
    })
}
