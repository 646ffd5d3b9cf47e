//! Choosing images together with their labels or masks.

use candle_core::{Device, Tensor};

use crate::{Error, Result, notebook};

/// The first `n` of the images and of what belongs to them, or all if there are fewer, without
/// copying them.
pub(super) fn first(images: &Tensor, theirs: &Tensor, n: usize) -> Result<(Tensor, Tensor)> {
    if n == 0 {
        return Err(Error::argument(
            "the number of images to take",
            n,
            "1 or more",
        ));
    }
    let n = n.min(images.dims()[0]);
    Ok((images.narrow(0, 0, n)?, theirs.narrow(0, 0, n)?))
}

/// The images at `indices`, in this order, and what belongs to them. Only these are copied.
pub(super) fn at(images: &Tensor, theirs: &Tensor, indices: &[u32]) -> Result<(Tensor, Tensor)> {
    notebook::check_stop()?;
    let count = images.dims()[0];
    if let Some(index) = indices.iter().find(|&&index| index as usize >= count) {
        return Err(Error::argument(
            "the index of an image",
            index,
            format!("below {count}, the number of images"),
        ));
    }
    let indices = Tensor::new(indices, &Device::Cpu)?.to_device(images.device())?;
    Ok((
        images.index_select(&indices, 0)?,
        theirs.index_select(&indices, 0)?,
    ))
}
