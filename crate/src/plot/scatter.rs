//! Scatter plots of classes.

use std::collections::{BTreeMap, BTreeSet};

use plotters::style::Color;

use super::axes::{self, Axis};
use super::canvas::{Area, Drawn};
use super::legend::{self, Entry, Sample};
use super::markers::{Marker, draw_marker};
use super::style;
use super::theme::Room;
use super::values::Values;
use super::{Figure, Plot, values};
use crate::metrics::labels;
use crate::{Error, Result};

/// The largest number of classes; more would have to share colours and markers.
const MOST_CLASSES: usize = 10;

/// Shows points `[n, 2]` in the plane, each in the colour and with the marker of its label `[n]`
/// (u32 or i64). Both may also be lists: of pairs `(x, y)` and of class numbers.
///
/// Digits 0 to 9 look the same in every figure. In a notebook it is a PNG: thousands of points would
/// make a slow document.
///
/// # Errors
/// If a tensor has another shape, the numbers of labels and points differ, there are no points,
/// there are more than ten classes, labels are not class numbers, or a coordinate is NaN or
/// infinite.
///
/// ```
/// use cuaderno::plot::scatter;
/// use cuaderno::prelude::*;
///
/// let points = Rng::new(6202).normal(0.0, 1.0, &[100, 2])?;
/// let right = points.i((.., 0))?.gt(0f32)?.to_dtype(DType::U32)?;
/// let figure = scatter(&points, &right)?.title("Two halves of a Gaussian");
/// let figure = scatter(&[(0.5, 1.0), (2.0, 0.0), (1.5, 0.5)], &[0, 1, 1])?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn scatter(points: &(impl Values + ?Sized), labels: &(impl Values + ?Sized)) -> Result<Figure> {
    of_classes("scatter", points, labels, |class| Ok(class.to_string()))
}

/// [`scatter`] with the names of the classes in its legend, from class 0 on.
///
/// # Errors
/// As [`scatter`], and if a class has no name.
///
/// ```
/// use cuaderno::prelude::*;
/// let points = [(0.5, 1.0), (2.0, 0.0), (1.5, 0.5)];
/// let figure = named_scatter(&points, &[0, 1, 1], &["soil", "plants"])?;
/// assert!(figure.svg()?.contains("plants"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn named_scatter<S: AsRef<str>>(
    points: &(impl Values + ?Sized),
    labels: &(impl Values + ?Sized),
    names: &[S],
) -> Result<Figure> {
    const NAME: &str = "named_scatter";
    of_classes(NAME, points, labels, |class| {
        let name = names.get(class as usize);
        name.map(|name| name.as_ref().to_owned()).ok_or_else(|| {
            Error::shape(
                NAME,
                format!(
                    "there are {} names, but a point is of class {class}; give one for each class, \
                     from class 0 on.",
                    names.len()
                ),
            )
        })
    })
}

fn of_classes(
    plot: &'static str,
    points: &(impl Values + ?Sized),
    labels: &(impl Values + ?Sized),
    name: impl Fn(u32) -> Result<String>,
) -> Result<Figure> {
    let (points, labels) = (points.values()?, labels.values()?);
    match (points.dims(), labels.dims()) {
        ([n, 2], [m]) if n == m && *n > 0 => {}
        (points, labels) => {
            return Err(Error::shape(
                plot,
                format!(
                    "the points have shape {points:?} and the labels {labels:?}, but [n, 2] and [n] \
                     are expected, with at least one point."
                ),
            ));
        }
    }
    let labels = labels::read(plot, &labels)?;
    let classes: BTreeSet<u32> = labels.iter().copied().collect();
    if classes.len() > MOST_CLASSES {
        return Err(Error::argument(
            "the number of classes in a scatter",
            classes.len(),
            format!("at most {MOST_CLASSES}, which colours and markers still tell apart"),
        ));
    }
    let named = classes.into_iter().map(|class| Ok((class, name(class)?)));
    let classes = named.collect::<Result<_>>()?;
    let coordinates = values::finite("a coordinate", &points)?;
    let points = coordinates.chunks_exact(2).zip(labels);
    let points = points.map(|(at, label)| (at[0], at[1], label)).collect();
    Figure::new(plot, Scatter { points, classes })
}

struct Scatter {
    points: Vec<(f64, f64, u32)>,
    /// The classes with their names.
    classes: BTreeMap<u32, String>,
}

impl Scatter {
    /// A label's place in the sequence of colours and markers.
    fn place(&self, label: u32) -> usize {
        match self.classes.last_key_value() {
            Some((&largest, _)) if largest as usize >= MOST_CLASSES => {
                self.classes.range(..label).count()
            }
            _ => label as usize,
        }
    }

    fn legend(&self) -> Vec<Entry> {
        let entry = |(&class, name): (&u32, &String)| {
            let place = self.place(class);
            let sample = Sample::Marker(Marker::of(place), style::color(place));
            Entry::new(name, sample)
        };
        self.classes.iter().map(entry).collect()
    }

    /// Fewer points are drawn larger.
    fn radius(&self) -> f64 {
        if self.points.len() <= 500 { 4.5 } else { 3.0 }
    }
}

impl Plot for Scatter {
    fn size(&self, room: Room) -> (f64, f64) {
        room.plane()
    }

    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let below = legend::draw_above(area, &self.legend())?;

        let x = Axis::around("first coordinate", self.points.iter().map(|point| point.0));
        let y = Axis::around("second coordinate", self.points.iter().map(|point| point.1));
        let chart = axes::draw(&below, x, y)?;
        // In the order of the data, so that no class covers the others.
        for &(x, y, label) in &self.points {
            let place = self.place(label);
            let color = style::color(place).mix(0.8);
            let plane = chart.plotting_area();
            draw_marker(plane, (x, y), Marker::of(place), self.radius(), color)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use candle_core::{Device, Tensor};

    fn points(n: usize) -> Tensor {
        Rng::new(6202).normal(0.0, 1.0, &[n, 2]).unwrap()
    }

    fn labels(labels: &[u32]) -> Tensor {
        Tensor::new(labels, &Device::Cpu).unwrap()
    }

    #[test]
    fn every_class_has_its_colour_in_the_legend_and_on_its_points() {
        let svg = scatter(&points(4), &labels(&[1, 3, 1, 1]))
            .unwrap()
            .svg()
            .unwrap();
        let count = |class| svg.matches(&style_of(class)).count();
        assert_eq!((count(1), count(3), count(0)), (3 + 1, 1 + 1, 0), "{svg}");
        assert!(svg.contains(">1</text>") && svg.contains(">3</text>"));
    }

    #[test]
    fn names_stand_in_the_legend_in_place_of_numbers() {
        let names = ["soil", "plants", "water"];
        let figure = named_scatter(&points(3), &labels(&[0, 2, 2]), &names).unwrap();
        let svg = figure.svg().unwrap();
        assert!(
            svg.contains(">soil</text>") && svg.contains(">water</text>"),
            "{svg}"
        );
        assert!(!svg.contains(">plants</text>"));
        assert_eq!(svg.matches(&style_of(2)).count(), 2 + 1);
        let error = named_scatter(&points(3), &labels(&[0, 2, 2]), &names[..2]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("there are 2 names, but a point is of class 2")
        );
    }

    /// The attribute of an SVG shape in the colour of a class.
    fn style_of(class: usize) -> String {
        let plotters::style::RGBColor(red, green, blue) = style::color(class);
        format!("fill=\"#{red:02x}{green:02x}{blue:02x}\"")
    }

    #[test]
    fn lists_are_shown_as_tensors_are() {
        let svg = |figure: Result<Figure>| figure.unwrap().svg().unwrap();
        let tensor = Tensor::new(&[[0.5, 1.0], [2.0, 0.0]], &Device::Cpu).unwrap();
        let shown = svg(scatter(&tensor, &labels(&[0, 1])));
        assert_eq!(svg(scatter(&[(0.5, 1.0), (2.0, 0.0)], &[0, 1])), shown);
        assert_eq!(
            svg(scatter(&vec![(0.5, 1), (2.0, 0)], &vec![0usize, 1])),
            shown
        );
        let error = scatter(&[0.5, 2.0], &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("[2]") && error.contains("[n, 2]"), "{error}");
    }

    #[test]
    fn points_and_labels_that_do_not_match_are_refused() {
        let error = |points: &Tensor, classes: &[u32]| {
            scatter(points, &labels(classes)).unwrap_err().to_string()
        };
        let two = error(&points(3), &[0, 1]);
        assert!(two.contains("[3, 2]") && two.contains("[2]"), "{two}");
        let negative = Tensor::new(&[0i64, 1, -1], &Device::Cpu).unwrap();
        let negative = scatter(&points(3), &negative).unwrap_err().to_string();
        assert!(negative.contains("-1 in row 2"), "{negative}");
        let codes = Rng::new(1).normal(0.0, 1.0, &[2, 8]).unwrap();
        assert!(error(&codes, &[0, 1]).contains("[2, 8]"));
        let many: Vec<u32> = (0..11).collect();
        assert!(error(&points(11), &many).contains("at most 10"));
        let nan = Tensor::new(&[[0f32, 1.0], [f32::NAN, 0.0]], &Device::Cpu).unwrap();
        assert!(error(&nan, &[0, 1]).contains("NaN (number 2)"));
    }
}
