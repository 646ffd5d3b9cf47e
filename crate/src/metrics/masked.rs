//! Selection by a mask.

use candle_core::Tensor;

use crate::{Error, Result};

/// The entries `[n]` of `values` where `mask`, of the same shape, is not zero, like PyTorch's
/// `masked_select`. With it, any metric can be computed on the words of padded sentences.
///
/// ```
/// use cuaderno::{metrics::masked_select, prelude::*};
/// let tags = Tensor::new(&[[1u32, 2, 1], [2, 0, 0]], &Device::Cpu)?; // two words of padding
/// let predicted = Tensor::new(&[[1u32, 2, 2], [2, 1, 1]], &Device::Cpu)?;
/// let mask = Tensor::new(&[[1u8, 1, 1], [1, 0, 0]], &Device::Cpu)?;
/// let words = |tags: &Tensor| masked_select(tags, &mask);
/// assert_eq!(accuracy(&words(&tags)?, &words(&predicted)?)?, 0.75);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes differ.
pub fn masked_select(values: &Tensor, mask: &Tensor) -> Result<Tensor> {
    if values.dims() != mask.dims() {
        return Err(Error::shape(
            "masked_select",
            format!(
                "the values are {:?}, but the mask is {:?}; it must have an entry for each value.",
                values.dims(),
                mask.dims()
            ),
        ));
    }
    let shown = mask
        .ne(&mask.zeros_like()?)?
        .flatten_all()?
        .to_vec1::<u8>()?;
    let places = (0u32..).zip(&shown).filter(|(_, shown)| **shown != 0);
    let places: Vec<u32> = places.map(|(place, _)| place).collect();
    let count = places.len();
    let places = Tensor::from_vec(places, count, values.device())?;
    Ok(values.flatten_all()?.index_select(&places, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn every_type_of_mask_selects_and_another_shape_is_named() {
        let values = Tensor::new(&[[1.5f32, 2.5], [3.5, 4.5]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[0f32, 1.0], [2.0, 0.0]], &Device::Cpu).unwrap();
        let chosen = masked_select(&values, &mask).unwrap();
        assert_eq!(chosen.to_vec1::<f32>().unwrap(), [2.5, 3.5]);
        let none = mask.zeros_like().unwrap().to_dtype(DType::U8).unwrap();
        assert_eq!(masked_select(&values, &none).unwrap().dims(), [0]);
        let error = masked_select(&values, &mask.flatten_all().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "masked_select: the values are [2, 2], but the mask is [4]; it must have an entry for each value."
        );
    }
}
