//! Variational autoencoders whose code is, or contains, a category.

mod joint;
#[cfg(test)]
mod tests;
mod vae;

pub use joint::JointVae;
pub use vae::CategoricalVae;

use candle_core::{D, DType, Device, Tensor};

use crate::Result;
use crate::nn::Sequential;

/// The category with the highest score in each row of `scores` `[n, categories]`: `[n]` of u32.
fn likeliest(scores: &Tensor) -> Result<Tensor> {
    Ok(scores.argmax(D::Minus1)?)
}

/// The number of values in an example.
fn numbers(encoder: &Sequential) -> f64 {
    encoder.input_shape().iter().product::<usize>() as f64
}

/// The one-hot rows `[n, count]` of `categories` `[n]`.
pub(super) fn one_hot(categories: &Tensor, count: usize, dtype: DType) -> Result<Tensor> {
    let rows = Tensor::eye(count, dtype, &Device::Cpu)?.to_device(categories.device())?;
    Ok(rows.index_select(categories, 0)?)
}
