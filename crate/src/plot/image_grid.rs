//! A grid of images, such as the first digits of MNIST.

use std::fmt::Display;

use candle_core::Tensor;
use plotters::element::Rectangle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, Drawn, Image, Tile};
use super::images::to_images;
use super::raster::DENSITY;
use super::style::{self, AXIS_TEXT, MARGIN, TICK_TEXT, units};
use super::theme::Room;
use super::{Figure, Plot};
use crate::{Error, Result};

/// The space between neighbouring images.
const GAP: f64 = 6.0;
/// Small images are enlarged up to about this side, larger ones are not enlarged.
const LARGEST_TILE: f64 = 112.0;
/// The height of a caption with the space around it.
const CAPTION: f64 = TICK_TEXT * 1.5;

/// Shows images row by row in a grid of `columns`, black for 0 and white for 1.
///
/// `images` is `[n, 1, h, w]` or `[n, h, w]` (grey) or `[n, 3, h, w]` (red, green, blue). Values
/// outside `[0, 1]` are shown as the nearer of the two; `u8` values are in 0..=255. Each pixel of
/// an image becomes a square of whole PNG pixels, without smoothing.
///
/// # Errors
/// If `images` has another shape or is empty, a value is NaN or infinite, or there are more images
/// than a figure holds.
///
/// ```
/// use cuaderno::plot::image_grid;
/// use cuaderno::prelude::*;
///
/// let images = Rng::new(6202).uniform(0.0, 1.0, &[20, 1, 28, 28])?;
/// let figure = image_grid(&images, 10)?; // two rows of ten
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn image_grid(images: &Tensor, columns: usize) -> Result<Figure> {
    captioned_image_grid::<&str>(images, &[], columns)
}

/// Like [`image_grid`], with a caption under each image, such as its label.
///
/// # Errors
/// As for [`image_grid`], and if the numbers of captions and images differ.
///
/// ```
/// use cuaderno::plot::captioned_image_grid;
/// use cuaderno::prelude::*;
///
/// let images = Rng::new(6202).uniform(0.0, 1.0, &[3, 1, 28, 28])?;
/// let figure = captioned_image_grid(&images, &["zero", "one", "two"], 3)?;
/// assert!(figure.svg()?.contains("two"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn captioned_image_grid<C: Display>(
    images: &Tensor,
    captions: &[C],
    columns: usize,
) -> Result<Figure> {
    const NAME: &str = "image_grid";
    let images = to_images(NAME, images)?;
    if columns == 0 {
        return Err(Error::argument("columns", columns, "at least 1"));
    }
    if !captions.is_empty() && captions.len() != images.len() {
        return Err(Error::shape(
            NAME,
            format!(
                "there are {} captions for {} images; give one for each.",
                captions.len(),
                images.len()
            ),
        ));
    }
    let grid = Grid {
        columns: columns.min(images.len()),
        images,
        captions: captions.iter().map(C::to_string).collect(),
        row_titles: Vec::new(),
    };
    Figure::new(NAME, grid)
}

/// Images of one size in rows, with an optional caption under each and an optional title left of
/// each row.
pub(super) struct Grid {
    pub images: Vec<Image>,
    pub captions: Vec<String>,
    pub row_titles: Vec<String>,
    pub columns: usize,
}

/// The layout of a grid, in logical pixels.
struct Layout {
    /// The side of an image's pixel.
    pixel: f64,
    image: (f64, f64),
    /// The size of an image with its caption and the gap to its neighbours.
    cell: (f64, f64),
    left: f64,
    size: (f64, f64),
}

impl Grid {
    /// The layout on a sheet of that width.
    fn layout(&self, sheet: f64) -> Layout {
        let widest = |lines: &[String], size| {
            lines
                .iter()
                .map(|line| style::text_width(line, size))
                .fold(0.0, f64::max)
        };
        let titles = match widest(&self.row_titles, AXIS_TEXT) {
            0.0 => 0.0,
            width => width + MARGIN,
        };
        let columns = self.columns as f64;
        let room = (sheet - 2.0 * MARGIN - titles) / columns - GAP;

        let (width, height) = (self.images[0].width, self.images[0].height);
        let (density, side) = (f64::from(DENSITY), width.max(height) as f64);
        let enlarge = room.min(LARGEST_TILE.max(side)) * density / side;
        let pixel = enlarge.floor().max(1.0) / density;

        let image = (width as f64 * pixel, height as f64 * pixel);
        let caption = if self.captions.is_empty() {
            0.0
        } else {
            CAPTION
        };
        let cell = (
            image.0.max(widest(&self.captions, TICK_TEXT)) + GAP,
            image.1 + caption + GAP,
        );
        let rows = self.images.len().div_ceil(self.columns) as f64;
        let content = titles + columns * cell.0 - GAP;
        // A narrow grid still leaves room for a title.
        let total = (content + 2.0 * MARGIN).max(sheet / 2.0);
        let size = (total.ceil(), (rows * cell.1 - GAP + 2.0 * MARGIN).ceil());
        Layout {
            pixel,
            image,
            cell,
            left: (size.0 - content) / 2.0 + titles,
            size,
        }
    }
}

impl Plot for Grid {
    fn size(&self, room: Room) -> (f64, f64) {
        self.layout(room.sheet).size
    }

    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, room: Room) -> Drawn {
        let Layout {
            pixel,
            image: (width, height),
            cell,
            left,
            ..
        } = self.layout(room.sheet);

        let caption = style::text(TICK_TEXT).pos(Pos::new(HPos::Center, VPos::Center));
        for (index, image) in self.images.iter().enumerate() {
            let (column, row) = (index % self.columns, index / self.columns);
            // A caption may make a cell wider than its image, which is then in the middle.
            let middle = left + column as f64 * cell.0 + (cell.0 - GAP) / 2.0;
            let corner = (
                units((middle - width / 2.0).floor()),
                units((MARGIN + row as f64 * cell.1).floor()),
            );
            // Without a frame, a white image would merge with the page.
            let frame = units(1.0);
            area.draw(&Rectangle::new(
                [
                    (corner.0 - frame, corner.1 - frame),
                    (
                        corner.0 + units(width) + frame,
                        corner.1 + units(height) + frame,
                    ),
                ],
                plotters::style::Color::filled(&style::GRID),
            ))?;
            area.draw(&Tile {
                image,
                corner,
                pixel: units(pixel),
            })?;
            if let Some(text) = self.captions.get(index) {
                let below = corner.1 + units(height + CAPTION / 2.0);
                area.draw_text(text, &caption, (units(middle), below))?;
            }
        }

        let title = style::text(AXIS_TEXT).pos(Pos::new(HPos::Right, VPos::Center));
        for (row, text) in self.row_titles.iter().enumerate() {
            let middle = MARGIN + row as f64 * cell.1 + height / 2.0;
            area.draw_text(text, &title, (units(left - MARGIN), units(middle)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::plot::Theme;
    use candle_core::{Device, IndexOp};
    use proptest::prelude::*;

    fn noise(shape: &[usize]) -> Tensor {
        Rng::new(6202).uniform(0.0, 1.0, shape).unwrap()
    }

    fn drawn(figure: Figure) -> Image {
        Image::from_png(&figure.png().unwrap())
    }

    fn problem(result: Result<Figure>) -> String {
        result.unwrap_err().to_string()
    }

    fn byte(value: f32) -> u8 {
        (value * 255.0).round() as u8
    }

    #[test]
    fn each_pixel_of_an_image_is_a_square_of_its_value() {
        let images = noise(&[1, 1, 28, 28]);
        let values: Vec<Vec<f32>> = images.i((0, 0)).unwrap().to_vec2().unwrap();
        let figure = drawn(image_grid(&images, 1).unwrap());
        // The smallest figure is 384 wide; the image, 112 logical pixels, is in its middle, 14
        // from the top, and each of its pixels is a square of 8.
        for (y, row) in values.iter().enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let (left, top) = (2 * 136 + 8 * x, 2 * 14 + 8 * y);
                for (x, y) in [
                    (left, top),
                    (left + 7, top),
                    (left, top + 7),
                    (left + 7, top + 7),
                ] {
                    assert_eq!(figure.at(x, y), [byte(value); 3], "at {x}, {y}");
                }
            }
        }
        assert_eq!((figure.width, figure.height), (768, 2 * (112 + 2 * 14)));
    }

    #[test]
    fn a_picture_is_as_large_as_it_is_where_there_is_room() {
        let figure = |columns| drawn(image_grid(&noise(&[3, 3, 150, 225]), columns).unwrap());
        // Two pixels of the file for each of the picture's, frames and gaps between them.
        assert_eq!(figure(3).height, 2 * (150 + 2 * 14));
        assert_eq!(figure(1).height, 2 * (3 * 150 + 2 * 6 + 2 * 14));
        // Four do not fit side by side: one pixel for each.
        let four = drawn(image_grid(&noise(&[4, 3, 150, 225]), 4).unwrap());
        assert_eq!(four.height, 150 + 2 * 2 * 14);
    }

    #[test]
    fn captions_are_text_under_the_images() {
        let figure = captioned_image_grid(&noise(&[3, 8, 8]), &[7, 2, 1], 2).unwrap();
        let svg = figure.svg().unwrap();
        for caption in [">7<", ">2<", ">1<"] {
            assert!(svg.contains(caption), "{svg}");
        }
    }

    #[test]
    fn a_wrong_shape_says_what_is_expected() {
        let error = problem(image_grid(&noise(&[5, 784]), 5));
        assert!(
            error.contains("[5, 784]") && error.contains("[n, 1, h, w]"),
            "{error}"
        );
        let error = problem(image_grid(&noise(&[5, 2, 8, 8]), 5));
        assert!(error.contains("[5, 2, 8, 8]"), "{error}");
        let error = problem(image_grid(&noise(&[0, 1, 8, 8]), 5));
        assert!(error.contains("no image"), "{error}");
        let error = problem(image_grid(&noise(&[5, 1, 8, 8]), 0));
        assert!(error.contains("columns is 0"), "{error}");
        let error = problem(captioned_image_grid(&noise(&[5, 8, 8]), &["a"], 5));
        assert!(error.contains("1 captions for 5 images"), "{error}");
    }

    #[test]
    fn too_many_images_are_refused_before_anything_is_drawn() {
        let error = problem(image_grid(&noise(&[60000, 1, 2, 2]), 10));
        assert!(error.contains("narrow"), "{error}");
    }

    #[test]
    fn values_that_are_not_finite_are_counted_and_placed() {
        let mut values = vec![0.5f32; 2 * 3 * 4];
        values[12 + 4 + 2] = f32::NAN;
        values[23] = f32::INFINITY;
        let images = Tensor::from_vec(values, (2, 1, 3, 4), &Device::Cpu).unwrap();
        let error = problem(image_grid(&images, 2));
        assert!(error.contains("NaN at [1, 0, 1, 2]"), "{error}");
        assert!(error.contains("2 of 24"), "{error}");
    }

    proptest! {
        #[test]
        fn every_grid_keeps_its_images_apart_and_inside(
            count in 1..30usize,
            columns in 1..12usize,
            height in 1..300usize,
            width in 1..300usize,
            titled in any::<bool>(),
            captioned in any::<bool>(),
        ) {
            let image = Image { width, height, rgb: Vec::new() };
            let grid = Grid {
                images: vec![image; count],
                captions: if captioned { vec!["caption".to_owned(); count] } else { Vec::new() },
                row_titles: if titled { vec!["row".to_owned(); count.div_ceil(columns)] } else { Vec::new() },
                columns: columns.min(count),
            };
            let layout = grid.layout(Theme::Page.room().sheet);
            let rows = count.div_ceil(grid.columns) as f64;
            prop_assert!(layout.cell.0 >= layout.image.0 + GAP);
            prop_assert!(layout.cell.1 >= layout.image.1 + GAP);
            let right = layout.left + grid.columns as f64 * layout.cell.0 - GAP;
            prop_assert!(right + MARGIN <= layout.size.0 + 1e-9);
            prop_assert!(rows * layout.cell.1 - GAP + 2.0 * MARGIN <= layout.size.1);
            prop_assert!((layout.pixel * f64::from(DENSITY)).fract() == 0.0);
        }
    }
}
