//! Bars that compare methods, group by group.

use std::fmt::Display;

use plotters::element::Rectangle;
use plotters::style::Color;

use super::axes::{self, Axis, Ticks};
use super::canvas::{Area, Drawn};
use super::legend::{self, Entry, Sample};
use super::style;
use super::theme::Room;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// The fraction of a group's width that its bars take.
const FILLED: f64 = 0.8;

/// Shows a group of bars for each of `groups`, with a bar for each method. A method's values are in
/// the order of the groups. Bars start at zero.
///
/// # Errors
/// If there is no group or no method, a method does not have one value for each group, or a value
/// is NaN or infinite.
///
/// ```
/// use cuaderno::plot::bar_chart;
///
/// let methods = [("PCA", vec![0.443, 0.903]), ("autoencoder", vec![0.390, 0.897])];
/// let figure = bar_chart("d'", &[2, 8], "test accuracy", &methods)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn bar_chart<G: Display, S: AsRef<str>>(
    x_name: &str,
    groups: &[G],
    y_name: &str,
    methods: &[(S, Vec<f64>)],
) -> Result<Figure> {
    const NAME: &str = "bar_chart";
    if groups.is_empty() || methods.is_empty() {
        let (groups, methods) = (groups.len(), methods.len());
        return Err(Error::shape(
            NAME,
            format!("there are {groups} groups and {methods} methods; give at least one of each."),
        ));
    }
    for (name, heights) in methods {
        if heights.len() != groups.len() {
            return Err(Error::shape(
                NAME,
                format!(
                    "{:?} has {} values for {} groups; give one for each.",
                    name.as_ref(),
                    heights.len(),
                    groups.len()
                ),
            ));
        }
        values::check_finite("a bar's value", heights.iter().copied())?;
    }
    let chart = BarChart {
        x_name: x_name.to_owned(),
        groups: groups.iter().map(G::to_string).collect(),
        y_name: y_name.to_owned(),
        methods: (methods.iter())
            .map(|(name, heights)| (name.as_ref().to_owned(), heights.clone()))
            .collect(),
    };
    Figure::new(NAME, chart)
}

struct BarChart {
    x_name: String,
    groups: Vec<String>,
    y_name: String,
    methods: Vec<(String, Vec<f64>)>,
}

impl BarChart {
    fn legend(&self) -> Vec<Entry> {
        let entry = |(index, (name, _)): (usize, &(String, _))| {
            Entry::new(name, Sample::Block(style::color(index)))
        };
        self.methods.iter().enumerate().map(entry).collect()
    }
}

impl Plot for BarChart {
    fn size(&self, room: Room) -> (f64, f64) {
        (room.width, room.height)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let below = legend::draw_above(area, &self.legend())?;

        let x = Axis {
            name: &self.x_name,
            range: -0.5..self.groups.len() as f64 - 0.5,
            ticks: Ticks::Named(self.groups.clone()),
        };
        let heights = self.methods.iter().flat_map(|(_, heights)| heights);
        let y = Axis::around(&self.y_name, heights.copied().chain([0.0]));
        let mut chart = axes::draw(&below, x, y)?;
        let bar = FILLED / self.methods.len() as f64;
        for (index, (_, heights)) in self.methods.iter().enumerate() {
            let color = style::color(index).filled();
            let bars = heights.iter().enumerate().map(|(group, &height)| {
                let left = group as f64 - FILLED / 2.0 + index as f64 * bar;
                // A gap keeps neighbours apart for readers who cannot tell their colours.
                Rectangle::new([(left, 0.0), (left + 0.92 * bar, height)], color)
            });
            chart.draw_series(bars)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values() {
        let methods = [("PCA", vec![1.0, 2.0]), ("kNN", vec![3.0, 0.5])];
        let svg = bar_chart("d'", &[2, 8], "accuracy", &methods)
            .unwrap()
            .svg()
            .unwrap();
        for text in ["2", "8", "PCA", "kNN", "d'", "accuracy"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
        let document = roxmltree::Document::parse(&svg).unwrap();
        let heights = |color: &str| -> Vec<f64> {
            let bars = document.descendants().filter(|node| {
                node.has_tag_name("polygon") && node.attribute("fill") == Some(color)
            });
            bars.map(|bar| {
                let points = bar.attribute("points").unwrap();
                let ys = points
                    .split(' ')
                    .map(|point| point.split_once(',').unwrap().1.parse::<f64>().unwrap());
                let (low, high) = ys.fold((f64::MAX, f64::MIN), |(low, high), y| {
                    (low.min(y), high.max(y))
                });
                high - low
            })
            .collect()
        };
        // The first of each colour is the legend's.
        let (pca, knn) = (heights("#3f90da"), heights("#ffa90e"));
        let unit = pca[1];
        for (height, value) in [(pca[2], 2.0), (knn[1], 3.0), (knn[2], 0.5)] {
            assert!((height / unit - value).abs() < 0.02, "{pca:?} {knn:?}");
        }
    }

    #[test]
    fn a_method_needs_a_value_for_each_group() {
        let error = bar_chart("d'", &[2, 8], "y", &[("PCA", vec![1.0])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "bar_chart: \"PCA\" has 1 values for 2 groups; give one for each."
        );
        let none: [(&str, Vec<f64>); 0] = [];
        assert!(bar_chart("d'", &[2], "y", &none).is_err());
    }
}
