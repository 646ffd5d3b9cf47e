//! Curves of one quantity against another, such as the error of several methods against the size of
//! the code.

use plotters::series::LineSeries;

use super::axes::{self, Axis};
use super::canvas::{Area, Drawn};
use super::curves::{Curves, Points};
use super::legend::{self, Entry, Sample};
use super::markers::{Marker, draw_marker};
use super::style::{self, CURVE, MARKER, MOST_MARKERS};
use super::theme::Room;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// Shows a list of numbers as a curve; or a list of points (x, y); or several such lists with their
/// names, each in its own colour and with its own marker.
///
/// Numbers without an x are counted from 1, as epochs are. Curves of up to 20 points mark each point;
/// longer ones are drawn as lines.
///
/// # Errors
/// If there is no curve, a curve has no points, or a number is NaN or infinite.
///
/// ```
/// use cuaderno::plot::line_chart;
///
/// let losses = vec![0.31, 0.18, 0.12];
/// let figure = line_chart("epoch", "loss", &losses)?;
///
/// let curves = [
///     ("PCA", vec![(2.0, 0.0557), (8.0, 0.0374)]),
///     ("autoencoder", vec![(2.0, 0.0560), (8.0, 0.0339)]),
/// ];
/// let figure = line_chart("d'", "test MSE", &curves)?.title("More numbers, less error");
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn line_chart(x_name: &str, y_name: &str, curves: &(impl Curves + ?Sized)) -> Result<Figure> {
    const NAME: &str = "line_chart";
    let curves = curves.curves();
    if curves.is_empty() {
        return Err(Error::shape(NAME, "there is no curve; give at least one."));
    }
    for (name, points) in &curves {
        if points.is_empty() {
            let problem = format!("the curve {name:?} has no points; give at least one.");
            return Err(Error::shape(NAME, problem));
        }
        values::check_finite(
            "a point of a curve",
            points.iter().flat_map(|&(x, y)| [x, y]),
        )?;
    }
    let chart = LineChart {
        x_name: x_name.to_owned(),
        y_name: y_name.to_owned(),
        curves,
    };
    Figure::new(NAME, chart)
}

struct LineChart {
    x_name: String,
    y_name: String,
    curves: Vec<(String, Points)>,
}

impl LineChart {
    fn legend(&self) -> Vec<Entry> {
        if let [(name, _)] = &self.curves[..]
            && name.is_empty()
        {
            return Vec::new();
        }
        let entry = |(index, (name, points)): (usize, &(String, Vec<_>))| {
            let marker = (points.len() <= MOST_MARKERS).then(|| Marker::of(index));
            Entry::new(name, Sample::Curve(marker, style::color(index)))
        };
        self.curves.iter().enumerate().map(entry).collect()
    }
}

impl Plot for LineChart {
    fn size(&self, room: Room) -> (f64, f64) {
        (room.width, room.height)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let below = legend::draw_above(area, &self.legend())?;

        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let x = Axis::around(&self.x_name, points().map(|point| point.0));
        let y = Axis::around(&self.y_name, points().map(|point| point.1));
        let mut chart = axes::draw(&below, x, y)?;
        for (index, (_, points)) in self.curves.iter().enumerate() {
            let color = style::color(index);
            let stroke = style::line(color, CURVE);
            chart.draw_series(LineSeries::new(points.iter().copied(), stroke))?;
            if points.len() <= MOST_MARKERS {
                for &point in points {
                    draw_marker(
                        chart.plotting_area(),
                        point,
                        Marker::of(index),
                        1.2 * MARKER,
                        color,
                    )?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_have_names_axes_and_the_higher_value_is_higher() {
        let curves = [
            ("low", vec![(0.0, 1.0), (1.0, 1.0)]),
            ("high", vec![(0.0, 2.0)]),
        ];
        let svg = line_chart("size", "error", &curves).unwrap().svg().unwrap();
        for text in ["low", "high", "size", "error"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
        let document = roxmltree::Document::parse(&svg).unwrap();
        let ys: Vec<f64> = document
            .descendants()
            .filter(|node| node.has_tag_name("circle"))
            .map(|circle| circle.attribute("cy").unwrap().parse().unwrap())
            .collect();
        let [_legend, first, second] = ys[..] else {
            panic!("{ys:?}")
        };
        assert_eq!(first, second);
        let mut high = document.descendants().filter(|node| {
            node.has_tag_name("polygon") && node.attribute("fill") == Some("#ffa90e")
        });
        let y = |points: &str| -> f64 { points.split([' ', ',']).nth(1).unwrap().parse().unwrap() };
        let high = high
            .next_back()
            .unwrap()
            .attribute("points")
            .map(y)
            .unwrap();
        assert!(high < first - 50.0, "{high} {first}");
    }

    #[test]
    fn a_list_of_numbers_is_a_curve_without_a_name_from_1_on() {
        let svg = |figure: Result<Figure>| figure.unwrap().svg().unwrap();
        let points = svg(line_chart("epoch", "loss", &[(1.0, 0.5), (2.0, 0.25)]));
        for list in [
            line_chart("epoch", "loss", &vec![0.5, 0.25]),
            line_chart("epoch", "loss", &[0.5f32, 0.25]),
            line_chart("epoch", "loss", &[(1, 0.5), (2, 0.25)]),
            line_chart("epoch", "loss", &[("", vec![0.5, 0.25])]),
        ] {
            assert_eq!(svg(list), points);
        }
        let named = svg(line_chart(
            "epoch",
            "loss",
            &[("Adam", [3, 1]), ("SGD", [4, 2])],
        ));
        assert!(named.contains(">Adam</text>") && named.contains(">SGD</text>"));
        let none: [f64; 0] = [];
        let error = line_chart("x", "y", &none).unwrap_err().to_string();
        assert!(error.contains("no curve"), "{error}");
    }

    #[test]
    fn long_curves_have_no_markers() {
        let points: Vec<_> = (0..100).map(|step| (f64::from(step), 1.0)).collect();
        let svg = line_chart("step", "loss", &[("loss", points)])
            .unwrap()
            .svg()
            .unwrap();
        assert!(!svg.contains("<circle"));
    }

    #[test]
    fn what_cannot_be_drawn_is_one_sentence() {
        let error =
            |curves: &[(&str, Points)]| line_chart("x", "y", curves).unwrap_err().to_string();
        assert!(error(&[]).contains("no curve"));
        assert!(error(&[("PCA", Vec::new())]).contains("\"PCA\" has no points"));
        assert!(error(&[("PCA", vec![(1.0, f64::NAN)])]).contains("NaN (number 1)"));
    }
}
