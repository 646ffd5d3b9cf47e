//! Where a decoder that ends in a sigmoid should start.

use candle_core::Tensor;

use crate::Result;

/// How near to 0 and 1 a mean may come: beyond, the log-odds would be so large that a pixel that is
/// black in every image could hardly be learnt otherwise.
const MARGIN: f32 = 1e-3;

/// The logits whose sigmoid is `mean`.
pub(super) fn log_odds(mean: &Tensor) -> Result<Tensor> {
    let mean = mean.clamp(MARGIN, 1.0 - MARGIN)?;
    Ok((mean.log()? - (1.0 - &mean)?.log()?)?)
}
