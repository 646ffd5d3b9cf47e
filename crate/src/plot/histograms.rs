//! A histogram for each number of a code.

use std::f64::consts::PI;

use candle_core::Tensor;
use plotters::element::{PathElement, Rectangle};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes;
use super::canvas::{Area, Drawn};
use super::legend::{self, Entry, Sample};
use super::style::{self, AXIS, CURVE, MARGIN, TICK_TEXT, UNITS_PER_PIXEL, VERMILION, units};
use super::theme::Room;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// The number of intervals in each histogram.
const BINS: usize = 40;
/// The largest number of histograms; more would be too small to read.
const MOST_COLUMNS: usize = 5;
/// Height of the bars of one histogram.
const HEIGHT: f64 = 130.0;
/// The room for the name above it and for the numbers below.
const NAME_HEIGHT: f64 = TICK_TEXT * 1.6;
const TICKS_HEIGHT: f64 = TICK_TEXT * 1.8;
/// The largest number of ticks below a histogram, about.
const MOST_TICKS: usize = 5;
/// Points of the normal density's curve.
const CURVE_POINTS: usize = 200;

/// Shows the distribution of the values in each column of `values` `[n, columns]`, all on one scale,
/// such as the variances of each number of a code. The columns are labelled `name` 1, `name` 2 and so
/// on.
///
/// The height of a bar is a density: the share of the values in it divided by its width.
///
/// # Errors
/// If `values` has another shape or no values, or a value is NaN or infinite.
///
/// ```
/// use cuaderno::plot::histograms;
/// use cuaderno::prelude::*;
///
/// let variances = Rng::new(6202).uniform(0.1, 1.0, &[1000, 2])?;
/// let figure = histograms("variance ", &variances)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn histograms(name: &str, values: &Tensor) -> Result<Figure> {
    figure("histograms", name, values, false)
}

/// Like [`histograms`], with the density of the standard normal distribution, which the codes of a
/// variational autoencoder should have.
///
/// # Errors
/// As for [`histograms`].
///
/// ```
/// use cuaderno::plot::histograms_against_normal;
/// use cuaderno::prelude::*;
///
/// let codes = Rng::new(6202).normal(0.0, 1.0, &[1000, 2])?;
/// let figure = histograms_against_normal("z", &codes)?.title("z1 and z2 of the test images");
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn histograms_against_normal(name: &str, values: &Tensor) -> Result<Figure> {
    figure("histograms_against_normal", name, values, true)
}

fn figure(plot: &'static str, name: &str, values: &Tensor, normal: bool) -> Result<Figure> {
    let columns = match *values.dims() {
        [rows, columns] if rows > 0 && columns > 0 => columns,
        ref shape => {
            return Err(Error::shape(
                plot,
                format!("the values have shape {shape:?}, but [n, columns] is expected."),
            ));
        }
    };
    let values = values::finite("a value of the histograms", values)?;
    let (low, high) = range(&values, normal);
    let density = |column: usize| {
        let column = values.iter().skip(column).step_by(columns).copied();
        densities(column, low, high)
    };
    let histograms = Histograms {
        low,
        high,
        panels: (0..columns)
            .map(|column| (format!("{name}{}", column + 1), density(column)))
            .collect(),
        normal,
    };
    Figure::new(plot, histograms)
}

/// A range with all values and most of the normal density.
fn range(values: &[f64], normal: bool) -> (f64, f64) {
    let most = if normal { 3.0 } else { f64::NEG_INFINITY };
    let low = values.iter().copied().fold(-most, f64::min);
    let high = values.iter().copied().fold(most, f64::max);
    if high > low {
        (low, high)
    } else {
        (low - 0.5, high + 0.5)
    }
}

/// The share of the values in each interval, divided by its width.
fn densities(values: impl ExactSizeIterator<Item = f64>, low: f64, high: f64) -> Vec<f64> {
    let width = (high - low) / BINS as f64;
    let each = 1.0 / (values.len() as f64 * width);
    let mut densities = vec![0.0; BINS];
    for value in values {
        densities[(((value - low) / width) as usize).min(BINS - 1)] += each;
    }
    densities
}

fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

struct Histograms {
    low: f64,
    high: f64,
    /// The name and densities of each column.
    panels: Vec<(String, Vec<f64>)>,
    normal: bool,
}

impl Histograms {
    fn columns(&self) -> usize {
        let rows = self.panels.len().div_ceil(MOST_COLUMNS);
        self.panels.len().div_ceil(rows)
    }

    fn legend(&self) -> Vec<Entry> {
        if !self.normal {
            return Vec::new();
        }
        vec![
            Entry::new("found", Sample::Block(style::color(0))),
            Entry::new("standard normal", Sample::Curve(None, VERMILION)),
        ]
    }

    /// Draws one histogram with its upper left corner at `left`, `top`, all in logical pixels.
    fn draw_panel(
        &self,
        area: &Area,
        (name, densities): &(String, Vec<f64>),
        (left, top): (f64, f64),
        width: f64,
    ) -> Drawn {
        let (top, bottom) = (top + NAME_HEIGHT, top + NAME_HEIGHT + HEIGHT);
        let peak = if self.normal {
            normal_density(0.0)
        } else {
            0.0
        };
        let highest = densities.iter().copied().fold(peak, f64::max);
        let x = |value: f64| units(left + (value - self.low) / (self.high - self.low) * width);
        let y = |density: f64| units(bottom - density / highest * (bottom - top));
        let part = |index: usize, parts: usize| {
            self.low + (self.high - self.low) * index as f64 / parts as f64
        };

        for (bin, &density) in densities.iter().enumerate() {
            let corners = [
                (x(part(bin, BINS)), y(density)),
                (x(part(bin + 1, BINS)), y(0.0)),
            ];
            area.draw(&Rectangle::new(corners, style::color(0).filled()))?;
        }
        if self.normal {
            let point = |index| part(index, CURVE_POINTS);
            let curve: Vec<(i32, i32)> = (0..=CURVE_POINTS)
                .map(|index| (x(point(index)), y(normal_density(point(index)))))
                .collect();
            area.draw(&PathElement::new(curve, style::line(VERMILION, CURVE)))?;
        }

        let axis = style::line(AXIS, 1.0);
        area.draw(&PathElement::new(
            [(x(self.low), y(0.0)), (x(self.high), y(0.0))],
            axis,
        ))?;
        let number = style::text(TICK_TEXT).pos(Pos::new(HPos::Center, VPos::Center));
        for (value, label) in axes::round_ticks(self.low..self.high, MOST_TICKS) {
            let (at, end) = (x(value), units(bottom + 4.0));
            area.draw(&PathElement::new([(at, y(0.0)), (at, end)], axis))?;
            let below = units(bottom + TICKS_HEIGHT / 2.0 + 2.0);
            area.draw_text(&label, &number, (at, below))?;
        }
        let middle = (left + width / 2.0, top - NAME_HEIGHT / 2.0);
        area.draw_text(name, &number, (units(middle.0), units(middle.1)))
    }
}

impl Plot for Histograms {
    fn size(&self, Room { width, .. }: Room) -> (f64, f64) {
        let rows = self.panels.len().div_ceil(self.columns()) as f64;
        let panel = NAME_HEIGHT + HEIGHT + TICKS_HEIGHT + MARGIN;
        let legend = legend::height(&self.legend(), width);
        (width, legend + rows * panel + MARGIN)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let width = f64::from(area.dim_in_pixel().0) / UNITS_PER_PIXEL;
        let below = legend::draw_above(area, &self.legend())?;

        let columns = self.columns();
        let across = (width - MARGIN) / columns as f64;
        let down = NAME_HEIGHT + HEIGHT + TICKS_HEIGHT + MARGIN;
        for (index, panel) in self.panels.iter().enumerate() {
            let left = MARGIN + (index % columns) as f64 * across;
            let top = MARGIN / 2.0 + (index / columns) as f64 * down;
            self.draw_panel(&below, panel, (left, top), across - MARGIN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use candle_core::Device;

    #[test]
    fn densities_of_normal_numbers_follow_the_curve() {
        let numbers = Rng::new(6202).normal(0.0, 1.0, &[100_000]).unwrap();
        let numbers: Vec<f32> = numbers.to_vec1().unwrap();
        let found = densities(numbers.iter().map(|&x| f64::from(x)), -5.0, 5.0);
        for (bin, found) in found.iter().enumerate() {
            let middle = -5.0 + (bin as f64 + 0.5) * 0.25;
            let right = normal_density(middle);
            assert!((found - right).abs() < 0.01, "{found} and {right}");
        }
    }

    #[test]
    fn each_column_has_its_name_and_its_own_values() {
        let values = Tensor::new(&[[0f32, 5.0], [1.0, 5.0]], &Device::Cpu).unwrap();
        let svg = histograms("variance ", &values).unwrap().svg().unwrap();
        for text in ["variance 1", "variance 2", "0", "5"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
        assert!(!svg.contains("standard normal"));
        let codes = histograms_against_normal("z", &values).unwrap();
        assert!(codes.svg().unwrap().contains(">standard normal</text>"));
    }

    #[test]
    fn equal_values_are_a_bar_that_can_be_seen() {
        let (low, high) = range(&[1.0; 3], false);
        assert_eq!((low, high), (0.5, 1.5));
        assert_eq!(range(&[0.0, 4.0], true), (-3.0, 4.0));
    }

    #[test]
    fn what_has_no_columns_is_refused() {
        let values = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let error = histograms("z", &values).unwrap_err().to_string();
        assert!(
            error.contains("shape [2]") && error.contains("[n, columns]"),
            "{error}"
        );
        let nan = Tensor::new(&[[1f32, f32::NAN]], &Device::Cpu).unwrap();
        let error = histograms("z", &nan).unwrap_err().to_string();
        assert!(error.contains("NaN (number 1)"), "{error}");
    }
}
