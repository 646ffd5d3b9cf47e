//! The confusion matrix: which class is taken for which.

use candle_core::{Device, Tensor};

use super::classification::NAMES;
use super::pair::{check_largest, read_pair};
use crate::Result;

/// How often class `i` (the row) was predicted to be class `j` (the column), as `[classes,
/// classes]` of u32. `labels` and `predicted` are as in [`accuracy`](super::accuracy). The classes
/// run from 0 to the largest number in either.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let labels = Tensor::new(&[0u32, 1, 2, 2], &Device::Cpu)?;
/// let predicted = Tensor::new(&[0u32, 2, 2, 2], &Device::Cpu)?;
/// let confusion = confusion_matrix(&labels, &predicted)?;
/// assert_eq!(confusion.to_vec2::<u32>()?, [[1, 0, 0], [0, 0, 1], [0, 0, 2]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of them does not hold labels, their shapes differ, they are empty, or a class number is
/// 4096 or more.
pub fn confusion_matrix(labels: &Tensor, predicted: &Tensor) -> Result<Tensor> {
    let (labels, predicted) = read_pair("confusion_matrix", NAMES, labels, predicted)?;
    for numbers in [&labels, &predicted] {
        check_largest("the largest class of a confusion matrix", numbers)?;
    }
    let largest = labels.iter().chain(&predicted).max().copied().unwrap_or(0);
    let classes = largest as usize + 1;
    let mut counts = vec![0u32; classes * classes];
    for (&label, &predicted) in labels.iter().zip(&predicted) {
        counts[label as usize * classes + predicted as usize] += 1;
    }
    Ok(Tensor::from_vec(counts, (classes, classes), &Device::Cpu)?)
}
