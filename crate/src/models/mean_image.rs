//! Where a decoder that ends in a sigmoid should start.

use candle_core::Tensor;

use crate::nn::{Layer, Sequential};
use crate::{Error, Result};

/// How near to 0 and 1 a mean may come: beyond, the log-odds would be so large that a pixel that is
/// black in every image could hardly be learnt otherwise.
const MARGIN: f32 = 1e-3;

/// The logits whose sigmoid is `mean`.
pub(super) fn log_odds(mean: &Tensor) -> Result<Tensor> {
    let mean = mean.clamp(MARGIN, 1.0 - MARGIN)?;
    Ok((mean.log()? - (1.0 - &mean)?.log()?)?)
}

/// Sets the bias `name` of the decoder's last convolution so that it starts at the mean grey of
/// `images`: a convolution has one bias for all pixels.
pub(super) fn start_at_mean(decoder: &Sequential, name: &str, images: &Tensor) -> Result<()> {
    let parameters = decoder.parameters();
    let bias = parameters.get(name).ok_or_else(|| {
        Error::argument("the bias of the pixels", name, "a parameter of the decoder")
    })?;
    bias.set(&log_odds(&images.mean_all()?.reshape(1)?)?)
}
