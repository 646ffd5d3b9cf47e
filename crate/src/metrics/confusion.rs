//! Which class is taken for which.

use candle_core::{Device, Tensor};

use super::classification::NAMES;
use super::pair::{check_largest, read_pair};
use crate::Result;

/// How often class `i` (the row) was predicted to be class `j` (the column): `[classes, classes]`
/// of u32 for `labels` and `predicted`, both of one shape and u32 or i64, as
/// [`accuracy`](super::accuracy) takes them. There are as many classes as the largest number in
/// either says, plus class 0.
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
/// If the two are no labels, of different shapes or empty, or if a class number is 4096 or more.
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
