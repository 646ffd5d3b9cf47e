//! `include_str!` and its like in a cell: the compiler would look for the file beside the generated
//! source, and a student means the notebook's folder.

use std::path::Path;

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SyntaxKind};

const MACROS: [&str; 3] = ["include", "include_bytes", "include_str"];

/// The source with the files that it includes named from the root on.
pub fn from_folder(source: &str, folder: &Path) -> String {
    if !source.contains(MACROS[0]) {
        return source.to_owned();
    }
    let tokens = LexedStr::new(Edition::Edition2024, source);
    let mut result = String::with_capacity(source.len());
    // How far `include_str ! (` has been read.
    let mut read = 0;
    for token in 0..tokens.len() {
        let (kind, text) = (tokens.kind(token), tokens.text(token));
        let file = (read == 3 && kind == SyntaxKind::STRING)
            .then(|| text.strip_prefix('"')?.strip_suffix('"'))
            .flatten();
        read = match (read, kind) {
            (_, SyntaxKind::WHITESPACE) => read,
            (_, SyntaxKind::IDENT) if MACROS.contains(&text) => 1,
            (1, SyntaxKind::BANG) => 2,
            (2, SyntaxKind::L_PAREN | SyntaxKind::L_BRACK | SyntaxKind::L_CURLY) => 3,
            _ => 0,
        };
        match file.filter(|file| !file.contains('\\')) {
            Some(file) => result += &format!("{:?}", folder.join(file)),
            None => result.push_str(text),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_is_named_from_the_notebooks_folder() {
        let named = |source: &str| from_folder(source, Path::new("/home/ada"));
        assert_eq!(
            named("include_str!(\"a.txt\") + include_bytes! [\n\"b/c\"]"),
            "include_str!(\"/home/ada/a.txt\") + include_bytes! [\n\"/home/ada/b/c\"]"
        );
        assert_eq!(named("include!{\"/a.rs\"}"), "include!{\"/a.rs\"}");
        for same in [
            "include_str(\"a\")",
            "\"include_str!(a)\"",
            "f(\"a\")",
            "// include!(\"a\")",
        ] {
            assert_eq!(named(same), same);
        }
    }
}
