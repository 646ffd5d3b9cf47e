//! Where the parts of the workbook are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder of the workspace this command was built from.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in a folder of the workspace")
}

/// The folder of the notebooks.
pub fn notebooks() -> PathBuf {
    root().join("notebooks")
}

/// The folder of the crates that notebooks may ask for.
pub fn ecosystem() -> PathBuf {
    root().join("ecosystem")
}

/// Names the folder of the engine to a command in a box, where the usual one cannot be written to.
pub const STATE: &str = "CUADERNO_STATE";

/// Where the engine keeps its sessions and what it prepared; safe to delete when nothing runs.
pub fn state() -> PathBuf {
    std::env::var_os(STATE).map_or_else(|| target().join("cuaderno"), PathBuf::from)
}

/// Cargo's target folder: the one this binary was built into, if it still is there.
pub fn target() -> PathBuf {
    let built_into = std::env::current_exe()
        .ok()
        .and_then(|binary| Some(binary.parent()?.parent()?.to_path_buf()))
        .filter(|target| target.join("CACHEDIR.TAG").exists());
    built_into.unwrap_or_else(|| root().join("target"))
}

/// The notebook that `name` means: a path, or the number (`09`, `9`) a notebook's name begins with.
pub fn notebook(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.extension().is_some() {
        if path.is_file() {
            return Ok(std::path::absolute(path)?);
        }
        bail!("There is no notebook at {name}. Give a path, or a number such as 09.");
    }
    let available = available();
    let number = name.parse::<u32>().ok();
    let wanted = available.iter().find(|path| {
        let (prefix, _) = file_name(path).split_once('_').unwrap_or_default();
        number.is_some() && prefix.parse().ok() == number
    });
    match wanted {
        Some(path) => Ok(path.clone()),
        None => bail!(
            "There is no notebook {name} in {}. There are: {}.",
            notebooks().display(),
            available
                .iter()
                .map(|path| file_name(path))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn available() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(notebooks())
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ipynb")
        })
        .collect();
    found.sort();
    found
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
