//! The compiler that cargo calls for the crates of notebooks. A crate that the support library was
//! built from is handed over as it is, not compiled again: a second candle would have tensors of its
//! own and a second counter of their ids. What is handed over also need not be waited for.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::session::{DEPENDENCIES, Facts};
use super::{stand_ins, support};

/// Under this name the binary is the compiler.
pub const NAME: &str = "handover";
/// In the session's folder: what cargo said of the libraries that can be handed over.
pub const LIBRARIES: &str = "libraries.json";
/// The extension of a file beside each library that was handed over.
const HANDED_OVER: &str = "handed-over";

/// Acts as the compiler that cargo's arguments name, with its arguments.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match compile(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compile(arguments: &[OsString]) -> Result<u8> {
    let (session, facts) = Facts::of_this_session()?;
    let [compiler, arguments @ ..] = arguments else {
        return Ok(1);
    };
    if let Some(unit) = Unit::of(arguments) {
        if let Some(shown) = unit.stands_for(&facts) {
            if let Some(feature) = unit.missing_feature(shown) {
                anyhow::bail!(
                    "a crate that the notebook asks for needs `{}` with its feature `{feature}`, \
                     and the workbook's own, whose types it must have, is built without it",
                    unit.name
                );
            }
            return unit.hand_over(shown, &session, &facts).map(|()| 0);
        }
        let libraries: Vec<Value> = serde_json::from_slice(&fs::read(session.join(LIBRARIES))?)?;
        let fits =
            |library: &&Value| unit.is_of(library) && unit.missing_feature(library).is_none();
        if let Some(library) = libraries.iter().find(fits)
            && unit.stands_on_what_was_handed_over()
        {
            return unit.hand_over(library, &session, &facts).map(|()| 0);
        }
    }
    let status = Command::new(compiler)
        .args(arguments)
        .arg("-L")
        .arg(in_folder(&session))
        .status()
        .with_context(|| format!("{} could not be started", Path::new(compiler).display()))?;
    Ok(status.code().unwrap_or(1) as u8)
}

/// Where the compiler finds what a library that was handed over was itself compiled with.
fn in_folder(session: &Path) -> OsString {
    let mut folder = OsString::from("dependency=");
    folder.push(session.join(DEPENDENCIES));
    folder
}

/// A library that cargo wants compiled.
struct Unit {
    name: String,
    manifest: PathBuf,
    features: Vec<String>,
    /// Compiled for build scripts and macros, which cargo does not optimise.
    for_the_build: bool,
    /// What it uses.
    externs: Vec<PathBuf>,
    /// Where cargo expects the library, without its extension.
    output: PathBuf,
}

impl Unit {
    /// What the compiler's arguments say, if they are for a library of a package.
    fn of(arguments: &[OsString]) -> Option<Self> {
        let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
        let all = |option: &'static str| {
            let pairs = words.windows(2).filter(move |pair| pair[0] == option);
            pairs.map(|pair| pair[1])
        };
        let codegen = |option: &str| all("-C").find_map(|word| word.strip_prefix(option));
        if !all("--crate-type").any(|kind| ["lib", "rlib", "dylib"].contains(&kind)) {
            return None;
        }
        let name = all("--crate-name").next()?;
        let suffix = codegen("extra-filename=").unwrap_or_default();
        let features = all("--cfg").filter_map(|cfg| {
            let feature = cfg.strip_prefix("feature=\"")?.strip_suffix('"')?;
            Some(feature.to_owned())
        });
        let externs = all("--extern").filter_map(|named| Some(named.split_once('=')?.1.into()));
        Some(Self {
            name: name.to_owned(),
            manifest: Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml"),
            features: features.collect(),
            for_the_build: codegen("opt-level=").is_none(),
            externs: externs.collect(),
            output: Path::new(all("--out-dir").next()?).join(format!("lib{name}{suffix}")),
        })
    }

    /// The crate of the workbook, whose types every cell sees, that it is a stand-in of.
    fn stands_for<'a>(&self, facts: &'a Facts) -> Option<&'a Value> {
        let shared = &facts.shared_dependencies;
        let mut packages = facts.packages.iter();
        packages.find(|package| stand_ins::manifest(package, shared) == self.manifest)
    }

    /// Whether it is the same library, apart from features.
    fn is_of(&self, library: &Value) -> bool {
        let for_the_build = library["profile"]["opt_level"] == "0";
        library["target"]["name"] == self.name.as_str()
            && library["manifest_path"].as_str().map(Path::new) == Some(&self.manifest)
            && for_the_build == self.for_the_build
    }

    fn missing_feature(&self, library: &Value) -> Option<&str> {
        let there = library["features"].as_array();
        let is_there = |feature: &str| {
            there.is_some_and(|there| there.iter().any(|one| one.as_str() == Some(feature)))
        };
        let mut features = self.features.iter().map(String::as_str);
        // `default` is a list of others, which cargo names too.
        features.find(|feature| *feature != "default" && !is_there(feature))
    }

    /// Whether all that it uses is what the library at hand uses. Otherwise the two would disagree
    /// on the types of the crate below.
    fn stands_on_what_was_handed_over(&self) -> bool {
        self.externs.iter().all(|file| {
            let is_macro = file.extension() == Some(OsStr::new(std::env::consts::DLL_EXTENSION));
            is_macro || file.with_extension(HANDED_OVER).exists()
        })
    }

    fn hand_over(&self, library: &Value, session: &Path, facts: &Facts) -> Result<()> {
        let mut files = 0;
        for file in support::libraries(library) {
            let extension = file.extension().context("a library has an extension")?;
            let name = file.file_name().context("a library has a name")?;
            let output = self.output.with_extension(extension);
            let is_support = Some(name) == facts.library.file_name();
            let own = match is_support {
                true => facts.library.clone(),
                false => session.join(DEPENDENCIES).join(name),
            };
            if !own.exists() {
                // The support crate as a static library, which must not be linked.
                continue;
            }
            // A copy: cargo looks at the time of what was made, and would make it again.
            fs::copy(own, output)
                .with_context(|| format!("{} cannot be copied", name.display()))?;
            files += 1;
            self.follow(&file)?;
        }
        ensure!(files > 0, "`{}` has no library", self.name);
        fs::write(self.output.with_extension(HANDED_OVER), "")?;
        Ok(())
    }

    /// Tells cargo that what was handed over is old when `original` is another one.
    fn follow(&self, original: &Path) -> Result<()> {
        let output = self.output.to_str().context("the path is not UTF-8")?;
        let (folder, name) = output.rsplit_once("/lib").context("a library's path")?;
        let original = original.to_str().context("the path is not UTF-8")?;
        let original = original.replace(' ', "\\ ");
        Ok(fs::write(
            format!("{folder}/{name}.d"),
            format!("{output}: {original}\n"),
        )?)
    }
}
