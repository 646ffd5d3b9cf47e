//! `run --sandbox`: the same command in a box.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::{RunArguments, folder_of, open};
use crate::sandbox::{End, Limits, Plan, Sandbox, watch};
use crate::setup;
use crate::toolchain::Toolchain;

/// How long all notebooks may take, in seconds: a night.
const SECONDS: u64 = 12 * 60 * 60;
/// How much memory they may hold.
const MEMORY: u64 = 8 << 30;
/// What runs leave beside notebooks. The box begins without it.
const RUNS: &str = "runs";

/// Runs the notebooks in a box. They see the folder they lie in, read-only, and the data sets.
///
/// # Errors
/// If there is no box, or the results cannot be written.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let sandbox = Sandbox::find()?;
    let notebooks = arguments.notebooks.iter().map(|name| Ok(open(name)?.0));
    let notebooks = notebooks.collect::<Result<BTreeSet<PathBuf>>>()?;
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    let mut prepared = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&mut prepared, &support)?;
    prepared.flush()?;
    prepared
        .as_file()
        .set_permissions(Permissions::from_mode(0o644))?;

    let out = std::path::absolute(&arguments.out)?;
    let results = tempfile::tempdir()?;
    fs::set_permissions(results.path(), Permissions::from_mode(0o777))?;
    let mut plan = Plan::for_engine(&toolchain, &support);
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
    let folders: BTreeSet<&Path> = notebooks.iter().map(|path| folder_of(path)).collect();
    for folder in folders {
        plan.scratch.push(folder.to_path_buf());
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name() != RUNS && !entry.file_type()?.is_symlink() {
                plan.read_only.push(entry.path());
            }
        }
    }
    plan.kept = Some((results.path().to_path_buf(), out.clone()));

    let limits = Limits {
        memory: MEMORY,
        ..Limits::new(SECONDS)
    };
    let mut command = sandbox.command(&plan, &limits, &std::env::current_exe()?);
    command.arg("run").args(&notebooks).arg("--out").arg(&out);
    command.args(["--timeout", &arguments.timeout.to_string()]);
    command.args(arguments.profile.arguments());
    if arguments.keep_going {
        command.arg("--keep-going");
    }
    let mut child = command.spawn().context("the box does not start")?;
    let (end, _) = watch(&mut child, &limits)?;
    copy(results.path(), &out)?;
    match end {
        End::Exited(status) => return Ok(ExitCode::from(status.code().unwrap_or(1) as u8)),
        End::Time => eprintln!("error: the notebooks took more than {SECONDS} s and were ended."),
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

/// Copies the files and folders that the box left, but no links.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            // A link there would lead elsewhere.
            if target
                .symlink_metadata()
                .is_ok_and(|about| !about.is_file())
            {
                continue;
            }
            fs::copy(entry.path(), &target)
                .with_context(|| format!("{} cannot be written", target.display()))?;
        }
    }
    Ok(())
}
