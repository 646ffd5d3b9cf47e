//! Whether two networks fit each other.

use crate::nn::{Layer, Sequential};
use crate::{Error, Result};

/// Checks that `decoder` takes codes of this shape and outputs examples of the shape that `encoder`
/// takes.
pub(super) fn check_decoder(
    model: &'static str,
    encoder: &Sequential,
    code: &[usize],
    decoder: &Sequential,
) -> Result<()> {
    let (example, taken) = (encoder.input_shape(), decoder.input_shape());
    if taken != code {
        return Err(Error::shape(
            model,
            format!(
                "a code is {code:?}, but the decoder takes {taken:?}; give it the code's shape."
            ),
        ));
    }
    let restored = decoder.output_shape(code)?;
    if restored != example {
        return Err(Error::shape(
            model,
            format!(
                "the encoder takes {example:?}, but the decoder gives {restored:?}; it must end in the shape of an example."
            ),
        ));
    }
    Ok(())
}
