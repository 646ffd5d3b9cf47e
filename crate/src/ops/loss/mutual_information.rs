//! What two categorical codes of the same things tell of each other.

use candle_core::Tensor;

use super::check_same_shape;
use crate::{Error, Result};

/// Keeps ln away from zero: what it adds to a probability, f32 does not see.
const TINY: f64 = 1e-12;

/// The mutual information, in nats, of the category that the probabilities `p` `[n, categories]`
/// give an example and the one that `q` gives it, such as those of an image and of the same image
/// distorted: a scalar between 0 and `ln categories`.
///
/// It is `Σ P(c, d) (ln P(c, d) - ln P(c) - ln P(d))` of `P = pᵀq / n`, made symmetric, and the
/// largest if all categories are equally frequent and each example has one, the same in `p` as in
/// `q`: X. Ji, J. F. Henriques and A. Vedaldi, *Invariant information clustering for unsupervised
/// image classification and segmentation*, ICCV 2019.
///
/// ```
/// use cuaderno::{ops, prelude::*};
/// let sure = Tensor::eye(10, DType::F32, &Device::Cpu)?; // ten examples, a category each
/// let information: f32 = ops::mutual_information(&sure, &sure)?.to_scalar()?;
/// assert!((information - 10f32.ln()).abs() < 1e-5);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes or types differ, or there is no example or category.
pub fn mutual_information(p: &Tensor, q: &Tensor) -> Result<Tensor> {
    check_same_shape("mutual_information", ("p", p), ("q", q))?;
    let n = match *p.dims() {
        [n, categories] if n > 0 && categories > 0 => n,
        ref shape => {
            return Err(Error::shape(
                "mutual_information",
                format!(
                    "the probabilities are {shape:?}; they must be [n, categories], with one of each or more."
                ),
            ));
        }
    };
    let joint = p.t()?.matmul(q)?;
    let joint = ((&joint + joint.t()?)? / (2.0 * n as f64))?;
    let ln = |probability: &Tensor| (probability + TINY)?.log();
    let marginal = ln(&joint.sum_keepdim(1)?)?;
    let independent = marginal.broadcast_add(&marginal.t()?)?;
    Ok((&joint * (ln(&joint)? - independent)?)?.sum_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn of(p: [[f64; 2]; 2], q: [[f64; 2]; 2]) -> f64 {
        let [p, q] = [p, q].map(|rows| Tensor::new(&rows, &Device::Cpu).unwrap());
        mutual_information(&p, &q).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn codes_that_agree_have_all_of_it_and_constant_or_undecided_ones_none() {
        let sure = [[1.0, 0.0], [0.0, 1.0]];
        assert!((of(sure, sure) - 2f64.ln()).abs() < 1e-9);
        let swapped = [[0.0, 1.0], [1.0, 0.0]];
        assert!(
            (of(sure, swapped) - 2f64.ln()).abs() < 1e-9,
            "only the names differ"
        );
        assert!(of([[1.0, 0.0]; 2], [[1.0, 0.0]; 2]).abs() < 1e-9);
        assert!(of([[0.5, 0.5]; 2], [[0.5, 0.5]; 2]).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let zeros =
            |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = |p: &[usize], q: &[usize]| {
            mutual_information(&zeros(p), &zeros(q))
                .unwrap_err()
                .to_string()
        };
        assert!(error(&[3, 2], &[3, 4]).contains("[3, 2]"));
        assert!(error(&[0, 2], &[0, 2]).contains("[0, 2]"));
        assert!(error(&[2], &[2]).contains("[n, categories]"));
    }
}
