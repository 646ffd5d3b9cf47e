//! Names that were there, or are where the cell cannot see them.

use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::{Advice, Problem, Rule, Session, UNKNOWN, is_name};

pub const RULES: &[Rule] = &[
    of_a_failed_cell,
    given_away,
    of_an_old_type,
    not_in_functions,
    hidden_function,
];

fn of_a_failed_cell(problem: &Problem) -> Option<Advice> {
    let name = problem.text();
    if !problem.is(&UNKNOWN) {
        return None;
    }
    let place = problem.session.gone.failed.get(name)?;
    let failed = match place {
        Some(place) => format!("the cell that makes `{name}` failed, in {place}"),
        None => format!("the cell that makes `{name}` failed"),
    };
    Some(Advice::new(format!(
        "{failed}, so nothing of it was kept. Mend that cell and run it again."
    )))
}

fn given_away(problem: &Problem) -> Option<Advice> {
    let name = problem.text();
    (problem.is(&["E0425"]) && problem.session.gone.given_away.contains(name)).then(|| {
        Advice::new(format!(
            "an earlier cell gave `{name}` away. Lend it there, `&{name}`, or give a copy, \
             `{name}.clone()`, and run the cell again that makes it."
        ))
    })
}

fn of_an_old_type(problem: &Problem) -> Option<Advice> {
    let name = problem.text();
    (problem.is(&["E0425"]) && problem.session.gone.of_an_old_type.contains(name)).then(|| {
        Advice::new(format!(
            "`{name}` was lost when its type, or one within it, was defined anew. Run the cell \
             again that makes it."
        ))
    })
}

/// A function that uses a variable of the notebook.
fn not_in_functions(problem: &Problem) -> Option<Advice> {
    let name = problem.text();
    if !problem.is(&["E0425", "E0434"]) || !is_name(name) {
        return None;
    }
    let function = problem.function()?;
    let own = problem
        .tree
        .descendants()
        .filter_map(ast::LetStmt::cast)
        .any(|statement| {
            let in_function = statement
                .syntax()
                .ancestors()
                .skip(1)
                .filter_map(ast::Fn::cast)
                .count()
                > 1;
            let pattern = statement.pat();
            !in_function && pattern.is_some_and(|pattern| pattern.syntax().text() == name)
        });
    if !own && !problem.session.variables.contains_key(name) {
        return None;
    }
    let kind = problem.session.variables.get(name).cloned();
    let kind = kind.filter(|kind| super::NUMBERS.contains(&kind.as_str()) || kind == "bool");
    let own_name = function.name()?.text().to_string();
    let list = function.param_list()?;
    let (comma, more) = match list.params().next() {
        Some(_) => (", ", ", …"),
        None => ("", ""),
    };
    let parameter = format!("{name}: {}", kind.as_deref().unwrap_or("…"));
    let advice = Advice::new(format!(
        "give it as a parameter, `fn {own_name}({parameter}{more})`, and pass it in the call, \
         `{own_name}({name}{more})`."
    ))
    .says(format!(
        "a function does not see the notebook's variables, and `{name}` is one"
    ));
    Some(match kind {
        Some(kind) => {
            let end = problem.range_of(list.syntax()).end - 1;
            advice.edit(end..end, format!("{comma}{name}: {kind}"))
        }
        None => advice,
    })
}

/// A function that a variable hides.
fn hidden_function(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0618"]) {
        return None;
    }
    let call = problem.around::<ast::CallExpr>()?;
    let name = call.expr()?.syntax().text().to_string();
    let Session {
        variables,
        definitions,
        ..
    } = problem.session;
    (variables.contains_key(&name) && definitions.contains(&name)).then(|| {
        Advice::new(format!(
            "`{name}` is a variable now and hides the function of that name. Give the variable \
             another name, and run the cell again that defines the function."
        ))
    })
}
