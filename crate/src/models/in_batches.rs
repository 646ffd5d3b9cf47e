//! Running a network on more examples than fit into memory at once.

use candle_core::Tensor;

use crate::Result;
use crate::nn::{Activation, Layer, Pass, Sequential, no_grad};

/// The most examples and the most numbers in them: few enough for a layer's output to fit into
/// memory, and enough to keep all cores busy.
const BATCH: usize = 500;
const NUMBERS: usize = 1 << 21;

/// The outputs of `network` for all `inputs`, without gradients, computed in batches.
pub(super) fn in_batches(
    inputs: &Tensor,
    network: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    in_masked_batches(inputs, None, |inputs, _| network(inputs))
}

/// The same for inputs with a mask; the first dimension of both counts the examples.
pub(super) fn in_masked_batches(
    inputs: &Tensor,
    mask: Option<&Tensor>,
    network: impl Fn(&Tensor, Option<&Tensor>) -> Result<Tensor>,
) -> Result<Tensor> {
    let examples = inputs.dims().first().copied().unwrap_or(0);
    let numbers = inputs.elem_count() / examples.max(1);
    let batch = (NUMBERS / numbers.max(1)).clamp(1, BATCH);
    if examples <= batch {
        return no_grad(|| network(inputs, mask));
    }
    let mut outputs = Vec::new();
    for start in (0..examples).step_by(batch) {
        let rows = |tensor: &Tensor| tensor.narrow(0, start, batch.min(examples - start));
        let (inputs, mask) = (rows(inputs)?, mask.map(rows).transpose()?);
        outputs.push(no_grad(|| network(&inputs, mask.as_ref()))?);
    }
    Ok(Tensor::cat(&outputs, 0)?)
}

/// The pixels in `[0, 1]` decoded from `codes` by `decoder`, which outputs their logits.
pub(super) fn decode(decoder: &Sequential, codes: &Tensor) -> Result<Tensor> {
    in_batches(codes, |codes| {
        let logits = decoder.apply(codes, &mut Pass::Evaluate)?;
        Activation::Sigmoid.apply(&logits)
    })
}
