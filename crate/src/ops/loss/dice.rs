//! The Dice loss: how little two areas overlap.

use candle_core::{D, DType, Tensor};

use super::cross_entropy::{CrossEntropy, check, position_weights};
use crate::ops::softmax;
use crate::{Error, Result};

/// One minus the mean Dice coefficient of the classes, `2 |A ∩ B| / (|A| + |B|)`, where `A` is what
/// the softmax of the logits gives a class, and `B` where the class is. Each class has the same
/// weight, however few its pixels are. Logits are `[batch, classes, d1, ..]` and targets `[batch,
/// d1, ..]`, and the batch counts as one area.
///
/// 1 is added above and below the line, as usual, so that a class of a few pixels does not shake
/// the training. A class that no target of the batch has does not count. Neither do positions whose
/// target is `ignore_index`. Source: F. Milletari, N. Navab and S. Ahmadi, *V-Net*, 3DV 2016.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let logits = Tensor::new(&[[[9f32, 9.0, -9.0]], [[-9.0, -9.0, 9.0]]], &Device::Cpu)?;
/// let logits = logits.permute((1, 0, 2))?; // [1, 2, 3]: class 0 at two places, then class 1
/// let right = Tensor::new(&[[0u32, 0, 1]], &Device::Cpu)?;
/// assert!(ops::dice(&logits, &right, None)?.to_scalar::<f32>()? < 1e-6);
/// let wrong = Tensor::new(&[[1u32, 1, 0]], &Device::Cpu)?;
/// assert!(ops::dice(&logits, &wrong, None)?.to_scalar::<f32>()? > 0.7);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, a target is not a class, or every target is ignored.
pub fn dice(logits: &Tensor, targets: &Tensor, ignore_index: Option<i64>) -> Result<Tensor> {
    let options = CrossEntropy {
        ignore_index,
        ..CrossEntropy::default()
    };
    let classes = check("dice", logits, targets, &options)?;
    let numbers = (targets.to_dtype(DType::I64)?.flatten_all()?).to_vec1::<i64>()?;
    let counted = position_weights(&numbers, classes, &options)?;

    // Where each class is, `[batch, classes, positions]`.
    let batch = targets.dims()[0];
    let positions = numbers.len() / batch.max(1);
    let mut area = vec![0f32; batch * classes * positions];
    let mut frequency = vec![0usize; classes];
    for (place, (&target, &counts)) in numbers.iter().zip(&counted).enumerate() {
        if counts == 0.0 {
            continue;
        }
        let class = target as usize;
        area[(place / positions * classes + class) * positions + place % positions] = 1.0;
        frequency[class] += 1;
    }
    let present: Vec<u32> = (0u32..)
        .zip(&frequency)
        .filter(|(_, n)| **n > 0)
        .map(|(c, _)| c)
        .collect();
    if present.is_empty() {
        return Err(Error::shape(
            "dice",
            "there is nothing to overlap with: the batch is empty, or every target is ignored.",
        ));
    }

    let (device, dtype) = (logits.device(), logits.dtype());
    let area = Tensor::from_vec(area, (batch, classes, positions), device)?.to_dtype(dtype)?;
    let counted = Tensor::from_vec(counted, (batch, 1, positions), device)?.to_dtype(dtype)?;
    let probability = softmax(logits, 1)?.reshape((batch, classes, positions))?;
    let probability = probability.broadcast_mul(&counted)?;
    let of_class = |values: &Tensor| values.sum(D::Minus1)?.sum(0);
    let overlap = of_class(&(&probability * &area)?)?;
    let sizes = (of_class(&probability)? + of_class(&area)?)?;
    let coefficient = (overlap.affine(2.0, 1.0)? / sizes.affine(1.0, 1.0)?)?;
    let present = Tensor::new(present, device)?;
    let mean = coefficient.index_select(&present, 0)?.mean_all()?;
    Ok(mean.affine(-1.0, 1.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn what_does_not_fit_is_one_sentence() {
        let logits = Tensor::zeros((1, 2, 3), DType::F32, &Device::Cpu).unwrap();
        let targets = |classes: [u32; 3]| Tensor::new(&[classes], &Device::Cpu).unwrap();
        let refused =
            |targets: &Tensor, ignored| dice(&logits, targets, ignored).unwrap_err().to_string();
        assert!(
            refused(&targets([0, 1, 2]), None)
                .contains("is 2 (position 2), but it must be a class")
        );
        assert!(
            refused(&targets([1, 1, 1]), Some(1)).starts_with("dice: there is nothing to overlap")
        );
        let flat = targets([0, 1, 1]).flatten_all().unwrap();
        assert!(refused(&flat, None).starts_with("dice: the logits [1, 2, 3] do not fit"));
    }

    #[test]
    fn a_class_that_is_not_there_does_not_count() {
        let logits =
            Tensor::new(&[[[9f32, 9.0], [-9.0, -9.0], [-9.0, -9.0]]], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[[0u32, 0]], &Device::Cpu).unwrap();
        let loss: f32 = dice(&logits, &targets, None).unwrap().to_scalar().unwrap();
        assert!(loss < 1e-6, "{loss}");
    }
}
