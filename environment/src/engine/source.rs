//! Changes to the source that evcxr generates from a cell, made just before it is compiled. They
//! add no line, so that the compiler's messages keep their places.

/// What a `?` of the cell does with an error, in evcxr's words and in ours.
const FROM: &str = "fn from(error: T) -> Self {";
const FROM_KNOWING_ITS_CALLER: &str = "#[track_caller] fn from(error: T) -> Self {";
const PRINT: &str = "eprintln!(\"{}\", error);";
const REPORT: &str = "::cuaderno::notebook::report_error(&error);";

/// Gives every value a way to show itself, so that a cell that ends in one without a way of its own
/// need not be compiled twice; and links the support crate, the only copy of the standard library,
/// into cells that do not name it.
const SHOW: &str = "\n#[allow(unused_imports)] use ::cuaderno::notebook::Show as _;\n";

/// The source as it is compiled, with a line of more behind it.
pub fn adapt(generated: &str, more: &str) -> String {
    let mut source = match generated.split_once("for EvcxrUserCodeError {") {
        Some((before, after)) => {
            let after = after
                .replacen(FROM, FROM_KNOWING_ITS_CALLER, 1)
                .replacen(PRINT, REPORT, 1);
            format!("{before}for EvcxrUserCodeError {{{after}")
        }
        None => generated.to_owned(),
    };
    source.push_str(SHOW);
    source.push_str(more);
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_generated_error_is_changed_and_no_line_moves() {
        let student = "eprintln!(\"{}\", error);\n";
        let generated = format!(
            "{student}impl<T: Display> From<T> for EvcxrUserCodeError {{\n    {FROM}\n        {PRINT}\n    }}\n}}\n"
        );
        let adapted = adapt(&generated, "");
        assert!(adapted.starts_with(student));
        assert!(adapted.contains("report_error(&error)"));
        let line = |source: &str, words| source.lines().position(|line| line.contains(words));
        assert_eq!(
            line(&generated, FROM),
            line(&adapted, FROM_KNOWING_ITS_CALLER)
        );
        assert_eq!(adapt("fn f() {}", "more"), format!("fn f() {{}}{SHOW}more"));
    }
}
