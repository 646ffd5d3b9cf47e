//! Clipping of gradients.

use candle_core::DType;
use candle_core::backprop::GradStore;

use crate::nn::Parameters;
use crate::{Error, Result};

/// Scales the gradients of all trainable parameters together so that their norm is at most
/// `max_norm`, like PyTorch's `clip_grad_norm_`. Returns the norm before the scaling.
///
/// # Errors
/// If `max_norm` is not positive.
pub fn clip_by_norm(
    parameters: &Parameters,
    gradients: &mut GradStore,
    max_norm: f64,
) -> Result<f64> {
    if max_norm.is_nan() || max_norm <= 0.0 {
        return Err(Error::argument("max_norm", max_norm, "above zero"));
    }
    let mut squares = 0.0;
    for (_, parameter) in parameters.trainable() {
        if let Some(gradient) = gradients.get(&parameter.var()) {
            let square = gradient.sqr()?.sum_all()?.to_dtype(DType::F64)?;
            squares += square.to_scalar::<f64>()?;
        }
    }
    let norm = squares.sqrt();
    // PyTorch's small number, which avoids a division by a norm of zero.
    let scale = max_norm / (norm + 1e-6);
    if scale < 1.0 {
        for (_, parameter) in parameters.trainable() {
            let var = parameter.var();
            if let Some(gradient) = gradients.remove(&var) {
                gradients.insert(&var, (gradient * scale)?);
            }
        }
    }
    Ok(norm)
}
