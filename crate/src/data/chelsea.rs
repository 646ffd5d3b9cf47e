//! A photograph to try filters on.

use std::io::Cursor;

use candle_core::{Device, Tensor};

use crate::{Error, Result};

/// Chelsea the cat, photographed by Stéfan van der Walt: `[3, 150, 225]`, with red, green and blue
/// in `[0, 1]`. Fur, whiskers and eyes have edges in every direction and at several scales. The
/// picture ships with Cuaderno; it is scikit-image's picture of this name at half its size.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let photo = chelsea()?;
/// assert_eq!(photo.dims(), [3, 150, 225]);
/// let grey = photo.mean(0)?;
/// assert_eq!(grey.dims(), [150, 225]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// Only if candle cannot make the tensor.
pub fn chelsea() -> Result<Tensor> {
    let file = "the shipped picture chelsea.png";
    let bytes = include_bytes!("../../../datasets/chelsea/chelsea.png");
    let wrong = |error: png::DecodingError| Error::data(file, error.to_string());
    let mut reader = png::Decoder::new(Cursor::new(bytes))
        .read_info()
        .map_err(wrong)?;
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    let mut levels = vec![0; 3 * height * width];
    reader.next_frame(&mut levels).map_err(wrong)?;
    let pixels: Vec<f32> = levels
        .iter()
        .map(|&level| f32::from(level) / 255.0)
        .collect();
    let pixels = Tensor::from_vec(pixels, (height, width, 3), &Device::Cpu)?;
    Ok(pixels.permute((2, 0, 1))?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::IndexOp;

    #[test]
    fn channels_are_red_green_and_blue() {
        let photo = chelsea().unwrap();
        // The nose is reddish brown.
        let place: Vec<f32> = photo.i((.., 119, 137)).unwrap().to_vec1().unwrap();
        assert_eq!(place, [127, 40, 10].map(|level| level as f32 / 255.0));
    }
}
