//! `run --sandbox`: the same command in a box.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::{NIGHT, RunArguments, folder_of, open};
use crate::notebook::Notebook;
use crate::sandbox::{End, Limits, Plan, Sandbox};
use crate::toolchain::Toolchain;
use crate::{engine, files, setup};

/// How much memory they may hold.
const MEMORY: u64 = 8 << 30;
/// What runs leave beside notebooks. The box begins without it.
const RUNS: &str = "runs";

/// Runs the notebooks in a box. They see the folder they lie in, read-only, and the data sets, and have
/// the crates of pinned versions that they ask for.
///
/// # Errors
/// If there is no box, or the results cannot be written.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let sandbox = Sandbox::find()?;
    let notebooks = arguments.notebooks.iter().map(|name| open(name));
    let notebooks = notebooks.collect::<Result<BTreeMap<PathBuf, Notebook>>>()?;
    let toolchain = Toolchain::discover()?;
    let mut support = setup::prepare(&toolchain)?;
    let crates = pinned_crates(notebooks.values())?;
    let built = engine::prebuild(&toolchain, &support, &[&crates])?.remove(0);
    let mut plan = Plan::for_engine(&sandbox, &toolchain, &support);
    plan.read_only.extend(built.shown());
    support.prebuilt = Some(built);
    let mut prepared = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&mut prepared, &support)?;
    prepared.flush()?;
    prepared
        .as_file()
        .set_permissions(Permissions::from_mode(0o644))?;

    let out = std::path::absolute(&arguments.out)?;
    // The box writes as another user. Nobody else gets as far as the folder, whose name is secret.
    let private = tempfile::tempdir()?;
    fs::set_permissions(private.path(), Permissions::from_mode(0o711))?;
    let results = private.path().join("results");
    fs::create_dir(&results)?;
    fs::set_permissions(&results, Permissions::from_mode(0o777))?;
    let file = prepared.path().to_path_buf();
    plan.set(
        setup::PREPARED,
        file.to_str().context("a path is not UTF-8")?,
    );
    plan.read_only.push(file);
    if let Ok(cache) = cuaderno_datasets::Cache::of_user()
        && cache.root().is_dir()
    {
        plan.set(
            "CUADERNO_DATA",
            cache.root().to_str().context("a path is not UTF-8")?,
        );
        plan.read_only.push(cache.root().to_path_buf());
    }
    let folders: BTreeSet<&Path> = notebooks.keys().map(|path| folder_of(path)).collect();
    for folder in folders {
        plan.scratch.push(folder.to_path_buf());
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name() != RUNS && !entry.file_type()?.is_symlink() {
                plan.read_only.push(entry.path());
            }
        }
    }
    plan.kept = Some((results.clone(), out.clone()));

    let limits = Limits {
        memory: MEMORY,
        ..Limits::new(NIGHT)
    };
    let mut command = sandbox.command(&plan, &limits, &std::env::current_exe()?)?;
    command.arg("run");
    command.args(notebooks.keys().map(|path| sandbox.shown(&plan, path)));
    command.arg("--out").arg(sandbox.shown(&plan, &out));
    command.args(["--timeout", &arguments.timeout().to_string()]);
    command.args(arguments.profile.arguments());
    if arguments.keep_going {
        command.arg("--keep-going");
    }
    let mut child = command.spawn().context("the box does not start")?;
    let end = sandbox.watch(&mut child, &limits)?;
    copy(&results, &out)?;
    match end {
        End::Exited(status) => return Ok(ExitCode::from(status.code().unwrap_or(1) as u8)),
        End::Time => eprintln!("error: the notebooks took more than {NIGHT} s and were ended."),
        End::Memory => eprintln!(
            "error: the notebooks took more than {} GB of memory and were ended.",
            MEMORY >> 30
        ),
        End::Processes => {
            eprintln!("error: the notebooks started too many processes and were ended.")
        }
    }
    Ok(ExitCode::FAILURE)
}

/// The crates that the notebooks ask for by their names alone. They are built outside of the box; one
/// of a notebook's own, whose programs cargo would run, is not.
fn pinned_crates<'a>(notebooks: impl Iterator<Item = &'a Notebook>) -> Result<Vec<String>> {
    let mut crates = BTreeSet::new();
    for cell in notebooks
        .flat_map(Notebook::cells)
        .filter(|cell| cell.is_code())
    {
        for name in engine::asked_for(&cell.source()) {
            if engine::is_offered(name)? {
                crates.insert(name.to_owned());
            }
        }
    }
    Ok(crates.into_iter().collect())
}

/// Copies the files and folders that the box left: no links, and nothing to where a link stands.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    // The folder itself, whatever stands under its name by now.
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY)
        .open(from)?;
    for entry in fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let there = target.symlink_metadata().ok();
        if entry.file_type()?.is_dir() {
            if there.is_none_or(|about| about.is_dir()) {
                copy(&source, &target)?;
            }
        } else if let Ok(mut contents) = files::open(&source)
            && there.is_none_or(|about| about.is_file())
        {
            copy_contents(&mut contents, &target)
                .with_context(|| format!("{} cannot be written", target.display()))?;
        }
    }
    Ok(())
}

/// Into a new file, which nobody may execute, let alone as another user: whole, or not at all.
fn copy_contents(contents: &mut File, target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::copy(contents, &mut file)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    file.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_box_leaves_gets_no_rights_and_leads_nowhere() {
        let desk = tempfile::tempdir().unwrap();
        let at = |name: &str| desk.path().join(name);
        for folder in ["left/in", "left/linked", "out", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("secret"), "secret").unwrap();
        for (file, text) in [("left/in/program", "new"), ("left/linked/file", "text")] {
            fs::write(at(file), text).unwrap();
        }
        fs::set_permissions(at("left/in/program"), Permissions::from_mode(0o4755)).unwrap();
        symlink(at("secret"), at("left/link")).unwrap();
        let mut pipe = std::process::Command::new("mkfifo");
        assert!(pipe.arg(at("left/pipe")).status().unwrap().success());
        symlink(at("elsewhere"), at("out/linked")).unwrap();

        // Twice: a file that is there is written anew.
        for _ in 0..2 {
            copy(&at("left"), &at("out")).unwrap();
        }
        let about = fs::metadata(at("out/in/program")).unwrap();
        assert_eq!(about.permissions().mode() & 0o7777, 0o644, "no rights");
        assert_eq!(fs::read_to_string(at("out/in/program")).unwrap(), "new");
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 0);
        for name in ["out/link", "out/pipe"] {
            assert!(at(name).symlink_metadata().is_err(), "{name}");
        }
    }
}
