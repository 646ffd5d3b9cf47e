//! Failures of cells that ran.

use cuaderno_protocol::Report;

/// What to do about a panic, or an error that a `?` returned in `line`, where that is the cell's.
pub fn hint(report: &Report, line: Option<&str>) -> Option<String> {
    let message = report.message.trim();
    let begins = |words: &str| message.starts_with(words);
    let hint = if begins("shape mismatch in matmul") {
        "in `a.matmul(&b)` the last dimension of `a` must be the last but one of `b`. `.t()?` \
         swaps them; `.dims()` tells a tensor's shape."
            .to_owned()
    } else if begins("shape mismatch in ") {
        "the two shapes must be the same, dimension by dimension. `.broadcast_add(&b)?` and its \
         like repeat a dimension of 1; `.reshape(…)?` changes the shape."
            .to_owned()
    } else if begins("dtype mismatch in ") {
        "both must hold numbers of one type: `.to_dtype(DType::F32)?` makes a tensor's numbers `f32`.".to_owned()
    } else if let Some(types) = message.strip_prefix("unexpected dtype, expected: ") {
        let found = types
            .rsplit("got: ")
            .next()?
            .trim_matches(|c: char| !c.is_alphanumeric());
        let is_whole = found.starts_with(['U', 'I']);
        if is_whole && line.is_some_and(|line| line.contains(".mean")) {
            return Some(
                "a mean of whole numbers is cut to 0: `.to_dtype(DType::F32)?` before the mean makes \
                 them `f32`."
                    .to_owned(),
            );
        }
        let methods = ["to_vec1", "to_vec2", "to_vec3"];
        let called = |method: &&&str| line.is_some_and(|line| line.contains(**method));
        format!(
            "the tensor's values are `{kind}`: say so, as in `.{method}::<{kind}>()?`, or change them with \
             `.to_dtype(DType::{types})?`.",
            method = methods.iter().find(called).unwrap_or(&"to_scalar"),
            kind = found.to_lowercase(),
            types = types.split(',').next()?,
        )
    } else if begins("index out of bounds: the len is ") {
        "places are counted from 0, so the last one is `len() - 1`.".to_owned()
    } else if begins("attempt to subtract with overflow") {
        "numbers such as `usize` cannot go below 0. `as i64` before the subtraction allows it; \
         `.saturating_sub(…)` stops at 0."
            .to_owned()
    } else if begins("attempt to ") && message.ends_with(" with overflow") {
        "the result does not fit into its type. A wider one is `i64` or `f64`.".to_owned()
    } else if begins("called `Option::unwrap()` on a `None` value") {
        "there was no value. `.unwrap_or(…)` says what holds then, `if let Some(value) = …` looks first."
            .to_owned()
    } else if begins("called `Result::unwrap()` on an `Err` value") {
        "there was an error in place of the value. With `?` in place of `.unwrap()` it is told as one."
            .to_owned()
    } else if begins("invalid digit found in string") || begins("invalid float literal") {
        "the text is no number of that type: `.trim()` takes blanks away, and `parse::<f64>()` reads fractions."
            .to_owned()
    } else if begins("No such file or directory") {
        let file = match line
            .map(|line| line.split('"').collect::<Vec<_>>())
            .as_deref()
        {
            Some([_, name, _]) => format!("`{name}` is not there"),
            _ => "the file is not there".to_owned(),
        };
        format!(
            "{file}. A path that begins with no `/` is looked for in the notebook's folder; `!ls` shows what is in it."
        )
    } else {
        return None;
    };
    Some(hint)
}
