//! The focal loss: cross-entropy that attends to what is hard.

use candle_core::{DType, Tensor};

use super::Reduction;
use super::cross_entropy::{CrossEntropy, cross_entropy};
use crate::{Error, Result};

/// The mean of `-(1 - p)^gamma ln p` over all positions, where `p` is the probability that the
/// softmax of the logits gives the target. With a `gamma` of 2, a pixel whose `p` is 0.9 counts a
/// hundredth of what it counts in the cross-entropy, which `gamma` 0 is: many easy pixels no longer
/// drown the few hard ones. Logits and targets are as in [`cross_entropy`]; positions whose target
/// is `ignore_index` do not count. Source: T. Lin et al., *Focal loss for dense object detection*,
/// ICCV 2017.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let logits = Tensor::new(&[[0f32, 0.0]], &Device::Cpu)?; // p = 1/2
/// let targets = Tensor::new(&[1u32], &Device::Cpu)?;
/// let loss: f32 = ops::focal(&logits, &targets, 2.0, None)?.to_scalar()?;
/// assert!((loss - 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, a target is not a class, every target is ignored, or `gamma` is
/// neither 0 nor at least 1 (between them the gradient of a sure pixel is infinite).
pub fn focal(
    logits: &Tensor,
    targets: &Tensor,
    gamma: f64,
    ignore_index: Option<i64>,
) -> Result<Tensor> {
    if gamma != 0.0 && !(gamma >= 1.0 && gamma.is_finite()) {
        return Err(Error::argument(
            "the gamma of the focal loss",
            gamma,
            "0, or 1 or above",
        ));
    }
    let mut options = CrossEntropy {
        ignore_index,
        ..CrossEntropy::default()
    };
    if gamma == 0.0 {
        return cross_entropy(logits, targets, &options);
    }
    options.reduction = Reduction::None;
    // 0 where the target is ignored.
    let losses = cross_entropy(logits, targets, &options)?;
    let missing = losses.neg()?.exp()?.affine(-1.0, 1.0)?.powf(gamma)?;
    let sum = (missing * losses)?.sum_all()?;
    let numbers = targets
        .to_dtype(DType::I64)?
        .flatten_all()?
        .to_vec1::<i64>()?;
    let counted = numbers
        .iter()
        .filter(|&&target| ignore_index != Some(target))
        .count();
    Ok((sum * Reduction::Mean.scale("focal", counted)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_gamma_whose_gradient_is_infinite_is_refused() {
        let logits = Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        for gamma in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
            let error = focal(&logits, &targets, gamma, None)
                .unwrap_err()
                .to_string();
            assert!(error.contains("but it must be 0, or 1 or above"), "{error}");
        }
        let error = focal(&logits, &targets, 2.0, Some(1))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("focal: there is no element"), "{error}");
    }
}
