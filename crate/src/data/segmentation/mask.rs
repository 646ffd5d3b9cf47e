//! Masks in files: PNG, as class numbers.

use std::io::Cursor;

use super::photo::check_size;
use crate::{Error, Result};

/// What the pixels of a mask stand for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// White is the object, class 1; black is the background, class 0. 0 and 1 will do as well.
    BlackAndWhite,
    /// The numbers of this many classes, from 0 on: grey levels, or places in a palette.
    Classes(usize),
}

/// The class of each pixel of one picture, row by row.
#[derive(Debug)]
pub(super) struct Mask {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) classes: Vec<u32>,
}

impl Mask {
    /// Reads the bytes of `file`. Grey levels may have 1 to 16 bits; a picture in colours will do if
    /// red, green and blue are equal, and transparency does not count.
    pub(super) fn parse(file: &str, bytes: &[u8], meaning: Meaning) -> Result<Self> {
        if bytes.starts_with(&[0xff, 0xd8]) {
            return Err(Error::data(
                file,
                "a mask must not be a JPEG, which blurs the borders between its classes; save it \
                 as a PNG",
            ));
        }
        let broken = |error: png::DecodingError| {
            Error::data(
                file,
                format!("the mask cannot be decoded as a PNG ({error})"),
            )
        };
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(broken)?;
        let (width, height) = (reader.info().width as usize, reader.info().height as usize);
        check_size(file, width, height)?;
        let palette = reader
            .info()
            .palette
            .as_ref()
            .map(|palette| palette.to_vec());
        let mut stored = vec![0; reader.output_buffer_size()];
        let frame = reader.next_frame(&mut stored).map_err(broken)?;

        let bits = frame.bit_depth as usize;
        let samples = frame.color_type.samples();
        let line = frame.line_size;
        let rows = stored[..frame.buffer_size()].chunks_exact(line);
        let numbers: Vec<u32> = rows
            .flat_map(|row| (0..width * samples).map(|at| sample(row, at, bits)))
            .collect();
        let grey = |pixel: &[u32]| match pixel {
            [r, g, b, ..] if r != g || g != b => None,
            [level, ..] => Some(*level),
            [] => None,
        };
        let most = (1u32 << bits) - 1;
        let class = |pixel: &[u32]| -> Option<u32> {
            let mut level = grey(pixel)?;
            match meaning {
                Meaning::Classes(classes) => {
                    Some(level).filter(|&level| (level as usize) < classes)
                }
                Meaning::BlackAndWhite => {
                    let mut white = most;
                    if let Some(palette) = &palette {
                        let colour = palette.get(3 * level as usize..)?.get(..3)?;
                        level = grey(&[0, 1, 2].map(|channel| u32::from(colour[channel])))?;
                        white = 255;
                    }
                    match level {
                        0 => Some(0),
                        1 => Some(1),
                        _ if level == white => Some(1),
                        _ => None,
                    }
                }
            }
        };
        let mut classes = Vec::with_capacity(width * height);
        for (place, pixel) in numbers.chunks_exact(samples).enumerate() {
            let Some(class) = class(pixel) else {
                return Err(unknown(file, pixel, place, width, meaning));
            };
            classes.push(class);
        }
        Ok(Self {
            width,
            height,
            classes,
        })
    }
}

/// The `at`-th sample of a row, of 1 to 16 bits.
fn sample(row: &[u8], at: usize, bits: usize) -> u32 {
    match bits {
        8 => row[at].into(),
        16 => u16::from_be_bytes([row[2 * at], row[2 * at + 1]]).into(),
        _ => {
            let in_byte = 8 / bits;
            let shift = 8 - bits * (at % in_byte + 1);
            (u32::from(row[at / in_byte]) >> shift) & ((1 << bits) - 1)
        }
    }
}

fn unknown(file: &str, pixel: &[u32], place: usize, width: usize, meaning: Meaning) -> Error {
    let expected = match meaning {
        Meaning::BlackAndWhite => {
            "0 or 255 (black or white), or 0 or 1; a resized mask has grey borders if it was not \
             resized by nearest neighbour, so take the original one"
                .to_owned()
        }
        Meaning::Classes(classes) => format!("the number of one of {classes} classes, from 0 on"),
    };
    Error::data(
        file,
        format!(
            "the pixel in row {}, column {} is {pixel:?}, but a mask has {expected}",
            place / width,
            place % width
        ),
    )
}
