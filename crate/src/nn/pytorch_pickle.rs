//! Tensors in files that PyTorch wrote before version 1.6 (2020), and still writes with
//! `_use_new_zipfile_serialization=False`: five pickles, one behind another, and then the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;
use candle_core::pickle::Object;

use super::pickle::{Outcome, damaged, unpickle};
use super::pytorch_file::{dtype, tensors};
use crate::{Error, Result};

/// The first two pickles: a number by which these files are known, and the version of their form.
const START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";

/// Reads the tensors of the state dict in the file at `path`, as `pytorch_file::read` does.
///
/// # Errors
/// If the file is damaged, or holds no state dict, several of them, or a tensor of an unsupported
/// type.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let file = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    parse(&file).map_err(|problem| Error::data(path.display(), problem))
}

fn parse(file: &[u8]) -> Outcome<BTreeMap<String, Tensor>> {
    let Some(mut rest) = file.strip_prefix(START) else {
        return Err("this is a pickle, but `torch.save` did not write it; save \
            `model.state_dict()` with `torch.save`"
            .to_owned());
    };
    // What the machine was like. PyTorch itself does not look at it.
    unpickle(&mut rest)?;
    let object = unpickle(&mut rest)?;
    let Object::List(keys) = unpickle(&mut rest)? else {
        return Err(damaged("no list of its numbers"));
    };
    let mut classes = BTreeMap::new();
    find_classes(&object, &mut classes);
    let mut storages = BTreeMap::new();
    for key in keys {
        let key = key.unicode().map_err(|_| damaged("a name is no text"))?;
        let class = classes.get(&key);
        let class = class.ok_or_else(|| damaged(format!("nothing tells what {key} holds")))?;
        let dtype = dtype(class).ok_or_else(|| {
            format!("a tensor is in a {class}, which is not read here; convert it with `.float()` and save it again")
        })?;
        let bytes;
        (bytes, rest) = storage(rest, dtype.size_in_bytes())
            .ok_or_else(|| damaged("it ends before its numbers"))?;
        storages.insert(key, bytes);
    }
    tensors(object, |key| {
        let bytes = storages.get(key).map(|bytes| bytes.to_vec());
        bytes.ok_or_else(|| damaged(format!("there are no numbers {key}")))
    })
}

/// The numbers of `size` bytes at the beginning of `rest`, behind their count, and what follows.
fn storage(rest: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (count, rest) = rest.split_first_chunk()?;
    let count = usize::try_from(i64::from_le_bytes(*count)).ok()?;
    rest.split_at_checked(count.checked_mul(size)?)
}

/// Collects the class of each storage that is mentioned in `object`, by its key.
fn find_classes(object: &Object, classes: &mut BTreeMap<String, String>) {
    match object {
        Object::PersistentLoad(storage) => {
            if let Object::Tuple(parts) = &**storage
                && let [
                    _,
                    Object::Class { class_name, .. },
                    Object::Unicode(key),
                    ..,
                ] = &parts[..]
            {
                classes.insert(key.clone(), class_name.clone());
            }
        }
        Object::Tuple(parts) | Object::List(parts) => {
            parts.iter().for_each(|part| find_classes(part, classes));
        }
        Object::Dict(entries) => {
            for (key, value) in entries {
                find_classes(key, classes);
                find_classes(value, classes);
            }
        }
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            find_classes(callable, classes);
            find_classes(args, classes);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::pickle::damage;
    use super::*;
    use proptest::prelude::*;

    fn file() -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
        std::fs::read(folder.join("legacy.pth")).unwrap()
    }

    /// Every bit of the file flipped, and the file truncated at every place.
    #[test]
    fn a_damaged_file_is_an_error_or_other_tensors() {
        let whole = file();
        assert_eq!(parse(&whole).unwrap().len(), 2);
        let mut refused = 0;
        for place in 0..whole.len() {
            assert!(parse(&whole[..place]).is_err(), "{place} bytes");
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                refused += usize::from(parse(&damaged).is_err());
            }
        }
        assert!(refused > whole.len(), "{refused}");
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(file in damage(file())) {
            let _ = parse(&file);
        }
    }

    #[test]
    fn another_pickle_and_a_wrong_count_are_refused_in_a_sentence() {
        let problem = |file: &[u8]| parse(file).unwrap_err();
        let other = problem(b"\x80\x02}q\x00.");
        assert!(other.contains("`torch.save` did not write it"), "{other}");
        let mut long = file();
        // The count of the last storage, behind which its six numbers lie.
        let at = long.len() - 32;
        long[at..at + 8].copy_from_slice(&i64::MAX.to_le_bytes());
        let problem = problem(&long);
        assert!(problem.contains("it ends before its numbers"), "{problem}");
    }
}
