//! `cargo cuaderno setup`: everything a cell needs, built once.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::engine::{self, Support};
use crate::toolchain::Toolchain;

/// What a notebook with tables asks for.
pub const TABLES: &str = "cuaderno-tables";

/// Prepares and says how long it took.
pub fn run() -> Result<()> {
    let start = Instant::now();
    let toolchain = Toolchain::discover()?;
    let support = prepare(&toolchain)?;
    println!(
        "Building what notebooks with tables need; on two cores that takes 6 minutes once ..."
    );
    engine::prebuild(&toolchain, &support, &[&[TABLES.to_owned()]])?;
    println!(
        "Everything that notebook cells need is built ({:.1} s).",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Names a file that says where everything is that cells need, to a command in a box, where nothing
/// can be built.
pub const PREPARED: &str = "CUADERNO_PREPARED";

/// Makes sure that cells can be compiled; says what it does where that takes time.
pub fn prepare(toolchain: &Toolchain) -> Result<Support> {
    if let Some(file) = std::env::var_os(PREPARED) {
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        return Ok(serde_json::from_slice(&text)?);
    }
    toolchain.ensure_rust_src()?;
    if !Support::is_built() {
        println!(
            "Building the support crate; the first time, that takes 3 to 6 minutes on two cores ..."
        );
    }
    Support::build(toolchain, None)
}
