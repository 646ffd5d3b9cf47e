//! `cargo cuaderno grade prepare`: what the boxes of a release show of the engine, built once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::{BAD_INPUT, failed};
use crate::engine::{self, Prebuilt, Support};
use crate::release::{Manifest, lock_sha256};
use crate::setup;
use crate::toolchain::Toolchain;

/// Which release to prepare for.
#[derive(Args)]
pub struct PrepareArguments {
    /// The `release.json` of the release.
    #[arg(long, value_name = "FILE")]
    release: PathBuf,
}

/// What cells of submissions are compiled with.
pub struct Prepared {
    pub support: Support,
    /// The crates of each lab.
    pub crates: BTreeMap<String, Prebuilt>,
}

impl Prepared {
    /// Builds what is not built yet.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn of(manifest: &Manifest, toolchain: &Toolchain) -> Result<Self> {
        let support = setup::prepare(toolchain)?;
        let sets: Vec<&[String]> = manifest.labs.iter().map(|lab| &*lab.crates).collect();
        let built = engine::prebuild(toolchain, &support, &sets)?;
        let labs = manifest.labs.iter().map(|lab| lab.file.clone());
        Ok(Self {
            support,
            crates: labs.zip(built).collect(),
        })
    }
}

/// Builds what the boxes of a release show.
///
/// # Errors
/// If it cannot be built.
pub fn run(arguments: &PrepareArguments) -> Result<ExitCode> {
    let start = Instant::now();
    let read = Manifest::read(&arguments.release).and_then(|(manifest, _)| {
        ensure_same_versions(&manifest)?;
        Ok(manifest)
    });
    let manifest = match read {
        Ok(manifest) => manifest,
        Err(error) => return Ok(failed(&error, BAD_INPUT)),
    };
    Prepared::of(&manifest, &Toolchain::discover()?)?;
    println!(
        "Everything that boxes of this release need is built ({:.1} s).",
        start.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// # Errors
/// If crates of the release would be built in other versions than it was made with.
pub fn ensure_same_versions(manifest: &Manifest) -> Result<()> {
    let asks = manifest.labs.iter().any(|lab| !lab.crates.is_empty());
    ensure!(
        !asks || manifest.lock_sha256 == lock_sha256()?,
        "the release asks for crates in the versions of another state of the workbook (Cargo.lock and \
         ecosystem/Cargo.lock differ); grade with that one, or release the labs again"
    );
    Ok(())
}
