//! Photographs in files: JPEG or PNG, as red, green and blue.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::exif;
use crate::{Error, Result};

/// More pixels than a camera has: a file that claims more is broken.
pub(super) const MOST_PIXELS: usize = 1 << 27;

/// Red, green and blue of one picture, 8 bits each, pixel by pixel.
#[derive(Debug)]
pub(super) struct Photo {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

impl Photo {
    /// Reads the bytes of `file`. A photograph that was taken with a turned camera, as its EXIF data
    /// say, is turned upright. Grey levels become equal parts of the three colours, 16 bits are
    /// rounded to 8, palettes are looked up, and transparent pixels keep their colour.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        match bytes {
            [0xff, 0xd8, ..] => Self::jpeg(file, bytes),
            [0x89, b'P', b'N', b'G', ..] => Self::png(file, bytes),
            _ => Err(Error::data(
                file,
                "this is neither a JPEG nor a PNG picture; save it as one of them",
            )),
        }
    }

    fn jpeg(file: &str, bytes: &[u8]) -> Result<Self> {
        let options = DecoderOptions::new_safe().jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let broken = |error| Error::data(file, format!("the JPEG cannot be decoded ({error:?})"));
        decoder.decode_headers().map_err(broken)?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        check_size(file, width, height)?;
        let rgb = decoder.decode().map_err(broken)?;
        if rgb.len() != 3 * width * height {
            return Err(Error::data(
                file,
                "the JPEG does not decode to red, green and blue",
            ));
        }
        let orientation = decoder.exif().map_or(1, |exif| exif::orientation(exif));
        let stored = Self { width, height, rgb };
        Ok(stored.upright(orientation))
    }

    fn png(file: &str, bytes: &[u8]) -> Result<Self> {
        let broken = |error: png::DecodingError| {
            Error::data(file, format!("the PNG cannot be decoded ({error})"))
        };
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().map_err(broken)?;
        let (width, height) = (reader.info().width as usize, reader.info().height as usize);
        check_size(file, width, height)?;
        let mut levels = vec![0; reader.output_buffer_size()];
        let frame = reader.next_frame(&mut levels).map_err(broken)?;
        levels.truncate(frame.buffer_size());
        if frame.bit_depth == png::BitDepth::Sixteen {
            let pairs = levels.chunks_exact(2);
            levels = pairs
                .map(|pair| rounded(u16::from_be_bytes([pair[0], pair[1]])))
                .collect();
        }
        let channels = frame.color_type.samples();
        let pixels = levels.chunks_exact(channels);
        let rgb: Vec<u8> = match channels {
            1 | 2 => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
            _ => pixels
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect(),
        };
        Ok(Self { width, height, rgb })
    }

    /// Turned and mirrored as EXIF's number of an orientation says: which corner of the stored
    /// picture is the upper left one of the scene, and whether its rows are columns.
    fn upright(self, orientation: u16) -> Self {
        let (wide, high) = (self.width, self.height);
        let swaps = orientation >= 5;
        let (width, height) = if swaps { (high, wide) } else { (wide, high) };
        if orientation == 1 {
            return self;
        }
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for row in 0..height {
            for column in 0..width {
                let (x, y) = if swaps { (row, column) } else { (column, row) };
                let x = if matches!(orientation, 2 | 3 | 7 | 8) {
                    wide - 1 - x
                } else {
                    x
                };
                let y = if matches!(orientation, 3 | 4 | 6 | 7) {
                    high - 1 - y
                } else {
                    y
                };
                rgb.extend_from_slice(&self.rgb[3 * (y * wide + x)..][..3]);
            }
        }
        Self { width, height, rgb }
    }

    /// The three colours, each `[height, width]` of numbers in `[0, 1]`.
    pub(super) fn planes(&self) -> [Vec<f32>; 3] {
        [0, 1, 2].map(|channel| {
            let levels = self.rgb.iter().skip(channel).step_by(3);
            levels.map(|&level| f32::from(level) / 255.0).collect()
        })
    }
}

/// The nearest of 256 levels.
fn rounded(level: u16) -> u8 {
    ((u32::from(level) * 255 + 32767) / 65535) as u8
}

/// Refuses a picture that is empty or too large for memory.
pub(super) fn check_size(file: &str, width: usize, height: usize) -> Result<()> {
    match width.checked_mul(height) {
        Some(1..=MOST_PIXELS) => Ok(()),
        _ => Err(Error::data(
            file,
            format!(
                "a picture has 1 to {MOST_PIXELS} pixels, but this one claims {width} x {height}"
            ),
        )),
    }
}
