//! What is given away, lent and changed.

use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::{Advice, Problem, Rule, is_name, quoted};

pub const RULES: &[Rule] = &[
    kept_borrow,
    given_away,
    given_away_from_a_place,
    fixed,
    lent_and_changed,
    type_unknown,
];

/// A variable for later cells that borrows from something else.
fn kept_borrow(problem: &Problem) -> Option<Advice> {
    let name = problem.error.kept_variable()?;
    Some(
        Advice::new(format!(
            "keep what it borrows from, or a copy (`.clone()`, `.to_vec()`, `.to_string()`), or use it \
             inside one block, `{{ let {name} = …; … }}`."
        ))
        .says(format!("`{name}` borrows from something else, so the next cell could not have it")),
    )
}

/// A value that is used after it was given away.
fn given_away(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0382"]) {
        return None;
    }
    let name = *quoted(&problem.error.message).first()?;
    let value = if is_name(name) { name } else { "value" };
    let (place, _) = problem
        .others
        .iter()
        .find(|(_, label)| label.starts_with("value moved"))?;
    let number = problem.code[..place.start].matches('\n').count() + 1;
    Some(Advice::new(format!(
        "line {number} gives `{value}` away. Lend it there, `&{value}`, or give a copy, `{value}.clone()`."
    )))
}

fn given_away_from_a_place(problem: &Problem) -> Option<Advice> {
    problem.is(&["E0507"]).then(|| {
        Advice::new("what stays where it is can be lent, with an `&` in front, or copied, with `.clone()` behind.")
    })
}

/// A variable that was not made to change.
fn fixed(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0384", "E0594", "E0596"]) {
        return None;
    }
    let name = *quoted(&problem.error.message)
        .iter()
        .find(|name| is_name(name))?;
    let lets = problem.tree.descendants().filter_map(ast::IdentPat::cast);
    let is_own = lets
        .into_iter()
        .any(|pattern| pattern.name().is_some_and(|own| own.text() == name));
    if is_own || problem.function().is_some() || !problem.session.variables.contains_key(name) {
        return Some(Advice::new(format!(
            "a variable that changes begins with `let mut`: `let mut {name} = …;`."
        )));
    }
    let start = problem.line_start();
    Some(
        Advice::new(format!(
            "`{name}` was not made to change, in an earlier cell. `let mut {name} = …;` there makes it so, or here:"
        ))
        .edit(start..start, format!("let mut {name} = {name};\n")),
    )
}

/// A value that is lent and changed at once.
fn lent_and_changed(problem: &Problem) -> Option<Advice> {
    let name = *quoted(&problem.error.message).first()?;
    if !problem.is(&["E0499", "E0502", "E0505", "E0506"]) {
        return None;
    }
    Some(Advice::new(format!(
        "while a part of `{name}` is lent, `{name}` cannot change. Let what borrows it end first, or \
         let it have a copy, `{name}.clone()`."
    )))
}

/// A type that only the student knows.
fn type_unknown(problem: &Problem) -> Option<Advice> {
    // Without a type the compiler takes the one that has no values.
    let is_never = problem.is(&["E0277"]) && problem.error.message.contains("`!: ");
    if !problem.is(&["E0282", "E0283", "E0284"]) && !is_never {
        return None;
    }
    let statement = problem.around::<ast::LetStmt>();
    let calls = statement
        .as_ref()
        .map(|statement| statement.syntax().clone());
    let calls = calls.or_else(|| Some(problem.around::<ast::MethodCallExpr>()?.syntax().clone()));
    let calls = calls.into_iter().flat_map(|node| {
        node.descendants()
            .filter_map(ast::MethodCallExpr::cast)
            .collect::<Vec<_>>()
    });
    let types = [
        ("collect", "Vec<_>"),
        ("parse", "f64"),
        ("sum", "f64"),
        ("product", "f64"),
    ];
    let found = calls.into_iter().find_map(|call| {
        use ra_ap_syntax::ast::HasGenericArgs;
        let name = call.name_ref()?;
        let (_, kind) = types.iter().find(|(method, _)| name.text() == *method)?;
        call.generic_arg_list()
            .is_none()
            .then(|| (problem.range_of(name.syntax()).end, *kind))
    });
    if let Some((end, kind)) = found {
        let advice = Advice::new(format!(
            "say the type of what comes out, as in `::<{kind}>()`."
        ))
        .says("the type of what comes out is not known");
        // Which numbers are added up, the student knows.
        return Some(match kind {
            "Vec<_>" => advice.edit(end..end, "::<Vec<_>>"),
            _ => advice,
        });
    }
    let pattern = statement.and_then(|statement| statement.pat())?;
    let name = pattern.syntax().text().to_string();
    let kind = match *quoted(&problem.error.message).first().unwrap_or(&"") {
        kind if kind.starts_with("Vec<") => "Vec<f64>",
        kind if kind.starts_with("Option<") => "Option<f64>",
        kind if kind.starts_with("HashMap<") => "HashMap<String, f64>",
        _ => "…",
    };
    Some(Advice::new(format!(
        "say which type `{name}` has, as in `let {name}: {kind} = …;`."
    )))
}
