//! NumPy's format `.npy`: a header that is a Python dictionary, then the numbers.
//!
//! candle has a reader, too, but it trusts the header: it makes room for as many numbers as are
//! promised, and takes big-endian numbers for little-endian ones.
//! Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays".

use super::array::{Array, count, sizes};
use super::number::Number;
use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads the bytes of a whole file, which `file` names in errors.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |problem: String| Error::data(file, problem);
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        let problem = "it does not begin as a .npy file does, with \\x93NUMPY; write it with \
                       numpy.save";
        return Err(Error::data(file, problem));
    };
    let (length, rest) = match *rest {
        [1, _, a, b, ref rest @ ..] => (usize::from(u16::from_le_bytes([a, b])), rest),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, rest),
        [version, _, ..] if version > 3 => {
            return Err(wrong(format!(
                "its version is {version}, but 1 to 3 are read"
            )));
        }
        _ => return Err(wrong("it ends inside of its first 12 bytes".to_owned())),
    };
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err(wrong(format!(
            "its header should have {length} bytes, but the file ends after {}",
            rest.len()
        )));
    };
    let header = String::from_utf8_lossy(header);
    let need = |key: &str| {
        entry(&header, key).ok_or_else(|| {
            wrong(format!(
                "its header has no `{key}`; found is `{:.80}`",
                header.trim()
            ))
        })
    };
    let (number, big_endian) = kind(need("descr")?).ok_or_else(|| {
        wrong(format!(
            "its numbers are `{:.40}`, but integers and floats of 1 to 8 bytes are read, such as \
             `<f4`; convert them with astype(\"float32\")",
            entry(&header, "descr").unwrap_or_default()
        ))
    })?;
    let by_columns = match need("fortran_order")? {
        "True" => true,
        "False" => false,
        other => {
            return Err(wrong(format!(
                "`fortran_order` is `{other:.40}`, but it is True or False"
            )));
        }
    };
    let shape = need("shape")?;
    let dims = dims(shape).ok_or_else(|| {
        wrong(format!(
            "its shape is `{shape:.80}`, but a shape is a list of sizes, such as `(95, 156)`"
        ))
    })?;
    let expected = count(file, &dims)? * number.size();
    if data.len() != expected {
        return Err(wrong(format!(
            "{} numbers of {} bytes are promised, {expected} bytes, but {} follow: the file is \
             truncated or its header is wrong",
            sizes(&dims),
            number.size(),
            data.len()
        )));
    }
    let stored = number.decode(data, big_endian);
    Ok(match by_columns {
        true => Array::of_columns(stored, dims),
        false => Array {
            dims,
            values: stored,
        },
    })
}

/// The text behind `key` in a dictionary such as `{'descr': '<f4', 'shape': (3, 4), }`.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = match rest.strip_prefix('(') {
        Some(_) => rest.find(')')? + 1,
        None => rest.find([',', '}'])?,
    };
    Some(rest[..end].trim())
}

/// `'<f4'`: the order of the bytes, the kind of number and its size.
fn kind(descr: &str) -> Option<(Number, bool)> {
    let descr = descr.strip_prefix('\'')?.strip_suffix('\'')?;
    let (order, kind) = descr.split_at_checked(1)?;
    let number = match kind {
        "i1" => Number::I8,
        "u1" => Number::U8,
        "i2" => Number::I16,
        "u2" => Number::U16,
        "i4" => Number::I32,
        "u4" => Number::U32,
        "i8" => Number::I64,
        "u8" => Number::U64,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => return None,
    };
    match order {
        "<" | "|" | "=" => Some((number, false)),
        ">" => Some((number, true)),
        _ => None,
    }
}

/// `(95, 156)`.
fn dims(shape: &str) -> Option<Vec<usize>> {
    let inner = shape.strip_prefix('(')?.strip_suffix(')')?.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner
        .split(',')
        .map(|size| size.trim().parse().ok())
        .collect()
}
