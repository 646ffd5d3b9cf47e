//! Learning curves.

use plotters::element::Polygon;
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::axes::{self, Axis, Ticks, range_around};
use super::canvas::{Area, Drawn};
use super::legend::{self, Entry, Sample};
use super::markers::{Marker, draw_marker};
use super::style::{self, BLUE, CURVE, MARKER, MOST_MARKERS, TICK_TEXT, VERMILION, units};
use super::theme::Room;
use super::{Figure, Plot};
use crate::train::{Epoch, History, Measure};
use crate::{Error, Result};

/// The height of a panel if there are several, as a fraction of an ordinary figure's.
const PANEL: f64 = 0.77;
/// The height of a note above a panel.
const NOTE: f64 = TICK_TEXT * 1.4;
/// The first epoch is left out if the others would fill less than this fraction of the axis.
const LEAST_SHARE: f64 = 0.1;

/// Shows the losses of a training, epoch by epoch, with a panel for each part that the model names.
/// Each panel has the means on the training and validation examples, surrounded by a band of one
/// standard deviation, in a history of one training over the batches. If the first epoch is so far
/// from the others that they would look alike, it is left out, and a line above the panel says where
/// it was.
///
/// # Errors
/// If the history has no epochs, or a loss is NaN or infinite.
///
/// ```
/// use cuaderno::plot::learning_curve;
/// use cuaderno::train::{Epoch, History, Measure};
///
/// let loss = |mean| vec![Measure { name: "loss".into(), mean, std: 0.02 }];
/// let epoch = |number: usize| Epoch {
///     number,
///     seconds: 2.0,
///     learning_rate: 1e-3,
///     train: loss(1.0 / number as f64),
///     valid: loss(1.1 / number as f64),
/// };
/// let history = History { epochs: (1..=10).map(epoch).collect(), stopped: None };
/// let figure = learning_curve(&history)?.title("A loss that falls as 1/epoch");
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn learning_curve(history: &History) -> Result<Figure> {
    let parts = history.parts();
    if parts.is_empty() {
        return Err(Error::argument(
            "the history",
            "empty",
            "that of at least one epoch of training",
        ));
    }
    let panels = parts
        .into_iter()
        .map(|part| Panel::new(history, part))
        .collect::<Result<_>>()?;
    Ok(Figure::new("learning_curve", LearningCurve { panels })?.title("Learning curve"))
}

impl History {
    /// The [`learning_curve`] of this training.
    ///
    /// # Errors
    /// As for [`learning_curve`].
    pub fn plot(&self) -> Result<Figure> {
        learning_curve(self)
    }
}

struct LearningCurve {
    panels: Vec<Panel>,
}

/// The two curves of one part of the loss.
struct Panel {
    /// The name of the part.
    name: String,
    /// What is left out.
    note: Option<String>,
    curves: Vec<Curve>,
}

struct Curve {
    set: Set,
    points: Vec<Point>,
}

#[derive(Clone, Copy, PartialEq)]
enum Set {
    Training,
    Validation,
}

#[derive(Clone, Copy)]
struct Point {
    epoch: f64,
    mean: f64,
    std: f64,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
        }
    }

    fn color(self) -> RGBColor {
        match self {
            Self::Training => BLUE,
            Self::Validation => VERMILION,
        }
    }

    fn marker(self) -> Marker {
        match self {
            Self::Training => Marker::Circle,
            Self::Validation => Marker::Triangle,
        }
    }

    fn measure<'a>(self, epoch: &'a Epoch, part: &str) -> Option<&'a Measure> {
        match self {
            Self::Training => epoch.train(part),
            Self::Validation => epoch.valid(part),
        }
    }
}

impl Point {
    fn band(&self) -> [f64; 2] {
        [self.mean - self.std, self.mean + self.std]
    }
}

impl Panel {
    fn new(history: &History, part: &str) -> Result<Self> {
        let mut curves = Vec::new();
        for set in [Set::Training, Set::Validation] {
            let mut points = Vec::new();
            for epoch in &history.epochs {
                let Some(measure) = set.measure(epoch, part) else {
                    continue;
                };
                if !is_finite(measure) {
                    return Err(diverged(history, part, set, epoch));
                }
                points.push(Point {
                    epoch: epoch.number as f64,
                    mean: measure.mean,
                    std: measure.std,
                });
            }
            if !points.is_empty() {
                curves.push(Curve { set, points });
            }
        }
        let mut panel = Self {
            name: part.to_owned(),
            note: None,
            curves,
        };
        panel.note = panel.take_outlier().map(|Point { epoch, mean, .. }| {
            let decimals = if mean.abs() < 10.0 { 3 } else { 0 };
            format!("without epoch {epoch}: {mean:.decimals$}")
        });
        Ok(panel)
    }

    /// Takes out the first epoch if it is far from the others. The losses of the first steps can be
    /// thousands of times as large as later ones.
    fn take_outlier(&mut self) -> Option<Point> {
        let extent = |skip: usize| {
            let points = self
                .curves
                .iter()
                .flat_map(|curve| curve.points.iter().skip(skip));
            let range = range_around(points.flat_map(Point::band));
            range.end - range.start
        };
        let several = self.curves.iter().all(|curve| curve.points.len() > 2);
        if !several || extent(1) > LEAST_SHARE * extent(0) {
            return None;
        }
        let firsts = self.curves.iter_mut().map(|curve| curve.points.remove(0));
        firsts.collect::<Vec<_>>().first().copied()
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.curves.iter().flat_map(|curve| &curve.points)
    }

    fn draw(&self, area: &Area) -> Drawn {
        let epochs = self.points().map(|point| point.epoch);
        let (first, last) = epochs.fold((f64::INFINITY, 0.0), |(first, last), epoch| {
            (epoch.min(first), epoch.max(last))
        });
        let space = if first == last {
            0.5
        } else {
            0.03 * (last - first)
        };
        let x = Axis {
            name: "epoch",
            range: first - space..last + space,
            ticks: Ticks::Whole,
        };
        let y = Axis::around(&self.name, self.points().flat_map(Point::band));
        let mut chart = axes::draw(area, x, y)?;
        for Curve { set, points } in &self.curves {
            chart.draw_series([Polygon::new(band(points), set.color().mix(0.2))])?;
        }
        for Curve { set, points } in &self.curves {
            let means: Vec<_> = points
                .iter()
                .map(|point| (point.epoch, point.mean))
                .collect();
            if points.len() <= MOST_MARKERS {
                for &mean in &means {
                    let area = chart.plotting_area();
                    draw_marker(area, mean, set.marker(), MARKER, set.color())?;
                }
            }
            chart.draw_series(LineSeries::new(means, style::line(set.color(), CURVE)))?;
        }
        Ok(())
    }
}

/// The outline of the band from mean - std to mean + std.
fn band(points: &[Point]) -> Vec<(f64, f64)> {
    if let [only] = points {
        // A single epoch has no extent; its band is a narrow bar.
        let [before, after] = [-0.03, 0.03].map(|shift| Point {
            epoch: only.epoch + shift,
            ..*only
        });
        return band(&[before, after]);
    }
    let upper = points
        .iter()
        .map(|point| (point.epoch, point.mean + point.std));
    let lower = points
        .iter()
        .map(|point| (point.epoch, point.mean - point.std));
    upper.chain(lower.rev()).collect()
}

/// `first` is the first epoch whose loss is not finite.
fn diverged(history: &History, part: &str, set: Set, first: &Epoch) -> Error {
    let measures = || {
        history
            .epochs
            .iter()
            .filter_map(|epoch| set.measure(epoch, part))
    };
    let broken = measures().filter(|measure| !is_finite(measure)).count();
    let (set, count, number) = (set.name(), measures().count(), first.number);
    Error::argument(
        "a loss",
        format!(
            "NaN or infinite ({set} {part} at epoch {number}, the first of {broken} in {count} epochs)"
        ),
        "finite to be drawn; a training that diverges needs a smaller learning rate",
    )
}

fn is_finite(measure: &Measure) -> bool {
    measure.mean.is_finite() && measure.std.is_finite()
}

impl Plot for LearningCurve {
    fn size(&self, room: Room) -> (f64, f64) {
        let legend = legend::height(&self.legend(), room.width);
        let panels = match self.panels.len() {
            1 => room.height - legend,
            several => several.div_ceil(2) as f64 * (PANEL * room.height + self.note_height()),
        };
        (room.width, legend + panels)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let below = legend::draw_above(area, &self.legend())?;
        let columns = self.panels.len().min(2);
        let rows = self.panels.len().div_ceil(columns);
        for (panel, area) in self.panels.iter().zip(below.split_evenly((rows, columns))) {
            let (above, below) = area.split_vertically(units(self.note_height()));
            if let Some(note) = &panel.note {
                let text = style::text(TICK_TEXT).pos(Pos::new(HPos::Center, VPos::Center));
                let (width, height) = above.dim_in_pixel();
                above.draw_text(note, &text, ((width / 2) as i32, (height / 2) as i32))?;
            }
            panel.draw(&below)?;
        }
        Ok(())
    }
}

impl LearningCurve {
    /// The height above each panel for its note, the same for all, so that they stay in line.
    fn note_height(&self) -> f64 {
        let is_noted = self.panels.iter().any(|panel| panel.note.is_some());
        if is_noted { NOTE } else { 0.0 }
    }

    fn legend(&self) -> Vec<Entry> {
        let drawn = |set: &Set| {
            let mut curves = self.panels.iter().flat_map(|panel| &panel.curves);
            curves.any(|curve| curve.set == *set)
        };
        let sets = [Set::Training, Set::Validation].into_iter().filter(drawn);
        let entry = |set: Set| {
            let sample = Sample::Curve(Some(set.marker()), set.color());
            Entry::new(set.name(), sample)
        };
        let band = "band: ± 1 standard deviation";
        sets.map(entry)
            .chain([Entry::new(band, Sample::Nothing)])
            .collect()
    }
}

#[cfg(test)]
mod tests;
