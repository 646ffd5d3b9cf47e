//! Calls: how many arguments, and methods by the names of other languages.

use ra_ap_syntax::ast::{self, AstNode, HasArgList};

use super::{Advice, Problem, Rule, quoted};

pub const RULES: &[Rule] = &[
    number_of_arguments,
    model,
    append,
    method,
    zeros,
    called_network,
    missing_field,
];

/// `f(1, 2, 3)`
fn number_of_arguments(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0061"]) {
        return None;
    }
    let notes = problem
        .error
        .children
        .iter()
        .filter(|child| child.level == "note");
    let spans = notes
        .flat_map(|note| &note.spans)
        .filter(|span| span.is_primary);
    let lines = spans.filter_map(|span| Some(span.text.first()?.text.trim()));
    let definition = lines
        .into_iter()
        .find(|line| line.contains("fn ") && line.contains('('))?;
    let definition = definition
        .split(" {")
        .next()
        .unwrap_or(definition)
        .trim_end_matches(['{', ';'])
        .trim();
    if definition.contains("self") && !definition.contains("&self,") && definition.contains("<") {
        return None;
    }
    let mut advice = Advice::new(format!("it is defined as `{definition}`."));
    let surplus: Vec<_> = problem
        .others
        .iter()
        .filter(|(_, label)| label.starts_with("unexpected argument"))
        .map(|(range, _)| range.clone())
        .collect();
    let list = problem
        .around::<ast::CallExpr>()
        .and_then(|call| call.arg_list());
    let list = list.or_else(|| problem.around::<ast::MethodCallExpr>()?.arg_list())?;
    let places: Vec<_> = list
        .args()
        .map(|argument| problem.range_of(argument.syntax()))
        .collect();
    for range in surplus {
        let at = places.iter().position(|place| *place == range)?;
        let start = if at == 0 {
            range.start
        } else {
            places[at - 1].end
        };
        let end = if at == 0 {
            places.get(1).map_or(range.end, |next| next.start)
        } else {
            range.end
        };
        advice = advice.edit(start..end, "");
    }
    Some(advice)
}

/// `model.fit(…)`
fn model(problem: &Problem) -> Option<Advice> {
    let names = quoted(&problem.error.message);
    let kind = *names.get(1)?;
    if !problem.is(&["E0599"]) {
        return None;
    }
    const MODELS: [&str; 9] = [
        "Autoencoder",
        "CategoricalVae",
        "Classifier",
        "JointVae",
        "Vae",
        "Sequential",
        "Gan",
        "Dense",
        "Residual",
    ];
    let name = kind
        .trim_start_matches('&')
        .split('<')
        .next()?
        .rsplit("::")
        .next()?;
    if !MODELS.contains(&name) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let receiver = problem.text_of(call.receiver()?.syntax());
    let hint = match problem.text() {
        "fit" | "train" => format!(
            "a trainer trains it: `Trainer::new(Adam::new(1e-3)).epochs(5).fit(&{receiver}, &train, &valid)?`, \
             where `train` and `valid` are such as `mnist.train` and `mnist.test`."
        ),
        "compile" => {
            "nothing is compiled: the optimiser goes to `Trainer::new(Adam::new(1e-3))`, and the \
                      loss belongs to the model."
                .to_owned()
        }
        "evaluate" | "score" => {
            format!("`evaluate(&{receiver}, &examples, …)?` gives its losses on examples.")
        }
        "predict" | "encode" | "decode" if name == "Sequential" => {
            format!("`{receiver}.forward(&x)?` gives its outputs.")
        }
        "__call__" | "call" => format!("`{receiver}.forward(&x)?` gives its outputs."),
        _ => return None,
    };
    Some(Advice::new(hint))
}

/// `v.append(x)`: Rust's takes a whole list.
fn append(problem: &Problem) -> Option<Advice> {
    let (expected, _) = problem.types()?;
    let call = problem.around::<ast::MethodCallExpr>()?;
    let name = call.name_ref()?;
    (expected.starts_with("&mut Vec<") && name.text() == "append").then(|| {
        Advice::new("in Rust it is `.push(…)`.").edit(problem.range_of(name.syntax()), "push")
    })
}

/// Methods of Python's values, and Rust's; for what, and whether the arguments stay.
const METHODS: [(&str, &str, &str); 20] = [
    ("Vec", "append", "push"),
    ("Vec", "add", "push"),
    ("Vec", "push_back", "push"),
    ("Vec", "size", "len"),
    ("Vec", "length", "len"),
    ("Vec", "count", "len"),
    ("Vec", "index", "iter().position(|y| …)"),
    ("Vec", "map", "iter().map"),
    ("Vec", "filter", "iter().filter"),
    ("Vec", "sum", "iter().sum::<f64>"),
    ("str", "upper", "to_uppercase"),
    ("str", "lower", "to_lowercase"),
    ("str", "strip", "trim"),
    ("str", "startswith", "starts_with"),
    ("str", "endswith", "ends_with"),
    ("str", "length", "len"),
    ("str", "append", "push_str"),
    ("HashMap", "items", "iter"),
    ("HashMap", "has_key", "contains_key"),
    ("HashMap", "update", "extend"),
];

fn method(problem: &Problem) -> Option<Advice> {
    let names = quoted(&problem.error.message);
    let kind = names
        .get(1)?
        .trim_start_matches('&')
        .trim_start_matches("mut ");
    if !problem.is(&["E0599"]) {
        return None;
    }
    let name = kind.split('<').next()?.rsplit("::").next()?;
    let name = match name {
        "String" => "str",
        name if kind.starts_with('[') => {
            let _ = name;
            "Vec"
        }
        name => name,
    };
    if name == "Vec" && ["argmax", "argmin"].contains(&problem.text()) {
        return Some(Advice::new(
            "a list does not know its largest value's place: a loop over `0..v.len()` keeps the best place so far.",
        ));
    }
    let (_, _, rust) = METHODS
        .iter()
        .find(|(of, theirs, _)| *of == name && *theirs == problem.text())?;
    let list = problem.around::<ast::MethodCallExpr>()?.arg_list()?;
    if problem.text() == "count"
        && let Some(value) = list.args().next()
    {
        let count = format!(
            "iter().filter(|x| **x == {}).count()",
            problem.text_of(value.syntax())
        );
        let end = problem.range_of(list.syntax()).end;
        let advice = Advice::new("in Rust it is `.iter().filter(|x| …).count()`.");
        return Some(advice.edit(problem.at.start..end, count));
    }
    let advice = Advice::new(format!("in Rust it is `.{rust}(…)`."));
    if rust.contains('…') {
        return Some(Advice::new(format!("in Rust it is `.{rust}`.")));
    }
    Some(advice.edit(problem.at.clone(), *rust))
}

/// `Vec::zeros(n)`, `vec![0.0, n]`
fn zeros(problem: &Problem) -> Option<Advice> {
    let names = quoted(&problem.error.message);
    let advice = Advice::new("a list of n zeros is `vec![0.0; n]`.");
    if problem.is(&["E0599"]) && problem.text() == "zeros" && names.get(1)?.starts_with("Vec<") {
        return Some(advice);
    }
    let (expected, found) = problem.types()?;
    let before = problem.before().trim_end().strip_suffix(',')?;
    let is_list = before
        .rfind("vec![")
        .is_some_and(|at| !before[at..].contains([',', ']']));
    (expected == "floating-point number" && found == "usize" && is_list).then(|| {
        let at = problem.line_start() + before.len();
        advice.edit(at..at + 1, ";")
    })
}

/// `network(&x)`
fn called_network(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    let call = problem.around::<ast::CallExpr>()?;
    let is_network = kind.starts_with("cuaderno::") && problem.is(&["E0618"]);
    is_network.then(|| {
        let end = problem.at.end;
        let advice = Advice::new("`network.forward(&x)?` gives the outputs of a network or layer.");
        let whole = problem.range_of(call.syntax()).end;
        let advice = advice.edit(end..end, ".forward");
        match problem.code[whole..].starts_with('?') {
            true => advice,
            false => advice.edit(whole..whole, "?"),
        }
    })
}

/// `Point { x: 1.0 }` without `y`
fn missing_field(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0063"]) {
        return None;
    }
    let names = quoted(&problem.error.message);
    let (kind, fields) = names.split_last()?;
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}: …`")).collect();
    (!fields.is_empty()).then(|| {
        Advice::new(format!(
            "every field of `{kind}` needs a value: add {} between the braces.",
            fields.join(", ")
        ))
    })
}
