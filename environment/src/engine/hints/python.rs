//! Python's syntax where the compiler expects Rust's.

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SyntaxKind};

use super::python_names::function_of_a_number;
use super::{Advice, Problem, Rule, is_name};

pub const RULES: &[Rule] = &[
    unsolved_beside_the_answer,
    comment,
    command_inside,
    keyword_as_name,
    default_argument,
    division_of_integers,
    block_with_colon,
    dictionary,
    slice,
    comprehension,
    formatted_string,
    conditional,
    question_mark,
    arrow,
    walrus,
    word_before,
    operator_in_words,
    several_at_once,
    list_macro,
    parameter_without_type,
    function_without_name,
    missing_semicolon,
];

/// `unsolved("…")` above or below the answer
fn unsolved_beside_the_answer(problem: &Problem) -> Option<Advice> {
    let start = problem.code.find("unsolved(")?;
    let line = problem.code[..start].rfind('\n')?;
    let length = problem.code[start..].find('\n')?;
    let (above, below) = (&problem.code[..line], &problem.code[start + length + 1..]);
    let is_alone = problem.code[line..start].trim().is_empty();
    let stumbles = problem.is_syntax() && problem.error.message.contains("`;`")
        || problem.is(&["E0282", "E0283"]);
    // From the line above on: before it the error is about something else.
    let touches = problem.at.start >= above.rfind('\n').map_or(0, |at| at + 1);
    if !stumbles || !is_alone || !touches {
        return None;
    }
    let advice =
        Advice::new("the answer goes in place of the line `unsolved(…)`: take that line away.")
            .says("`unsolved(…)` still stands beside the answer");
    let end = start + length;
    let is_last = below.trim_start().starts_with('}');
    Some(match is_last {
        // The line above is shown, not the bracket below.
        true => {
            let above = above.trim_end();
            let end_of_answer = above.strip_suffix(';').unwrap_or(above).len();
            advice.edit(end_of_answer..end, "")
        }
        false => advice.edit(line + 1..end + 1, ""),
    })
}

/// `# as Python has it`
fn comment(problem: &Problem) -> Option<Advice> {
    let sign = problem
        .before()
        .find('#')
        .map(|at| problem.line_start() + at);
    let sign = sign.or_else(|| problem.text().starts_with('#').then_some(problem.at.start))?;
    let before = &problem.code[problem.line_start()..sign];
    let is_comment = problem.code[sign + 1..].starts_with(' ') && !before.contains('"');
    (problem.is_syntax() && is_comment).then(|| {
        let mut advice = Advice::new("a comment begins with `//`.").says("`#` begins no comment");
        let mut start = 0;
        for line in problem.code.split_inclusive('\n') {
            let at = start + line.len() - line.trim_start().len();
            if line.trim_start().starts_with("# ") && at != sign {
                advice = advice.edit(at..at + 1, "//");
            }
            start += line.len();
        }
        advice.edit(sign..sign + 1, "//")
    })
}

/// `:dep` below the first line of Rust
fn command_inside(problem: &Problem) -> Option<Advice> {
    let is_command =
        problem.is_syntax() && problem.text() == ":" && problem.before().trim().is_empty();
    is_command
        .then(|| Advice::new("lines that begin with `:`, such as `:dep`, come first in a cell."))
}

/// `let type = 3;`
fn keyword_as_name(problem: &Problem) -> Option<Advice> {
    let word = problem.text();
    let is_keyword = SyntaxKind::from_keyword(word, Edition::Edition2024).is_some();
    let before = problem.before().trim_end();
    if !problem.is_syntax()
        || !["let", "let mut", "fn", "struct", "(", ","]
            .iter()
            .any(|end| before.ends_with(end))
    {
        return None;
    }
    if word == "=" && before.ends_with("let") {
        return Some(
            Advice::new("write the name behind `let`, as in `let x = 3;`.")
                .says("`let` needs the name of a variable behind it"),
        );
    }
    if !is_keyword
        || [
            "self", "Self", "super", "crate", "true", "false", "mut", "if", "for", "let",
        ]
        .contains(&word)
    {
        return None;
    }
    let is_let = before.ends_with("let") || before.ends_with("mut");
    let advice = Advice::new(format!(
        "`{word}` is a word of the language. Take another name, such as `{word}_`."
    ));
    let advice = advice.says(format!("`{word}` cannot be a name"));
    Some(if is_let {
        advice.edit(problem.at.clone(), format!("{word}_"))
    } else {
        advice
    })
}

/// `fn scale(x: f64, by: f64 = 2.0)`
fn default_argument(problem: &Problem) -> Option<Advice> {
    let is_default = problem.is_syntax()
        && problem.text().starts_with('=')
        && problem
            .line()
            .trim_start()
            .trim_start_matches("pub ")
            .starts_with("fn ")
        && !problem.before().contains(')');
    is_default.then(|| {
        let start = problem.at.start - (problem.before().len() - problem.before().trim_end().len());
        Advice::new(
            "functions have no default values in Rust. Take it away, and give the value in each call.",
        )
        .edit(start..problem.at.end, "")
    })
}

/// `7 // 2`
fn division_of_integers(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() {
        return None;
    }
    let start = problem.line_start();
    // The comment hides the end of the statement, so the place is on the next line, or in this one.
    let lines = [
        problem.code[..start]
            .trim_end()
            .rfind('\n')
            .map_or(0, |at| at + 1),
        start,
    ];
    lines.into_iter().find_map(|start| {
        let line = problem.code[start..].lines().next()?;
        let (before, divisor) = line.split_once("//")?;
        let divisor = divisor.trim().trim_end_matches(';');
        let is_number = divisor.parse::<f64>().is_ok() || problem.type_of(divisor).is_some();
        let is_value = before.trim_end().ends_with(|c: char| c.is_alphanumeric() || c == ')');
        (is_number && is_value).then(|| {
            let at = start + before.len();
            Advice::new("`//` begins a comment. Whole numbers are divided by `/`, which leaves out the rest.")
                .says("what stands behind `//` is a comment")
                .edit(at..at + 2, "/")
        })
    })
}

const BLOCKS: [&str; 9] = [
    "for ", "if ", "while ", "else", "elif ", "def ", "class ", "try", "with ",
];

/// `for i in 0..3:`
fn block_with_colon(problem: &Problem) -> Option<Advice> {
    let line = problem.line();
    let header = line.trim_start();
    let is_block = problem.is_syntax()
        && problem.text() == ":"
        && BLOCKS.iter().any(|begin| header.starts_with(begin));
    if !is_block {
        return None;
    }
    let head = problem.before().trim();
    let advice = Advice::new(format!(
        "a block stands in braces, and no colon before it: `{head} {{ … }}`."
    ));
    if ["def", "class", "try", "with", "elif"]
        .iter()
        .any(|word| head.starts_with(word))
    {
        return Some(Advice::new(
            "a block stands in braces, and no colon before it.",
        ));
    }
    let body = problem.after().trim();
    let indent = &line[..line.len() - header.len()];
    let advice = if body.is_empty() {
        // The lines that are further in belong to it.
        let rest = &problem.code[problem.at.end..];
        let lines = rest.split_inclusive('\n').skip(1);
        let is_inner = |line: &&str| {
            let trimmed = line.trim_start();
            trimmed.is_empty() || line.len() - trimmed.len() > indent.len()
        };
        let length: usize = lines.take_while(is_inner).map(str::len).sum();
        let first = rest.split_inclusive('\n').next().map_or(0, str::len);
        let end = problem.at.end + rest[..first + length].trim_end().len();
        if length == 0 {
            return Some(advice);
        }
        advice
            .edit(problem.at.clone(), " {")
            .edit(end..end, format!("\n{indent}}}"))
    } else {
        let body = if body == "pass" { "" } else { body };
        let end = problem.at.end + problem.after().len();
        advice.edit(problem.at.start..end, format!(" {{ {body} }}"))
    };
    Some(advice)
}

/// `{"a": 1}`
fn dictionary(problem: &Problem) -> Option<Advice> {
    let before = problem.before();
    let open = before.rfind('{')?;
    let key = before[open + 1..].trim();
    if !problem.is_syntax()
        || problem.text() != ":"
        || !key.starts_with('"')
        || !before[..open].trim_end().ends_with('=')
    {
        return None;
    }
    let advice = Advice::new(
        "a dictionary is a `HashMap`, made of pairs: `std::collections::HashMap::from([(\"a\", 1)])`.",
    );
    let start = problem.line_start() + open;
    let Some(length) = problem.code[start..].find('}') else {
        return Some(advice);
    };
    let inner = &problem.code[start + 1..start + length];
    let pairs: Option<Vec<String>> = inner
        .split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            pair.split_once(':')
                .map(|(key, value)| format!("({}, {})", key.trim(), value.trim()))
        })
        .collect();
    let Some(pairs) = pairs else {
        return Some(advice);
    };
    Some(advice.edit(
        start..start + length + 1,
        format!("std::collections::HashMap::from([{}])", pairs.join(", ")),
    ))
}

/// `v[0:2]`
fn slice(problem: &Problem) -> Option<Advice> {
    let before = problem.before();
    let open = before.rfind('[')?;
    if !problem.is_syntax() || problem.text() != ":" || before[open..].contains(']') {
        return None;
    }
    let name = before[..open]
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .next()?;
    let close = problem.at.end + problem.after().find(']')?;
    let (from, to) = (
        before[open + 1..].trim(),
        problem.code[problem.at.end..close].trim(),
    );
    if name.is_empty()
        || [from, to]
            .iter()
            .any(|end| end.starts_with('-') || end.contains([':', ',']))
    {
        return Some(Advice::new(
            "a range is written with two dots, `a..b`, and counts from the start: `v.len() - 1` is the last.",
        ));
    }
    let start = problem.line_start() + open - name.len();
    let is_tensor = problem
        .type_of(name)
        .is_some_and(|kind| kind.ends_with("Tensor"));
    let advice = if is_tensor {
        Advice::new("a range is written with two dots, and `.i(…)?` takes a part of a tensor.")
            .edit(start..close + 1, format!("{name}.i({from}..{to})?"))
    } else {
        Advice::new(
            "a range is written with two dots, and `&` lends that part of the list: `&v[0..2]`. A \
             tensor's is `t.i(0..2)?`.",
        )
        .edit(start..close + 1, format!("&{name}[{from}..{to}]"))
    };
    Some(advice)
}

/// `[x * 2 for x in 0..3]`
fn comprehension(problem: &Problem) -> Option<Advice> {
    let before = problem.before();
    let open = before.rfind('[')?;
    if !problem.is_syntax() || problem.text() != "for" {
        return None;
    }
    let value = before[open + 1..].trim();
    let after = problem.after();
    let close = after.rfind(']')?;
    let (pattern, items) = after[..close].trim().split_once(" in ")?;
    let advice = "a list is made of another with `map` and `collect`: \
                  `(0..3).map(|x| x * 2).collect::<Vec<_>>()`.";
    let advice = Advice::new(advice);
    if items.contains(" if ") || value.contains('[') {
        return Some(advice);
    }
    let items = match range(items.trim()) {
        Some(range) => format!("({range})"),
        None if items.contains("..") => format!("({})", items.trim()),
        None => format!("{}.iter()", items.trim()),
    };
    let start = problem.line_start() + open;
    let end = problem.at.end + close + 1;
    Some(advice.edit(
        start..end,
        format!(
            "{items}.map(|{}| {value}).collect::<Vec<_>>()",
            pattern.trim()
        ),
    ))
}

/// What `range(…)` is in Rust.
pub fn range(call: &str) -> Option<String> {
    let inner = call.strip_prefix("range(")?.strip_suffix(')')?;
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    match parts[..] {
        [end] => Some(format!("0..{end}")),
        [start, end] => Some(format!("{start}..{end}")),
        _ => None,
    }
}

/// `f"{x}"`
fn formatted_string(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() || problem.text() != "f" || !problem.after().starts_with('"') {
        return None;
    }
    let tokens = LexedStr::new(Edition::Edition2024, &problem.code[problem.at.end..]);
    let string = (tokens.kind(0) == SyntaxKind::STRING).then(|| tokens.text(0))?;
    let end = problem.at.end + string.len();
    Some(
        Advice::new("a text with values in it is made by `format!(\"…\")`, or printed by `println!(\"…\")`.")
            .edit(problem.at.start..end, format!("format!({string})")),
    )
}

/// `1 if yes else 2`
fn conditional(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() || problem.text() != "if" {
        return None;
    }
    let (condition, otherwise) = problem.after().split_once(" else ")?;
    let (head, value) = problem.before().rsplit_once("= ")?;
    let otherwise = otherwise.trim_end();
    let length = otherwise.trim_end_matches(';').len();
    let start = problem.line_start() + head.len() + 2;
    let end = problem.at.end + condition.len() + " else ".len() + length;
    let text = format!(
        "if {} {{ {} }} else {{ {} }}",
        condition.trim(),
        value.trim(),
        &otherwise[..length]
    );
    Some(
        Advice::new("`if` comes first: `if condition { 1 } else { 2 }` is a value.")
            .edit(start..end, text),
    )
}

/// `yes ? 1 : 2`
fn question_mark(problem: &Problem) -> Option<Advice> {
    let choice = problem.text().strip_prefix('?')?;
    if !problem.is_syntax() {
        return None;
    }
    let (value, otherwise) = choice.split_once(" : ")?;
    let (head, condition) = problem.before().rsplit_once(" = ")?;
    let start = problem.line_start() + head.len() + " = ".len();
    let text = format!(
        "if {} {{ {} }} else {{ {} }}",
        condition.trim(),
        value.trim(),
        otherwise.trim()
    );
    Some(
        Advice::new("`if` is a value: `if condition { 1 } else { 2 }`.")
            .edit(start..problem.at.end, text),
    )
}

/// `x => x + 1`
fn arrow(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() || problem.text() != "=>" || problem.line().contains("match ") {
        return None;
    }
    let before = problem.before().trim_end();
    let name = before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    if !is_name(name)
        || !before[..before.len() - name.len()]
            .trim_end()
            .ends_with('(')
    {
        return None;
    }
    let start = problem.line_start() + before.len() - name.len();
    Some(
        Advice::new("a function without a name is written `|x| x + 1`.")
            .edit(start..problem.at.end, format!("|{name}|")),
    )
}

/// `let x := 3`
fn walrus(problem: &Problem) -> Option<Advice> {
    let is_walrus = problem.is_syntax() && problem.text() == "=" && problem.before().ends_with(':');
    is_walrus.then(|| {
        Advice::new("`let x = 3;` gives the name `x`.")
            .edit(problem.at.start - 1..problem.at.end, "=")
    })
}

/// Words of Python that the compiler takes for names, so that it stumbles over what follows.
fn word_before(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() {
        return None;
    }
    let before = problem.before().trim_end();
    let on_place = problem.text();
    let word = match before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
    {
        Some(word) if !word.is_empty() => word,
        _ => on_place,
    };
    let word = if ["try", "elif", "pass"].contains(&on_place) {
        on_place
    } else {
        word
    };
    let start = if word == on_place {
        problem.at.start
    } else {
        problem.line_start() + before.len() - word.len()
    };
    let begins = problem.code[problem.line_start()..start].trim().is_empty();
    let statement = problem.code[start..]
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end();
    let rest = statement.strip_prefix(word)?.trim_start();
    let value = rest.trim_end_matches(';');
    let end = start + statement.len();
    let whole = start..end;
    match word {
        "lambda" => {
            let (names, _) = rest.split_once(':')?;
            let colon = start + problem.code[start..].find(':')?;
            Some(
                Advice::new("a function without a name is written `|x| x + 1`.")
                    .edit(start..colon + 1, format!("|{}|", names.trim())),
            )
        }
        "def" => Some(Advice::new(
            "a function says the types of what it takes and gives, and its last line is its value: \
             `fn double(x: f64) -> f64 { 2.0 * x }`.",
        )),
        "class" if begins => Some(Advice::new(
            "`struct Name { field: f64 }` says what a value holds, and `impl Name { … }` its functions.",
        )),
        "import" | "from" if begins => Some(Advice::new(
            "names of other crates come with `use`, as in `use std::collections::HashMap;`; tensors, layers, \
             training and plots with `use cuaderno::prelude::*;`.",
        )),
        "assert" if begins => Some(
            Advice::new("`assert!(…)` is a macro, with an exclamation mark and brackets.")
                .edit(whole, format!("assert!({value});")),
        ),
        "print" if begins => Some(
            Advice::new("`println!(\"…\")` prints, and `{}` in the text stands for a value.")
                .edit(whole, print(value)),
        ),
        "del" if begins => {
            Some(Advice::new("`drop(x)` gives a value up.").edit(whole, format!("drop({value});")))
        }
        "raise" if begins => Some(Advice::new(
            "`panic!(\"…\")` stops the cell with a message. A function that may fail returns `Err(…)`.",
        )),
        "ln" | "log" | "exp" | "sqrt" if word != on_place => {
            let method = function_of_a_number(word)?;
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
                .unwrap_or(rest.len());
            let (value, end) = (&rest[..length], end - rest.len() + length);
            let advice = Advice::new(format!("functions are methods: `x.{method}()`."));
            Some(match is_name(value) {
                true => advice.edit(start..end, format!("{value}.{method}()")),
                false => advice,
            })
        }
        "elif" => Some(Advice::new("it is `else if`.").edit(start..start + 4, "else if")),
        "try" => Some(Advice::new(
            "errors are values: `?` behind a call hands its error on, and \
             `match call { Ok(value) => …, Err(error) => … }` treats both.",
        )),
        "int" | "float" | "double" | "string" | "auto" | "const"
            if begins && is_name(rest.split([' ', '=']).next()?) =>
        {
            Some(
                Advice::new(
                    "`let` gives a name, and the type stands behind it: `let x: i32 = 3;`.",
                )
                .edit(start..start + word.len(), "let"),
            )
        }
        _ => None,
    }
}

/// The macro that prints what `print` would.
pub fn print(value: &str) -> String {
    let value = value.trim();
    if value.starts_with('"') && value.ends_with('"') && value.matches('"').count() == 2 {
        let text = value.replace('{', "{{").replace('}', "}}");
        return format!("println!({text});");
    }
    let text = value
        .strip_prefix("f\"")
        .and_then(|text| text.strip_suffix('"'));
    match text {
        Some(text) => format!("println!(\"{text}\");"),
        None => {
            let count = value.split(", ").count();
            let count = if value.contains(['(', '[', '{']) {
                1
            } else {
                count
            };
            format!("println!(\"{}\", {value});", vec!["{:?}"; count].join(" "))
        }
    }
}

/// `a is b`, `a in list`
fn operator_in_words(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax()
        || !["is", "in"].contains(&problem.text())
        || problem.line().trim_start().starts_with("for")
    {
        return None;
    }
    let before = problem.before().trim_end();
    let start = before.rfind([' ', '(', '=']).map_or(0, |at| at + 1);
    let left = &before[start..];
    let start = problem.line_start() + start;
    let after = problem.after();
    let length = after.find([';', '{', ')']).unwrap_or(after.len());
    let right = after[..length].trim();
    let end = problem.at.end + after[..length].trim_end().len();
    let (hint, text) = match (problem.text(), right) {
        ("is", "None") => (
            "an `Option` knows whether it holds nothing.",
            format!("{left}.is_none()"),
        ),
        ("is", "not None") => (
            "an `Option` knows whether it holds something.",
            format!("{left}.is_some()"),
        ),
        ("is", right) => match right.strip_prefix("not ") {
            Some(right) => ("`!=` compares.", format!("{left} != {right}")),
            None => ("`==` compares.", format!("{left} == {right}")),
        },
        (_, right) => (
            "a list knows what it holds: `v.contains(&x)`.",
            format!("{right}.contains(&{left})"),
        ),
    };
    Some(Advice::new(hint).edit(start..end, text))
}

/// `a, b = b, a`
fn several_at_once(problem: &Problem) -> Option<Advice> {
    if !problem.is_syntax() || problem.text() != "," {
        return None;
    }
    let line = problem.line().trim();
    let (left, right) = line.trim_end_matches(';').split_once(" = ")?;
    let (is_let, left) = match left.strip_prefix("let ") {
        Some(left) => (true, left),
        None => (false, left),
    };
    if !left.contains(',') || !left.split(',').all(|name| is_name(name.trim())) {
        return None;
    }
    let right = right.trim();
    let right = match right.starts_with(['(', '[']) || !right.contains(',') {
        true => right.to_owned(),
        false => format!("({right})"),
    };
    let start = problem.line_start() + problem.line().len() - problem.line().trim_start().len();
    let is_let = if is_let { "let " } else { "" };
    Some(
        Advice::new("several values at once stand in brackets.").edit(
            start..start + line.len(),
            format!("{is_let}({left}) = {right};"),
        ),
    )
}

/// `vec[1, 2]`
fn list_macro(problem: &Problem) -> Option<Advice> {
    let before = problem.before();
    let open = before.rfind('[')?;
    let is_list = problem.is_syntax() && problem.text() == "," && before[..open].ends_with("vec");
    is_list.then(|| {
        let at = problem.line_start() + open;
        Advice::new("`vec![…]` is a macro, with an exclamation mark.").edit(at..at, "!")
    })
}

/// `fn f(x) { … }`
fn parameter_without_type(problem: &Problem) -> Option<Advice> {
    let before = problem.before().trim_end();
    let is_parameter = problem.is_syntax()
        && [")", ","].contains(&problem.text())
        && problem
            .line()
            .trim_start()
            .trim_start_matches("pub ")
            .starts_with("fn ");
    let name = before.rsplit(['(', ',', ' ']).next()?;
    (is_parameter && is_name(name)).then(|| {
        Advice::new(format!(
            "a parameter says its type: `{name}: f64` for a number, `{name}: &Tensor` for a tensor."
        ))
        .says(format!("the parameter `{name}` has no type"))
        .alone()
    })
}

/// `let f = fn(x) { x };`
fn function_without_name(problem: &Problem) -> Option<Advice> {
    let is_function =
        problem.is_syntax() && problem.text() == "fn" && problem.before().trim_end().ends_with('=');
    is_function.then(|| Advice::new("a function has its name behind `fn`: `fn double(x: f64) -> f64 { 2.0 * x }`. Without a name it is `|x| 2.0 * x`."))
}

/// What follows begins a new statement.
fn missing_semicolon(problem: &Problem) -> Option<Advice> {
    let expected = problem
        .error
        .message
        .split_once("expected ")?
        .1
        .split(", found ")
        .next()?;
    if !problem.is_syntax() || !expected.contains("`;`") {
        return None;
    }
    if problem.text().is_empty() && expected == "`;`" {
        return Some(Advice::new("a statement ends with `;`."));
    }
    let begins_line = problem.before().trim().is_empty();
    let begins = ["let", "for", "while", "fn", "struct", "use", "return"].contains(&problem.text());
    if !begins_line && !begins {
        return None;
    }
    let end = problem.code[..problem.at.start].trim_end().len();
    let last = problem.code[..end].lines().next_back().unwrap_or_default();
    if last.contains("//") || end == 0 {
        return None;
    }
    Some(
        Advice::new("a statement ends with `;`.")
            .says("a `;` is missing before this")
            .edit(end..end, ";"),
    )
}
