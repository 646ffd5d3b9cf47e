//! Reading class labels out of tensors.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// The labels in a tensor `[n]` of u32 or non-negative i64.
///
/// # Errors
/// If it has another shape or type, or holds a number that is negative or does not fit into u32.
pub(crate) fn read(operation: &'static str, labels: &Tensor) -> Result<Vec<u32>> {
    let known = matches!(labels.dtype(), DType::U32 | DType::I64);
    if labels.rank() != 1 || !known {
        return Err(Error::shape(
            operation,
            format!(
                "labels are [n] of U32 or I64, but got {:?} of {:?}.",
                labels.dims(),
                labels.dtype()
            ),
        ));
    }
    if labels.dtype() == DType::U32 {
        return Ok(labels.to_vec1()?);
    }
    let label = |(row, label): (usize, i64)| {
        u32::try_from(label).map_err(|_| {
            Error::argument(
                "a label",
                format!("{label} in row {row}"),
                "a class number, 0 or above and within 32 bits",
            )
        })
    };
    labels
        .to_vec1()?
        .into_iter()
        .enumerate()
        .map(label)
        .collect()
}

/// The distinct labels in increasing order, and the index of each row's label among them.
pub(crate) fn classes_of(labels: &[u32]) -> (Vec<u32>, Vec<usize>) {
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let place = |label| classes.partition_point(|class| class < label);
    let places = labels.iter().map(place).collect();
    (classes, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn both_types_are_read_and_others_refused() {
        let tensor = |values: &[i64]| Tensor::new(values, &Device::Cpu).unwrap();
        let labels = tensor(&[3, 0, 7]);
        assert_eq!(read("test", &labels).unwrap(), [3, 0, 7]);
        let unsigned = labels.to_dtype(DType::U32).unwrap();
        assert_eq!(read("test", &unsigned).unwrap(), [3, 0, 7]);

        let refused = |labels: &Tensor| read("test", labels).unwrap_err().to_string();
        let floats = labels.to_dtype(DType::F32).unwrap();
        assert_eq!(
            refused(&floats),
            "test: labels are [n] of U32 or I64, but got [3] of F32."
        );
        assert_eq!(
            refused(&tensor(&[1, -1])),
            "a label is -1 in row 1, but it must be a class number, 0 or above and within 32 bits."
        );
        assert!(refused(&tensor(&[1 << 32])).contains("is 4294967296 in row 0"));
    }

    #[test]
    fn classes_come_sorted_with_the_place_of_each_row() {
        let (classes, places) = classes_of(&[7, 2, 7, 9]);
        assert_eq!(classes, [2, 7, 9]);
        assert_eq!(places, [1, 0, 1, 2]);
    }
}
