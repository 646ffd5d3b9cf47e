//! Changes to the source that evcxr generates from a cell, made just before it is compiled. They
//! add no line, so that the compiler's messages keep their places.

use std::fs;
use std::io::Result;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What evcxr writes around a cell, by how it begins and ends, and the same compiled before. After
/// `:efmt`, evcxr's own error type stays: ours only knows `Display`.
const COMPILED: [(&str, &str, &str); 2] = [
    (
        "struct EvcxrUserCodeError {}\n            impl<T: std::fmt::Display> From<T>",
        "\n            }\n",
        "use ::cuaderno::notebook::cell::EvcxrUserCodeError;",
    ),
    (
        "mod evcxr_internal_runtime {\n",
        "\n}\n}\n",
        "use ::cuaderno::notebook::cell as evcxr_internal_runtime;",
    ),
];

/// Gives every value a way to show itself, so that a cell that ends in one without a way of its own
/// need not be compiled twice; and links the support crate, the only copy of the standard library,
/// into cells that do not name it.
const SHOW: &str = "\n#[allow(unused_imports)] use ::cuaderno::notebook::Show as _;\n";

/// How a cell's function begins. A variable whose `Drop` panics must not end the process: the
/// support crate catches what unwinds out of the function.
const FUNCTION: (&str, &str) = (
    "\npub extern \"C\" fn run_user_code_",
    "\npub extern \"C-unwind\" fn run_user_code_",
);

/// Where a cell that did not panic goes on, when it has put its new variables into the store.
const ENDED: &str = "\n  Ok(_) => {}\n";

/// Every line that has to do with the store of variables has this.
const STORE: &str = "evcxr_variable_store.";

/// Traits that the engine names in a type without their path, whether or not the cell has imported
/// them.
const TRAITS: [(&str, &str); 4] = [
    ("Any", "::std::any::Any"),
    ("Debug", "::std::fmt::Debug"),
    ("Display", "::std::fmt::Display"),
    ("Error", "::std::error::Error"),
];

/// How a cell's function ends.
const LAST: &str = "\nevcxr_variable_store\n}";

/// The file in the session's folder that says which variables the cell replaces.
const REPLACED: &str = "replaced.json";

/// Variables to which the running cell gives new values without a look at the old ones. Where it fails,
/// the old ones are kept.
#[derive(Default, Serialize, Deserialize)]
pub struct Replaced {
    pub names: Vec<String>,
}

impl Replaced {
    /// What the engine has said of the running cell.
    pub fn read(folder: &Path) -> Self {
        let file = fs::read(folder.join(REPLACED)).unwrap_or_default();
        serde_json::from_slice(&file).unwrap_or_default()
    }

    /// Says it.
    ///
    /// # Errors
    /// If the session's folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join(REPLACED), serde_json::to_vec(self)?)
    }
}

/// A cell that takes `name` out of the store as the cell of `generated` did: for what evcxr has
/// forgotten and the store has kept.
pub fn taking_back(generated: &str, name: &str) -> Option<String> {
    let end = format!("(stringify!({name}));");
    let taken = |line: &&str| line.starts_with("let ") && line.ends_with(&end);
    let line = generated.lines().find(taken)?;
    let (variable, take) = line.split_once(" = evcxr_variable_store.take_variable::<")?;
    let kind = take.strip_suffix(&end)?.strip_suffix('>')?;
    // The analyser does not know the store.
    Some(format!(
        "{variable}: {kind} = {STORE}take_variable::<{take}"
    ))
}

/// The source as it is compiled, with a line of more behind it. It keeps the old values of variables
/// that are `replaced`, if the cell fails.
pub fn adapt(generated: &str, more: &str, replaced: &[String]) -> String {
    let mut source = generated.to_owned();
    for (begin, end, compiled) in COMPILED {
        if let Some(start) = source.find(begin)
            && let Some(length) = source[start..].find(end).map(|found| found + end.len())
        {
            let replaced = start..start + length;
            let lines = source[replaced.clone()].matches('\n').count();
            source.replace_range(replaced, &format!("{compiled}{}", "\n".repeat(lines)));
        }
    }
    source = source.replacen(FUNCTION.0, FUNCTION.1, 1);
    if let Some(end) = source.rfind(ENDED) {
        let ended = format!(
            "\n  Ok(_) => {STORE}end_cell(&{:?}),\n",
            stored(&source[..end])
        );
        source.replace_range(end..end + ENDED.len(), &ended);
    }
    if let Some(end) = source.rfind(LAST) {
        let keep = |name: &String| format!("{STORE}keep_replaced(stringify!({name}), {name}); ");
        let keep: String = replaced.iter().map(keep).collect();
        source.insert_str(end + 1, &keep);
    }
    let mut source = with_paths(&source);
    source.push_str(SHOW);
    source.push_str(more);
    source
}

/// The names of the variables that `source` puts into the store.
fn stored(source: &str) -> Vec<&str> {
    let lines = source.lines().filter(|line| line.starts_with(STORE));
    let names = lines.filter_map(|line| line.rsplit_once("(stringify!(")?.1.split(')').next());
    names.collect()
}

/// `source` with the paths of traits in the types of variables.
fn with_paths(source: &str) -> String {
    let own = |name: &str| source.contains(&format!("trait {name}"));
    let traits: Vec<_> = TRAITS.iter().filter(|(name, _)| !own(name)).collect();
    let mut adapted = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        if !line.contains(STORE) || !line.contains("dyn ") {
            adapted.push_str(line);
            continue;
        }
        let mut parts = line.split("dyn ");
        adapted.push_str(parts.next().unwrap_or_default());
        for part in parts {
            adapted.push_str("dyn ");
            let is_name = |name: &str| {
                let rest = part.strip_prefix(name);
                rest.is_some_and(|rest| {
                    !rest.starts_with(|next: char| {
                        next.is_alphanumeric() || next == '_' || next == ':'
                    })
                })
            };
            match traits.iter().find(|(name, _)| is_name(name)) {
                Some((name, path)) => {
                    adapted.push_str(path);
                    adapted.push_str(&part[name.len()..]);
                }
                None => adapted.push_str(part),
            }
        }
    }
    adapted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_evcxr_generates_is_replaced_and_no_line_moves() {
        let generated = "fn of_the_student() {\n}\n\n            struct EvcxrUserCodeError {}\n            \
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {\n                \
                fn from(error: T) -> Self {\n                    EvcxrUserCodeError {}\n                }\n            \
            }\n        \nmod evcxr_internal_runtime {\npub struct VariableStore {\n}\n\npub fn create() {\n}\n}\nfn user() {}\n";
        let adapted = adapt(generated, "more", &[]);
        assert!(!adapted.contains("struct"), "{adapted}");
        let line = |source: &str, words| source.lines().position(|line| line.contains(words));
        for words in ["fn of_the_student", "fn user"] {
            assert_eq!(line(generated, words), line(&adapted, words));
        }
        for (_, _, compiled) in COMPILED {
            assert!(adapted.contains(compiled));
        }
        let otherwise_shown = adapt(
            &generated.replace("std::fmt::Display", "std::fmt::Debug"),
            "",
            &[],
        );
        assert!(otherwise_shown.contains("struct EvcxrUserCodeError"));
        assert!(!otherwise_shown.contains("mod evcxr_internal_runtime"));
        assert_eq!(
            adapt("fn f() {}", "more", &[]),
            format!("fn f() {{}}{SHOW}more")
        );
    }

    #[test]
    fn a_cells_end_knows_what_the_cell_should_have_kept() {
        let generated = "\npub extern \"C\" fn run_user_code_3(\n  Ok(_) => {}\n\
            evcxr_variable_store.put_variable::<Vec<u8>>(stringify!(new), new);\n}))\n\
            \x20 Ok(_) => {}\nevcxr_variable_store.put_variable::<u8>(stringify!(old), old);\n";
        let adapted = adapt(generated, "", &[]);
        assert!(adapted.starts_with("\npub extern \"C-unwind\" fn run_user_code_3("));
        assert_eq!(adapted.matches("\n  Ok(_) => {}\n").count(), 1, "{adapted}");
        let ended = "}))\n  Ok(_) => evcxr_variable_store.end_cell(&[\"new\"]),\n";
        assert!(adapted.contains(ended), "{adapted}");
    }

    #[test]
    fn what_a_cell_replaces_is_kept_and_can_be_taken_back() {
        let generated = "\npub extern \"C\" fn run_user_code_3(\n\
            let mut v = evcxr_variable_store.take_variable::<Vec<u8>>(stringify!(v));\n\
            evcxr_variable_store\n}\n";
        let adapted = adapt(generated, "", &["v".to_owned()]);
        let kept =
            "\nevcxr_variable_store.keep_replaced(stringify!(v), v); evcxr_variable_store\n}";
        assert!(adapted.contains(kept), "{adapted}");
        assert_eq!(
            taking_back(generated, "v").unwrap(),
            "let mut v: Vec<u8> = evcxr_variable_store.take_variable::<Vec<u8>>(stringify!(v));"
        );
        assert_eq!(taking_back(generated, "w"), None);
    }

    #[test]
    fn a_trait_in_a_variables_type_has_its_path() {
        let line = "evcxr_variable_store.put_variable::<Box<dyn Any + Send>>(stringify!(a), a);\n";
        assert!(adapt(line, "", &[]).contains("Box<dyn ::std::any::Any + Send>"));
        let own = format!("trait Any {{}}\n{line}");
        assert!(adapt(&own, "", &[]).contains("Box<dyn Any + Send>"));
        let cell = "let a: Box<dyn Anyone> = b;\n";
        assert!(adapt(cell, "", &[]).contains(cell));
    }
}
