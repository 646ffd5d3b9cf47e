//! Reading two tensors of labels of the same examples.

use candle_core::Tensor;

use crate::metrics::labels;
use crate::{Error, Result};

/// The largest number of classes or clusters in a table with a place for each pair. Such a table of
/// 4-byte counts takes 64 MB.
const CLASSES: u32 = 4096;

/// Two tensors of labels of the same shape, flattened.
///
/// # Errors
/// If one of them does not hold labels, they are empty, or their shapes differ. The error calls
/// them by `names`.
pub(super) fn read_pair(
    operation: &'static str,
    names: [&str; 2],
    first: &Tensor,
    second: &Tensor,
) -> Result<(Vec<u32>, Vec<u32>)> {
    if first.dims() != second.dims() {
        return Err(Error::shape(
            operation,
            format!(
                "the {} are {:?} but the {} {:?}; each place needs one of both.",
                names[0],
                first.dims(),
                names[1],
                second.dims()
            ),
        ));
    }
    let (first, second) = (
        labels::read(operation, &first.flatten_all()?)?,
        labels::read(operation, &second.flatten_all()?)?,
    );
    if first.is_empty() {
        return Err(Error::shape(
            operation,
            format!("there are no {}; one is the least.", names[0]),
        ));
    }
    Ok((first, second))
}

/// Checks that a table has a place for all `numbers`, which the error calls `name`.
///
/// # Errors
/// If a number is [`CLASSES`] or more.
pub(super) fn check_largest(name: &'static str, numbers: &[u32]) -> Result<()> {
    match numbers.iter().max() {
        Some(&largest) if largest >= CLASSES => Err(Error::argument(
            name,
            largest,
            format!(
                "below {CLASSES}, for its table has a place for every number from 0 on: number \
                 classes and clusters without gaps; `accuracy` and `classification_report` take \
                 any number of classes"
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn labels_without_their_partner_are_refused() {
        let labels = |n: usize| Tensor::zeros(n, DType::U32, &Device::Cpu).unwrap();
        let pair = |a, b| {
            let refused = read_pair("test", ["labels", "clusters"], &labels(a), &labels(b));
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            pair(3, 2),
            "test: the labels are [3] but the clusters [2]; each place needs one of both."
        );
        assert_eq!(pair(0, 0), "test: there are no labels; one is the least.");
    }

    #[test]
    fn a_number_that_is_too_large_for_a_table_is_refused() {
        assert!(check_largest("the largest class", &[1, 4095]).is_ok());
        assert_eq!(
            check_largest("the largest class", &[1, 4096])
                .unwrap_err()
                .to_string(),
            "the largest class is 4096, but it must be below 4096, for its \
             table has a place for every number from 0 on: number classes and clusters without \
             gaps; `accuracy` and `classification_report` take any number of classes."
        );
    }
}
