//! The negative log-likelihood of a Gaussian distribution.

use candle_core::Tensor;

use crate::{Error, Result};

/// The negative logarithm of the density of N(mean, exp(log_variance)) at `x`, in nats, summed over
/// all dimensions but the first: `1/2 Σ (ln 2π + log_variance + (x - mean)² / exp(log_variance))`.
/// `x` and `mean` are `[batch, ..]`, and `log_variance` has their shape or that of one example. The
/// result, `[batch]`, has a number for each example; it is a density's, so it may be negative.
///
/// It is PyTorch's `gaussian_nll_loss` with `full=True`, which takes variances, summed.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::new(&[[0f32, 0.0], [3.0, 0.0]], &Device::Cpu)?;
/// let nll = ops::gaussian_nll(&x, &x.zeros_like()?, &Tensor::zeros(2, DType::F32, &Device::Cpu)?)?;
/// let ln_2_pi = std::f32::consts::TAU.ln();
/// assert_eq!(nll.to_vec1::<f32>()?, [ln_2_pi, ln_2_pi + 4.5]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, or there is no batch dimension.
pub fn gaussian_nll(x: &Tensor, mean: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    super::check_same_shape("gaussian_nll", ("x", x), ("mean", mean))?;
    let fits = match x.dims() {
        [] => false,
        [_, example @ ..] => log_variance.dims() == example || log_variance.dims() == x.dims(),
    };
    if !fits {
        return Err(Error::shape(
            "gaussian_nll",
            format!(
                "x is {:?} and the log-variance {:?}; x is [batch, ..], and the log-variance has its \
                 shape or that of one example.",
                x.dims(),
                log_variance.dims()
            ),
        ));
    }
    let precision = log_variance.neg()?.exp()?;
    let distances = (x - mean)?.sqr()?.broadcast_mul(&precision)?;
    let terms = (distances.broadcast_add(log_variance)? + std::f64::consts::TAU.ln())?;
    Ok((terms.flatten_from(1)?.sum(1)? * 0.5)?)
}
