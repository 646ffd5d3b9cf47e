//! `cargo cuaderno setup`: everything a cell needs, built once.

use std::time::Instant;

use anyhow::Result;

use crate::engine::{self, Support};
use crate::toolchain::Toolchain;

/// What a notebook with tables asks for.
const TABLES: &str = "cuaderno-tables";

/// Prepares and says how long it took.
pub fn run() -> Result<()> {
    let start = Instant::now();
    let toolchain = Toolchain::discover()?;
    let support = prepare(&toolchain)?;
    println!(
        "Building what notebooks with tables need; on two cores that takes 6 minutes once ..."
    );
    engine::prebuild(&toolchain, &support, TABLES)?;
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
