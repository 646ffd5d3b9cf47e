//! Changes to the source that evcxr generates from a cell, made just before it is compiled. They
//! add no line, so that the compiler's messages keep their places.

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

/// The source as it is compiled, with a line of more behind it.
pub fn adapt(generated: &str, more: &str) -> String {
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
    source.push_str(SHOW);
    source.push_str(more);
    source
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
        let adapted = adapt(generated, "more");
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
        );
        assert!(otherwise_shown.contains("struct EvcxrUserCodeError"));
        assert!(!otherwise_shown.contains("mod evcxr_internal_runtime"));
        assert_eq!(adapt("fn f() {}", "more"), format!("fn f() {{}}{SHOW}more"));
    }
}
