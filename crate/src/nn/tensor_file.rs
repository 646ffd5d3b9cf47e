//! Tensors in a safetensors file, with a checksum.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use flate2::Crc;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::files::write_atomically;
use crate::{Error, Result};

/// The entry for this crate in the metadata of the file. It is a single one because the format
/// writes several in any order, and files with the same content should have the same bytes.
const ENTRY: &str = "cuaderno";

#[derive(Serialize, Deserialize)]
struct Entry {
    /// CRC-32 of the tensors' bytes and of the note.
    crc32: u32,
    note: String,
}

/// The content of a file.
pub(crate) struct TensorFile {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    /// The note written with the tensors. Files written by other programs have none.
    pub(crate) note: Option<String>,
}

/// Writes tensors and a note. The file is written as a whole or not at all.
pub(crate) fn write(
    path: &Path,
    tensors: impl Iterator<Item = (String, Tensor)>,
    note: String,
) -> Result<()> {
    let tensors: BTreeMap<String, Tensor> = tensors.collect();
    let bytes = |metadata| {
        safetensors::serialize(&tensors, metadata).map_err(|error| {
            Error::data(
                path.display(),
                format!("the tensors do not fit the format: {error}"),
            )
        })
    };
    let entry = Entry {
        crc32: checksum(path, &bytes(None)?, &note)?,
        note,
    };
    let entry =
        serde_json::to_string(&entry).map_err(|error| Error::data(path.display(), error))?;
    let metadata = HashMap::from([(ENTRY.to_owned(), entry)]);
    write_atomically(path, &bytes(Some(metadata))?)
}

/// Reads all tensors of a safetensors file. It is an error if it is not such a file, or has changed
/// since it was written.
pub(crate) fn read(path: &Path) -> Result<TensorFile> {
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    parse(path, &bytes)
}

/// The same of the `bytes` of a file; `path` names it in errors.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<TensorFile> {
    let no_file = |error: &dyn std::fmt::Display| {
        Error::data(
            path.display(),
            format!("this is no whole safetensors file: {error}"),
        )
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| no_file(&error))?;
    let views = SafeTensors::deserialize(bytes).map_err(|error| no_file(&error))?;
    let tensors = views
        .iter()
        .map(|(name, view)| Ok((name.to_owned(), tensor(path, name, &view)?)))
        .collect::<Result<_>>()?;
    let entry = header.metadata().as_ref().and_then(|all| all.get(ENTRY));
    let entry = entry.map(|entry| serde_json::from_str::<Entry>(entry));
    let entry = entry.transpose().map_err(|error| no_file(&error))?;
    if let Some(entry) = &entry
        && checksum(path, bytes, &entry.note)? != entry.crc32
    {
        return Err(Error::data(
            path.display(),
            "the file is damaged: its checksum is not that of its tensors; delete it or take it from a copy",
        ));
    }
    Ok(TensorFile {
        tensors,
        note: entry.map(|entry| entry.note),
    })
}

/// Booleans are read as 0 and 1.
fn tensor(path: &Path, name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let tensor = match view.dtype() {
        Dtype::BOOL => Tensor::from_raw_buffer(view.data(), DType::U8, view.shape(), &Device::Cpu),
        _ => view.load(&Device::Cpu),
    };
    tensor.map_err(|_| {
        Error::data(
            path.display(),
            format!(
                "{name} holds numbers of the type {}, which is not read here; save it as F32",
                view.dtype()
            ),
        )
    })
}

fn checksum(path: &Path, file: &[u8], note: &str) -> Result<u32> {
    let (header, _) =
        SafeTensors::read_metadata(file).map_err(|error| Error::data(path.display(), error))?;
    let mut checksum = Crc::new();
    // Eight bytes before the header hold its length.
    checksum.update(&file[8 + header..]);
    checksum.update(note.as_bytes());
    Ok(checksum.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("t.safetensors");
        let tensor = Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap();
        write(
            &path,
            [("weight".to_owned(), tensor)].into_iter(),
            "note".into(),
        )
        .unwrap();
        path
    }

    #[test]
    fn tensors_and_note_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = read(&written(folder.path())).unwrap();
        assert_eq!(file.note.as_deref(), Some("note"));
        let values = file.tensors["weight"].to_vec1::<f32>().unwrap();
        assert_eq!(values, [1.0, 2.0, 3.0]);
    }

    /// Damage to any byte is refused or harmless.
    #[test]
    fn a_flipped_bit_never_changes_a_tensor() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            match read(&path) {
                Err(_) => refused += 1,
                // The name of the tensor, or of this crate's entry.
                Ok(file) => {
                    let tensor = file.tensors.values().next().unwrap();
                    assert_eq!(
                        tensor.to_vec1::<f32>().unwrap(),
                        [1.0, 2.0, 3.0],
                        "byte {place}"
                    );
                }
            }
        }
        assert!(refused > whole.len() / 2, "{refused} of {}", whole.len());
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(read(&path).is_err(), "a truncated file");
    }

    #[test]
    fn the_last_byte_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 0x80;
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).err().unwrap().to_string();
        assert!(error.contains("the file is damaged"), "{error}");
    }
}
