//! Spectrograms, and attention drawn over them.

use candle_core::{DType, Tensor};
use plotters::element::Rectangle;
use plotters::style::{Color, RGBColor};

use super::axes::{self, Axis, Chart, Ticks};
use super::canvas::{Area, Drawn};
use super::style::{BLUE, INK, UNITS_PER_PIXEL, units};
use super::theme::Room;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// The height of the spectrogram, and its distance from the text above it.
const SPECTRUM: f64 = 180.0;
const GAP: f64 = 6.0;
/// The height of a character's row.
const ROW: f64 = 18.0;
/// The logarithm of the largest ratio of two powers that is drawn.
const RANGE: f64 = 9.0;
/// The frequencies with a label, of those that a spectrogram holds.
const LABELLED: [u32; 8] = [125, 250, 500, 1000, 2000, 4000, 8000, 16_000];

/// Shows a spectrogram `levels` `[frames, bands]`, the logarithms of powers, the darker the louder:
/// black is its loudest level, white what is weaker by a factor of 8,000 (39 decibels) or more.
/// Frames are `seconds` apart, and `frequencies` are those of the bands in hertz, from
/// the lowest.
///
/// # Errors
/// If the shapes do not fit, there are no frames, or a number is not finite or not in order.
///
/// ```
/// use cuaderno::prelude::*;
/// let mel = MelSpectrogram::new(8000, 256, 160, 32)?;
/// let levels = mel.levels(&Voice::draw(6202).say(&[7], 1)?)?;
/// let figure = spectrogram(&levels, mel.seconds(), &mel.frequencies())?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn spectrogram(levels: &Tensor, seconds: f64, frequencies: &[f64]) -> Result<Figure> {
    const NAME: &str = "spectrogram";
    Figure::new(NAME, Spectrogram::new(NAME, levels, seconds, frequencies)?)
}

/// Shows attention over the spectrogram it went to: above it a row for each character of `text`,
/// the first on top, with its `weights` `[characters, frames]`, the darker the larger. A row more
/// than the text has characters is that of its end. The rest is as for [`spectrogram`].
///
/// # Errors
/// As for [`spectrogram`], and if the weights do not fit the text.
///
/// ```
/// use cuaderno::prelude::*;
/// let mel = MelSpectrogram::new(8000, 256, 160, 32)?;
/// let levels = mel.levels(&Voice::draw(6202).say(&[1], 1)?)?;
/// let weights = Rng::new(1).uniform(0.0, 1.0, &[4, levels.dim(0)?])?;
/// let figure = attention_map(&weights, "one", &levels, mel.seconds(), &mel.frequencies())?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn attention_map(
    weights: &Tensor,
    text: &str,
    levels: &Tensor,
    seconds: f64,
    frequencies: &[f64],
) -> Result<Figure> {
    const NAME: &str = "attention_map";
    let mut map = Spectrogram::new(NAME, levels, seconds, frequencies)?;
    let mut labels: Vec<String> = text.chars().map(label).collect();
    let (characters, frames) = (labels.len(), map.levels.len());
    match *weights.dims() {
        [rows, steps] if steps == frames && rows == characters && rows > 0 => {}
        [rows, steps] if steps == frames && rows == characters + 1 => labels.push("end".into()),
        ref dims => {
            return Err(Error::shape(
                NAME,
                format!(
                    "the weights are {dims:?}, but for the {characters} characters of {text:?} and {frames} frames they must be [{characters}, {frames}], or a row more for the end."
                ),
            ));
        }
    }
    values::finite("a weight", weights)?;
    map.rows = labels
        .into_iter()
        .zip(shares(weights, f64::INFINITY)?)
        .collect();
    Figure::new(NAME, map)
}

fn label(character: char) -> String {
    match character {
        ' ' => "space".to_owned(),
        character => character.to_string(),
    }
}

/// The values of a matrix, from 1 for its largest to 0 for its smallest, or for what is `range` below
/// the largest.
fn shares(matrix: &Tensor, range: f64) -> Result<Vec<Vec<f64>>> {
    let rows = matrix.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let all = || rows.iter().flatten().copied();
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let low = all().fold(f64::INFINITY, f64::min).max(high - range);
    let share = |value: &f64| match high > low {
        true => ((value - low) / (high - low)).max(0.0),
        false => 0.0,
    };
    Ok((rows.iter())
        .map(|row| row.iter().map(share).collect())
        .collect())
}

struct Spectrogram {
    /// How loud each band is in each frame, from 0 to 1.
    levels: Vec<Vec<f64>>,
    seconds: f64,
    frequencies: Vec<f64>,
    /// The characters above it and their weights, from 0 to 1.
    rows: Vec<(String, Vec<f64>)>,
}

impl Spectrogram {
    fn new(name: &'static str, levels: &Tensor, seconds: f64, frequencies: &[f64]) -> Result<Self> {
        let ordered = frequencies.windows(2).all(|pair| pair[0] < pair[1]);
        if !(ordered && seconds > 0.0 && seconds.is_finite()) {
            return Err(Error::shape(
                name,
                format!(
                    "frames are {seconds} s apart and the frequencies are {frequencies:?}; a positive time and frequencies from the lowest are expected."
                ),
            ));
        }
        match *levels.dims() {
            [frames, bands] if frames > 0 && bands == frequencies.len() && bands > 0 => {}
            ref dims => {
                return Err(Error::shape(
                    name,
                    format!(
                        "the levels are {dims:?}, but with {} frequencies they must be [frames, {}].",
                        frequencies.len(),
                        frequencies.len()
                    ),
                ));
            }
        }
        values::finite("a level", levels)?;
        values::check_finite("a frequency", frequencies.iter().copied())?;
        Ok(Self {
            levels: shares(levels, RANGE)?,
            seconds,
            frequencies: frequencies.to_vec(),
            rows: Vec::new(),
        })
    }

    fn height(&self) -> f64 {
        match self.rows.len() {
            0 => SPECTRUM,
            rows => SPECTRUM + GAP + ROW * rows as f64,
        }
    }

    /// Where a character's row begins, from below.
    fn bottom(&self, row: usize) -> f64 {
        self.height() - ROW * (row + 1) as f64
    }

    /// The height of a band.
    fn band(&self) -> f64 {
        SPECTRUM / self.frequencies.len() as f64
    }

    /// The place of a frequency on the axis, between the middles of the bands around it.
    fn place(&self, hz: f64) -> Option<f64> {
        let band = self
            .frequencies
            .windows(2)
            .position(|pair| (pair[0]..=pair[1]).contains(&hz))?;
        let (below, above) = (self.frequencies[band], self.frequencies[band + 1]);
        Some((band as f64 + 0.5 + (hz - below) / (above - below)) * self.band())
    }

    fn y(&self) -> Axis<'_> {
        let hertz = LABELLED.iter();
        let hertz = hertz.filter_map(|&hz| Some((self.place(f64::from(hz))?, hz.to_string())));
        let characters = self.rows.iter().enumerate();
        let characters =
            characters.map(|(row, (label, _))| (self.bottom(row) + ROW / 2.0, label.clone()));
        Axis {
            name: match self.rows.len() {
                0 => "frequency in Hz",
                _ => "frequency in Hz, text above",
            },
            range: 0.0..self.height(),
            ticks: Ticks::At(hertz.chain(characters).collect()),
        }
    }

    /// A row of cells, one for each frame, the more ink the larger its share.
    fn draw_row<'s>(
        &self,
        chart: &Chart,
        shares: impl Iterator<Item = &'s f64>,
        (low, high): (f64, f64),
        ink: RGBColor,
    ) -> Drawn {
        let plane = chart.plotting_area();
        let (left, top) = plane.get_pixel_range();
        // At whole pixels, so that no seam is seen between two cells.
        let whole = |place: i32| units((f64::from(place) / UNITS_PER_PIXEL).round());
        let corner = |frame: usize, y: f64| {
            let (x, y) = plane.map_coordinate(&(self.seconds * frame as f64, y));
            (whole(x) - left.start, whole(y) - top.start)
        };
        for (frame, share) in shares.enumerate() {
            let corners = [corner(frame, low), corner(frame + 1, high)];
            let cell = Rectangle::new(corners, ink.mix(*share).filled());
            plane.strip_coord_spec().draw(&cell)?;
        }
        Ok(())
    }
}

impl Plot for Spectrogram {
    fn size(&self, room: Room) -> (f64, f64) {
        (room.width, self.height() + axes::room(&self.y()).1)
    }

    /// Thousands of cells.
    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let x = Axis {
            name: "time in seconds",
            range: 0.0..self.seconds * self.levels.len() as f64,
            ticks: Ticks::Round,
        };
        let chart = axes::draw(area, x, self.y())?;
        for band in 0..self.frequencies.len() {
            let levels = self.levels.iter().map(|frame| &frame[band]);
            let low = self.band() * band as f64;
            self.draw_row(&chart, levels, (low, low + self.band()), INK)?;
        }
        for (row, (_, weights)) in self.rows.iter().enumerate() {
            let low = self.bottom(row);
            self.draw_row(&chart, weights.iter(), (low, low + ROW), BLUE)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::canvas::Image;
    use candle_core::Device;

    const FREQUENCIES: [f64; 3] = [300.0, 900.0, 2500.0];

    /// Four frames, the second and the highest band loud.
    fn levels() -> Tensor {
        let rows = [[0f32, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0; 3], [0.0; 3]];
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_loud_cell_is_where_its_frame_and_band_are() {
        let figure = spectrogram(&levels(), 0.02, &FREQUENCIES).unwrap();
        let image = Image::from_png(&figure.png().unwrap());
        let dark = |x: usize, y: usize| image.at(x, y) == [0x22; 3];
        let places: Vec<(usize, usize)> = (0..image.height)
            .flat_map(|y| (0..image.width).map(move |x| (x, y)))
            .filter(|&(x, y)| dark(x, y))
            .collect();
        let column = |part: f64| (part * image.width as f64) as usize;
        let inside = places
            .iter()
            .filter(|(x, _)| (column(0.3)..column(0.52)).contains(x));
        assert!(inside.count() > 10_000, "{}", places.len());
        let beyond = places
            .iter()
            .filter(|&&(x, y)| x > column(0.55) && y < image.height / 2);
        assert_eq!(beyond.count(), 0);
    }

    #[test]
    fn axes_have_seconds_hertz_and_characters() {
        let weights = Tensor::ones((5, 4), DType::F32, &Device::Cpu).unwrap();
        let map = attention_map(&weights, "a on", &levels(), 0.25, &FREQUENCIES);
        let svg = map.unwrap().svg().unwrap();
        for text in [
            "a",
            "space",
            "o",
            "n",
            "end",
            "500",
            "2000",
            "time in seconds",
            "0.5",
        ] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
        assert!(!svg.contains(">4000</text>"));
    }

    #[test]
    fn what_does_not_fit_is_one_sentence() {
        let error = spectrogram(&levels(), 0.02, &FREQUENCIES[..2]).unwrap_err();
        assert!(error.to_string().contains("[4, 3]"), "{error}");
        assert!(spectrogram(&levels(), 0.0, &FREQUENCIES).is_err());
        assert!(spectrogram(&levels(), 0.02, &[3.0, 2.0, 1.0]).is_err());
        let weights = Tensor::ones((5, 4), DType::F32, &Device::Cpu).unwrap();
        let error = attention_map(&weights, "one", &levels(), 0.02, &FREQUENCIES).unwrap_err();
        assert!(
            error.to_string().contains("[5, 4]") && error.to_string().contains("[3, 4]"),
            "{error}"
        );
    }
}
