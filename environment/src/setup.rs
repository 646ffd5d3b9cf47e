//! `cargo cuaderno setup`: everything a cell needs, built once.

use std::time::Instant;

use anyhow::Result;

use crate::engine::Support;
use crate::toolchain::Toolchain;

/// Prepares and says how long it took.
pub fn run() -> Result<()> {
    let start = Instant::now();
    prepare(&Toolchain::discover()?)?;
    println!(
        "Everything that notebook cells need is built ({:.1} s).",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Makes sure that cells can be compiled; says what it does where that takes time.
pub fn prepare(toolchain: &Toolchain) -> Result<Support> {
    toolchain.ensure_rust_src()?;
    if !Support::is_built() {
        println!(
            "Building the support crate for the first time; on two cores that takes 3 to 6 minutes ..."
        );
    }
    Support::build(toolchain, None)
}
