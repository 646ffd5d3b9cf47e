//! Pooling over all positions of an image or a sequence.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::ops::Pool1d;
use crate::{Error, Result, ops};

/// The mean of each channel: images `[batch, channels, height, width]` or sequences `[batch,
/// channels, time]` become `[batch, channels]` (Lin et al. 2014). It is Keras'
/// `GlobalAveragePooling`, and PyTorch's `AdaptiveAvgPool2d(1)` flattened.
///
/// ```
/// use cuaderno::{nn::{GlobalAvgPool, Layer}, prelude::*};
/// assert_eq!(GlobalAvgPool.output_shape(&[64, 7, 7])?, [64]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GlobalAvgPool;

/// The largest value of each channel, with the shapes of [`GlobalAvgPool`]. The first of equal
/// values gets the gradient.
#[derive(Clone, Copy, Debug)]
pub struct GlobalMaxPool;

impl Layer for GlobalAvgPool {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        Ok(channels("GlobalAvgPool", input)?.mean(2)?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        output("GlobalAvgPool", input)
    }

    fn kind(&self) -> String {
        "GlobalAvgPool".into()
    }
}

impl Layer for GlobalMaxPool {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        let channels = channels("GlobalMaxPool", input)?;
        let all = Pool1d::window(channels.dim(2)?);
        Ok(ops::max_pool1d(&channels, all)?.squeeze(2)?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        output("GlobalMaxPool", input)
    }

    fn kind(&self) -> String {
        "GlobalMaxPool".into()
    }
}

/// The positions of each channel in a row: `[batch, channels, positions]`.
fn channels(layer: &'static str, input: &Tensor) -> Result<Tensor> {
    output(layer, input.dims().get(1..).unwrap_or_default())?;
    Ok(input.flatten_from(2)?)
}

fn output(layer: &'static str, input: &[usize]) -> Result<Vec<usize>> {
    match input {
        [channels, positions @ ..] if !positions.is_empty() && !positions.contains(&0) => {
            Ok(vec![*channels])
        }
        _ => Err(Error::shape(
            layer,
            format!(
                "an example is {input:?}, but it must be an image, [channels, height, width], or a sequence, [channels, time], with one position or more."
            ),
        )),
    }
}

forward_is_evaluation!(GlobalAvgPool);
forward_is_evaluation!(GlobalMaxPool);
