//! The IDX format of MNIST and its relatives: a header, then the values in row-major order.
//!
//! Two zero bytes, a byte for the type of the values (0x08: unsigned bytes), a byte for the number
//! of dimensions, each dimension as a big-endian u32, then the values.
//! Source: Y. LeCun, C. Cortes and C. Burges, the MNIST database, "File formats".

use std::path::Path;

use crate::{Error, Result};

const UNSIGNED_BYTES: u8 = 0x08;
const MAX_DIMENSIONS: usize = 4;

/// An array of unsigned bytes read from an IDX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    dims: Vec<usize>,
    /// The bytes of the file, with the values after the header.
    bytes: Vec<u8>,
}

impl Idx {
    /// Reads the file at `path`, which must not be compressed.
    ///
    /// # Errors
    /// If the file cannot be read, or is not exactly one IDX array of unsigned bytes.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Self::parse(&path.display().to_string(), bytes)
    }

    /// Interprets the `bytes` of a whole IDX file; `file` names it in errors.
    ///
    /// ```
    /// use cuaderno::data::idx::Idx;
    ///
    /// let labels = Idx::parse("labels", vec![0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])?;
    /// assert_eq!(labels.dims(), [3]);
    /// assert_eq!(labels.values(), [7, 2, 1]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the first four bytes are not those of an IDX array of unsigned bytes with 1 to 4
    /// dimensions, or the file has fewer or more values than its dimensions say.
    pub fn parse(file: &str, bytes: Vec<u8>) -> Result<Self> {
        let wrong = |problem: String| Err(Error::data(file, problem));
        let &[zero, zero_too, kind, count, ..] = bytes.as_slice() else {
            return wrong(format!(
                "the file ends after {} bytes, before the 4 bytes that every IDX file begins with",
                bytes.len()
            ));
        };
        if [zero, zero_too] == [0x1f, 0x8b] {
            return wrong("the file is still compressed; unpack it with gunzip".to_string());
        }
        if [zero, zero_too] != [0, 0] {
            return wrong(format!(
                "an IDX file begins with two zero bytes, this one with 0x{zero:02x} \
                 0x{zero_too:02x}: it is of another format"
            ));
        }
        if kind != UNSIGNED_BYTES {
            return wrong(format!(
                "byte 2 says that the values are {}, but only unsigned bytes (0x08) are read",
                name_of_type(kind)
            ));
        }
        let count = usize::from(count);
        if !(1..=MAX_DIMENSIONS).contains(&count) {
            return wrong(format!(
                "byte 3 says that the array has {count} dimensions, but 1 to {MAX_DIMENSIONS} are \
                 expected"
            ));
        }
        let header = header_size(count);
        if bytes.len() < header {
            return wrong(format!(
                "the file ends after {} bytes, inside its header of {header} bytes",
                bytes.len()
            ));
        }
        let dims: Vec<usize> = bytes[4..header]
            .chunks_exact(4)
            .map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize)
            .collect();

        let shape = dims.iter().map(usize::to_string).collect::<Vec<_>>();
        let shape = shape.join(" x ");
        let found = bytes.len() - header;
        let expected = dims
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        match expected {
            Some(expected) if expected == found => Ok(Self { dims, bytes }),
            Some(expected) if expected < found => wrong(format!(
                "the header (bytes 4 to {}) announces {shape} values, but {} more bytes follow \
                 after them, at byte {}",
                header - 1,
                found - expected,
                header + expected
            )),
            _ => wrong(format!(
                "the header (bytes 4 to {}) announces {shape} values, but only {found} follow: the \
                 file is truncated or its header is wrong",
                header - 1
            )),
        }
    }

    /// The size of each dimension, slowest first: `[images, rows, columns]` or `[labels]`.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The values in row-major order.
    pub fn values(&self) -> &[u8] {
        &self.bytes[header_size(self.dims.len())..]
    }
}

fn header_size(dimensions: usize) -> usize {
    4 + 4 * dimensions
}

fn name_of_type(kind: u8) -> String {
    let name = match kind {
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => "of an unknown type",
    };
    format!("{name} (0x{kind:02x})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(dims: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, UNSIGNED_BYTES, dims.len() as u8];
        bytes.extend(dims.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn sentence(bytes: Vec<u8>) -> String {
        Idx::parse("digits", bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_defect_is_one_sentence_that_names_file_and_place() {
        let values = [9; 12];
        let good = encode(&[3, 2, 2], &values);
        assert!(Idx::parse("digits", good.clone()).is_ok());
        let with = |position: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[position] = byte;
            bytes
        };
        for (bytes, expected) in [
            (vec![0, 0, 8], "the file ends after 3 bytes, before"),
            (vec![0x1f, 0x8b, 8, 0], "unpack it with gunzip"),
            (with(0, 1), "begins with two zero bytes, this one with 0x01"),
            (
                with(2, 0x0d),
                "byte 2 says that the values are 32-bit floats (0x0d)",
            ),
            (with(2, 0x77), "of an unknown type (0x77)"),
            (with(3, 0), "byte 3 says that the array has 0 dimensions"),
            (
                with(3, 200),
                "byte 3 says that the array has 200 dimensions",
            ),
            (good[..10].to_vec(), "inside its header of 16 bytes"),
            (
                good[..27].to_vec(),
                "announces 3 x 2 x 2 values, but only 11 follow",
            ),
            (
                [&good[..], &[0]].concat(),
                "1 more bytes follow after them, at byte 28",
            ),
            (
                encode(&[u32::MAX; 4], &values),
                "4294967295 values, but only 12 follow",
            ),
        ] {
            let sentence = sentence(bytes);
            assert!(sentence.starts_with("digits: "), "{sentence}");
            assert!(sentence.contains(expected), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Idx::read(Path::new("/nowhere/labels")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/labels: "));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read(
            dims in prop::collection::vec(0u32..6, 1..=MAX_DIMENSIONS),
            seed in any::<u8>(),
        ) {
            let count: u32 = dims.iter().product();
            let values: Vec<u8> = (0..count).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let idx = Idx::parse("x", encode(&dims, &values)).unwrap();
            prop_assert_eq!(idx.values(), &values);
            prop_assert!(idx.dims().iter().map(|&size| size as u32).eq(dims));
        }

        #[test]
        fn no_prefix_of_a_file_is_accepted(values in prop::collection::vec(any::<u8>(), 1..40), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&[values.len() as u32], &values);
            let cut = cut.index(bytes.len());
            prop_assert!(Idx::parse("x", bytes[..cut].to_vec()).is_err());
        }

        /// Any bytes are either refused or give exactly the values in the file.
        #[test]
        fn arbitrary_bytes_never_panic(
            plausible in any::<bool>(),
            mut bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            if plausible && bytes.len() >= 8 {
                bytes[..3].copy_from_slice(&[0, 0, UNSIGNED_BYTES]);
                bytes[3] %= 5;
                bytes[4..7].fill(0);
            }
            let size = bytes.len();
            if let Ok(idx) = Idx::parse("x", bytes) {
                prop_assert_eq!(idx.dims().iter().product::<usize>(), idx.values().len());
                prop_assert_eq!(idx.values().len() + header_size(idx.dims().len()), size);
            }
        }
    }
}
