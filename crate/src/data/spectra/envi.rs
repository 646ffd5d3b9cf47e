//! ENVI's format: a header of text, and a file of nothing but numbers.
//!
//! Source: NV5 Geospatial, "ENVI Header Files".

use std::collections::HashMap;

use super::Spectra;
use super::array::{Array, count, sizes};
use super::number::Number;
use crate::{Error, Result};

/// What a header says, by the names of its fields in lower case.
pub(super) struct Header<'a> {
    file: &'a str,
    fields: HashMap<String, String>,
}

impl<'a> Header<'a> {
    /// Reads the text of the header called `file`.
    pub(super) fn parse(file: &'a str, text: &str) -> Result<Self> {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        if lines.next().map(str::trim) != Some("ENVI") {
            let problem = "its first line should be `ENVI`: it is the header of another format";
            return Err(Error::data(file, problem));
        }
        let mut fields = HashMap::new();
        while let Some(line) = lines.next() {
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let (name, mut value) = (name.trim().to_lowercase(), value.trim().to_owned());
            // A list in braces goes on over several lines.
            while value.starts_with('{') && !value.contains('}') {
                let Some(line) = lines.next() else {
                    let problem = format!("the list of `{name:.40}` has no closing brace");
                    return Err(Error::data(file, problem));
                };
                value.push(' ');
                value.push_str(line.trim());
            }
            fields.insert(name, value);
        }
        Ok(Self { file, fields })
    }

    fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        Error::data(self.file, problem)
    }

    /// A whole number, or `missing` if the field is not there.
    fn number(&self, name: &str, missing: Option<usize>) -> Result<usize> {
        match (self.fields.get(name), missing) {
            (Some(value), _) => value.parse().map_err(|_| {
                self.wrong(format!(
                    "`{name}` is `{value:.40}`, but a whole number is expected"
                ))
            }),
            (None, Some(missing)) => Ok(missing),
            (None, None) => Err(self.wrong(format!("`{name}` is missing"))),
        }
    }

    /// A number with a fraction, if the field is there.
    fn fraction(&self, name: &str) -> Result<Option<f32>> {
        let value = self.fields.get(name).map(|value| {
            value.parse().map_err(|_| {
                self.wrong(format!(
                    "`{name}` is `{value:.40}`, but a number is expected"
                ))
            })
        });
        value.transpose()
    }

    fn kind(&self) -> Result<Number> {
        Ok(match self.number("data type", None)? {
            1 => Number::U8,
            2 => Number::I16,
            3 => Number::I32,
            4 => Number::F32,
            5 => Number::F64,
            12 => Number::U16,
            13 => Number::U32,
            14 => Number::I64,
            15 => Number::U64,
            other => {
                return Err(self.wrong(format!(
                    "`data type` is {other}, but 1, 2, 3, 4, 5, 12, 13, 14 and 15 are read: integers \
                     and real numbers of 1 to 8 bytes"
                )));
            }
        })
    }

    /// The wavelengths of the bands, if they are listed.
    fn wavelengths(&self) -> Result<Option<Vec<f64>>> {
        let Some(list) = self.fields.get("wavelength") else {
            return Ok(None);
        };
        let inner = list.trim_start_matches('{').trim_end_matches('}').trim();
        let wavelength = |text: &str| {
            text.trim().parse().map_err(|_| {
                let found = text.trim();
                self.wrong(format!(
                    "`{found:.40}` is among the wavelengths, which are numbers"
                ))
            })
        };
        inner
            .split(',')
            .map(wavelength)
            .collect::<Result<_>>()
            .map(Some)
    }

    /// The scene `[height, width, bands]` in `data`, which is the content of the file `of`.
    pub(super) fn scene(&self, of: &str, data: &[u8]) -> Result<Spectra> {
        let [height, width, bands] = [
            self.number("lines", None)?,
            self.number("samples", None)?,
            self.number("bands", None)?,
        ];
        let dims = vec![height, width, bands];
        let numbers = count(self.file, &dims)?;
        let number = self.kind()?;
        let offset = self.number("header offset", Some(0))?;
        let expected = numbers * number.size();
        let values = data.get(offset..).unwrap_or_default();
        if values.len() != expected {
            return Err(Error::data(
                of,
                format!(
                    "its header announces {} numbers of {} bytes behind byte {offset}, {expected} bytes, \
                     but {} follow: it is truncated or the header is wrong",
                    sizes(&dims),
                    number.size(),
                    values.len()
                ),
            ));
        }
        let big_endian = match self.number("byte order", Some(0))? {
            0 => false,
            1 => true,
            other => return Err(self.wrong(format!("`byte order` is {other}, but it is 0 or 1"))),
        };
        let interleave = self
            .fields
            .get("interleave")
            .map(|value| value.to_lowercase());
        let steps = match interleave.as_deref() {
            Some("bsq") => [width, 1, height * width],
            Some("bil") => [bands * width, 1, width],
            Some("bip") => [width * bands, bands, 1],
            other => {
                let found = other.unwrap_or("missing");
                let problem = format!("`interleave` is {found:.40}, but it is bsq, bil or bip");
                return Err(self.wrong(problem));
            }
        };
        let mut stored = number.decode(values, big_endian);
        if let Some(ignored) = self.fraction("data ignore value")?
            && let Some(place) = stored.iter().position(|&value| value == ignored)
        {
            return Err(Error::data(
                of,
                format!(
                    "number {} is {ignored}, which the header calls a value to ignore; cut the pixels \
                     without data off",
                    place + 1
                ),
            ));
        }
        if let Some(factor) = self.fraction("reflectance scale factor")? {
            stored.iter_mut().for_each(|value| *value /= factor);
        }
        let spectra = Array::rearranged(stored, dims, &steps).into_spectra(of)?;
        match self.wavelengths()? {
            Some(wavelengths) => {
                let spectra = spectra.with_wavelengths(wavelengths);
                spectra.map_err(|error| error.at(self.file))
            }
            None => Ok(spectra),
        }
    }
}
