//! Figures next to each other.

use super::canvas::{Area, Drawn};
use super::style::{UNITS_PER_PIXEL, units};
use super::theme::Room;
use super::{Figure, Plot};
use crate::{Error, Result};

/// The width of a sheet with two figures, in ordinary sheets: wider, so that their text keeps its
/// size.
const SHEET: f64 = 1.35;

/// Shows two or three figures next to each other, each below its own title.
///
/// # Errors
/// If there are fewer than two or more than three figures, or they are too large for one sheet.
///
/// ```
/// use cuaderno::plot::{histogram, side_by_side};
/// use cuaderno::prelude::*;
///
/// let mut rng = Rng::new(6202);
/// let gaussian = histogram("value", &rng.normal(0.0, 1.0, &[1000])?, 30)?.title("Gaussian");
/// let uniform = histogram("value", &rng.uniform(0.0, 1.0, &[1000])?, 30)?.title("uniform");
/// let figure = side_by_side(&[gaussian, uniform])?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn side_by_side(figures: &[Figure]) -> Result<Figure> {
    const NAME: &str = "side_by_side";
    if !(2..=3).contains(&figures.len()) {
        return Err(Error::shape(
            NAME,
            format!(
                "there are {} figures, but two or three have room.",
                figures.len()
            ),
        ));
    }
    let figures = figures.to_vec();
    Figure::new(NAME, SideBySide { figures })
}

struct SideBySide {
    figures: Vec<Figure>,
}

impl SideBySide {
    /// The room of each figure.
    fn share(&self, room: Room) -> Room {
        Room {
            width: SHEET * room.sheet / self.figures.len() as f64,
            ..room
        }
    }

    fn title_height(&self, room: Room) -> f64 {
        let heights = self.figures.iter().map(|figure| figure.title_height(room));
        heights.fold(0.0, f64::max)
    }
}

impl Plot for SideBySide {
    fn size(&self, room: Room) -> (f64, f64) {
        let room = self.share(room);
        let sizes = self.figures.iter().map(|figure| figure.plot().size(room));
        let (width, height) = sizes.fold((0.0, 0.0f64), |(width, highest), size| {
            (width + size.0, highest.max(size.1))
        });
        (width, height + self.title_height(room))
    }

    fn is_line_art(&self) -> bool {
        self.figures
            .iter()
            .all(|figure| figure.plot().is_line_art())
    }

    fn draw(&self, area: &Area, room: Room) -> Drawn {
        let room = self.share(room);
        let title_height = self.title_height(room);
        let mut rest = area.clone();
        for figure in &self.figures {
            let (width, height) = figure.plot().size(room);
            let (left, right) = rest.split_horizontally(units(width));
            let sheet = f64::from(left.dim_in_pixel().1) / UNITS_PER_PIXEL;
            let height = (title_height + height).min(sheet);
            let (above, _) = left.split_vertically(units(height));
            figure.draw_on(&above, room, title_height)?;
            rest = right;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::plot::{Theme, histogram, image_grid};

    fn figure(title: &str) -> Figure {
        let values = Rng::new(6202).normal(0.0, 1.0, &[100]).unwrap();
        histogram("value", &values, 10).unwrap().title(title)
    }

    #[test]
    fn figures_stand_in_order_with_their_plots_on_one_line() {
        let both = side_by_side(&[figure("short"), figure(&"long ".repeat(30))]).unwrap();
        let svg = both.title("both").svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let places = |text: &str| -> Vec<(f64, f64)> {
            let nodes = document.descendants().filter(|node| {
                node.text().is_some_and(|found| found.trim() == text) && node.has_tag_name("text")
            });
            let at = |node: roxmltree::Node, name| node.attribute(name).unwrap().parse().unwrap();
            nodes.map(|node| (at(node, "x"), at(node, "y"))).collect()
        };
        let names = places("value");
        assert!(names[0].0 + 400.0 < names[1].0, "{names:?}");
        assert_eq!(names[0].1, names[1].1);
        assert!(places("short")[0].0 < 520.0);
        assert_eq!(places("both").len(), 1);
    }

    #[test]
    fn images_keep_their_size_beside_a_chart() {
        let images = Rng::new(1).uniform(0.0, 1.0, &[4, 8, 8]).unwrap();
        let grid = image_grid(&images, 2).unwrap();
        let room = Theme::Page.room();
        let alone = grid.plot().size(room);
        let both = side_by_side(&[grid, figure("chart")]).unwrap();
        assert_eq!(both.plot().size(room).0, alone.0 + SHEET * room.sheet / 2.0);
        assert!(both.png().is_ok());
    }

    #[test]
    fn one_figure_or_four_are_refused() {
        for count in [0, 1, 4] {
            let figures = vec![figure("one of several"); count];
            let error = side_by_side(&figures).unwrap_err().to_string();
            assert!(
                error.contains(&format!("there are {count} figures")),
                "{error}"
            );
        }
    }
}
