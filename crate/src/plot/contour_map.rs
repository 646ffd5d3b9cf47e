//! Lines of equal height of a surface, and paths on it.

use std::ops::Range;

use plotters::element::PathElement;
use plotters::series::LineSeries;
use plotters::style::Color;

use super::axes::{self, Axis, Ticks};
use super::canvas::{Area, Drawn};
use super::legend::{self, Entry, Sample};
use super::markers::{Marker, draw_marker};
use super::style::{self, CURVE, INK, MARKER, MOST_MARKERS, PAPER, units};
use super::theme::Room;
use super::{Figure, Plot, values};
use crate::{Error, Result};

/// The surface is asked for its height at the corners of a grid of this many cells on a side.
const CELLS: usize = 96;
/// Lines of equal height.
const LINES: usize = 14;
/// Width of a line of equal height, and how much ink the lowest and the highest one have.
const LINE: f64 = 1.25;
const INK_PART: Range<f64> = 0.2..0.75;

/// Shows the surface `height(x, y)` from above by lines of equal height, the darker the higher, and
/// on it a path for each name and its points (x, y): the weights of a training over its loss, say.
/// `x` and `y` are each the name of an axis and its range.
///
/// The heights of the lines grow with the square of their number, so that the lines of a parabola are
/// equally far apart. A path is drawn until it leaves the map, with a marker at each point if it has
/// up to 20 points, else at its end.
///
/// # Errors
/// If a range is empty, a path has no points, or a range, height or point is NaN or infinite.
///
/// ```
/// use cuaderno::plot::contour_map;
///
/// let bowl = |x: f64, y: f64| x * x + 10.0 * y * y;
/// let steps = [("descent", vec![(-3.0, 1.0), (-2.4, -1.0), (-1.9, 1.0)])];
/// let figure = contour_map(("w", -4.0..4.0), ("b", -2.0..2.0), bowl, &steps)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn contour_map<S: AsRef<str>>(
    x: (&str, Range<f64>),
    y: (&str, Range<f64>),
    height: impl Fn(f64, f64) -> f64,
    paths: &[(S, Vec<(f64, f64)>)],
) -> Result<Figure> {
    const NAME: &str = "contour_map";
    for (name, range) in [&x, &y] {
        values::check_finite("an end of a range", [range.start, range.end])?;
        if range.is_empty() {
            let problem = format!(
                "the range of {name:?} is {range:?}, which is empty; its start must be below its end."
            );
            return Err(Error::shape(NAME, problem));
        }
    }
    for (name, points) in paths {
        if points.is_empty() {
            let name = name.as_ref();
            let problem = format!("the path {name:?} has no points; give at least one.");
            return Err(Error::shape(NAME, problem));
        }
        let numbers = points.iter().flat_map(|&(x, y)| [x, y]);
        values::check_finite("a point of a path", numbers)?;
    }
    let ground = Ground::of(&x.1, &y.1, height);
    values::check_finite("a height", ground.corners.iter().map(|corner| corner.2))?;
    let map = ContourMap {
        x: (x.0.to_owned(), x.1),
        y: (y.0.to_owned(), y.1),
        ground,
        paths: (paths.iter())
            .map(|(name, points)| (name.as_ref().to_owned(), points.clone()))
            .collect(),
    };
    Figure::new(NAME, map)
}

type Point = (f64, f64);

/// The corners of the grid's cells and their heights, row by row.
struct Ground {
    corners: Vec<(f64, f64, f64)>,
}

impl Ground {
    fn of(x: &Range<f64>, y: &Range<f64>, height: impl Fn(f64, f64) -> f64) -> Self {
        let at = |range: &Range<f64>, place: usize| {
            range.start + (range.end - range.start) * place as f64 / CELLS as f64
        };
        let places = (0..=CELLS).flat_map(|row| (0..=CELLS).map(move |column| (column, row)));
        let corner = |(column, row)| {
            let (x, y) = (at(x, column), at(y, row));
            (x, y, height(x, y))
        };
        Self {
            corners: places.map(corner).collect(),
        }
    }

    fn heights(&self) -> Range<f64> {
        let heights = self.corners.iter().map(|corner| corner.2);
        heights.fold(f64::INFINITY..f64::NEG_INFINITY, |found, height| {
            found.start.min(height)..found.end.max(height)
        })
    }

    /// The heights of the lines, from the lowest.
    fn levels(&self) -> impl Iterator<Item = f64> {
        let Range { start, end } = self.heights();
        let part = |line: usize| (line as f64 / (LINES + 1) as f64).powi(2);
        (1..=LINES).map(move |line| start + part(line) * (end - start))
    }

    /// The line of one height, piece by piece. Each cell is two triangles, and a line crosses two
    /// sides of a triangle or none.
    fn line(&self, level: f64) -> impl Iterator<Item = [Point; 2]> {
        let cells = (0..CELLS).flat_map(|row| (0..CELLS).map(move |column| (column, row)));
        let triangles = cells.flat_map(|(column, row)| {
            let corner = row * (CELLS + 1) + column;
            let [a, b, c, d] = [0, 1, CELLS + 1, CELLS + 2].map(|next| self.corners[corner + next]);
            [[a, b, c], [b, c, d]]
        });
        triangles.filter_map(move |[a, b, c]| {
            let sides = [(a, b), (b, c), (c, a)];
            let mut crossed = sides.into_iter().filter_map(|(from, to)| {
                let part = (level - from.2) / (to.2 - from.2);
                ((from.2 < level) != (to.2 < level)).then(|| {
                    let between = |from: f64, to: f64| from + part * (to - from);
                    (between(from.0, to.0), between(from.1, to.1))
                })
            });
            Some([crossed.next()?, crossed.next()?])
        })
    }
}

struct ContourMap {
    x: (String, Range<f64>),
    y: (String, Range<f64>),
    ground: Ground,
    paths: Vec<(String, Vec<Point>)>,
}

impl ContourMap {
    fn legend(&self) -> Vec<Entry> {
        let entry = |(index, (name, _)): (usize, &(String, Vec<_>))| {
            let marker = Some(Marker::of(index));
            Entry::new(name, Sample::Curve(marker, style::color(index)))
        };
        let Range { start, end } = self.ground.heights();
        let heights = format!("height: {} to {}", short(start), short(end));
        (self.paths.iter().enumerate().map(entry))
            .chain([Entry::new(heights, Sample::Nothing)])
            .collect()
    }

    /// The path up to where it leaves the map; none of it if it begins outside.
    fn on_map(&self, path: &[Point]) -> Vec<Point> {
        let inside = |&(x, y): &Point| self.x.1.contains(&x) && self.y.1.contains(&y);
        let mut shown: Vec<_> = path.iter().copied().take_while(inside).collect();
        if let (Some(&from), Some(&to)) = (shown.last(), path.get(shown.len())) {
            let in_x = part_inside(&self.x.1, from.0, to.0);
            let part = in_x.min(part_inside(&self.y.1, from.1, to.1));
            let between = |from: f64, to: f64| from + part * (to - from);
            shown.push((between(from.0, to.0), between(from.1, to.1)));
        }
        shown
    }
}

/// The part of the way from a number in the range to another one that lies in the range.
fn part_inside(range: &Range<f64>, from: f64, to: f64) -> f64 {
    let end = to.clamp(range.start, range.end);
    if end == to {
        1.0
    } else {
        (end - from) / (to - from)
    }
}

/// A height with three digits.
fn short(height: f64) -> String {
    match height.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e5).contains(&size) => format!("{height:.2e}"),
        size => format!(
            "{height:.*}",
            (2.0 - size.log10().floor()).max(0.0) as usize
        ),
    }
}

impl Plot for ContourMap {
    fn size(&self, room: Room) -> (f64, f64) {
        room.plane()
    }

    /// Thousands of short pieces of lines.
    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let below = legend::draw_above(area, &self.legend())?;
        let [x, y] = [&self.x, &self.y].map(|(name, range)| Axis {
            name,
            range: range.clone(),
            ticks: Ticks::Round,
        });
        let mut chart = axes::draw(&below, x, y)?;
        for (line, level) in self.ground.levels().enumerate() {
            let part = line as f64 / (LINES - 1) as f64;
            let ink = INK.mix(INK_PART.start + part * (INK_PART.end - INK_PART.start));
            let stroke = ink.stroke_width(units(LINE) as u32);
            let pieces = self.ground.line(level);
            chart.draw_series(pieces.map(|piece| PathElement::new(piece, stroke)))?;
        }
        for (index, (_, path)) in self.paths.iter().enumerate() {
            let (path, color) = (self.on_map(path), style::color(index));
            for stroke in [style::line(PAPER, 2.0 * CURVE), style::line(color, CURVE)] {
                chart.draw_series(LineSeries::new(path.iter().copied(), stroke))?;
            }
            let marked = if path.len() <= MOST_MARKERS {
                path.len()
            } else {
                1
            };
            for &point in &path[path.len() - marked..] {
                let plane = chart.plotting_area();
                draw_marker(plane, point, Marker::of(index), 1.2 * MARKER, color)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bowl(x: f64, y: f64) -> f64 {
        x * x + 4.0 * y * y
    }

    #[test]
    fn the_map_has_names_heights_and_a_legend() {
        let paths = [("descent", vec![(1.0, 0.5), (0.5, 0.1)])];
        let map = contour_map(("w", -2.0..2.0), ("b", -1.0..1.0), bowl, &paths).unwrap();
        let svg = map.svg().unwrap();
        for text in ["w", "b", "descent", "height: 0 to 8.00"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
    }

    #[test]
    fn a_line_is_a_closed_ring_at_its_height() {
        let ground = Ground::of(&(-2.0..2.0), &(-1.0..1.0), bowl);
        // Not at a corner of the grid, where a ring would have a point twice.
        let pieces: Vec<_> = ground.line(1.03).collect();
        assert!(pieces.len() > CELLS, "{}", pieces.len());
        for &(x, y) in pieces.iter().flatten() {
            assert!((bowl(x, y) - 1.03).abs() < 2e-3, "{x} {y}");
        }
        // Each piece ends where just one other begins.
        let near = |a: Point, b: Point| (a.0 - b.0).abs() + (a.1 - b.1).abs() < 1e-9;
        let ends: Vec<Point> = pieces.into_iter().flatten().collect();
        for &end in &ends {
            assert_eq!(ends.iter().filter(|&&other| near(end, other)).count(), 2);
        }
    }

    #[test]
    fn the_lines_of_a_parabola_are_equally_far_apart() {
        let ground = Ground::of(&(0.0..1.0), &(0.0..1.0), |x, _| x * x);
        let levels: Vec<f64> = ground.levels().collect();
        assert_eq!(levels.len(), LINES);
        for (line, level) in levels.into_iter().enumerate() {
            let expected = (line + 1) as f64 / (LINES + 1) as f64;
            let mut pieces = ground.line(level).peekable();
            assert!(pieces.peek().is_some());
            assert!(
                pieces.flatten().all(|(x, _)| (x - expected).abs() < 1e-3),
                "{expected}"
            );
        }
    }

    #[test]
    fn level_ground_has_no_lines() {
        let none: [(&str, Vec<Point>); 0] = [];
        let map = contour_map(("x", 0.0..1.0), ("y", 0.0..1.0), |_, _| 3.0, &none).unwrap();
        assert!(map.png().is_ok());
        let ground = Ground::of(&(0.0..1.0), &(0.0..1.0), |_, _| 3.0);
        assert!(
            ground
                .levels()
                .all(|level| ground.line(level).next().is_none())
        );
    }

    #[test]
    fn a_path_ends_where_it_leaves_the_map() {
        let map = ContourMap {
            x: ("x".into(), 0.0..4.0),
            y: ("y".into(), 0.0..2.0),
            ground: Ground::of(&(0.0..4.0), &(0.0..2.0), bowl),
            paths: Vec::new(),
        };
        let path = [(1.0, 1.0), (2.0, 1.0), (4.0, 3.0), (1.0, 1.0)];
        assert_eq!(map.on_map(&path), [(1.0, 1.0), (2.0, 1.0), (3.0, 2.0)]);
        assert_eq!(map.on_map(&path[..2]), path[..2]);
        assert_eq!(map.on_map(&path[2..]), []);
    }

    #[test]
    fn heights_have_three_digits() {
        let found = [0.0, 0.012345, 8.0, 123.4, 12345.0, 3e7].map(short);
        assert_eq!(found, ["0", "0.0123", "8.00", "123", "12345", "3.00e7"]);
    }

    #[test]
    fn what_cannot_be_drawn_is_one_sentence() {
        let error = |range: Range<f64>, height: f64, path: Vec<Point>| {
            let paths = [("SGD", path)];
            let map = contour_map(("w", range), ("b", 0.0..1.0), |_, _| height, &paths);
            map.unwrap_err().to_string()
        };
        let point = vec![(0.0, 0.0)];
        assert!(error(1.0..1.0, 0.0, point.clone()).contains("\"w\" is 1.0..1.0, which is empty"));
        assert!(error(0.0..f64::INFINITY, 0.0, point.clone()).contains("inf"));
        assert!(error(0.0..1.0, f64::NAN, point).contains("a height is NaN (number 0)"));
        assert!(error(0.0..1.0, 0.0, Vec::new()).contains("\"SGD\" has no points"));
    }
}
