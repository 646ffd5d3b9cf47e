//! A network over more examples than fit into memory at once.

use candle_core::Tensor;

use crate::Result;
use crate::nn::{Activation, Layer, Pass, Sequential, no_grad};

/// What a layer makes of this many examples fits into memory, and keeps all cores busy.
const BATCH: usize = 500;

/// The outputs of `network` for all `inputs`, without gradients, some examples at a time.
pub(super) fn in_batches(
    inputs: &Tensor,
    network: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    in_masked_batches(inputs, None, |inputs, _| network(inputs))
}

/// The same for inputs with a mask whose first dimension counts the examples, too.
pub(super) fn in_masked_batches(
    inputs: &Tensor,
    mask: Option<&Tensor>,
    network: impl Fn(&Tensor, Option<&Tensor>) -> Result<Tensor>,
) -> Result<Tensor> {
    let examples = inputs.dims().first().copied().unwrap_or(0);
    if examples <= BATCH {
        return no_grad(|| network(inputs, mask));
    }
    let mut outputs = Vec::new();
    for start in (0..examples).step_by(BATCH) {
        let rows = |tensor: &Tensor| tensor.narrow(0, start, BATCH.min(examples - start));
        let (inputs, mask) = (rows(inputs)?, mask.map(rows).transpose()?);
        outputs.push(no_grad(|| network(&inputs, mask.as_ref()))?);
    }
    Ok(Tensor::cat(&outputs, 0)?)
}

/// The pixels in `[0, 1]` of `codes`, of which `decoder` gives the logits.
pub(super) fn decode(decoder: &Sequential, codes: &Tensor) -> Result<Tensor> {
    in_batches(codes, |codes| {
        let logits = decoder.apply(codes, &mut Pass::Evaluate)?;
        Activation::Sigmoid.apply(&logits)
    })
}
