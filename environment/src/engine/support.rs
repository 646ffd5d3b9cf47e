//! The support crate as cells see it: one shared library, built by the workspace's own cargo so
//! that tests and cells share it, and the list of packages the type analyser reads.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::prebuilt::Prebuilt;
use super::progress;
use crate::toolchain::Toolchain;
use crate::workbook;

/// The built support crate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Support {
    /// `libcuaderno.so`, or what the platform calls it.
    pub library: PathBuf,
    /// What cargo says of the other libraries of the workspace and of those that they need.
    pub others: Vec<Value>,
    /// What cargo says of the packages whose types a cell can see, the support crate first.
    pub packages: Vec<Value>,
    /// In a box: the only crates that cells may ask for.
    pub prebuilt: Option<Prebuilt>,
}

/// Packages whose types appear in what the support crate offers. The analyser works on their
/// sources for seconds; it need not know the others.
const VISIBLE: [&str; 7] = [
    "cuaderno",
    "cuaderno_datasets",
    "candle_core",
    "candle_nn",
    "linfa",
    "linfa_nn",
    "ndarray",
];

impl Support {
    /// Builds the support crate where it is missing or older than its sources. `on_progress` sees
    /// what cargo says of it; without that, the terminal does.
    ///
    /// # Errors
    /// If cargo cannot be started or a crate does not compile.
    pub fn build(toolchain: &Toolchain, on_progress: Option<&dyn Fn(&str)>) -> Result<Self> {
        let artifacts = build_libraries(toolchain, on_progress)?;
        let packages = VISIBLE.map(|name| {
            let built = artifacts
                .iter()
                .find(|artifact| artifact["target"]["name"] == name);
            built
                .cloned()
                .with_context(|| format!("cargo built no {name}"))
        });
        let packages: Vec<Value> = packages.into_iter().collect::<Result<_>>()?;
        let name = library_name();
        let library = libraries(&packages[0])
            .find(|file| file.file_name().is_some_and(|file| file == name.as_str()))
            .with_context(|| format!("cargo built no {name}"))?;
        let others = artifacts.into_iter();
        let others = others.filter(|artifact| artifact["target"]["name"] != VISIBLE[0]);
        Ok(Self {
            library,
            others: others.collect(),
            packages,
            prebuilt: None,
        })
    }

    /// Whether cells see the crate of this name.
    pub fn shows(name: &str) -> bool {
        VISIBLE.contains(&name.replace('-', "_").as_str())
    }

    /// The compiled libraries that it names, which rustc reads for each cell.
    pub fn dependencies(&self) -> impl Iterator<Item = PathBuf> {
        self.others.iter().flat_map(libraries)
    }

    /// The folders of the sources that the analyser reads.
    pub fn sources(&self) -> impl Iterator<Item = PathBuf> {
        self.packages.iter().filter_map(|package| {
            let manifest = PathBuf::from(package["manifest_path"].as_str()?);
            Some(manifest.parent()?.to_path_buf())
        })
    }

    /// Another word where another version, feature or compiler made one of the libraries: cargo puts
    /// that into their names.
    pub fn identity(&self) -> String {
        // Cargo reports them in the order in which they were ready.
        let names: BTreeSet<PathBuf> = self.dependencies().collect();
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        format!("{:x}", hasher.finish())
    }

    /// Whether there is a support crate that a build would at most bring up to date.
    pub fn is_built() -> bool {
        // Cargo has no dry run; a finished library newer than the lock file is near enough to tell
        // a first run from a later one.
        let library = workbook::target().join("debug").join(library_name());
        let built = library.metadata().and_then(|data| data.modified());
        let locked = workbook::root()
            .join("Cargo.lock")
            .metadata()
            .and_then(|data| data.modified());
        matches!((built, locked), (Ok(built), Ok(locked)) if built > locked)
    }
}

/// The libraries among what an artifact consists of, with their metadata.
pub fn libraries(artifact: &Value) -> impl Iterator<Item = PathBuf> {
    let files = artifact["filenames"].as_array().into_iter().flatten();
    let files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.filter(|file| {
        file.extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| {
                ["rlib", "rmeta", std::env::consts::DLL_EXTENSION].contains(&extension)
            })
    })
}

fn library_name() -> String {
    format!(
        "{}cuaderno{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}

/// Builds the libraries of the workspace and returns cargo's message of each, and of each of their
/// dependencies.
fn build_libraries(
    toolchain: &Toolchain,
    on_progress: Option<&dyn Fn(&str)>,
) -> Result<Vec<Value>> {
    // All libraries, as the tests do, because cargo unites the features of what it builds together:
    // a build of one package alone would compile shared dependencies a second time.
    let mut cargo = Command::new(&toolchain.cargo);
    // What `cargo run` and `cargo test` tell us of this package would make build scripts that read
    // it run again, and all that depends on them.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
        {
            cargo.env_remove(name);
        }
    }
    let cargo = cargo
        .args(["build", "--lib", "--message-format=json-render-diagnostics"])
        .current_dir(workbook::root())
        .env("CARGO_TARGET_DIR", workbook::target())
        // Behind rustup's name for it, a crate that asks for another toolchain would get that.
        .env("RUSTC", &toolchain.rustc)
        .stdout(Stdio::piped())
        .stderr(on_progress.map_or_else(Stdio::inherit, |_| Stdio::piped()))
        .spawn()
        .with_context(|| format!("{} could not be started", toolchain.cargo.display()))?;
    let output = progress::wait(cargo, |line| {
        if let Some(on_progress) = on_progress {
            on_progress(line);
        }
    })?;
    if !output.status.success() {
        match output.status.code() {
            Some(_) => {
                bail!("The support crate does not compile; cargo's messages above say why.")
            }
            None => bail!(
                "The build of the support crate was ended before it was done ({}). The next cell \
                 tries again.",
                output.status
            ),
        }
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages
        .filter(|message| message["reason"] == "compiler-artifact")
        .collect())
}

/// What `cargo metadata` would say of the crate of cells in `folder`: a package `ctx` that depends
/// on the support crate, which depends on the other visible packages.
pub fn metadata_for_cells(packages: &[Value], folder: &str) -> Value {
    let cells = json!({
        "package_id": format!("path+file://{folder}#ctx@1.0.0"),
        "manifest_path": format!("{folder}/Cargo.toml"),
        "features": [],
        "target": {
            "name": "ctx", "kind": ["cdylib"], "crate_types": ["cdylib"], "edition": "2024",
            "src_path": format!("{folder}/src/lib.rs"), "doc": true, "doctest": false, "test": true,
        },
    });
    let all: Vec<&Value> = std::iter::once(&cells).chain(packages).collect();
    let nodes = all.iter().map(|&package| {
        let dependencies: &[&str] = match package["target"]["name"].as_str() {
            Some("ctx") => &VISIBLE[..1],
            Some("cuaderno") => &VISIBLE[1..],
            Some("candle_nn") => &["candle_core"],
            Some("linfa") => &["ndarray"],
            Some("linfa_nn") => &["linfa", "ndarray"],
            _ => &[],
        };
        let is_one = |other: &&Value| {
            let name = other["target"]["name"].as_str();
            name.is_some_and(|name| dependencies.contains(&name))
        };
        let dependencies: Vec<&Value> = packages.iter().filter(is_one).collect();
        node(package, &dependencies)
    });
    let id = &cells["package_id"];
    json!({
        "packages": all.iter().map(|&artifact| package(artifact)).collect::<Vec<_>>(),
        "resolve": {"root": id, "nodes": nodes.collect::<Vec<_>>()},
        "workspace_members": [id],
        "workspace_default_members": [id],
        "workspace_root": folder,
        "target_directory": format!("{folder}/target"),
        "metadata": null,
        "version": 1,
    })
}

fn package(artifact: &Value) -> Value {
    let id = artifact["package_id"].as_str().unwrap_or_default();
    let (_, version) = id.rsplit_once(['@', '#']).unwrap_or_default();
    let target = &artifact["target"];
    json!({
        "id": id, "name": target["name"], "version": version, "edition": target["edition"],
        "manifest_path": artifact["manifest_path"], "targets": [target], "features": {},
        "dependencies": [], "source": null,
    })
}

fn node(artifact: &Value, dependencies: &[&Value]) -> Value {
    let ids: Vec<&Value> = dependencies
        .iter()
        .map(|artifact| &artifact["package_id"])
        .collect();
    let edges = dependencies.iter().map(|artifact| {
        json!({
            "name": artifact["target"]["name"], "pkg": artifact["package_id"],
            "dep_kinds": [{"kind": null, "target": null}],
        })
    });
    json!({
        "id": artifact["package_id"], "features": artifact["features"], "dependencies": ids,
        "deps": edges.collect::<Vec<_>>(),
    })
}
