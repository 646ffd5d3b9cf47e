//! What to do about the failures that everybody meets once, in plain words.

use std::collections::BTreeSet;

use super::failure::Failure;

/// Where a failure has one, the way out of it. `moved_away` are variables that earlier cells gave
/// away.
pub fn hint(failure: &Failure, moved_away: &BTreeSet<String>) -> Option<String> {
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
    if let Some(name) = named("cannot find value `", "`").filter(|name| moved_away.contains(name)) {
        return Some(format!(
            "an earlier cell gave `{name}` away. Lend it there, `&{name}`, or give a copy, \
             `{name}.clone()`, and run the cell again that makes it."
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
        hint(&failure, &BTreeSet::from(["model".to_owned()])).unwrap_or_default()
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
        assert!(hint_for("expected expression, found `:`").contains("come first"));
        let result =
            "no method named `sqr` found for enum `Result<T, E>` in the current scope [E0599]";
        assert!(hint_for(result).contains("`?`"));
        assert!(hint_for("shape mismatch in matmul, lhs: [2, 3], rhs: [2, 3]").contains(".t()?"));
        assert!(hint_for("shape mismatch in add, lhs: [2], rhs: [3]").contains("broadcast_add"));
    }
}
