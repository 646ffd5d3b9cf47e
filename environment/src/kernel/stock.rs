//! evcxr's own front end, prepared as ours is: what is wrong there, too, is not ours.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::toolchain::Toolchain;
use crate::{engine, setup};

/// Becomes evcxr's front end for the notebook that `connection_file` leads to.
///
/// # Errors
/// If the support crate does not compile, or the engine's folder cannot be made.
pub fn become_stock(connection_file: &Path) -> Result<Infallible> {
    let connection_file = std::path::absolute(connection_file)?;
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    let mut stock = engine::stock(&toolchain, &support)?;
    Err(stock.arg("--control_file").arg(connection_file).exec())
        .context("evcxr's front end cannot be started")
}
