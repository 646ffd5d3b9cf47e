//! Taking the wanted files, and nothing else, out of an archive that is not trusted.

use std::io::{Read, Seek};

use flate2::read::{DeflateDecoder, GzDecoder};
use tar::Archive;
use zip::{CompressionMethod, ZipArchive};

use crate::DataFile;
use crate::delivery::{Delivery, Failure};

/// Beyond the wanted files an archive may hold this much more, unpacked, before it is refused.
const OTHER_MEMBERS: u64 = 256 * 1024 * 1024;

/// Hands the regular members `<folder>/<name>` of a gzipped tar to `delivery`. No member's path is
/// ever used to write: a file is named by the catalogue alone.
pub(crate) fn deliver_tar_gz(
    archive: impl Read,
    folder: &str,
    wanted: &[&DataFile],
    delivery: &mut Delivery<'_>,
) -> Result<(), Failure> {
    let damaged = |error| Failure::Source(format!("its archive is damaged ({error})"));
    let mut lacking = wanted.to_vec();
    let limit = OTHER_MEMBERS + 2 * delivery.set.size();
    let mut archive = Archive::new(GzDecoder::new(archive).take(limit));
    for member in archive.entries().map_err(damaged)? {
        let member = member.map_err(damaged)?;
        if !member.header().entry_type().is_file() {
            continue;
        }
        let path = member.path_bytes();
        let position = lacking
            .iter()
            .position(|file| *path == *format!("{folder}/{}", file.name).as_bytes());
        if let Some(position) = position {
            delivery.accept(lacking.swap_remove(position), member)?;
        }
        if lacking.is_empty() {
            return Ok(());
        }
    }
    Err(without(&lacking, folder))
}

/// Hands the members `<folder>/<name>` of a zip file to `delivery`. No
/// member's path is ever used to write.
pub(crate) fn deliver_zip(
    archive: impl Read + Seek,
    folder: &str,
    wanted: &[&DataFile],
    delivery: &mut Delivery<'_>,
) -> Result<(), Failure> {
    let damaged = |error| Failure::Source(format!("its archive is damaged ({error})"));
    let mut archive = ZipArchive::new(archive).map_err(damaged)?;
    let mut lacking = Vec::new();
    for file in wanted {
        let Some(index) = archive.index_for_name(&format!("{folder}/{}", file.name)) else {
            lacking.push(*file);
            continue;
        };
        let member = archive.by_index_raw(index).map_err(damaged)?;
        match member.compression() {
            CompressionMethod::Stored => delivery.accept(file, member)?,
            CompressionMethod::DEFLATE => delivery.accept(file, DeflateDecoder::new(member))?,
            other => {
                return Err(Failure::Source(format!(
                    "its {} is packed by {other}, which is not read here",
                    file.name
                )));
            }
        }
    }
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(without(&lacking, folder)),
    }
}

/// The failure of an archive that does not have these files.
fn without(lacking: &[&DataFile], folder: &str) -> Failure {
    let names: Vec<&str> = lacking.iter().map(|file| file.name.as_str()).collect();
    Failure::Source(format!(
        "its archive does not have {} in {folder}/",
        names.join(", ")
    ))
}
