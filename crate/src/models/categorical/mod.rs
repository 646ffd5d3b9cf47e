//! Variational autoencoders whose code is a category, or has one in it.

mod joint;
#[cfg(test)]
mod tests;
mod vae;

pub use joint::JointVae;
pub use vae::CategoricalVae;

use candle_core::{D, DType, Device, Tensor};

use super::mean_image::log_odds;
use crate::Result;
use crate::nn::{Layer, Sequential};

/// The likeliest category of each row of `scores` `[n, categories]`, `[n]` of u32.
fn likeliest(scores: &Tensor) -> Result<Tensor> {
    Ok(scores.argmax(D::Minus1)?)
}

/// A row for each of `categories` `[n]`, out of `count`, with a 1 in its place: `[n, count]`.
fn one_hot(categories: &Tensor, count: usize, dtype: DType) -> Result<Tensor> {
    let rows = Tensor::eye(count, dtype, &Device::Cpu)?.to_device(categories.device())?;
    Ok(rows.index_select(categories, 0)?)
}

/// Sets the bias of the decoder's last convolution so that it starts at the mean grey of `images`: a
/// convolution has one bias for all pixels.
fn start_at_mean(decoder: &Sequential, images: &Tensor) -> Result<()> {
    match decoder.parameters().get("conv_transpose3.bias") {
        Some(bias) => bias.set(&log_odds(&images.mean_all()?.reshape(1)?)?),
        None => Ok(()),
    }
}
