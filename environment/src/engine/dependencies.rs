//! Crates that a notebook asks for with `:dep`. The real cargo builds them, once for all sessions.
//! A session links them into one shared library, as the support crate is one: a static variable of
//! theirs must not be another one in each cell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cargo::{COMPILER, link_support, real, shared_object};
use super::kept::{self, Files};
use super::limits::ENDED;
use super::prebuilt::Prebuilt;
use super::session::{DEPENDENCIES, Facts, SESSION, copy_or_show};
use super::{handover, offered, progress, stand_ins};
use crate::workbook;

/// In the session's folder: what its cells are linked with.
const LINKED: &str = "dependencies.json";
/// In the folder of a notebook's crates: what was built, for sessions to come.
const BUILT: &str = "built.json";
/// In the same folder: what cargo said of the crates.
const RESOLVED: &str = "resolved.json";
/// The profile differs from the workspace's own, so that cargo gives a crate that is compiled a second
/// time, with other features, another identity: rustc would take the two for one.
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
    /// What they were built from, as far as it can change.
    sources: Files,
    /// When the support crate was built that they are linked with.
    support: Option<SystemTime>,
}

impl Dependencies {
    /// Those that the manifest of cells asks for, built if they are not.
    ///
    /// # Errors
    /// If cargo cannot build them.
    pub fn of(session: &Path, facts: &Facts) -> Result<Self> {
        let manifest = fs::read_to_string(session.join("Cargo.toml"))?;
        let requested = facts.allowed(requested(&manifest, &facts.offered))?;
        if requested.is_empty() {
            return Ok(Self::default());
        }
        let linked = Self::linked(session);
        if let Some(dependencies) = linked.filter(|linked| linked.requested == requested) {
            return Ok(dependencies);
        }
        let dependencies = Self::built(session, facts, requested)?;
        let name = shared_object(&dependencies.library());
        let library = session.join(&name);
        if library.exists() {
            fs::remove_file(&library)?;
        }
        copy_or_show(
            &folder_of(&dependencies.requested, facts).join(name),
            &library,
        )?;
        kept::write(&session.join(LINKED), &dependencies)?;
        Ok(dependencies)
    }

    /// Builds crates that a notebook may ask for by their `names`, so that it need not wait for them.
    ///
    /// # Errors
    /// If cargo cannot build them.
    pub fn prebuild(session: &Path, facts: &Facts, names: &[String]) -> Result<Prebuilt> {
        let line = |name| offered::in_full(&format!("{name} = \"*\""), &facts.offered);
        let mut requested: Vec<String> = names.iter().map(line).collect();
        requested.sort();
        requested.dedup();
        if !requested.is_empty() {
            Self::built(session, facts, requested.clone())?;
        }
        Ok(Prebuilt {
            requested,
            folder: facts.shared_dependencies.clone(),
        })
    }

    /// Says that the crates that the session in `folder` has loaded were changed since. To load them
    /// again would give variables of the old types to functions of the new.
    pub fn outdated(folder: &Path) -> Option<String> {
        let linked = Self::linked(folder)?;
        let mut changed = linked.sources.changed();
        let file = changed.find(|file| !file.starts_with(workbook::target()))?;
        Some(format!(
            "{} has changed since this session loaded its crate, and one session cannot load two \
             versions of it. Restart the kernel, or run a cell with `:clear`: a new session gets the \
             crate as it is now.",
            file.display()
        ))
    }

    /// Lets the session in `folder` load the crates again: its next process has loaded none.
    pub fn forget(folder: &Path) {
        // Mostly there is none.
        let _ = fs::remove_file(folder.join(LINKED));
    }

    fn linked(session: &Path) -> Option<Self> {
        kept::read(&session.join(LINKED))
    }

    /// As an earlier session built them, if nothing has changed since; otherwise built now.
    fn built(session: &Path, facts: &Facts, requested: Vec<String>) -> Result<Self> {
        let folder = folder_of(&requested, facts);
        let kept = kept::read::<Self>(&folder.join(BUILT));
        let support = fs::metadata(&facts.library)?.modified().ok();
        let is_it = |built: &Self| {
            let library = folder.join(shared_object(&built.library()));
            built.support == support && library.exists() && built.sources.changed().next().is_none()
        };
        if let Some(built) = kept.filter(is_it) {
            return Ok(built);
        }
        let start = SystemTime::now();
        let mut dependencies = Self::build(session, facts, requested)?;
        dependencies.support = support;
        dependencies.link(session, facts)?;
        // What was changed meanwhile may or may not be in it: the next session asks cargo.
        if !dependencies.sources.any_later_than(start) {
            kept::write(&folder.join(BUILT), &dependencies)?;
        }
        Ok(dependencies)
    }

    fn build(session: &Path, facts: &Facts, requested: Vec<String>) -> Result<Self> {
        let metadata = resolved(&requested, facts)?;
        let profile = metadata.profile();
        let mut cargo = cargo_on(&requested, &profile, facts, "build")?;
        let cargo = cargo
            .env(SESSION, session)
            .env("RUSTC_WRAPPER", session.join("bin").join(handover::NAME))
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
        ensure!(!session.join(ENDED).exists(), "the cell was ended");
        ensure!(
            output.status.success(),
            "the crates that the notebook asks for cannot be built; cargo says why above"
        );
        let messages = stand_ins::with_real_ids(&output.stdout, facts);
        let messages: Vec<Value> = messages
            .lines()
            .flat_map(serde_json::from_str)
            .filter(|message: &Value| message["reason"] == "compiler-artifact")
            .collect();
        let mut crates = Vec::new();
        for dependency in metadata.asked_for() {
            let name = dependency["name"].as_str().unwrap_or_default();
            let library = messages
                .iter()
                .filter(|message| message["package_id"] == dependency["pkg"])
                .find_map(library_of)
                .with_context(|| format!("`{name}` has no library that a cell could use"))?;
            crates.push((name.to_owned(), library));
        }
        let target = facts.shared_dependencies.join("target/debug");
        let note = target.join(format!("lib{}.d", package_library(&requested)));
        let sources = kept::named_in(&note)?;
        Ok(Self {
            requested,
            crates,
            folder: target.join("deps"),
            sources: Files::now(sources.into_iter().chain(metadata.manifests())),
            support: None,
        })
    }

    /// Links the crates into one shared library.
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
        // Theirs may need code that the support library was built beside and does not hold.
        link_support(&mut rustc, session, DEPENDENCIES, facts);
        self.name_to(&mut rustc);
        let out = session.join("out");
        let output = rustc.arg("--out-dir").arg(&out).arg(source).output()?;
        if !output.status.success() {
            std::io::stderr().write_all(&output.stderr)?;
            bail!("the crates that the notebook asks for cannot be linked");
        }
        // Another session may have the one that is there loaded: it keeps that file.
        let name = shared_object(&library);
        let to = folder_of(&self.requested, facts).join(&name);
        Ok(fs::rename(out.join(name), to)?)
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

/// The lines of `manifest`'s dependencies that name other crates than the support crate, with what
/// is `offered` where one says no more than a name.
pub fn requested(manifest: &str, offered: &BTreeMap<String, String>) -> Vec<String> {
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[dependencies]")
        .skip(1);
    let is_another = |line: &&str| {
        let name = line.split(['=', ' ', '.']).next().unwrap_or_default();
        !name.is_empty() && name != "cuaderno"
    };
    let lines = lines.filter(is_another);
    let mut requested: Vec<String> = lines.map(|line| offered::in_full(line, offered)).collect();
    // evcxr writes them in any order, and the same crates must be the same library.
    requested.sort();
    requested
}

/// Whether `manifest` says which support crate a cell gets.
pub fn names_a_support_crate(manifest: &str) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let dependencies = manifest.get("dependencies");
    let line = dependencies.and_then(|dependencies| dependencies.get("cuaderno"));
    line.is_some_and(|line| line.as_str() != Some("*"))
}

/// What cargo knows of crates and their dependencies.
pub struct Resolved(Value);

impl Resolved {
    /// A crate and what it needs.
    fn node(&self, id: &Value) -> &Value {
        let nodes = self.0["resolve"]["nodes"].as_array();
        let node = nodes.and_then(|nodes| nodes.iter().find(|node| node["id"] == *id));
        node.unwrap_or(&Value::Null)
    }

    /// Leaves out what is not in cargo's tree, a package a line: the metadata has what a feature names
    /// for the case that another feature asks for it, which nobody builds. Of polars that is half.
    fn keep(&mut self, tree: &str) {
        let built = |line| -> Option<(&str, &str)> {
            let mut words = str::split_whitespace(line);
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        };
        let built: BTreeSet<_> = tree.lines().filter_map(built).collect();
        let is_built = |id: &Value| built.contains(&name_and_version(id));
        list(&mut self.0["packages"]).retain(|package| is_built(&package["id"]));
        let nodes = list(&mut self.0["resolve"]["nodes"]);
        nodes.retain(|node| is_built(&node["id"]));
        for node in nodes {
            list(&mut node["deps"]).retain(|dependency| is_built(&dependency["pkg"]));
            list(&mut node["dependencies"]).retain(is_built);
        }
    }

    /// The crates that the notebook names.
    fn asked_for(&self) -> impl Iterator<Item = &Value> {
        let root = self.node(&self.0["resolve"]["root"]);
        let all = root["deps"].as_array().into_iter().flatten();
        let name = |dependency: &Value| dependency["name"].as_str().map(str::to_owned);
        all.filter(move |one| name(one).is_some_and(|name| !name.starts_with(stand_ins::PREFIX)))
    }

    /// The manifests of other crates from folders, which may change.
    fn manifests(&self) -> impl Iterator<Item = PathBuf> {
        let root = &self.0["resolve"]["root"];
        let from_folders = elements(&self.0["packages"])
            .filter(move |package| package["source"].is_null() && package["id"] != *root);
        from_folders.filter_map(|package| Some(package["manifest_path"].as_str()?.into()))
    }

    /// Adds the crates to what is known of the crate of cells, which is the first node.
    pub fn add_to(&self, cells: &mut Value) {
        let known: BTreeSet<String> = ids(&cells["packages"]).map(|id| word(id).into()).collect();
        let visible = self.visible();
        let is_new = |id: &Value| visible.contains(word(id)) && !known.contains(word(id));
        let packages = elements(&self.0["packages"]).filter(|package| is_new(&package["id"]));
        list(&mut cells["packages"]).extend(packages.cloned());
        // The analyser must find everything that a crate is said to need.
        let is_there = |id: &Value| visible.contains(word(id)) || known.contains(word(id));
        for node in elements(&self.0["resolve"]["nodes"]).filter(|node| is_new(&node["id"])) {
            let mut node = node.clone();
            list(&mut node["deps"]).retain(|dependency| is_there(&dependency["pkg"]));
            list(&mut node["dependencies"]).retain(is_there);
            list(&mut cells["resolve"]["nodes"]).push(node);
        }
        let cell = &mut cells["resolve"]["nodes"][0];
        for dependency in self.asked_for() {
            // The crate of cells names the support crate already.
            list(&mut cell["deps"]).push(dependency.clone());
            list(&mut cell["dependencies"]).push(dependency["pkg"].clone());
        }
    }

    /// The crates whose types a cell may see: those that the notebook names, what they need, and of
    /// a crate that comes in parts, as polars does, all parts. The analyser need not read what lies
    /// deeper.
    fn visible(&self) -> BTreeSet<&str> {
        let named = elements(&self.node(&self.0["resolve"]["root"])["dependencies"]);
        let mut open: Vec<&Value> = named.collect();
        let needed = |id: &Value| elements(&self.node(id)["dependencies"]);
        open.extend(open.clone().into_iter().flat_map(needed));
        let mut visible = BTreeSet::new();
        while let Some(id) = open.pop() {
            if visible.insert(word(id)) {
                let project = self.repository(id);
                let parts = needed(id).filter(|part| self.repository(part) == project);
                open.extend(parts.filter(|_| project.is_some()));
            }
        }
        visible
    }

    /// Where the sources of a crate are kept.
    fn repository(&self, id: &Value) -> Option<&str> {
        let mut packages = elements(&self.0["packages"]);
        packages.find(|package| package["id"] == *id)?["repository"].as_str()
    }

    /// The profile that the crates are built with. Tables are hardly ever what takes long in a
    /// notebook, and to optimise polars well takes as long as all the rest.
    fn profile(&self) -> String {
        let names = ids(&self.0["packages"]).map(|id| name_and_version(id).0);
        let polars: BTreeSet<&str> = names.filter(|name| name.starts_with("polars")).collect();
        let polars = polars.iter();
        let lines = polars.map(|name| format!("[profile.dev.package.{name}]\nopt-level = 1\n"));
        format!("{PROFILE}{}", lines.collect::<String>())
    }

    /// # Errors
    /// If a crate is another version of one whose types every cell sees: one notebook cannot hold
    /// tensors of two kinds.
    fn check(&self, packages: &[Value]) -> Result<()> {
        for ours in packages {
            let (name, our_version) = name_and_version(&ours["package_id"]);
            let others = ids(&self.0["packages"]).filter(|id| **id != ours["package_id"]);
            for other in others {
                let (other_name, version) = name_and_version(other);
                if other_name == name && version == our_version {
                    bail!(needs_its_own(&self.who_needs(other), name, version));
                }
                if other_name == name {
                    bail!(
                        "{} {name} {version}, and the workbook is built with {name} {our_version}: \
                         their types would not fit each other. Ask for a version that goes with \
                         {name} {our_version}.",
                        self.who_needs(other)
                    );
                }
            }
        }
        Ok(())
    }

    /// The subject and verb of a sentence that says who needs the crate.
    fn who_needs(&self, id: &Value) -> String {
        let nodes = self.0["resolve"]["nodes"].as_array().into_iter().flatten();
        let needs = |node: &&Value| {
            let dependencies = node["dependencies"].as_array();
            dependencies.is_some_and(|dependencies| dependencies.contains(id))
        };
        match nodes.filter(needs).map(|node| &node["id"]).next() {
            Some(node) if *node != self.0["resolve"]["root"] => {
                let (name, version) = name_and_version(node);
                format!("{name} {version} needs")
            }
            _ => "The notebook asks for".to_owned(),
        }
    }
}

/// The ids in cargo's list of packages.
fn ids(packages: &Value) -> impl Iterator<Item = &Value> {
    elements(packages).map(|package| &package["id"])
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn list(list: &mut Value) -> &mut Vec<Value> {
    list.as_array_mut().expect("a list")
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What cargo's id of a package says: `registry+https://…#name@1.0.0`, or `path+file:///…/name#1.0.0`
/// where the folder is called so.
pub fn name_and_version(id: &Value) -> (&str, &str) {
    let (source, package) = (id.as_str().unwrap_or_default().rsplit_once('#')).unwrap_or_default();
    let folder = source.rsplit('/').next().unwrap_or_default();
    package.split_once('@').unwrap_or((folder, package))
}

/// Finds the versions of the crates and what they need.
///
/// # Errors
/// If cargo cannot; it says why on standard error. If one cannot live beside the workbook's own.
pub fn resolved(requested: &[String], facts: &Facts) -> Result<Resolved> {
    // Asked for by evcxr, by the analyser and for the build.
    let kept = folder_of(requested, facts).join(RESOLVED);
    if let Some((manifests, metadata)) = kept::read::<(Files, Value)>(&kept)
        && manifests.changed().next().is_none()
    {
        return Ok(Resolved(metadata));
    }
    let output = cargo_on(requested, PROFILE, facts, "metadata")?
        .args(["--format-version=1", "--filter-platform", &facts.host])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if let Some((name, version)) = in_two_folders(&said) {
        bail!(needs_its_own(
            "A crate of the notebook needs",
            name,
            version
        ));
    }
    std::io::stderr().write_all(&output.stderr)?;
    ensure!(
        output.status.success(),
        "cargo cannot find the crates that the notebook asks for"
    );
    let metadata = stand_ins::with_real_ids(&output.stdout, facts);
    let mut resolved = Resolved(serde_json::from_str(&metadata)?);
    let tree = cargo_on(requested, PROFILE, facts, "tree")?
        .args(["--edges=normal", "--prefix=none", "--format={p}"])
        .output()?;
    if !tree.status.success() {
        std::io::stderr().write_all(&tree.stderr)?;
        bail!("cargo cannot tell which crates those of the notebook need");
    }
    resolved.keep(&String::from_utf8_lossy(&tree.stdout));
    resolved.check(&facts.packages)?;
    let manifests = Files::now(resolved.manifests());
    kept::write(&kept, &(manifests, &resolved.0))?;
    Ok(resolved)
}

fn needs_its_own(who_needs: &str, name: &str, version: &str) -> String {
    format!(
        "{who_needs} a {name} of its own, and cells have the workbook's: their types would not fit \
         each other. Ask for `{name} = \"{version}\"`, which is the workbook's."
    )
}

/// The package of which cargo complains that it is in two folders, and its version.
fn in_two_folders(said: &str) -> Option<(&str, &str)> {
    let (_, packages) = said.split_once("package collision in the lockfile: packages ")?;
    let mut words = packages.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// The real cargo on a package that depends on the crates.
fn cargo_on(requested: &[String], profile: &str, facts: &Facts, command: &str) -> Result<Command> {
    ensure!(
        facts.prebuilt.is_none(),
        "the crates that the lab asks for are not as they were when they were built for this box; \
         grade again, which builds them anew"
    );
    let package = folder_of(requested, facts);
    fs::create_dir_all(&package)?;
    let manifest = package.join("Cargo.toml");
    let (workbook, patch) = stand_ins::sections(requested, facts);
    let lines = requested.join("\n");
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"notebook\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [lib]\nname = \"{}\"\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n{lines}\n\
             {workbook}{patch}{profile}",
            package_library(requested)
        ),
    )?;
    stand_ins::write_if_new(&package.join("lib.rs"), "")?;
    // The workbook's own versions, where they do: those are compiled, and need no network.
    let lock = package.join("Cargo.lock");
    if !lock.exists() {
        let versions = fs::read_to_string(facts.ecosystem.join("Cargo.lock"))?;
        fs::write(lock, stand_ins::unlocked(&versions, facts)?)?;
    }
    let mut cargo = real(facts, &[]);
    cargo.arg(command).arg("--manifest-path").arg(manifest);
    // The engine's own are for cells.
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_BUILD_DIR"] {
        cargo.env_remove(name);
    }
    cargo
        .current_dir(&package)
        .env("RUSTC", &facts.rustc)
        .env("CARGO_TARGET_DIR", facts.shared_dependencies.join("target"));
    Ok(cargo)
}

/// The folder of the package that depends on the crates.
fn folder_of(requested: &[String], facts: &Facts) -> PathBuf {
    facts.shared_dependencies.join(name_of_folder(requested))
}

pub fn name_of_folder(requested: &[String]) -> String {
    format!("{:x}", hash(requested))
}

/// The name of its own, empty library. Each has another: cargo's note of what it was made from is
/// called so.
fn package_library(requested: &[String]) -> String {
    format!("crates_{:x}", hash(requested))
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
    fn what_the_manifest_asks_for_is_read_in_order_without_the_support_crate() {
        let lines = |text: &str| {
            let manifest = format!("[lib]\nname = \"ctx\"\n\n[dependencies]\n{text}\n");
            let offered = BTreeMap::from([("tables".to_owned(), "\"=1.2\"".to_owned())]);
            requested(&manifest, &offered)
        };
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(
            lines("rayon = \"1\"\ncuaderno = \"*\"\nrand = \"0.9\""),
            ["rand = \"0.9\"", "rayon = \"1\""]
        );
        assert_eq!(lines("tables = \"*\""), ["tables = \"=1.2\""]);
        assert_eq!(lines("tables = \"1\""), ["tables = \"1\""]);
    }

    #[test]
    fn only_a_name_alone_leaves_the_support_crate_as_it_is() {
        let names = |line: &str| names_a_support_crate(&format!("[dependencies]\n{line}\n"));
        assert!(!names("rand = \"1\"\ncuaderno = \"*\""));
        assert!(names("cuaderno = { path = \"crate\" }"));
        assert!(names("cuaderno = \"9\""));
    }

    const REGISTRY: &str = "registry+https://example.org/index#";

    /// A notebook that needs `layers`, which needs `tensors`, which needs `numbers`.
    fn resolved(tensors: &str) -> Resolved {
        let [tensors, layers, numbers] = [tensors, "layers@0.9.0", "numbers@2.0.0"]
            .map(|package| format!("{REGISTRY}{package}"));
        let root = "path+file:///notebook#0.0.0";
        let node = |id: &str, needs: &[&str]| {
            let deps = needs.iter().map(|id| json!({"name": "layers", "pkg": id}));
            json!({"id": id, "deps": deps.collect::<Vec<_>>(), "dependencies": needs})
        };
        let package = |id: &str, repository: &str| json!({"id": id, "repository": repository});
        Resolved(json!({
            "packages": [package(root, "notebook"), package(&layers, "layers"),
                package(&tensors, "tensors"), package(&numbers, "numbers")],
            "resolve": {"root": root, "nodes": [
                node(root, &[&layers]), node(&layers, &[&tensors]),
                node(&tensors, &[&numbers]), node(&numbers, &[]),
            ]},
        }))
    }

    #[test]
    fn another_version_of_what_cells_see_is_refused_by_both_names() {
        let ours = [json!({"package_id": format!("{REGISTRY}tensors@0.11.1")})];
        assert!(resolved("tensors@0.11.1").check(&ours).is_ok());
        let refused = resolved("tensors@0.9.2").check(&ours).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "layers 0.9.0 needs tensors 0.9.2, and the workbook is built with tensors 0.11.1: their \
             types would not fit each other. Ask for a version that goes with tensors 0.11.1."
        );
    }

    #[test]
    fn what_is_not_built_is_left_out() {
        let mut resolved = resolved("tensors@0.11.1");
        resolved
            .keep("notebook v0.0.0 (/notebook)\nlayers v0.9.0\ntensors v0.11.1\nlayers v0.9.0 (*)");
        let left: Vec<_> = ids(&resolved.0["packages"]).map(name_and_version).collect();
        let expected = [
            ("notebook", "0.0.0"),
            ("layers", "0.9.0"),
            ("tensors", "0.11.1"),
        ];
        assert_eq!(left, expected);
        let tensors = json!(format!("{REGISTRY}tensors@0.11.1"));
        assert_eq!(resolved.node(&tensors)["dependencies"], json!([]));
        assert_eq!(resolved.node(&tensors)["deps"], json!([]));
    }

    #[test]
    fn the_analyser_is_told_of_a_crate_once_and_not_of_what_only_known_ones_use() {
        let tensors = format!("{REGISTRY}tensors@0.11.1");
        let mut cells = json!({
            "packages": [{"id": "ctx"}, {"id": tensors}],
            "resolve": {"nodes": [{"id": "ctx", "deps": [], "dependencies": []}]},
        });
        resolved("tensors@0.11.1").add_to(&mut cells);
        let layers = format!("{REGISTRY}layers@0.9.0");
        let all: Vec<_> = ids(&cells["packages"]).collect();
        assert_eq!(all, ["ctx", &tensors, &layers]);
        let nodes = &cells["resolve"]["nodes"];
        assert_eq!(nodes[0]["dependencies"], json!([layers]));
        assert_eq!(nodes[1]["dependencies"], json!([tensors]));
    }

    #[test]
    fn the_analyser_is_told_of_the_parts_of_a_crate_and_not_of_what_lies_deeper() {
        let visible = |repository: &str| {
            let mut resolved = resolved("tensors@0.11.1");
            list(&mut resolved.0["packages"])[3]["repository"] = json!(repository);
            let visible = resolved.visible().into_iter();
            visible.map(str::to_owned).collect::<Vec<_>>()
        };
        let [layers, numbers, tensors] = ["layers@0.9.0", "numbers@2.0.0", "tensors@0.11.1"]
            .map(|package| format!("{REGISTRY}{package}"));
        assert_eq!(visible("numbers"), [&*layers, &*tensors]);
        assert_eq!(visible("tensors"), [&*layers, &*numbers, &*tensors]);
    }
}
