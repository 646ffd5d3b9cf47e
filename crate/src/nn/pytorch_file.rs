//! Tensors in files written by PyTorch's `torch.save`: zip archives with a pickle, which names and
//! describes the tensors, and with their numbers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use candle_core::pickle::Object;
use candle_core::{DType, Device, Layout, Shape, Tensor};
use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Outcome, damaged, unpickle};
use super::weights::listed;
use crate::{Error, Result};

/// The keys under which programs keep the state dict of a model in a checkpoint, in the order of
/// the search.
const STATE_DICTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// The kind of a file, according to its first bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// A zip archive, as `torch.save` writes it.
    Archive,
    /// A pickle without an archive, as PyTorch wrote it before version 1.6.
    Pickle,
    /// Anything else.
    Other,
}

/// The kind of the file at `path`.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn kind(path: &Path) -> Result<Kind> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(9).read_to_end(&mut start))
        .map_err(|error| Error::io(path, error))?;
    Ok(match start.as_slice() {
        [b'P', b'K', 3, 4, ..] => Kind::Archive,
        // In a safetensors file these bytes are the length of the header, which is JSON.
        [_, _, _, _, _, _, _, _, b'{'] => Kind::Other,
        [0x80, 2..=5, ..] => Kind::Pickle,
        _ => Kind::Other,
    })
}

/// Reads the tensors of the state dict in the archive at `path`: the file itself, or the entry of
/// the model in a checkpoint. Booleans are read as 0 and 1.
///
/// # Errors
/// If the file is damaged, or holds no state dict, several of them, or a tensor of an unsupported
/// type.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let read = || -> Outcome<_> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        let pickle = archive
            .file_names()
            .filter_map(|name| name.ok()?.strip_suffix("data.pkl").map(str::to_owned))
            .next();
        let folder = pickle.ok_or("this zip archive is none of PyTorch's: it holds no data.pkl")?;
        let pickle = entry(&mut archive, &format!("{folder}data.pkl"))?;
        let numbers = |key: &str| entry(&mut archive, &format!("{folder}data/{key}"));
        tensors(unpickle(&mut &pickle[..])?, numbers)
    };
    read().map_err(|problem| Error::data(path.display(), problem))
}

fn entry(archive: &mut ZipArchive<BufReader<File>>, name: &str) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(name).map_err(damaged)?;
    // PyTorch never packs them, and what is packed may be longer than all memory.
    if entry.compression() != CompressionMethod::Stored {
        return Err(damaged(format!("{name} in it is packed")));
    }
    entry.read_to_end(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// The tensors of the state dict that `object` is or has, with their storages in `numbers`.
pub(super) fn tensors(
    object: Object,
    mut numbers: impl FnMut(&str) -> Outcome<Vec<u8>>,
) -> Outcome<BTreeMap<String, Tensor>> {
    state_dict(object)?
        .into_iter()
        .filter(|(_, object)| is_tensor(object))
        .map(|(name, object)| {
            let tensor = tensor(&name, &object, &mut numbers)?;
            Ok((name, tensor))
        })
        .collect()
}

type Entries = Vec<(String, Object)>;

/// The entries of the state dict that `object` is or has under one of its keys.
fn state_dict(object: Object) -> Outcome<Entries> {
    const ADVICE: &str = "save `model.state_dict()`";
    let has_tensors = |entries: &Entries| entries.iter().any(|(_, object)| is_tensor(object));
    let entries = named(object).ok_or_else(|| {
        format!("the file holds a whole Python object, not the tensors of a state dict; {ADVICE}")
    })?;
    if has_tensors(&entries) {
        return Ok(entries);
    }
    let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let mut found: Vec<(String, Entries)> = entries
        .into_iter()
        .filter_map(|(key, object)| Some((key, named(object)?)))
        .filter(|(_, entries)| has_tensors(entries))
        .collect();
    let usual = STATE_DICTS
        .iter()
        .find_map(|usual| found.iter().position(|(key, _)| key == usual));
    match (usual, found.len()) {
        (Some(at), _) => Ok(found.swap_remove(at).1),
        (None, 1) => Ok(found.remove(0).1),
        (None, 0) => Err(format!(
            "the file holds no tensors under {}; {ADVICE}",
            listed(keys)
        )),
        (None, _) => Err(format!(
            "the file holds several state dicts, {}; save the one that the model is to have",
            listed(found.into_iter().map(|(key, _)| key))
        )),
    }
}

/// The entries of a dictionary with strings as keys.
fn named(object: Object) -> Option<Entries> {
    let entries = object.dict().ok()?.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key.unicode().ok()?, value)))
            .collect(),
    )
}

/// Whether PyTorch would make a tensor or parameter of `object`.
fn is_tensor(object: &Object) -> bool {
    rebuilt(object).is_some_and(|(function, _)| function.starts_with("_rebuild"))
}

/// The function that makes `object`, and its arguments.
fn rebuilt(object: &Object) -> Option<(&str, &[Object])> {
    let Object::Reduce { callable, args } = object else {
        return None;
    };
    match (&**callable, &**args) {
        (Object::Class { class_name, .. }, Object::Tuple(args)) => Some((class_name, args)),
        _ => None,
    }
}

fn tensor(
    name: &str,
    object: &Object,
    numbers: &mut impl FnMut(&str) -> Outcome<Vec<u8>>,
) -> Outcome<Tensor> {
    let description = describe(object).ok_or_else(|| {
        format!("{name} is described in a way that is not known here; save it as a plain tensor")
    })?;
    let dtype = dtype(description.storage).ok_or_else(|| {
        format!(
            "{name} is in a {}, which is not read here; convert it with `.float()` and save it again",
            description.storage
        )
    })?;
    let bytes = numbers(description.key)?;
    let held = bytes.len() / dtype.size_in_bytes();
    let outside = || damaged(format!("{name} is larger than its numbers"));
    let count = description.count().ok_or_else(outside)?;
    if count > held || description.end().is_none_or(|end| end > held) {
        return Err(outside());
    }
    let make = || -> candle_core::Result<Tensor> {
        let bytes = &bytes[..held * dtype.size_in_bytes()];
        let all = Tensor::from_raw_buffer(bytes, dtype, &[held], &Device::Cpu)?;
        let shape = Shape::from(description.dims.clone());
        let layout = Layout::new(shape, description.strides.clone(), description.start);
        if count == 0 || layout.is_contiguous() {
            let start = if count == 0 { 0 } else { description.start };
            all.narrow(0, start, count)?.reshape(layout.shape())
        } else {
            all.index_select(&description.places()?, 0)?
                .reshape(layout.shape())
        }
    };
    make().map_err(damaged)
}

/// The arguments of `torch._utils._rebuild_tensor_v2`.
struct Description<'a> {
    /// The class of the storage, which determines the type of its numbers.
    storage: &'a str,
    /// The name of its entry in the archive.
    key: &'a str,
    start: usize,
    dims: Vec<usize>,
    strides: Vec<usize>,
}

fn describe(object: &Object) -> Option<Description<'_>> {
    let args = match rebuilt(object)? {
        ("_rebuild_tensor_v2", args) => args,
        ("_rebuild_parameter", [data, ..]) => return describe(data),
        (
            "_rebuild_from_type_v2",
            [Object::Class { class_name, .. }, _, Object::Tuple(args), ..],
        ) if class_name == "_rebuild_tensor_v2" => args,
        _ => return None,
    };
    let [Object::PersistentLoad(storage), start, dims, strides, ..] = args else {
        return None;
    };
    let Object::Tuple(storage) = &**storage else {
        return None;
    };
    let [
        _,
        Object::Class { class_name, .. },
        Object::Unicode(key),
        ..,
    ] = storage.as_slice()
    else {
        return None;
    };
    let (dims, strides) = (whole_numbers(dims)?, whole_numbers(strides)?);
    (dims.len() == strides.len()).then_some(Description {
        storage: class_name,
        key,
        start: whole_number(start)?,
        dims,
        strides,
    })
}

impl Description<'_> {
    /// The number of elements of the tensor, or `None` if it overflows.
    fn count(&self) -> Option<usize> {
        self.dims
            .iter()
            .try_fold(1usize, |count, &dim| count.checked_mul(dim))
    }

    /// The end of the tensor's part of the storage, or 0 if the tensor is empty.
    fn end(&self) -> Option<usize> {
        if self.count() == Some(0) {
            return Some(0);
        }
        let mut last = self.start;
        for (&dim, &stride) in self.dims.iter().zip(&self.strides) {
            last = last.checked_add((dim - 1).checked_mul(stride)?)?;
        }
        last.checked_add(1)
    }

    /// The positions of its elements in the storage, in order.
    fn places(&self) -> candle_core::Result<Tensor> {
        let mut places = vec![self.start as i64];
        for (&dim, &stride) in self.dims.iter().zip(&self.strides) {
            let steps = |place| (0..dim).map(move |step| place + (step * stride) as i64);
            places = places.into_iter().flat_map(steps).collect();
        }
        Tensor::new(places, &Device::Cpu)
    }
}

fn whole_number(object: &Object) -> Option<usize> {
    match object {
        Object::Int(number) => usize::try_from(*number).ok(),
        Object::Long(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn whole_numbers(object: &Object) -> Option<Vec<usize>> {
    match object {
        Object::Tuple(numbers) => numbers.iter().map(whole_number).collect(),
        _ => None,
    }
}

/// The type of the numbers in a storage of this class, or `None` if candle has none like it.
pub(super) fn dtype(storage: &str) -> Option<DType> {
    Some(match storage {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "ByteStorage" | "BoolStorage" => DType::U8,
        "ShortStorage" => DType::I16,
        "IntStorage" => DType::I32,
        "LongStorage" => DType::I64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::pickle::damage;
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str) -> std::path::PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
        folder.join(name)
    }

    /// The pickle of a checkpoint and its storages.
    fn checkpoint() -> (Vec<u8>, impl Fn(&str) -> Outcome<Vec<u8>>) {
        let archive = BufReader::new(File::open(file("nested.pth")).unwrap());
        let mut archive = ZipArchive::new(archive).unwrap();
        let mut read = |name: &str| entry(&mut archive, &format!("archive/{name}")).unwrap();
        let (pickle, storages) = (read("data.pkl"), [read("data/0"), read("data/1")]);
        let numbers = move |key: &str| {
            let at = key.parse::<usize>().map_err(damaged)?;
            storages.get(at).cloned().ok_or_else(|| damaged(key))
        };
        (pickle, numbers)
    }

    fn tensors(
        pickle: &[u8],
        numbers: impl Fn(&str) -> Outcome<Vec<u8>>,
    ) -> Outcome<BTreeMap<String, Tensor>> {
        super::tensors(unpickle(&mut &pickle[..])?, numbers)
    }

    /// Every bit of the pickle flipped, and the pickle truncated at every place.
    #[test]
    fn a_damaged_pickle_is_an_error_or_other_tensors() {
        let (whole, numbers) = checkpoint();
        assert_eq!(tensors(&whole, &numbers).unwrap().len(), 2);
        let mut refused = 0;
        for place in 0..whole.len() {
            assert!(tensors(&whole[..place], &numbers).is_err());
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                refused += usize::from(tensors(&damaged, &numbers).is_err());
            }
        }
        assert!(refused > whole.len(), "{refused}");
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(pickle in damage(checkpoint().0)) {
            let _ = tensors(&pickle, checkpoint().1);
        }
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.pth");
        let whole = std::fs::read(file("nested.pth")).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            // Times and attributes of the entries do not affect the tensors.
            if let Ok(tensors) = read(&path) {
                let weight = tensors["hidden.weight"].to_vec2::<f32>().unwrap();
                assert_eq!(weight, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "byte {place}");
            }
            std::fs::write(&path, &whole[..place]).unwrap();
            assert!(read(&path).is_err(), "{place} bytes");
        }
    }

    fn described(start: i32, dims: &[i32], strides: &[i32]) -> Object {
        let class = |name: &str| Object::Class {
            module_name: "torch".to_owned(),
            class_name: name.to_owned(),
        };
        let text = |text: &str| Object::Unicode(text.to_owned());
        let tuple =
            |numbers: &[i32]| Object::Tuple(numbers.iter().map(|&n| Object::Int(n)).collect());
        let storage = vec![text("storage"), class("FloatStorage"), text("0")];
        let storage = Object::PersistentLoad(Box::new(Object::Tuple(storage)));
        let args = vec![storage, Object::Int(start), tuple(dims), tuple(strides)];
        Object::Reduce {
            callable: Box::new(class("_rebuild_tensor_v2")),
            args: Box::new(Object::Tuple(args)),
        }
    }

    #[test]
    fn a_view_is_read_by_its_strides_and_never_outside_its_storage() {
        let mut six = |_: &str| Ok((0..6).flat_map(|n| (n as f32).to_le_bytes()).collect());
        let mut read = |start, dims: &[i32], strides: &[i32]| {
            tensor("w", &described(start, dims, strides), &mut six)
        };
        let columns = read(1, &[2, 2], &[1, 3]).unwrap();
        assert_eq!(columns.to_vec2::<f32>().unwrap(), [[1.0, 4.0], [2.0, 5.0]]);
        assert_eq!(read(9, &[0, 3], &[3, 1]).unwrap().dims(), [0, 3]);
        assert_eq!(read(5, &[], &[]).unwrap().to_scalar::<f32>().unwrap(), 5.0);
        for (start, dims, strides) in [
            (1, &[2, 3][..], &[3, 1][..]),
            (6, &[1], &[1]),
            (0, &[i32::MAX; 3], &[0, 0, 0]),
            (0, &[7], &[0]),
            (i32::MAX, &[2], &[i32::MAX]),
        ] {
            let error = read(start, dims, strides).unwrap_err();
            assert!(error.contains("w is larger than its numbers"), "{error}");
        }
        assert!(read(-1, &[1], &[1]).unwrap_err().contains("not known here"));
        assert!(
            read(0, &[1, 1], &[1])
                .unwrap_err()
                .contains("not known here")
        );
    }

    #[test]
    fn the_state_dict_of_a_checkpoint_is_found() {
        let dict = |entries: &[(&str, &Object)]| {
            let entry = |(key, value): &(&str, &Object)| {
                (Object::Unicode((*key).to_owned()), (*value).clone())
            };
            Object::Dict(entries.iter().map(entry).collect())
        };
        let names = |object: Object| {
            let entries = state_dict(object);
            entries.map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        let tensor = described(0, &[1], &[1]);
        let (one, two) = (dict(&[("one", &tensor)]), dict(&[("two", &tensor)]));
        assert_eq!(names(dict(&[("mine", &two)])).unwrap(), ["two"]);
        assert_eq!(
            names(dict(&[("ema", &one), ("model", &two)])).unwrap(),
            ["two"]
        );
        assert_eq!(
            names(dict(&[("generator", &one), ("critic", &two)])).unwrap_err(),
            "the file holds several state dicts, generator, critic; save the one that the model \
             is to have"
        );
        assert_eq!(
            names(dict(&[("epoch", &Object::Int(3))])).unwrap_err(),
            "the file holds no tensors under epoch; save `model.state_dict()`"
        );
        assert!(names(tensor).unwrap_err().contains("a whole Python object"));
    }
}
