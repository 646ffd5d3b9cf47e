//! What cargo sees of the workbook's own crates while it builds those of a notebook: packages of the
//! same names and versions with nothing in them. What a stand-in is compiled to is the library that
//! there is already (see [`handover`](super::handover)), so cargo need know nothing of what that
//! needs: neither would it be built a second time, nor united with what the notebook needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use toml::Table;

use super::dependencies::name_and_version;
use super::session::Facts;

/// The names that they have in the manifest of a notebook's crates begin so.
pub const PREFIX: &str = "workbook_";

/// Where the stand-ins are among the `shared` dependencies.
pub fn folder(shared: &Path) -> PathBuf {
    shared.join("workbook")
}

/// Where the stand-in of `package` is among the `shared` dependencies.
pub fn manifest(package: &Value, shared: &Path) -> PathBuf {
    let (name, _) = name_and_version(&package["package_id"]);
    folder(shared).join(name).join("Cargo.toml")
}

/// Writes the stand-ins of `packages`, the first of which is the support crate.
///
/// # Errors
/// If a package's manifest cannot be read, or a stand-in not written.
pub fn write(packages: &[Value], shared: &Path) -> Result<()> {
    for (index, package) in packages.iter().enumerate() {
        let (name, version) = name_and_version(&package["package_id"]);
        let theirs = package["manifest_path"].as_str().context("a manifest")?;
        let theirs: Table = fs::read_to_string(theirs)?.parse()?;
        let table = |of: &str| theirs.get(of).and_then(toml::Value::as_table);
        let features = table("features").into_iter().flatten();
        // An optional dependency is a feature, too.
        let dependencies = table("dependencies").into_iter().flatten();
        let optional = dependencies
            .filter(|(_, one)| one.get("optional").and_then(toml::Value::as_bool) == Some(true));
        let names: BTreeSet<&String> = features.chain(optional).map(|(name, _)| name).collect();
        let features: String = names
            .iter()
            .map(|name| format!("{name:?} = []\n"))
            .collect();
        let kind = if index == 0 { "dylib" } else { "lib" };
        let manifest = manifest(package, shared);
        let folder = manifest.parent().context("a manifest is in a folder")?;
        fs::create_dir_all(folder)?;
        write_if_new(
            &manifest,
            &format!(
                "[package]\nname = {name:?}\nversion = {version:?}\nedition = \"2024\"\n\
                 [lib]\npath = \"lib.rs\"\ncrate-type = [{kind:?}]\n[features]\n{features}"
            ),
        )?;
        write_if_new(&folder.join("lib.rs"), "")?;
    }
    Ok(())
}

/// Cargo looks at the time of a file, and other sessions have the same.
pub fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}

/// What a manifest with these lines of `requested` dependencies says so that whoever needs one of the
/// workbook's crates gets the stand-in: more lines, without which cargo would warn of those that
/// nobody needs, and a patch. A crate that is requested needs no other line, and cargo refuses two.
pub fn sections(requested: &[String], facts: &Facts) -> (String, String) {
    let requested: Table = requested.join("\n").parse().unwrap_or_default();
    let is_requested = |name: &str| {
        let package = |wanted: &toml::Value| wanted.get("package")?.as_str().map(str::to_owned);
        requested
            .iter()
            .any(|(key, wanted)| package(wanted).as_deref().unwrap_or(key) == name)
    };
    let mut dependencies = String::new();
    let mut patch = String::from("[patch.crates-io]\n");
    for (index, package) in facts.packages.iter().enumerate() {
        let (name, _) = name_and_version(&package["package_id"]);
        let manifest = manifest(package, &facts.shared_dependencies);
        let folder = manifest.parent().unwrap_or(&manifest);
        if !is_requested(name) {
            dependencies += &format!(
                "{PREFIX}{index} = {{ package = {name:?}, path = {folder:?}, default-features = false }}\n"
            );
        }
        patch += &format!("{name} = {{ path = {folder:?} }}\n");
    }
    (dependencies, patch)
}

/// A lock file without the workbook's crates: cargo would ask the registry about those.
///
/// # Errors
/// If it is no lock file.
pub fn unlocked(lock: &str, facts: &Facts) -> Result<String> {
    let mut lock: Table = lock.parse()?;
    let packages = lock.get_mut("package").and_then(toml::Value::as_array_mut);
    packages.context("no packages")?.retain(|locked| {
        let is_it = |package: &Value| {
            let (name, _) = name_and_version(&package["package_id"]);
            locked.get("name").and_then(toml::Value::as_str) == Some(name)
        };
        !facts.packages.iter().any(is_it)
    });
    Ok(lock.to_string())
}

/// What cargo says, with the ids of the workbook's crates for those of their stand-ins.
pub fn with_real_ids(said: &[u8], facts: &Facts) -> String {
    let mut said = String::from_utf8_lossy(said).into_owned();
    for package in &facts.packages {
        let (_, version) = name_and_version(&package["package_id"]);
        let manifest = manifest(package, &facts.shared_dependencies);
        let folder = manifest.parent().unwrap_or(&manifest);
        // The folder has the package's name.
        let id = format!("\"path+file://{}#{version}\"", folder.display());
        said = said.replace(&id, &package["package_id"].to_string());
    }
    said
}
