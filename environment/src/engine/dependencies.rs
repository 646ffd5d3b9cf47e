//! Crates that a notebook asks for with `:dep`. The real cargo builds them, once for all sessions.
//! A session links them into one shared library, as the support crate is one: a static variable of
//! theirs must not be another one in each cell.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cargo::{COMPILER, link_support, real, shared_object};
use super::progress;
use super::session::Facts;

/// In the session's folder: what was built last.
const BUILT: &str = "dependencies.json";
/// The profile differs from the workspace's own, so that cargo gives a crate that the support library
/// also holds another identity: rustc would take the two for one.
const PROFILE: &str = "[profile.dev]\nopt-level = 2\ndebug = false\ncodegen-units = 8\n";

/// The crates of a notebook, compiled.
#[derive(Default, Serialize, Deserialize)]
pub struct Dependencies {
    /// The manifest's lines.
    requested: Vec<String>,
    /// Each crate's name in a cell and its library.
    crates: Vec<(String, PathBuf)>,
    /// Where the libraries lie that those need.
    folder: PathBuf,
}

impl Dependencies {
    /// Those that the manifest of cells asks for, built if they are not.
    ///
    /// # Errors
    /// If cargo cannot build them.
    pub fn of(session: &Path, facts: &Facts) -> Result<Self> {
        let requested = requested(
            &fs::read_to_string(session.join("Cargo.toml"))?,
            &facts.packages,
        )?;
        if requested.is_empty() {
            return Ok(Self::default());
        }
        let built = session.join(BUILT);
        if let Ok(text) = fs::read(&built)
            && let Ok(dependencies) = serde_json::from_slice::<Self>(&text)
            && dependencies.requested == requested
        {
            return Ok(dependencies);
        }
        let dependencies = Self::build(session, facts, requested)?;
        dependencies.link(session, facts)?;
        fs::write(built, serde_json::to_vec(&dependencies)?)?;
        Ok(dependencies)
    }

    fn build(session: &Path, facts: &Facts, requested: Vec<String>) -> Result<Self> {
        let mut cargo = cargo_on(&requested, facts, "build")?;
        let cargo = cargo
            .arg("--message-format=json-render-diagnostics")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        fs::write(session.join(COMPILER), cargo.id().to_string())?;
        let output = progress::wait(cargo, |line| {
            eprintln!("{line}");
            if facts.live {
                progress::tell(session, line);
            }
        })?;
        fs::remove_file(session.join(COMPILER))?;
        ensure!(
            output.status.success(),
            "the crates that the notebook asks for cannot be built; cargo says why above"
        );
        let messages = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = messages
            .lines()
            .flat_map(serde_json::from_str)
            .filter(|message: &Value| message["reason"] == "compiler-artifact")
            .collect();
        let metadata = resolved(&requested, facts)?;
        let mut crates = Vec::new();
        for dependency in metadata.root()["deps"].as_array().into_iter().flatten() {
            let name = dependency["name"].as_str().unwrap_or_default();
            let library = messages
                .iter()
                .filter(|message| message["package_id"] == dependency["pkg"])
                .find_map(library_of)
                .with_context(|| format!("`{name}` has no library that a cell could use"))?;
            crates.push((name.to_owned(), library));
        }
        Ok(Self {
            requested,
            crates,
            folder: facts.shared_dependencies.join("target/debug/deps"),
        })
    }

    /// Links the crates into one shared library in the session's folder.
    fn link(&self, session: &Path, facts: &Facts) -> Result<()> {
        let library = self.library();
        let source = session.join("src").join(format!("{library}.rs"));
        let names = self.crates.iter().map(|(name, _)| name.as_str());
        let names = names.chain(["cuaderno"]);
        let externs: String = names
            .map(|name| format!("pub extern crate {name};\n"))
            .collect();
        fs::write(&source, externs)?;
        let mut rustc = Command::new(&facts.rustc);
        rustc
            .arg(format!("--crate-name={library}"))
            .args(["--crate-type=dylib", "--edition=2024", "-Copt-level=0"])
            .arg(format!("-Cmetadata={:x}", hash(&self.requested)));
        link_support(&mut rustc, session, facts);
        self.name_to(&mut rustc);
        let output = rustc.arg("--out-dir").arg(session).arg(source).output()?;
        if !output.status.success() {
            std::io::stderr().write_all(&output.stderr)?;
            bail!("the crates that the notebook asks for cannot be linked");
        }
        Ok(())
    }

    /// Lets a cell use the crates.
    pub fn add_to(&self, rustc: &mut Command, session: &Path) {
        if !self.crates.is_empty() {
            let library = self.library();
            let file = session.join(shared_object(&library));
            rustc
                .arg("--extern")
                .arg(format!("{library}={}", file.display()));
            self.name_to(rustc);
        }
    }

    /// The line of a cell's source that links the shared library, after the one that it is linked
    /// with.
    pub fn source(&self) -> String {
        if self.crates.is_empty() {
            return String::new();
        }
        let library = self.library();
        format!("extern crate cuaderno as _; extern crate {library} as _;\n")
    }

    /// The shared library's name. Another one for other crates: a process that has loaded one library
    /// of a name loads no second one.
    fn library(&self) -> String {
        format!("notebook_{:x}", hash(&self.requested))
    }

    fn name_to(&self, rustc: &mut Command) {
        for (name, library) in &self.crates {
            rustc
                .arg("--extern")
                .arg(format!("{name}={}", library.display()));
        }
        rustc
            .arg("-L")
            .arg(format!("dependency={}", self.folder.display()));
    }
}

/// The lines of `manifest`'s dependencies that name other crates than the support crate.
///
/// # Errors
/// If one is among `packages`, whose types the support crate shows: a second copy would have other
/// types.
pub fn requested(manifest: &str, packages: &[Value]) -> Result<Vec<String>> {
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .filter(|line| !line.is_empty());
    let mut requested = Vec::new();
    for line in lines {
        let name = line.split(['=', ' ', '.']).next().unwrap_or_default();
        let library = name.replace('-', "_");
        if library == "cuaderno" {
            continue;
        }
        if packages
            .iter()
            .any(|package| package["target"]["name"] == library.as_str())
        {
            bail!(
                "`{name}` is a part of cuaderno, and a second copy would have types of its own. \
                 Remove the `:dep` line and write `use cuaderno::{library};`."
            );
        }
        requested.push(line.to_owned());
    }
    // evcxr writes them in any order, and the same crates must be the same library.
    requested.sort();
    Ok(requested)
}

/// What cargo knows of crates and their dependencies.
pub struct Resolved(Value);

impl Resolved {
    fn root(&self) -> &Value {
        let nodes = self.0["resolve"]["nodes"].as_array();
        let is_root = |node: &&Value| node["id"] == self.0["resolve"]["root"];
        nodes
            .and_then(|nodes| nodes.iter().find(is_root))
            .unwrap_or(&Value::Null)
    }

    /// Adds the crates to what is known of the crate of cells, which is the first node.
    pub fn add_to(&self, cells: &mut Value) {
        let root = &self.0["resolve"]["root"];
        let extend = |to: &mut Value, more: &Value| {
            let more = more.as_array().into_iter().flatten();
            let more = more.filter(|one| one["id"] != *root).cloned();
            to.as_array_mut().expect("a list").extend(more);
        };
        extend(&mut cells["packages"], &self.0["packages"]);
        extend(&mut cells["resolve"]["nodes"], &self.0["resolve"]["nodes"]);
        let cell = &mut cells["resolve"]["nodes"][0];
        extend(&mut cell["deps"], &self.root()["deps"]);
        extend(&mut cell["dependencies"], &self.root()["dependencies"]);
    }
}

/// Finds the versions of the crates and what they need.
///
/// # Errors
/// If cargo cannot; it says why on standard error.
pub fn resolved(requested: &[String], facts: &Facts) -> Result<Resolved> {
    let output = cargo_on(requested, facts, "metadata")?
        .args(["--format-version=1", "--filter-platform", &facts.host])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "cargo cannot find the crates that the notebook asks for"
    );
    Ok(Resolved(serde_json::from_slice(&output.stdout)?))
}

/// The real cargo on a package that depends on the crates.
fn cargo_on(requested: &[String], facts: &Facts, command: &str) -> Result<Command> {
    let folder = &facts.shared_dependencies;
    let package = folder.join(format!("{:x}", hash(requested)));
    fs::create_dir_all(&package)?;
    let manifest = package.join("Cargo.toml");
    let lines = requested.join("\n");
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"notebook\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [lib]\npath = \"lib.rs\"\n[workspace]\n{PROFILE}[dependencies]\n{lines}\n"
        ),
    )?;
    fs::write(package.join("lib.rs"), "")?;
    let mut cargo = real(facts, &[]);
    cargo.arg(command).arg("--manifest-path").arg(manifest);
    // The engine's own are for cells.
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_BUILD_DIR"] {
        cargo.env_remove(name);
    }
    cargo
        .current_dir(&package)
        .env("RUSTC", &facts.rustc)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    Ok(cargo)
}

/// The library that cargo's message says was built, if it is one that a cell can use.
fn library_of(message: &Value) -> Option<PathBuf> {
    let files = message["filenames"].as_array()?.iter();
    let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
    let is_macro = message["target"]["kind"] == serde_json::json!(["proc-macro"]);
    files.find(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension == Some("rlib") || is_macro
    })
}

fn hash(lines: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_support_crate_is_there_and_what_it_shows_is_refused() {
        let packages = ["cuaderno", "candle_core"].map(|name| json!({"target": {"name": name}}));
        let manifest = |lines: &str| format!("[lib]\nname = \"ctx\"\n\n[dependencies]\n{lines}\n");
        let lines = |text: &str| requested(&manifest(text), &packages);
        assert_eq!(lines("").unwrap(), [""; 0]);
        assert_eq!(
            lines("rayon = \"1\"\ncuaderno = \"*\"\nrand = \"0.9\"").unwrap(),
            ["rand = \"0.9\"", "rayon = \"1\""]
        );
        let refused = lines("candle-core = \"0.11\"").unwrap_err().to_string();
        assert!(refused.contains("use cuaderno::candle_core;"), "{refused}");
    }
}
