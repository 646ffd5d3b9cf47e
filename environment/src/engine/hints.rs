//! What to do about the failures that everybody meets once, in plain words.

use std::collections::BTreeSet;

use ra_ap_syntax::{AstNode, Edition, SourceFile, ast};

use super::failure::Failure;
use super::variables::Gone;

/// What is known of the session in which a cell failed.
pub struct Session<'a> {
    pub gone: &'a Gone,
    pub variables: &'a BTreeSet<String>,
    pub definitions: &'a BTreeSet<String>,
}

/// Where the failure of the cell `code` has one, the way out of it.
pub fn hint(failure: &Failure, code: &str, session: &Session) -> Option<String> {
    let all = failure.readable();
    let named = |before: &str, after: &str| Some(between(&all, before, after)?.to_owned());
    if let Some(name) = named("The variable `", "` is a closure") {
        return Some(format!(
            "a cell cannot keep the closure `{name}`. Write it as a function, `fn {name}(…) {{ … }}`, \
             or use it inside one block, `{{ let {name} = …; … }}`."
        ));
    }
    if all.contains("cannot be persisted") || all.contains("non-static lifetime") {
        let name = named("variable `", "`").unwrap_or_default();
        return Some(format!(
            "`{name}` borrows from something else or has a type without a name, so the next cell \
             could not have it. Keep what it borrows from, a copy (`.clone()`, `.to_vec()`), or use \
             it inside one block, `{{ let {name} = …; … }}`."
        ));
    }
    if all.contains("Couldn't automatically determine type") {
        let name = named("type of variable `", "`").unwrap_or_default();
        return Some(format!(
            "say which type `{name}` has, as in `let {name}: Vec<f64> = …;`."
        ));
    }
    let missing = named("cannot find value `", "`");
    if let Some(name) = missing.filter(|name| session.gone.given_away.contains(name)) {
        return Some(format!(
            "an earlier cell gave `{name}` away. Lend it there, `&{name}`, or give a copy, \
             `{name}.clone()`, and run the cell again that makes it."
        ));
    }
    let missing = named("cannot find value `", "`");
    if let Some(name) = missing.filter(|name| session.gone.of_an_old_type.contains(name)) {
        return Some(format!(
            "`{name}` was lost when its type, or one within it, was defined anew. Run the cell \
             again that makes it."
        ));
    }
    if all.contains("[E0618]")
        && let Some(name) = hidden_function(code, session)
    {
        return Some(format!(
            "`{name}` is a variable now and hides the function of that name. Give the variable \
             another name, and run the cell again that defines the function."
        ));
    }
    if all.contains("[E0382]") {
        return Some(
            "a value that was given away cannot be used again. Lend it, `&value`, or give a copy, \
             `value.clone()`."
                .to_owned(),
        );
    }
    if all.contains("expected expression, found `:`") {
        return Some("lines that begin with `:`, such as `:dep`, come first in a cell.".to_owned());
    }
    if is_result_taken_for_its_value(&all) {
        return Some(
            "this is a `Result`: it may hold an error. A `?` behind the call takes the value out."
                .to_owned(),
        );
    }
    if all.contains("shape mismatch in matmul") {
        return Some(
            "in `a.matmul(&b)` the last dimension of `a` must be the last but one of `b`. `.t()?` \
             swaps them; `.dims()` tells a tensor's shape."
                .to_owned(),
        );
    }
    all.contains("shape mismatch").then(|| {
        "the two shapes must be the same, dimension by dimension. `.broadcast_add(&b)?` and its \
         like repeat a dimension of 1; `.reshape(…)?` changes the shape."
            .to_owned()
    })
}

/// A function that `code` calls by its name, which a variable of the session has, too.
fn hidden_function(code: &str, session: &Session) -> Option<String> {
    let parsed = SourceFile::parse(&format!("fn cell() {{{code}\n}}"), Edition::Edition2024);
    let root = parsed.syntax_node();
    let calls = root.descendants().filter_map(ast::CallExpr::cast);
    let mut names = calls.filter_map(|call| Some(call.expr()?.syntax().text().to_string()));
    names.find(|name| session.variables.contains(name) && session.definitions.contains(name))
}

/// Whether the compiler found a `Result` where a value was meant.
fn is_result_taken_for_its_value(message: &str) -> bool {
    let mismatched = message.contains("[E0308]") && message.contains("found `Result<");
    let method = message.contains("[E0599]") && message.contains("found for enum `Result<");
    let operator = ["[E0369]", "[E0277]", "[E0614]"]
        .iter()
        .any(|code| message.contains(code))
        && message.contains("Result<")
        && !message.contains("the `?` operator");
    mismatched || method || operator
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_for(value: &str) -> String {
        let failure = Failure {
            name: "CompileError",
            value: value.to_owned(),
            traceback: vec![],
        };
        let names = |name: &str| BTreeSet::from([name.to_owned()]);
        let gone = Gone {
            given_away: names("model"),
            of_an_old_type: names("layers"),
        };
        let session = Session {
            gone: &gone,
            variables: &names("area"),
            definitions: &names("area"),
        };
        hint(&failure, "let area = area(2);", &session).unwrap_or_default()
    }

    #[test]
    fn the_common_traps_have_a_way_out() {
        let closure = "The variable `f` is a closure, which cannot be persisted.";
        assert!(hint_for(closure).contains("fn f("));
        let borrow = "The variable `view` contains a reference with a non-static lifetime so";
        assert!(hint_for(borrow).contains("`view` borrows"));
        assert!(hint_for("cannot find value `model` in this scope [E0425]").contains("&model"));
        assert_eq!(
            hint_for("cannot find value `modle` in this scope [E0425]"),
            ""
        );
        assert!(hint_for("cannot find value `layers` in this scope [E0425]").contains("anew"));
        assert!(
            hint_for("expected function, found `f64` [E0618]").contains("`area` is a variable")
        );
        assert!(hint_for("expected expression, found `:`").contains("come first"));
        let result =
            "no method named `sqr` found for enum `Result<T, E>` in the current scope [E0599]";
        assert!(hint_for(result).contains("`?`"));
        assert!(hint_for("shape mismatch in matmul, lhs: [2, 3], rhs: [2, 3]").contains(".t()?"));
        assert!(hint_for("shape mismatch in add, lhs: [2], rhs: [3]").contains("broadcast_add"));
    }
}
