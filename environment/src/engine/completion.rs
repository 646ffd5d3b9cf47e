//! What could stand at a cursor, best first. The analyser offers whatever its sources have, private
//! items too, in no order; so the sources are read once for the names that are public in them.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use evcxr::Completions;

use super::Support;
use crate::toolchain::Toolchain;

/// Fields and methods that one uses most, the most frequent first.
const FIRST: [&str; 92] = [
    // Models and trainings.
    "new",
    "fit",
    "epochs",
    "batch_size",
    "seed",
    "predict",
    "evaluate",
    "encode",
    "decode",
    "reconstruct",
    "forward",
    "build",
    "summary",
    "parameters",
    "save",
    "load",
    "train",
    "valid",
    "test",
    "final_valid",
    "images",
    "labels",
    "take",
    "select",
    "learning_rate",
    "title",
    "show",
    // Tensors.
    "dims",
    "shape",
    "dtype",
    "get",
    "i",
    "reshape",
    "to_scalar",
    "to_vec1",
    "to_vec2",
    "to_dtype",
    "matmul",
    "t",
    "sum_all",
    "mean_all",
    "zeros",
    "ones",
    "arange",
    "from_vec",
    "randn",
    "cat",
    "stack",
    "sum",
    "mean",
    "max",
    "min",
    "argmax",
    "sqr",
    "sqrt",
    "exp",
    "log",
    "abs",
    "relu",
    "tanh",
    "narrow",
    "squeeze",
    "unsqueeze",
    "flatten_all",
    "transpose",
    "rank",
    "elem_count",
    "broadcast_add",
    "broadcast_sub",
    "broadcast_mul",
    // Lists, texts and numbers.
    "len",
    "push",
    "iter",
    "iter_mut",
    "first",
    "last",
    "contains",
    "is_empty",
    "clone",
    "insert",
    "keys",
    "values",
    "map",
    "filter",
    "collect",
    "to_string",
    "trim",
    "parse",
    "chars",
    "powi",
    "powf",
    "ln",
];

/// What everything has and hardly anybody uses.
const LAST: [&str; 16] = [
    "as_any",
    "borrow",
    "borrow_mut",
    "clone_from",
    "clone_into",
    "clone_to_uninit",
    "crate",
    "evcxr_display",
    "into",
    "self",
    "super",
    "to_owned",
    "try_from",
    "try_into",
    "type_id",
    "vzip",
];

/// What the engine's own names begin with.
const ENGINE: [&str; 4] = ["evcxr", "Evcxr", "CuadernoImpl", "cuaderno_macro_"];

/// The names in the sources that the analyser sees.
pub struct Names {
    /// The sources of the workbook's own crate.
    own: PathBuf,
    others: Vec<PathBuf>,
    read: OnceCell<Read>,
}

#[derive(Default)]
struct Read {
    /// Names that are public in the workbook's own crate.
    own: HashSet<String>,
    public: HashSet<String>,
    private: HashSet<String>,
}

impl Names {
    /// Those of the support crate, of what it shows, and of the standard library. Nothing is read
    /// before they are asked for.
    pub fn new(toolchain: &Toolchain, support: &Support) -> Self {
        let mut sources = support.packages.iter().filter_map(|package| {
            let root = Path::new(package["target"]["src_path"].as_str()?);
            root.parent().map(Path::to_owned)
        });
        let own = sources.next().unwrap_or_default();
        let library = toolchain.sysroot.join("lib/rustlib/src/rust/library");
        let parts = ["alloc", "core", "std"].map(|part| library.join(part).join("src"));
        Self {
            own,
            others: sources.chain(parts).collect(),
            read: OnceCell::new(),
        }
    }

    /// What of `found` one could use in `code`, best first; `session` has the names that cells made.
    pub fn best_first(
        &self,
        mut found: Completions,
        code: &str,
        session: &BTreeSet<String>,
    ) -> Completions {
        let is_member = code[..found.start_offset].ends_with(['.', ':']);
        let made = |name: &str| !is_member && session.contains(name);
        let rank = |code: &str, kind: &str| self.rank(name(code), kind, is_member, &made);
        let all = &mut found.completions;
        all.retain(|completion| rank(&completion.code, completion.kind).is_some());
        all.sort_by_cached_key(|completion| rank(&completion.code, completion.kind));
        found
    }

    /// How early `name` comes, if at all; `made` says whether a cell has made it.
    fn rank(
        &self,
        name: &str,
        kind: &str,
        is_member: bool,
        made: &dyn Fn(&str) -> bool,
    ) -> Option<(usize, String)> {
        let read = self.read.get_or_init(|| self.read());
        let is_private = read.private.contains(name) && !read.public.contains(name);
        let is_engines = ENGINE.iter().any(|words| name.starts_with(words));
        let first = FIRST.iter().position(|first| *first == name && is_member);
        let place = match first {
            _ if made(name) => 0,
            _ if is_private || is_engines => return None,
            Some(place) => place,
            None if LAST.contains(&name) || name.starts_with(|c: char| c.is_ascii_digit()) => {
                FIRST.len() + 3
            }
            None if kind == "keyword" => FIRST.len(),
            None if read.own.contains(name) => FIRST.len() + 1,
            None => FIRST.len() + 2,
        };
        Some((place, name.to_lowercase()))
    }

    fn read(&self) -> Read {
        let mut read = Read::default();
        each_file(&self.own, &mut |source| scan(source, &mut read));
        read.own.clone_from(&read.public);
        for folder in &self.others {
            each_file(folder, &mut |source| scan(source, &mut read));
        }
        read
    }
}

/// The name that `code` begins with: no `!` of a macro, no arguments.
fn name(code: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let code = code.trim_start_matches("r#");
    &code[..code.find(|c| !is_word(c)).unwrap_or(code.len())]
}

/// Shows `see` the Rust sources under `folder`. What cannot be read hides nothing.
fn each_file(folder: &Path, see: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file(&path, see);
        } else if path.extension().is_some_and(|end| end == "rs") {
            see(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// What names are in.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    Struct,
    PublicEnum,
    PublicTrait,
    PrivateTrait,
    /// What is public there is so by its trait.
    ImplOfTrait,
    Other,
}

/// Reads the names of `source`, which is written as rustfmt writes it: what is in a block stands further
/// to the right than its first and its last line.
fn scan(source: &str, read: &mut Read) {
    let mut blocks: Vec<(usize, Block)> = Vec::new();
    for line in source.lines() {
        let text = line.trim_start();
        let column = line.len() - text.len();
        if text.is_empty() || text.starts_with("//") || text.starts_with('#') {
            continue;
        }
        blocks.retain(|(start, _)| *start < column);
        let block = blocks.last().map_or(Block::Other, |(_, block)| *block);
        let (is_public, text) = match text.strip_prefix("pub") {
            Some(rest) if rest.starts_with(' ') => (true, rest),
            Some(rest) if rest.starts_with('(') => {
                (false, rest.split_once(')').map_or(rest, |(_, rest)| rest))
            }
            _ => (false, text),
        };
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!'));
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        while words
            .next_if(|word| ["async", "unsafe", "extern", "C"].contains(word))
            .is_some()
        {}
        let mut word = words.next().unwrap_or_default();
        let mut next = words.next().unwrap_or_default();
        while word == "const" && ["fn", "unsafe", "async"].contains(&next) {
            (word, next) = (next, words.next().unwrap_or_default());
        }
        if word == "unsafe" {
            (word, next) = (next, words.next().unwrap_or_default());
        }
        let opens = match word {
            "struct" | "union" => Some(Block::Struct),
            "enum" if is_public => Some(Block::PublicEnum),
            "trait" if is_public => Some(Block::PublicTrait),
            "trait" => Some(Block::PrivateTrait),
            "impl" if text.contains(" for ") => Some(Block::ImplOfTrait),
            "impl" | "enum" | "mod" => Some(Block::Other),
            _ => None,
        };
        if let Some(opens) = opens {
            blocks.push((column, opens));
        }
        let is_item = matches!(
            word,
            "fn" | "struct" | "union" | "enum" | "trait" | "mod" | "type" | "const" | "static"
        );
        let is_field = block == Block::Struct && text.trim_start().starts_with(&format!("{word}:"));
        let is_variant = block == Block::PublicEnum && word.starts_with(char::is_uppercase);
        let is_made = word.ends_with('!') && !next.is_empty();
        let (name, is_public) = match block {
            _ if is_made => (next, true),
            _ if is_field => (word, is_public),
            _ if is_variant => (word, true),
            Block::ImplOfTrait if is_item => continue,
            Block::PublicTrait if is_item => (next, true),
            Block::PrivateTrait if is_item => (next, false),
            _ if is_item => (next, is_public),
            _ => continue,
        };
        let names = match is_public {
            true => &mut read.public,
            false => &mut read.private,
        };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "pub struct Tensor {\n    id: u64,\n    pub dims: Vec<usize>,\n}\n\n\
        impl Tensor {\n    pub fn mean(&self) {\n        let x: f64 = 1.0;\n    }\n\n    \
        pub(crate) fn storage(&self) {}\n\n    fn check(&self) {}\n    pub const fn rank() {}\n    \
        unary!(exp, Exp);\n}\n\npub trait Layer {\n    fn apply(&self);\n}\n\ntrait Hidden {\n    \
        fn hide(&self);\n}\n\nimpl Layer for Tensor {\n    fn apply(&self) {}\n    fn helper(&self) {}\n}\n\n\
        pub enum Activation {\n    Relu,\n    Elu {\n        alpha: f64,\n    },\n}\n\nstruct Elu(f64);\n\n\
        mod files;\npub mod nn;\npub async unsafe fn run() {}\nconst SIZE: usize = 1;\n";

    fn read() -> Read {
        let mut read = Read::default();
        scan(SOURCE, &mut read);
        read
    }

    #[test]
    fn public_and_private_names_are_told_apart() {
        let Read {
            public, private, ..
        } = read();
        for name in [
            "Tensor", "dims", "mean", "rank", "exp", "Layer", "apply", "Relu", "nn", "run",
        ] {
            assert!(public.contains(name) && !private.contains(name), "{name}");
        }
        for name in ["id", "storage", "check", "Hidden", "hide", "files", "SIZE"] {
            assert!(private.contains(name) && !public.contains(name), "{name}");
        }
    }

    #[test]
    fn what_one_would_use_comes_first_and_nothing_private() {
        let names = Names {
            own: PathBuf::new(),
            others: Vec::new(),
            read: OnceCell::from(Read {
                own: HashSet::from(["learning_curve".to_owned()]),
                ..read()
            }),
        };
        let offered = |is_member: bool, all: &[&str]| {
            let rank = |code: &str| {
                let kind = if code == "let" { "keyword" } else { "function" };
                names.rank(name(code), kind, is_member, &|name| name == "learned")
            };
            let mut found: Vec<_> = all.iter().map(|code| code.to_string()).collect();
            found.retain(|code| rank(code).is_some());
            found.sort_by_cached_key(|code| rank(code));
            found
        };
        assert_eq!(
            offered(
                true,
                &[
                    "type_id",
                    "storage",
                    "exp(x)",
                    "zeta",
                    "alpha()",
                    "check",
                    "mean(…)",
                    "dims"
                ]
            ),
            ["dims", "mean(…)", "exp(x)", "alpha()", "zeta", "type_id"]
        );
        assert_eq!(
            offered(
                false,
                &[
                    "less",
                    "learning_curve()",
                    "let",
                    "evcxr_variable_store",
                    "learned"
                ]
            ),
            ["learned", "let", "learning_curve()", "less"]
        );
    }
}
