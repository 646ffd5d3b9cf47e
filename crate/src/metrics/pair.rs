//! Reading two tensors of labels whose rows belong together.

use candle_core::Tensor;

use crate::metrics::labels;
use crate::{Error, Result};

/// So many classes or clusters at most: a table of them against each other takes 128 MB.
const CLASSES: u32 = 4096;

/// Two tensors of labels that belong together, row by row.
///
/// # Errors
/// If one of them is no labels, there are none or not as many of one as of the other (`names` says
/// which is which), or a number is [`CLASSES`] or more.
pub(super) fn read_pair(
    operation: &'static str,
    names: [&str; 2],
    first: &Tensor,
    second: &Tensor,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let (first, second) = (
        labels::read(operation, first)?,
        labels::read(operation, second)?,
    );
    if first.len() != second.len() {
        return Err(Error::shape(
            operation,
            format!(
                "there are {} {} but {} {}; each row needs one of both.",
                first.len(),
                names[0],
                second.len(),
                names[1]
            ),
        ));
    }
    if first.is_empty() {
        return Err(Error::shape(
            operation,
            format!("there are no {}; one row is the least.", names[0]),
        ));
    }
    let largest = first.iter().chain(&second).max().copied().unwrap_or(0);
    if largest >= CLASSES {
        return Err(Error::argument(
            "the largest class number",
            largest,
            format!("below {CLASSES}: number classes and clusters from 0 without gaps"),
        ));
    }
    Ok((first, second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn rows_without_their_partner_are_refused() {
        let labels = |n: usize| Tensor::zeros(n, DType::U32, &Device::Cpu).unwrap();
        let pair = |a, b| {
            let refused = read_pair("test", ["labels", "clusters"], &labels(a), &labels(b));
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            pair(3, 2),
            "test: there are 3 labels but 2 clusters; each row needs one of both."
        );
        assert_eq!(
            pair(0, 0),
            "test: there are no labels; one row is the least."
        );
    }

    #[test]
    fn a_class_number_out_of_the_blue_is_refused() {
        let labels = Tensor::new(&[1u32, 4096], &Device::Cpu).unwrap();
        let refused = read_pair("test", ["labels", "clusters"], &labels, &labels);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the largest class number is 4096, but it must be below 4096: number classes and \
             clusters from 0 without gaps."
        );
    }
}
