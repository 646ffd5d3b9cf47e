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
/// The most bytes that all compressed elements together may unpack to.
const MOST_BYTES: usize = 8 * MOST_NUMBERS + 4096;

/// A matrix of numbers and its name.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) array: Array,
}

/// What a file has in it.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) matrices: Vec<Variable>,
    /// What each other variable is, such as "`x` is a text".
    pub(super) others: Vec<String>,
}

impl Content {
    /// The matrices by name and what else there is, as the end of a sentence.
    pub(super) fn listed(&self) -> String {
        let names = self
            .matrices
            .iter()
            .map(|matrix| format!("`{}`", matrix.name));
        let names: Vec<String> = names.collect();
        let matrices = match names.is_empty() {
            true => "there is none".to_owned(),
            false => format!("there is {}", names.join(", ")),
        };
        [&[matrices], &self.others[..]].concat().join("; ")
    }
}

/// The matrices of real numbers among the variables of a file, which `file` names in errors, and the
/// names of all others.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Content> {
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
    let (mut found, mut budget) = (Content::default(), MOST_BYTES);
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
                unpacked = unpack(file, content, big_endian, &mut budget)?;
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
            match elements.matrix()? {
                Ok(matrix) => found.matrices.push(matrix),
                Err(other) => found.others.push(other),
            }
        }
        let lengths = found
            .matrices
            .iter()
            .map(|matrix| matrix.array.values.len());
        if lengths.sum::<usize>() > MOST_NUMBERS {
            let problem = format!(
                "its matrices have more than {MOST_NUMBERS} numbers together; save those you need in \
                 a file of their own"
            );
            return Err(Error::data(file, problem));
        }
    }
    Ok(found)
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

/// Unpacks a compressed element: as many bytes as the element inside says that it has, which it takes
/// from the budget, and no more. At the end stands a checksum.
fn unpack(file: &str, packed: &[u8], big_endian: bool, budget: &mut usize) -> Result<Vec<u8>> {
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
    *budget = budget.checked_sub(size).ok_or_else(|| {
        wrong(format!(
            "a compressed variable unpacks to {size} bytes, but at most {MOST_BYTES} are read of all \
             together; cut the scene into parts"
        ))
    })?;
    decoder
        .by_ref()
        .take(size as u64)
        .read_to_end(&mut bytes)
        .map_err(broken)?;
    // Only who reads to the end has the checksum compared. Up to there may be padding.
    const PADDING: u64 = 8;
    let mut after = Vec::new();
    let rest = decoder
        .take(PADDING)
        .read_to_end(&mut after)
        .map_err(broken)?;
    if rest as u64 == PADDING {
        return Err(wrong(format!(
            "a compressed variable says that it has {size} bytes, but unpacks to more"
        )));
    }
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

    /// The matrix that these elements make, or, if it holds no real numbers, what it is.
    fn matrix(mut self) -> Result<std::result::Result<Variable, String>> {
        const COMPLEX: u32 = 0x0800;
        let (_, flags) = self.next(false)?;
        let flags = flags.first_chunk().map_or(0, |&flags| self.u32(flags));
        let other = match flags & 0xff {
            1 => "a cell array, which is not read",
            2 | 3 => "a structure, which is not read",
            4 => "a text, which is not read",
            5 => "sparse; save full(...) of it",
            // Double, single, and integers of 1 to 8 bytes.
            6..=15 if flags & COMPLEX != 0 => "complex; save its parts, real(...) and imag(...)",
            6..=15 => "",
            // Their elements are not those of a matrix.
            _ => {
                return Ok(Err(
                    "there is a variable of a kind that is not read".to_owned()
                ));
            }
        };
        let (_, dims) = self.next(false)?;
        let (dims, _) = dims.as_chunks::<4>();
        let dims: Vec<usize> = dims.iter().map(|&size| self.u32(size) as usize).collect();
        let (_, name) = self.next(false)?;
        let name = String::from_utf8_lossy(name).into_owned();
        if !other.is_empty() {
            return Ok(Err(format!("`{name:.60}` is {other}")));
        }
        if dims.contains(&0) {
            return Ok(Err(format!("`{name:.60}` is empty")));
        }
        let expected = count(&format!("{}: `{name:.60}`", self.file), &dims)?;
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
        Ok(Ok(Variable { name, array }))
    }
}
