//! How the engine starts, and what the notebook is told while the support crate is built for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use super::shared::Shared;
use crate::engine::{EngineThread, Settings, Support};
use crate::toolchain::Toolchain;

/// Starts the engine; builds the support crate first where it is older than its sources.
///
/// # Errors
/// If the toolchain is not complete, the support crate does not compile, or the engine's folder
/// cannot be made.
pub fn engine(shared: &Shared) -> Result<EngineThread> {
    let toolchain = Toolchain::discover()?;
    toolchain.ensure_rust_src()?;
    let built = AtomicUsize::new(0);
    let on_progress = |line: &str| {
        let line = line.trim();
        if line.starts_with("Compiling") {
            let count = built.fetch_add(1, Ordering::Relaxed) + 1;
            if count == 1 {
                shared.tell_the_waiting(
                    "The support crate or the toolchain has changed; building it anew ...",
                );
            }
            shared.tell_the_waiting(&format!("  {count}: {line}"));
        } else if line.starts_with("error") || line.starts_with("-->") {
            shared.tell_the_waiting(line);
        }
    };
    let support = Support::build(&toolchain, Some(&on_progress));
    shared.is_prepared();
    let settings = Settings {
        working_directory: &shared.working_directory,
        interrupts: shared.interrupts.clone(),
        live: true,
    };
    EngineThread::start(&toolchain, &support?, settings)
}
