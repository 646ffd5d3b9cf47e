//! A folder the user has: a mirror, or files that were downloaded by hand.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::DataFile;
use crate::delivery::{Delivery, Failure};

/// Takes each wanted file from `folder`, plain or gzipped. It is looked for in the folder itself, in
/// one named after the set, and where torchvision puts it: `MNIST/raw` for `mnist`.
pub(crate) fn deliver(
    folder: &Path,
    wanted: &[&DataFile],
    delivery: &mut Delivery<'_>,
) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::Source("there is no such folder".to_string()));
    }
    let set = &delivery.set.name;
    let folders = [
        folder.join(set),
        folder.to_path_buf(),
        folder.join(set.to_uppercase()).join("raw"),
        folder.join("raw"),
    ];
    let mut lacking = Vec::new();
    for file in wanted {
        // Some programs unpack `images-idx3-ubyte.gz` to `images.idx3-ubyte`.
        let names = [file.name.clone(), file.name.replace("-idx", ".idx")];
        let find = |suffix: &str| -> Option<PathBuf> {
            folders
                .iter()
                .flat_map(|folder| {
                    names
                        .iter()
                        .map(move |name| folder.join(format!("{name}{suffix}")))
                })
                .find(|path| path.is_file())
        };
        if let Some(path) = find("") {
            delivery.accept(file, open(&path)?)?;
        } else if let Some(path) = find(".gz") {
            delivery.accept(file, GzDecoder::new(open(&path)?))?;
        } else {
            lacking.push(file.name.as_str());
        }
    }
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(Failure::Source(format!(
            "it does not have {}",
            lacking.join(", ")
        )))
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path)
        .map_err(|error| Failure::Source(format!("{} cannot be read ({error})", path.display())))
}
