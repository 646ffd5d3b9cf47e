//! Pickles that are not trusted: candle reads them, and here they are kept from objects that are
//! nested or copied without end.

use std::collections::BTreeMap;

use candle_core::pickle::{Object, Stack};

/// A problem, as a sentence without the name of the file.
pub(super) type Outcome<T> = Result<T, String>;

/// How deep objects may lie in one another: recursive functions walk through them.
const DEPTH: usize = 1000;
/// How many objects may be copied. A pickle of a hundred bytes can ask for 2^40 of them.
const COPIES: usize = 2_000_000;

/// Reads one pickle from the beginning of `bytes`, which are then what follows it.
pub(super) fn unpickle(bytes: &mut &[u8]) -> Outcome<Object> {
    let mut stack = Stack::empty();
    // How deep each object on the stack is, and each one that was kept, with the number of its parts.
    let mut depths: Vec<usize> = Vec::new();
    let mut kept: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut copies = 0;
    loop {
        // candle would allocate room for a text of any length.
        if let [b'X', a, b, c, d, rest @ ..] = *bytes
            && u32::from_le_bytes([*a, *b, *c, *d]) as usize > rest.len()
        {
            return Err(damaged("a text is longer than the file"));
        }
        let instruction = *bytes;
        if stack.read(bytes).map_err(damaged)? {
            return stack.finalize().map_err(damaged);
        }
        match *instruction {
            [b'q' | b'r', ..] => {
                let parts = stack.stack().last().map_or(0, parts);
                copies += parts;
                let depth = depths.last().copied().unwrap_or(0);
                kept.insert(place(instruction), (parts, depth));
            }
            [b'h' | b'j', ..] => {
                let (parts, depth) = kept.get(&place(instruction)).copied().unwrap_or((1, 0));
                copies += parts;
                depths.push(depth);
            }
            [0x80, ..] => {}
            _ if stack.stack().len() > depths.len() => depths.push(0),
            // It has made one object of several, or changed the last.
            _ => {
                let left = stack.stack().len().saturating_sub(1);
                let deepest = depths.drain(left..).max().unwrap_or(0);
                depths.push(deepest + 1);
            }
        }
        if depths.last().is_some_and(|&depth| depth > DEPTH) {
            return Err(damaged("its objects lie too deep in one another"));
        }
        if copies > COPIES {
            return Err(damaged("it copies objects without end"));
        }
    }
}

/// Where `instruction` keeps an object, or from where it takes one.
fn place(instruction: &[u8]) -> u32 {
    match *instruction {
        [b'q' | b'h', place, ..] => place.into(),
        [_, a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}

/// The number of objects in `object`, itself included.
fn parts(object: &Object) -> usize {
    1 + match object {
        Object::Tuple(objects) | Object::List(objects) => objects.iter().map(parts).sum(),
        Object::Dict(entries) => {
            let entries = entries.iter();
            entries.map(|(key, value)| parts(key) + parts(value)).sum()
        }
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            parts(callable) + parts(args)
        }
        Object::PersistentLoad(id) => parts(id),
        _ => 0,
    }
}

pub(super) fn damaged(cause: impl std::fmt::Display) -> String {
    format!("this PyTorch file is damaged ({cause}); take it from a copy or save it again")
}

/// Files like this one: some bytes are others, and a part of it is repeated elsewhere.
#[cfg(test)]
pub(super) fn damage(whole: Vec<u8>) -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;

    let place = any::<prop::sample::Index>;
    let changes = prop::collection::vec((place(), any::<u8>()), 0..6);
    (changes, place(), place(), 0usize..64).prop_map(move |(changes, from, to, length)| {
        let mut file = whole.clone();
        let from = from.index(file.len());
        let part = file[from..file.len().min(from + length)].to_vec();
        let to = to.index(file.len());
        file.splice(to..to, part);
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        file
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(pickle: &[u8]) -> String {
        unpickle(&mut &pickle[..]).unwrap_err()
    }

    #[test]
    fn objects_that_lie_too_deep_are_refused() {
        let nested = |levels| [b"\x80\x02)", vec![0x85; levels].as_slice(), b"."].concat();
        assert!(unpickle(&mut &nested(900)[..]).is_ok());
        assert!(problem(&nested(1_000_000)).contains("too deep"));
        // The same through what is kept.
        let kept = [
            b"\x80\x02)q\0".as_slice(),
            &b"h\0\x85q\0".repeat(2000),
            b".",
        ]
        .concat();
        assert!(problem(&kept).contains("too deep"));
    }

    #[test]
    fn copies_of_copies_are_refused() {
        let doubled = [
            b"\x80\x02)q\0".as_slice(),
            &b"h\0h\0\x86q\0".repeat(60),
            b".",
        ]
        .concat();
        assert!(problem(&doubled).contains("without end"));
    }

    #[test]
    fn what_follows_a_pickle_is_left() {
        let mut bytes = b"\x80\x02K\x07.rest".as_slice();
        assert_eq!(unpickle(&mut bytes).unwrap(), Object::Int(7));
        assert_eq!(bytes, b"rest");
        assert!(problem(b"\x80\x02K\x07").contains("damaged"));
    }
}
