//! Checks of numbers before they are drawn.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// The numbers of a tensor, which must be finite. `what` is the name of one of them in the error.
pub(super) fn finite(what: &'static str, tensor: &Tensor) -> Result<Vec<f64>> {
    let values: Vec<f64> = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    check_finite(what, values.iter().copied())?;
    Ok(values)
}

/// Rejects NaN and infinity. `what` is the name of one of the values in the error.
pub(super) fn check_finite(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
) -> Result<()> {
    match values
        .into_iter()
        .enumerate()
        .find(|(_, value)| !value.is_finite())
    {
        None => Ok(()),
        Some((place, value)) => Err(Error::argument(
            what,
            format!("{value} (number {place})"),
            "finite to be drawn; a training that diverged gives such numbers",
        )),
    }
}
