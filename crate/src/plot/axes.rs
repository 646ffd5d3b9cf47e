//! Axes with round ticks, for every plot that has an x and a y.

use std::convert::Infallible;
use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::DrawingAreaErrorKind;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, Canvas};
use super::style::{self, AXIS, AXIS_TEXT, GRID, MARGIN, TICK_TEXT, UNITS_PER_PIXEL, units};

/// Length of a tick, and distance from there to its label.
const TICK_LENGTH: f64 = 5.0;
/// The smallest distance between ticks. Labels side by side need more room than stacked ones.
const X_TICK_DISTANCE: f64 = 60.0;
const Y_TICK_DISTANCE: f64 = 45.0;
/// The height of the name of an axis.
const NAME: f64 = AXIS_TEXT * 1.4;
/// The height that the x axis takes below the plot.
const BELOW: f64 = 2.0 * TICK_LENGTH + TICK_TEXT * 1.4 + NAME;

/// The smallest distance between names side by side.
const SMALLEST_GAP: f64 = 3.0;
/// The distance between names that read upwards and the name of their axis.
const UPRIGHT_GAP: f64 = 4.0;

/// A chart to draw series on, in the coordinates of the data.
pub(super) type Chart<'a, 'c> = ChartContext<'a, Canvas<'c>, Cartesian2d<Scale, Scale>>;

/// An axis: its quantity and range.
pub(super) struct Axis<'a> {
    /// The quantity, with its unit where it has one.
    pub name: &'a str,
    pub range: Range<f64>,
    pub ticks: Ticks,
}

/// The places of an axis's ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ticks {
    /// At round numbers.
    Round,
    /// At whole numbers, as for epochs.
    Whole,
    /// At 0, 1, 2 and so on, each with a name.
    Named(Vec<String>),
    /// At these places, each with a name.
    At(Vec<(f64, String)>),
}

impl<'a> Axis<'a> {
    /// An axis with round ticks whose range holds all `values`.
    pub fn around(name: &'a str, values: impl IntoIterator<Item = f64>) -> Self {
        Self {
            name,
            range: range_around(values),
            ticks: Ticks::Round,
        }
    }
}

/// Draws a grid with two named axes on `area`.
pub(super) fn draw<'a, 'c>(
    area: &'a Area<'c>,
    x: Axis,
    y: Axis,
) -> Result<Chart<'a, 'c>, DrawingAreaErrorKind<Infallible>> {
    let (width, height) = area.dim_in_pixel();
    let most_ticks =
        |length: u32, distance| (f64::from(length) / (distance * UNITS_PER_PIXEL)) as usize;
    let x_scale = Scale::of(&x, most_ticks(width, X_TICK_DISTANCE));
    let y_scale = Scale::of(&y, most_ticks(height, Y_TICK_DISTANCE));

    let left = left_of(&y_scale);
    let plot_width = f64::from(width) / UNITS_PER_PIXEL - left - 2.0 * MARGIN;
    let upright = x_scale.names_that_need_turning(plot_width);
    let below = match &upright[..] {
        [] => BELOW,
        _ => 2.0 * TICK_LENGTH + x_scale.label_width() + NAME + UPRIGHT_GAP,
    };
    let mut chart = ChartBuilder::on(area)
        .margin(units(MARGIN))
        .x_label_area_size(units(below))
        .y_label_area_size(units(left))
        .build_cartesian_2d(x_scale, y_scale)?;
    let no_label = |_: &f64| String::new();
    let mut mesh = chart.configure_mesh();
    if !upright.is_empty() {
        mesh.x_label_formatter(&no_label);
    }
    // There are no values to read off between named places.
    if let Ticks::Named(_) | Ticks::At(_) = x.ticks {
        mesh.disable_x_mesh();
    }
    if let Ticks::Named(_) | Ticks::At(_) = y.ticks {
        mesh.disable_y_mesh();
    }
    mesh.bold_line_style(style::line(GRID, 1.0))
        .axis_style(style::line(AXIS, 1.0))
        .set_all_tick_mark_size(units(TICK_LENGTH))
        .label_style(style::text(TICK_TEXT))
        .axis_desc_style(style::text(AXIS_TEXT))
        .x_desc(x.name)
        .y_desc(y.name)
        .draw()?;
    let upwards = style::text(TICK_TEXT)
        .transform(FontTransform::Rotate270)
        .pos(Pos::new(HPos::Right, VPos::Center));
    for (place, name) in upright {
        let (x, y) = chart.backend_coord(&(place, y.range.start));
        let (left, top) = area.get_base_pixel();
        let end = (x - left, y - top + units(2.0 * TICK_LENGTH));
        area.draw_text(&name, &upwards, end)?;
    }
    Ok(chart)
}

/// The part of a figure's width and height that axes and margins take, for a `y` with named ticks.
pub(super) fn room(y: &Axis) -> (f64, f64) {
    let left = left_of(&Scale::of(y, 0));
    (left + 2.0 * MARGIN, BELOW + 2.0 * MARGIN)
}

/// The width that the y axis takes left of the plot.
fn left_of(y: &Scale) -> f64 {
    2.0 * TICK_LENGTH + y.label_width() + NAME
}

/// A range that holds all `values` with a little space around them. It does not reach below zero
/// unless one of them does.
pub(super) fn range_around(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .into_iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let space = match 0.05 * (high - low) {
        0.0 if low == 0.0 => 1.0,
        0.0 => 0.1 * low.abs(),
        space => space,
    };
    let below = low - space;
    let start = if low >= 0.0 { below.max(0.0) } else { below };
    start..high + space
}

/// Round ticks within `range`, about `most` of them or fewer, with their labels.
pub(super) fn round_ticks(range: Range<f64>, most: usize) -> Vec<(f64, String)> {
    let axis = Axis {
        name: "",
        range,
        ticks: Ticks::Round,
    };
    let scale = Scale::of(&axis, most);
    let label = |tick: &f64| (*tick, scale.format_ext(tick));
    scale.ticks.iter().map(label).collect()
}

/// A linear scale whose ticks are multiples of 1, 2 or 5 times a power of ten.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    range: Range<f64>,
    ticks: Vec<f64>,
    /// The digits after the point in the label of a tick.
    decimals: usize,
    /// Whether the numbers are too small or too large to be written out.
    scientific: bool,
    /// The labels of the ticks, if they are not numbers.
    names: Vec<String>,
}

impl Scale {
    /// A scale with about `most_ticks` ticks or fewer.
    fn of(axis: &Axis, most_ticks: usize) -> Self {
        let Range { start, end } = axis.range;
        let named = match &axis.ticks {
            Ticks::Named(names) => {
                let places = names.iter().enumerate();
                Some(
                    places
                        .map(|(index, name)| (index as f64, name.clone()))
                        .unzip(),
                )
            }
            Ticks::At(places) => Some(places.iter().cloned().unzip()),
            Ticks::Round | Ticks::Whole => None,
        };
        if let Some((ticks, names)) = named {
            return Self {
                range: axis.range.clone(),
                ticks,
                decimals: 0,
                scientific: false,
                names,
            };
        }
        let finest = (end - start) / most_ticks.max(2) as f64;
        let power = finest.log10().floor();
        let mut step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * 10f64.powf(power))
            .into_iter()
            .find(|&step| step >= finest * (1.0 - 1e-9))
            .unwrap_or(finest);
        if axis.ticks == Ticks::Whole {
            step = step.max(1.0);
        }
        let first = (start / step - 1e-9).ceil();
        let count = ((end / step + 1e-9).floor() - first).max(0.0) as usize;

        let largest = start.abs().max(end.abs());
        let scientific = !(1e-3..1e6).contains(&largest);
        let step_power = (step * (1.0 + 1e-9)).log10().floor();
        let leading_power = if scientific {
            largest.log10().floor()
        } else {
            0.0
        };
        Self {
            range: axis.range.clone(),
            ticks: (0..=count)
                .map(|index| (first + index as f64) * step)
                .collect(),
            decimals: (leading_power - step_power).max(0.0) as usize,
            scientific,
            names: Vec::new(),
        }
    }

    /// The places and names of the ticks, if the names do not fit side by side on an axis of this
    /// width, in logical pixels, and have to be read upwards.
    fn names_that_need_turning(&self, width: f64) -> Vec<(f64, String)> {
        let distance = width / (self.range.end - self.range.start);
        let widths = self
            .names
            .iter()
            .map(|name| style::text_width(name, TICK_TEXT));
        let widths: Vec<f64> = widths.collect();
        let ticks = self.ticks.windows(2).zip(widths.windows(2));
        let mut gaps = ticks.map(|(ticks, widths)| {
            (ticks[1] - ticks[0]).abs() * distance - (widths[0] + widths[1]) / 2.0
        });
        match gaps.any(|gap| gap < SMALLEST_GAP) {
            true => (self.ticks.iter().copied())
                .zip(self.names.iter().cloned())
                .collect(),
            false => Vec::new(),
        }
    }

    /// Width of the widest label, in logical pixels.
    fn label_width(&self) -> f64 {
        let labels = self.ticks.iter().map(|tick| self.format_ext(tick));
        labels
            .map(|label| style::text_width(&label, TICK_TEXT))
            .fold(0.0, f64::max)
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        let decimals = self.decimals;
        let named = self.ticks.iter().zip(&self.names);
        if let Some((_, name)) = named.into_iter().find(|(tick, _)| *tick == value) {
            name.clone()
        } else if self.scientific && *value != 0.0 {
            format!("{value:.decimals$e}")
        } else {
            // Adding zero turns -0 into 0.
            format!("{:.decimals$}", value + 0.0)
        }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let Range { start, end } = self.range;
        let part = (value - start) / (end - start);
        (f64::from(low) + part * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // plotters asks a second time for the lines of a finer grid.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(range: Range<f64>, whole: bool) -> Vec<String> {
        let ticks = if whole { Ticks::Whole } else { Ticks::Round };
        let axis = Axis {
            name: "x",
            range,
            ticks,
        };
        let scale = Scale::of(&axis, 6);
        scale
            .ticks
            .iter()
            .map(|tick| scale.format_ext(tick))
            .collect()
    }

    #[test]
    fn ticks_are_round_and_written_with_as_many_digits_as_they_need() {
        assert_eq!(
            labels(0.0..1.0, false),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(0.101..0.131, false),
            ["0.105", "0.110", "0.115", "0.120", "0.125", "0.130"]
        );
        assert_eq!(
            labels(-1.0..2.0, false),
            ["-1.0", "-0.5", "0.0", "0.5", "1.0", "1.5", "2.0"]
        );
        assert_eq!(labels(0.0..60000.0, false)[1], "10000");
        assert_eq!(labels(0.0..3e-5, false)[1], "5.0e-6");
        assert_eq!(labels(1.00e7..1.03e7, false)[1], "1.005e7");
    }

    #[test]
    fn whole_ticks_have_no_fractions() {
        assert_eq!(labels(1.0..3.0, true), ["1", "2", "3"]);
        assert_eq!(labels(0.5..1.5, true), ["1"]);
        assert_eq!(labels(1.0..40.0, true), ["10", "20", "30", "40"]);
    }

    #[test]
    fn named_ticks_have_their_names() {
        let axis = Axis {
            name: "method",
            range: -0.5..1.5,
            ticks: Ticks::Named(vec!["PCA".into(), "kNN".into()]),
        };
        let scale = Scale::of(&axis, 1);
        let labels: Vec<_> = scale
            .ticks
            .iter()
            .map(|tick| scale.format_ext(tick))
            .collect();
        assert_eq!(labels, ["PCA", "kNN"]);
    }

    #[test]
    fn names_that_do_not_fit_side_by_side_are_turned() {
        let axis = Axis {
            name: "tag",
            range: -0.5..2.5,
            ticks: Ticks::Named(["B-geo", "I-geo", "O"].map(String::from).into()),
        };
        let scale = Scale::of(&axis, 1);
        assert!(scale.names_that_need_turning(300.0).is_empty());
        assert_eq!(scale.names_that_need_turning(90.0).len(), 3);
    }

    #[test]
    fn a_range_has_space_around_its_values() {
        assert_eq!(range_around([1.0, 2.0]), 0.95..2.05);
        assert_eq!(range_around([0.01, 1.0]).start, 0.0);
        assert_eq!(range_around([-1.0, 1.0]), -1.1..1.1);
        assert_eq!(range_around([0.0]), 0.0..1.0);
        assert_eq!(range_around([-2.0]), -2.2..-1.8);
    }

    proptest! {
        #[test]
        fn ticks_lie_in_the_range_and_their_labels_tell_them_apart(
            start in -1e6..1e6f64,
            magnitude in -6..6i32,
            most_ticks in 0..20usize,
            whole: bool,
        ) {
            let range = start..start + 10f64.powi(magnitude);
            let slack = 1e-6 * (range.end - range.start);
            let ticks = if whole { Ticks::Whole } else { Ticks::Round };
            let axis = Axis { name: "x", range: range.clone(), ticks };
            let scale = Scale::of(&axis, most_ticks);
            prop_assert!(scale.ticks.len() <= most_ticks.max(2) + 1);
            let mut labels = Vec::new();
            for &tick in &scale.ticks {
                if !whole {
                    prop_assert!(range.start - slack <= tick && tick <= range.end + slack);
                }
                labels.push(scale.format_ext(&tick));
            }
            labels.dedup();
            prop_assert_eq!(labels.len(), scale.ticks.len());
        }
    }
}
