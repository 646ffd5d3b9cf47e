//! Matrices of numbers in MATLAB's format 5, which `save` writes with `-v6` and `-v7`.
//!
//! A header of 128 bytes, then one element for each variable: a type, a size, and so many bytes. A
//! matrix is an element made of elements: its class, its sizes, its name, and its numbers, which
//! may be stored smaller than the class says. A compressed element unpacks to one that is not.
//! Source: MathWorks, "MAT-File Format".

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::array::{Array, MOST_NUMBERS, count, sizes};
use super::number::Number;
use crate::{Error, Result};

const HEADER: usize = 128;
/// Types of elements that are no numbers.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// The most bytes that a compressed element may unpack to.
const MOST_BYTES: usize = 8 * MOST_NUMBERS + 4096;

/// A matrix of numbers and its name.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) array: Array,
}

/// The matrices of numbers among the variables of a file, which `file` names in errors. Texts,
/// structures, cells, and sparse and complex matrices are passed over.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Variable>> {
    let wrong = |problem: &str| Err(Error::data(file, problem));
    if bytes.starts_with(b"MATLAB 7.3") || bytes.starts_with(b"\x89HDF") {
        return wrong(
            "it is of MATLAB's format 7.3, which is not read; save it with the option `-v7`",
        );
    }
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER) else {
        return wrong("it ends inside of the 128 bytes that a MATLAB file of format 5 begins with");
    };
    let big_endian = match &header[124..] {
        [0, 1, b'I', b'M'] => false,
        [1, 0, b'M', b'I'] => true,
        _ => {
            return wrong(
                "its header is not that of a MATLAB file of format 5; save it with the option `-v7`",
            );
        }
    };
    let mut variables = Vec::new();
    while !rest.is_empty() {
        let mut elements = Elements {
            file,
            big_endian,
            rest,
        };
        let (kind, content) = elements.next(kind_is_compressed(rest, big_endian))?;
        rest = elements.rest;
        let unpacked;
        let (kind, content) = match kind {
            COMPRESSED => {
                unpacked = unpack(file, content, big_endian)?;
                let mut inner = Elements {
                    file,
                    big_endian,
                    rest: &unpacked,
                };
                inner.next(true)?
            }
            kind => (kind, content),
        };
        if kind == MATRIX {
            let elements = Elements {
                file,
                big_endian,
                rest: content,
            };
            variables.extend(elements.matrix()?);
        }
        let lengths = variables
            .iter()
            .map(|variable: &Variable| variable.array.values.len());
        if lengths.sum::<usize>() > MOST_NUMBERS {
            let problem = format!(
                "its matrices have more than {MOST_NUMBERS} numbers together; save those you need in \
                 a file of their own"
            );
            return Err(Error::data(file, problem));
        }
    }
    Ok(variables)
}

/// Compressed elements are not padded.
fn kind_is_compressed(rest: &[u8], big_endian: bool) -> bool {
    rest.first_chunk()
        .is_some_and(|&kind| of_bytes(kind, big_endian) == COMPRESSED)
}

fn of_bytes(bytes: [u8; 4], big_endian: bool) -> u32 {
    match big_endian {
        true => u32::from_be_bytes(bytes),
        false => u32::from_le_bytes(bytes),
    }
}

/// Unpacks a compressed element: as many bytes as the element inside says that it has, and no more.
fn unpack(file: &str, packed: &[u8], big_endian: bool) -> Result<Vec<u8>> {
    let wrong = |problem: String| Error::data(file, problem);
    let mut decoder = ZlibDecoder::new(packed);
    let mut bytes = vec![0; 8];
    let broken = |error: std::io::Error| {
        wrong(format!(
            "a compressed variable cannot be unpacked ({error})"
        ))
    };
    decoder.read_exact(&mut bytes).map_err(broken)?;
    let size = of_bytes([bytes[4], bytes[5], bytes[6], bytes[7]], big_endian) as usize;
    if size > MOST_BYTES {
        return Err(wrong(format!(
            "a compressed variable unpacks to {size} bytes, but at most {MOST_BYTES} are read; cut \
             the scene into parts"
        )));
    }
    decoder
        .take(size as u64)
        .read_to_end(&mut bytes)
        .map_err(broken)?;
    Ok(bytes)
}

/// Elements one after the other.
struct Elements<'a> {
    file: &'a str,
    big_endian: bool,
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        Error::data(self.file, problem)
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        of_bytes(bytes, self.big_endian)
    }

    /// Type and content of the next element, which is followed by padding to 8 bytes unless it is
    /// `unpadded`.
    fn next(&mut self, unpadded: bool) -> Result<(u32, &'a [u8])> {
        let Some((&[a, b, c, d, e, f, g, h], rest)) = self.rest.split_first_chunk() else {
            return Err(self.wrong("it ends inside of an element's first 8 bytes: it is truncated"));
        };
        let kind = self.u32([a, b, c, d]);
        // Up to 4 bytes stand in the place of the size, which is then in the upper half of the type.
        if kind >> 16 != 0 {
            let size = (kind >> 16) as usize;
            let small = self.rest[4..8].get(..size);
            self.rest = rest;
            let problem = format!("a small element has {size} bytes, but 4 is the most");
            return Ok((kind & 0xffff, small.ok_or_else(|| self.wrong(problem))?));
        }
        let size = self.u32([e, f, g, h]) as usize;
        let Some((content, after)) = rest.split_at_checked(size) else {
            return Err(self.wrong(format!(
                "an element should have {size} bytes, but {} follow: the file is truncated",
                rest.len()
            )));
        };
        let padding = if unpadded {
            0
        } else {
            size.next_multiple_of(8) - size
        };
        self.rest = after.get(padding..).unwrap_or_default();
        Ok((kind, content))
    }

    /// The matrix that these elements make, if it holds real numbers.
    fn matrix(mut self) -> Result<Option<Variable>> {
        const COMPLEX: u32 = 0x0800;
        let (_, flags) = self.next(false)?;
        let flags = flags.first_chunk().map_or(0, |&flags| self.u32(flags));
        // Classes 6 to 15: double, single, and integers of 1 to 8 bytes.
        if !(6..=15).contains(&(flags & 0xff)) || flags & COMPLEX != 0 {
            return Ok(None);
        }
        let (_, dims) = self.next(false)?;
        let (dims, _) = dims.as_chunks::<4>();
        let dims: Vec<usize> = dims.iter().map(|&size| self.u32(size) as usize).collect();
        let (_, name) = self.next(false)?;
        let name = String::from_utf8_lossy(name).into_owned();
        if dims.contains(&0) {
            return Ok(None);
        }
        let expected = count(self.file, &dims).map_err(|error| error.at(format!("`{name}`")))?;
        let (kind, content) = self.next(false)?;
        let number = match kind {
            1 => Number::I8,
            2 => Number::U8,
            3 => Number::I16,
            4 => Number::U16,
            5 => Number::I32,
            6 => Number::U32,
            7 => Number::F32,
            9 => Number::F64,
            12 => Number::I64,
            13 => Number::U64,
            _ => return Err(self.wrong(format!("`{name}` has numbers of the unknown type {kind}"))),
        };
        if content.len() != expected * number.size() {
            return Err(self.wrong(format!(
                "`{name}` is {}, {expected} numbers of {} bytes, but has {} bytes",
                sizes(&dims),
                number.size(),
                content.len()
            )));
        }
        let stored = number.decode(content, self.big_endian);
        let array = Array::of_columns(stored, dims);
        Ok(Some(Variable { name, array }))
    }
}
