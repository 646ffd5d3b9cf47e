//! A good start for a decoder that ends in a sigmoid.

use candle_core::Tensor;

use crate::nn::{Layer, Sequential};
use crate::{Error, Result};

/// The distance that means keep from 0 and 1. Closer than this, the log-odds of a pixel that is
/// black in every image would be so large that it could hardly change in training.
const MARGIN: f32 = 1e-3;

/// Sets the bias of the decoder's last layer so that the decoder starts at the mean of `examples`
/// `[n, ..]`. A dense layer has a bias for each number, and starts at the mean example; a
/// convolution has one for each channel, and starts at the channel's mean.
pub(super) fn start_at_mean(decoder: &Sequential, examples: &Tensor) -> Result<()> {
    let parameters = decoder.parameters();
    let last = parameters.iter().last();
    let Some((_, bias)) = last.filter(|(name, _)| name.ends_with(".bias")) else {
        return Err(Error::argument(
            "the decoder's last parameter",
            last.map_or("missing", |(name, _)| name),
            "the bias of its last layer, to start at the mean",
        ));
    };
    let shape = decoder.output_shape(decoder.input_shape())?;
    match examples.dims() {
        [n, example @ ..] if *n > 0 && *example == shape => {}
        other => {
            return Err(Error::shape(
                "start_at_mean",
                format!(
                    "the examples are {other:?}, but the decoder gives {shape:?}; they must be [n, ..] with examples of that shape, and at least one."
                ),
            ));
        }
    }
    let each = shape.iter().product::<usize>();
    let mean = match bias.dims()[..] {
        [biases] if biases == each => examples.flatten_from(1)?.mean(0)?,
        [biases] if biases == shape[0] => examples.transpose(0, 1)?.flatten_from(1)?.mean(1)?,
        ref other => {
            return Err(Error::shape(
                "start_at_mean",
                format!(
                    "the bias of the decoder's last layer is {other:?}, but an example is {shape:?}; there must be one for each number or for each channel."
                ),
            ));
        }
    };
    bias.set(&log_odds(&mean)?)
}

/// The logits with the sigmoid `mean`.
fn log_odds(mean: &Tensor) -> Result<Tensor> {
    let mean = mean.clamp(MARGIN, 1.0 - MARGIN)?;
    Ok((mean.log()? - (1.0 - &mean)?.log()?)?)
}
