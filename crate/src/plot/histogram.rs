//! Histograms.

use plotters::element::Rectangle;
use plotters::style::Color;

use super::axes::{self, Axis, Ticks, range_around};
use super::canvas::{Area, Drawn};
use super::style;
use super::theme::Room;
use super::values::Values;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// Shows the fraction of the numbers in `values`, a tensor of any shape or a list, that falls into
/// each of `bins` equal intervals between the smallest and the largest number, or around them if
/// they hardly differ. `name` is the name of the quantity.
///
/// # Errors
/// If there is no value or no bin, or a value is NaN or infinite.
///
/// ```
/// use cuaderno::plot::histogram;
/// use cuaderno::prelude::*;
///
/// let codes = Rng::new(6202).normal(0.0, 1.0, &[1000, 8])?;
/// let figure = histogram("code", &codes, 40)?.title("Eight Gaussian numbers");
/// let figure = histogram("errors per page", &[0, 2, 1, 0, 0, 3], 4)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn histogram(name: &str, values: &(impl Values + ?Sized), bins: usize) -> Result<Figure> {
    const NAME: &str = "histogram";
    let values = values::finite("a value of the histogram", &values.values()?)?;
    if values.is_empty() || bins == 0 {
        let (values, bins) = (values.len(), bins);
        return Err(Error::shape(
            NAME,
            format!("there are {values} values and {bins} bins; give at least one of each."),
        ));
    }
    let (low, width) = intervals(&values, bins);
    let histogram = Histogram {
        name: name.to_owned(),
        low,
        width,
        shares: shares(&values, low, width, bins),
    };
    Figure::new(NAME, histogram)
}

/// Values that differ by less than this fraction of their size are shown as equal.
const HARDLY: f64 = 0.01;

/// The start of the first interval, and the width of all.
fn intervals(values: &[f64], bins: usize) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high - low > HARDLY * low.abs().max(high.abs()) {
        (low, (high - low) / bins as f64)
    } else {
        // Equal values are put in the middle of intervals wide enough for distinct labels.
        let around = range_around([(low + high) / 2.0]);
        (around.start, (around.end - around.start) / bins as f64)
    }
}

/// The percentage of the values in each interval.
fn shares(values: &[f64], low: f64, width: f64, bins: usize) -> Vec<f64> {
    let mut shares = vec![0.0; bins];
    for value in values {
        let bin = ((value - low) / width) as usize;
        shares[bin.min(bins - 1)] += 100.0 / values.len() as f64;
    }
    shares
}

struct Histogram {
    name: String,
    low: f64,
    width: f64,
    shares: Vec<f64>,
}

impl Plot for Histogram {
    fn size(&self, room: Room) -> (f64, f64) {
        (room.width, room.height)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let edge = |bin: usize| self.low + bin as f64 * self.width;
        let space = 0.02 * self.width * self.shares.len() as f64;
        let x = Axis {
            name: &self.name,
            range: self.low - space..edge(self.shares.len()) + space,
            ticks: Ticks::Round,
        };
        let shares = self.shares.iter().copied().chain([0.0]);
        let y = Axis::around("share of the values, %", shares);
        let mut chart = axes::draw(area, x, y)?;
        let bars = self.shares.iter().enumerate().map(|(bin, &share)| {
            let corners = [(edge(bin), 0.0), (edge(bin + 1), share)];
            Rectangle::new(corners, style::color(0).filled())
        });
        chart.draw_series(bars)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    #[test]
    fn each_value_is_in_one_interval() {
        let values = [0.0, 0.1, 0.5, 0.9, 1.0];
        let (low, width) = intervals(&values, 2);
        assert_eq!((low, width), (0.0, 0.5));
        let shares = shares(&values, low, width, 2);
        assert!((shares[0] - 40.0).abs() < 1e-9 && (shares[1] - 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_list_is_shown_as_a_tensor_is() {
        let svg = |figure: Result<Figure>| figure.unwrap().svg().unwrap();
        let list = vec![0.5f32, 2.0, 1.0];
        let tensor = Tensor::new(&list[..], &Device::Cpu).unwrap();
        let shown = svg(histogram("x", &tensor, 4));
        assert_eq!(svg(histogram("x", &list, 4)), shown);
        assert_eq!(svg(histogram("x", &[0.5, 2.0, 1.0], 4)), shown);
    }

    #[test]
    fn equal_values_are_one_bar_that_can_be_seen() {
        let ones = Tensor::ones(10, candle_core::DType::F32, &Device::Cpu).unwrap();
        let figure = histogram("code", &ones, 5).unwrap();
        assert!(figure.svg().unwrap().contains("#3f90da"));
        let (low, width) = intervals(&[1.0; 10], 5);
        assert_eq!(shares(&[1.0; 10], low, width, 5)[2].round(), 100.0);
    }

    #[test]
    fn what_cannot_be_counted_is_one_sentence() {
        let values = Tensor::new(&[1f32, f32::INFINITY], &Device::Cpu).unwrap();
        let error = histogram("code", &values, 5).unwrap_err().to_string();
        assert!(error.contains("inf (number 1)"), "{error}");
        let error = histogram("code", &values.narrow(0, 0, 1).unwrap(), 0).unwrap_err();
        assert!(error.to_string().contains("0 bins"), "{error}");
    }
}
