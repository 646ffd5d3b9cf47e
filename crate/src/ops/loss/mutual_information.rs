//! Mutual information of two categorical codes.

use candle_core::Tensor;

use super::check_same_shape;
use crate::{Error, Result};

/// Keeps the logarithm away from zero. It is too small to change a probability in f32.
const TINY: f64 = 1e-12;

/// The mutual information, in nats, between the categories of examples under the probabilities `p`
/// `[n, categories]` and those under `q`, such as the categories of images and of the same images
/// distorted. The result is a scalar between 0 and `ln categories`.
///
/// It is `Σ P(c, d) (ln P(c, d) - ln P(c) - ln P(d))` for `P = pᵀq / n`, made symmetric. It is
/// largest if all categories are equally frequent and each example has a single one, the same in
/// `p` and `q`. Source: X. Ji, J. F. Henriques and A. Vedaldi, *Invariant information clustering
/// for unsupervised image classification and segmentation*, ICCV 2019.
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
/// If the shapes or types differ, or there are no examples or categories.
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
    use crate::ops::backward;
    use candle_core::{Device, Var};

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

    /// The gradient of `p` by the formula, in loops.
    fn slopes(p: [[f64; 2]; 2], q: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
        let n = p.len() as f64;
        let product = |c: usize, d: usize| (0..2).map(|i| p[i][c] * q[i][d]).sum::<f64>();
        let joint = |c, d| (product(c, d) + product(d, c)) / (2.0 * n);
        let marginal = |c| joint(c, 0) + joint(c, 1);
        // The derivative of `x ln(x + TINY)`.
        let slope = |x: f64| (x + TINY).ln() + x / (x + TINY);
        let of_joint = |c, d| slope(joint(c, d)) - slope(marginal(c)) - slope(marginal(d));
        let of_p = |i: usize, c| (0..2).map(|d| of_joint(c, d) * q[i][d]).sum::<f64>() / n;
        [0, 1].map(|i| [0, 1].map(|c| of_p(i, c)))
    }

    #[test]
    fn probabilities_of_zero_and_next_to_it_have_the_gradient_of_the_formula() {
        let codes = [
            [1.0, 0.0],
            [1e-6, 1.0 - 1e-6],
            [1.0 - 1e-12, 1e-12],
            [0.3, 0.7],
        ];
        for (a, b) in codes
            .iter()
            .flat_map(|a| codes.iter().map(move |b| (*a, *b)))
        {
            let (p, q) = ([a, b], [b, codes[0]]);
            let variable = Var::new(&p, &Device::Cpu).unwrap();
            let q_tensor = Tensor::new(&q, &Device::Cpu).unwrap();
            let information = mutual_information(&variable, &q_tensor).unwrap();
            let gradients = backward(&information).unwrap();
            let found = gradients.get(&variable).unwrap().to_vec2::<f64>().unwrap();
            for (found, expected) in found.concat().iter().zip(slopes(p, q).concat()) {
                assert!(
                    (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
                    "{p:?} {q:?}"
                );
            }
        }
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
