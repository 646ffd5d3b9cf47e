//! The folder of one running engine: its crate of cells, its private copy of the support library,
//! and what its processes need to know.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::prebuilt::Prebuilt;
use super::support::Support;
use super::{handover, offered, stand_ins};
use crate::toolchain::Toolchain;
use crate::workbook;

/// Names the session's folder to the processes the engine starts.
pub const SESSION: &str = "CUADERNO_SESSION";
/// The file in it that says in which folder cells run.
pub const WORKING_DIRECTORY: &str = "working-directory";
/// The folder in it that keeps long lists of literals.
pub const LITERALS: &str = "literals";
/// This binary's name in it.
const OWN_BINARY: &str = "bin/cuaderno";
/// Under this name the binary is evcxr's own front end.
pub const STOCK: &str = "evcxr_jupyter";
/// Where the libraries are that the support library names.
pub const DEPENDENCIES: &str = "deps";
/// Those of their files that tell the compiler of a cell all it needs: their code is in the support
/// library. Beside its metadata it would open each library too, which takes a seventh of its time.
pub const METADATA: &str = "metadata";

/// A session's folder; dropping it deletes the folder.
pub struct Session {
    folder: PathBuf,
}

/// What the cargo stand-in and the runtime process read from the session's folder.
#[derive(Serialize, Deserialize)]
pub struct Facts {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    pub library: PathBuf,
    pub host: String,
    /// The folder that says in which versions notebooks get crates.
    pub ecosystem: PathBuf,
    /// What stands in a manifest for each crate that it names.
    pub offered: BTreeMap<String, String>,
    /// Where the crates are built that notebooks ask for.
    pub shared_dependencies: PathBuf,
    /// The environment as the user had it, before the engine's own changes.
    pub path: Option<String>,
    pub cargo_home: Option<String>,
    pub packages: Vec<Value>,
    /// The only crates that cells may ask for, where that is so.
    pub prebuilt: Option<Prebuilt>,
    /// Whether somebody watches while cells run.
    pub live: bool,
}

impl Session {
    /// Makes the folder of this process's session and clears away those of processes that died.
    pub fn create(toolchain: &Toolchain, support: &Support, live: bool) -> Result<Self> {
        let sessions = workbook::state().join("sessions");
        fs::create_dir_all(&sessions)
            .with_context(|| format!("The folder {} cannot be made", sessions.display()))?;
        remove_dead(&sessions);
        let folder = sessions.join(std::process::id().to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let session = Self { folder };
        session.fill(toolchain, support, live).with_context(|| {
            format!(
                "The engine's folder {} cannot be filled",
                session.folder.display()
            )
        })?;
        Ok(session)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// This binary under a name of the session's own: a rebuild replaces the one in the target folder.
    pub fn own_binary(&self) -> PathBuf {
        self.folder.join(OWN_BINARY)
    }

    fn fill(&self, toolchain: &Toolchain, support: &Support, live: bool) -> Result<()> {
        let at = |name: &str| self.folder.join(name);
        for name in [
            "src",
            "bin",
            "cargo-home/bin",
            DEPENDENCIES,
            METADATA,
            "out",
        ] {
            fs::create_dir_all(at(name))?;
        }
        // Private names for the library and those that it names: a rebuild replaces the files in the
        // target folder, and a running session must go on with the ones it has loaded. The library
        // is a copy: what a cell wrote to it would be in every session otherwise.
        let library = self
            .folder
            .join(support.library.file_name().context("a file name")?);
        copy_or_show(&support.library, &library)?;
        for file in support.dependencies() {
            show(&file, &at(DEPENDENCIES))?;
            if !is_static(&file) {
                show(&file, &at(METADATA))?;
            }
        }
        link_sysroot(toolchain, &at("sysroot"))?;
        copy_or_show(&std::env::current_exe()?, &at(OWN_BINARY))?;
        for name in [
            "bin/cargo",
            "bin/rustup",
            &format!("bin/{STOCK}"),
            &format!("bin/{}", handover::NAME),
            "cargo-home/bin/cargo",
        ] {
            // Each is a file of its own, because a process asks for its file to know what it is.
            fs::hard_link(at(OWN_BINARY), at(name))
                .or_else(|_| symlink(&at(OWN_BINARY), &at(name)))?;
        }
        let folder = self
            .folder
            .to_str()
            .context("the path of the target folder is not UTF-8")?;
        fs::write(
            at("evcxr.toml"),
            format!(
                "[evcxr]\ntmpdir = {folder:?}\nopt_level = \"0\"\npreserve_vars_on_panic = true\n\
                 allow_static_linking = true\noffline_mode = false\n"
            ),
        )?;
        let facts = Facts {
            rustc: toolchain.rustc.clone(),
            cargo: toolchain.cargo.clone(),
            library,
            host: toolchain.host.clone(),
            shared_dependencies: match &support.prebuilt {
                Some(prebuilt) => prebuilt.folder.clone(),
                None => workbook::state()
                    .join("dependencies")
                    .join(support.identity()),
            },
            ecosystem: workbook::ecosystem(),
            offered: offered::crates(&workbook::ecosystem())?,
            path: std::env::var("PATH").ok(),
            cargo_home: std::env::var("CARGO_HOME").ok(),
            packages: support.packages.clone(),
            prebuilt: support.prebuilt.clone(),
            live,
        };
        fs::write(at("facts.json"), serde_json::to_vec(&facts)?)?;
        stand_ins::write(&facts.packages, &facts.shared_dependencies)?;
        fs::write(
            at(handover::LIBRARIES),
            serde_json::to_vec(&support.others)?,
        )?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Nothing depends on it, and the next session clears away what is left.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Facts {
    /// Whether `line` of a manifest's dependencies is one that a name alone means.
    pub fn offers(&self, line: &str) -> bool {
        let offered =
            |(name, said): (&str, &str)| self.offered.get(name).is_some_and(|o| o == said);
        line.split_once(" = ").is_some_and(offered)
    }

    /// What a cell gets that asks for these crates.
    ///
    /// # Errors
    /// If it may not ask for one of them.
    pub fn allowed(&self, requested: Vec<String>) -> Result<Vec<String>> {
        match &self.prebuilt {
            Some(prebuilt) => prebuilt.instead_of(requested),
            None => Ok(requested),
        }
    }

    /// The facts of the session that this process belongs to.
    pub fn of_this_session() -> Result<(PathBuf, Self)> {
        let folder = std::env::var_os(SESSION)
            .map(PathBuf::from)
            .with_context(|| format!("{SESSION} is not set"))?;
        let facts = Self::of(&folder)?;
        Ok((folder, facts))
    }

    /// The facts of the session in `folder`.
    pub fn of(folder: &Path) -> Result<Self> {
        let facts = fs::read(folder.join("facts.json"))
            .with_context(|| format!("the session in {} is gone", folder.display()))?;
        Ok(serde_json::from_slice(&facts)?)
    }
}

/// A copy, or where nobody can write to the file, as in a box, a link to it. The copy says that it
/// was changed when the file was: sessions know by it what was built for that file.
pub fn copy_or_show(from: &Path, to: &Path) -> Result<()> {
    if can_be_written(from) {
        let copy = || {
            fs::copy(from, to)?;
            let changed = fs::metadata(from)?.modified()?;
            fs::File::options()
                .write(true)
                .open(to)?
                .set_modified(changed)
        };
        copy().with_context(|| format!("{} cannot be copied", from.display()))?;
    } else {
        symlink(from, to)?;
    }
    Ok(())
}

fn can_be_written(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes());
    // SAFETY: a text that ends with a zero.
    path.is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 })
}

/// A file in a `folder` too. On another file system the libraries are too large to copy.
fn show(file: &Path, folder: &Path) -> Result<()> {
    let own = folder.join(file.file_name().context("a file name")?);
    Ok(fs::hard_link(file, &own).or_else(|_| symlink(file, &own))?)
}

/// Whether it is a library that would become a part of what is linked with it.
fn is_static(library: &Path) -> bool {
    library.extension() == Some("rlib".as_ref())
}

/// A view of the toolchain's libraries without the standard library's code. The support library
/// holds that already; where rustc sees a shared one too, it links both and refuses.
fn link_sysroot(toolchain: &Toolchain, to: &Path) -> Result<()> {
    let target = Path::new("lib/rustlib").join(&toolchain.host);
    let (from, to) = (toolchain.sysroot.join(&target), to.join(&target));
    fs::create_dir_all(to.join("lib"))?;
    for entry in fs::read_dir(from.join("lib"))? {
        let file = entry?.path();
        let name = file.file_name().context("a file name")?;
        let is_shared = file.extension() == Some(std::env::consts::DLL_EXTENSION.as_ref());
        // Every library is linked with this one's code.
        let is_linked = name.as_encoded_bytes().starts_with(b"libcompiler_builtins");
        let has_metadata = is_static(&file) && file.with_extension("rmeta").exists();
        if !is_shared && (is_linked || !has_metadata) {
            symlink(&file, &to.join("lib").join(name))?;
        }
    }
    // The linker that rustc brings along.
    symlink(&from.join("bin"), &to.join("bin"))?;
    Ok(())
}

#[cfg(unix)]
fn symlink(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

fn remove_dead(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        let process = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok());
        if process.is_some_and(|process| !is_alive(process)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_alive(process: i32) -> bool {
    // SAFETY: signal 0 only asks whether the process exists.
    let answer = unsafe { libc::kill(process, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

#[cfg(not(unix))]
fn is_alive(_process: i32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_copy_is_as_old_as_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let [file, copy] = ["file", "copy"].map(|name| folder.path().join(name));
        fs::write(&file, "a library").unwrap();
        let earlier = SystemTime::now() - Duration::from_secs(3600);
        let opened = fs::File::options().write(true).open(&file).unwrap();
        opened.set_modified(earlier).unwrap();
        copy_or_show(&file, &copy).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"a library");
        let changed = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
        assert_eq!(changed(&copy), changed(&file));
    }
}
