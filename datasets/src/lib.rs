//! The catalogue of Cuaderno's data sets: where each comes from, fetched and verified.
//!
//! ```no_run
//! use cuaderno_datasets::{Cache, FetchOptions, catalogue, fetch};
//!
//! let mnist = catalogue().get("mnist")?;
//! let cache = Cache::of_user()?;
//! let folder = fetch(mnist, &cache, &FetchOptions::from_environment(), &mut |progress| {
//!     println!("{progress}");
//! })?;
//! assert!(cache.is_complete(mnist));
//! # Ok::<(), cuaderno_datasets::Error>(())
//! ```

mod cache;
mod catalogue;
mod delivery;
mod error;
mod fetch;
mod progress;
mod sources;

pub use cache::{Cache, CachedFile, Condition};
pub use catalogue::{Catalogue, DataFile, DataSet, catalogue};
pub use error::{Error, Result};
pub use fetch::{FetchOptions, fetch};
pub use progress::{PlainLines, Progress, megabytes};
pub use sources::{Source, shipped};
