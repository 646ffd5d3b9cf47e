//! The crates that a notebook may ask for by their names alone, as `ecosystem/Cargo.toml` has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

/// What stands in a manifest for each of the crates that the one in `folder` names.
///
/// # Errors
/// If there is no such manifest.
pub fn crates(folder: &Path) -> Result<BTreeMap<String, String>> {
    let manifest = folder.join("Cargo.toml");
    let read = || -> Result<_> { Ok(fs::read_to_string(&manifest)?.parse::<Table>()?) };
    let read = read().with_context(|| format!("{} cannot be read", manifest.display()))?;
    let dependencies = read["dependencies"].as_table().into_iter().flatten();
    let workspace = &read["workspace"]["dependencies"];
    let offered = dependencies.map(|(name, said)| {
        let mut said = match said.get("workspace") {
            Some(_) => workspace[name].clone(),
            None => said.clone(),
        };
        if let Some(Value::String(path)) = said.get_mut("path") {
            *path = folder.join(&*path).display().to_string();
        }
        (name.clone(), said.to_string())
    });
    Ok(offered.collect())
}

/// `line` of a manifest's dependencies; where it asks for no version, what is `offered`.
pub fn in_full(line: &str, offered: &BTreeMap<String, String>) -> String {
    match line.split_once(" = ") {
        Some((name, "\"*\"")) => match offered.get(name) {
            Some(said) => format!("{name} = {said}"),
            None => line.to_owned(),
        },
        _ => line.to_owned(),
    }
}

/// What stands behind `:dep` in the lines of a cell, the support crate left out.
pub fn asked_for(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().map(str::trim);
    let asks = lines.filter_map(|line| line.strip_prefix(":dep "));
    asks.map(str::trim).filter(|name| *name != "cuaderno")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workbook;

    #[test]
    fn a_name_alone_means_what_is_offered() {
        let offered = crates(&workbook::ecosystem()).unwrap();
        let tables = in_full("cuaderno-tables = \"*\"", &offered);
        let manifest: Table = tables.parse().unwrap();
        let path = manifest["cuaderno-tables"]["path"].as_str().unwrap();
        assert!(Path::new(path).join("Cargo.toml").is_file(), "{tables}");
        let polars: Table = in_full("polars = \"*\"", &offered).parse().unwrap();
        assert_eq!(polars["polars"]["default-features"].as_bool(), Some(false));
        for same in ["itertools = \"*\"", "polars = \"0.1\""] {
            assert_eq!(in_full(same, &offered), same);
        }
    }

    /// A crate in another version would be compiled again, and its types would not fit.
    #[test]
    fn the_versions_are_the_workbooks() {
        let packages = |folder: &Path| -> Vec<(String, String)> {
            let lock = fs::read_to_string(folder.join("Cargo.lock")).unwrap();
            let lock: Table = lock.parse().unwrap();
            let packages = lock["package"].as_array().unwrap().iter();
            let word = |package: &Value, key| package[key].as_str().unwrap().to_owned();
            let pair = |package| (word(package, "name"), word(package, "version"));
            packages.map(pair).collect()
        };
        // Cargo takes one version of those that are compatible: 1.*, or 0.1.*.
        let kind = |version: &str| {
            let end = if version.starts_with("0.") { 2 } else { 1 };
            let parts: Vec<_> = version.split('.').take(end).map(str::to_owned).collect();
            parts
        };
        let ours = packages(workbook::root());
        for (name, version) in packages(&workbook::ecosystem()) {
            let same = |ours: &&(String, String)| ours.0 == name && kind(&ours.1) == kind(&version);
            if let Some((_, ours)) = ours.iter().find(same) {
                assert_eq!(
                    *ours, version,
                    "{name} in Cargo.lock and ecosystem/Cargo.lock: run `cargo update \
                     --manifest-path ecosystem/Cargo.toml {name}@{version} --precise {ours}`"
                );
            }
        }
    }
}
