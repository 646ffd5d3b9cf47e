//! Data sets of the catalogue, downloaded once.

use std::path::PathBuf;

use cuaderno_datasets::{Cache, FetchOptions, PlainLines, Progress, catalogue, fetch};

use crate::Result;

/// The folder of the cache with the files of the catalogue's data set of this name, all verified.
/// Missing ones are downloaded first, with progress on standard output.
///
/// # Errors
/// If a file is missing and no source has it, or the cache cannot be written. The error names each
/// source that was tried and says what to do.
pub(super) fn downloaded(name: &str) -> Result<PathBuf> {
    let mut lines = PlainLines::new();
    Ok(fetch(
        catalogue().get(name)?,
        &Cache::of_user()?,
        &FetchOptions::from_environment(),
        &mut |progress| {
            if !matches!(progress, Progress::Complete { .. }) {
                lines.print(progress);
            }
        },
    )?)
}
