//! Variational autoencoders whose code is a category, or has one in it.

mod joint;
#[cfg(test)]
mod tests;
mod vae;

pub use joint::JointVae;
pub use vae::CategoricalVae;

use candle_core::{D, DType, Device, Tensor};

use crate::Result;
use crate::nn::Sequential;

/// The likeliest category of each row of `scores` `[n, categories]`, `[n]` of u32.
fn likeliest(scores: &Tensor) -> Result<Tensor> {
    Ok(scores.argmax(D::Minus1)?)
}

/// How many numbers an example has.
fn numbers(encoder: &Sequential) -> f64 {
    encoder.input_shape().iter().product::<usize>() as f64
}

/// A row for each of `categories` `[n]`, out of `count`, with a 1 in its place: `[n, count]`.
fn one_hot(categories: &Tensor, count: usize, dtype: DType) -> Result<Tensor> {
    let rows = Tensor::eye(count, dtype, &Device::Cpu)?.to_device(categories.device())?;
    Ok(rows.index_select(categories, 0)?)
}
