//! The binary version of CIFAR-10: records of one byte for the label and 3,072 for the image, first
//! all of its red, then green, then blue.
//! Source: A. Krizhevsky, the CIFAR-10 dataset, "Dataset layout, binary version".

use super::{Content, NUMBERS, check_label, to_tensors};
use crate::data::LabelledImages;
use crate::{Error, Result};

const RECORD: usize = 1 + NUMBERS;

/// The records of all files, one after the other. All have as many as the first: one with fewer was
/// cut short between two records.
pub(super) fn parse(files: &[Content]) -> Result<LabelledImages> {
    let (mut levels, mut labels) = (Vec::new(), Vec::new());
    for (file, bytes) in files {
        let wrong = |problem: String| Err(Error::data(file, problem));
        if let [0x1f, 0x8b, ..] = bytes.as_slice() {
            return wrong("the file is still compressed; unpack it with tar or gunzip".to_owned());
        }
        if bytes.is_empty() || bytes.len() % RECORD != 0 {
            return wrong(format!(
                "the file has {} bytes, which is no whole number of records of {RECORD} bytes (a \
                 label and 32 x 32 x 3 levels): it is truncated or of another format",
                bytes.len()
            ));
        }
        let (first, whole) = (&files[0].0, files[0].1.len());
        if bytes.len() != whole {
            return wrong(format!(
                "the file has {} images, but {first} has {}: one of them is truncated or of another \
                 data set",
                bytes.len() / RECORD,
                whole / RECORD
            ));
        }
        for (at, record) in bytes.chunks_exact(RECORD).enumerate() {
            let place = format_args!("record {at}, at byte {},", at * RECORD);
            labels.push(check_label(file, place, record[0].into())?);
            levels.extend_from_slice(&record[1..]);
        }
    }
    to_tensors(&levels, labels)
}
