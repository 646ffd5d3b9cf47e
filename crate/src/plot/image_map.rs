//! Images side by side without gaps, placed along two axes.

use std::fmt::Display;

use candle_core::Tensor;

use super::axes::{self, Axis, Ticks};
use super::canvas::{Area, Drawn, Image, Tile};
use super::images::to_images;
use super::raster::DENSITY;
use super::style::{self, TICK_TEXT, units};
use super::theme::Room;
use super::{Figure, Plot};
use crate::{Error, Result};

/// Small images are enlarged up to this side, in logical pixels.
const LARGEST_IMAGE: f64 = 56.0;
/// A figure on its own grows up to this many times its sheet if images would otherwise have less than
/// one logical pixel for each of their pixels.
const WIDEST: f64 = 1.25;
/// The distance between labels of rows or columns.
const LABEL_GAP: f64 = 10.0;

/// Shows images as one picture, row by row from the top. `columns` and `rows` are each the name of an
/// axis and a label for each position along it.
///
/// `images` is `[rows * columns, 1, h, w]` or another shape that [`image_grid`](super::image_grid)
/// takes. Labels that would overlap are left out.
///
/// # Errors
/// As for [`image_grid`](super::image_grid), and if the numbers of images and positions differ.
///
/// ```
/// use cuaderno::plot::image_map;
/// use cuaderno::prelude::*;
///
/// let images = Rng::new(6202).uniform(0.0, 1.0, &[6, 1, 28, 28])?;
/// let figure = image_map(&images, ("z1", &[-1, 0, 1]), ("z2", &[1, -1]))?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn image_map<X: Display, Y: Display>(
    images: &Tensor,
    columns: (&str, &[X]),
    rows: (&str, &[Y]),
) -> Result<Figure> {
    const NAME: &str = "image_map";
    let images = to_images(NAME, images)?;
    if images.len() != rows.1.len() * columns.1.len() {
        return Err(Error::shape(
            NAME,
            format!(
                "there are {} images for {} rows of {} columns; give one for each place.",
                images.len(),
                rows.1.len(),
                columns.1.len()
            ),
        ));
    }
    let map = ImageMap {
        image: (images[0].width, images[0].height),
        picture: joined(&images, columns.1.len()),
        columns: Places::new(columns),
        rows: Places::new(rows),
    };
    Figure::new(NAME, map)
}

/// A single picture of images of the same size, row by row.
fn joined(images: &[Image], columns: usize) -> Image {
    let (width, height) = (images[0].width, images[0].height);
    let mut rgb = Vec::with_capacity(images.len() * images[0].rgb.len());
    for row in images.chunks(columns) {
        for line in 0..height {
            let bytes = line * 3 * width..(line + 1) * 3 * width;
            rgb.extend(row.iter().flat_map(|image| &image.rgb[bytes.clone()]));
        }
    }
    Image {
        width: columns * width,
        height: images.len() / columns * height,
        rgb,
    }
}

/// The name of an axis and the labels along it.
struct Places {
    name: String,
    labels: Vec<String>,
}

impl Places {
    fn new<L: Display>((name, labels): (&str, &[L])) -> Self {
        Self {
            name: name.to_owned(),
            labels: labels.iter().map(L::to_string).collect(),
        }
    }

    /// The labels, which are `distance` apart and need `room` each. Some are left empty if they
    /// would overlap, but not the first and the last.
    fn readable(&self, distance: f64, room: f64) -> Vec<String> {
        let last = self.labels.len() - 1;
        let every = (room / distance).ceil().max(1.0) as usize;
        let label = |(place, label): (usize, &String)| {
            if place == last || place % every == 0 && place + every <= last {
                label.clone()
            } else {
                String::new()
            }
        };
        self.labels.iter().enumerate().map(label).collect()
    }

    fn end(&self) -> f64 {
        self.labels.len() as f64 - 0.5
    }
}

struct ImageMap {
    /// Width and height of one image, in its own pixels.
    image: (usize, usize),
    picture: Image,
    columns: Places,
    rows: Places,
}

impl ImageMap {
    /// The side of an image's pixel in the available `width`: a whole number of the PNG's pixels.
    fn pixel(&self, width: f64) -> f64 {
        let density = f64::from(DENSITY);
        let room = width - axes::room(&self.y(1.0)).0;
        let largest = LARGEST_IMAGE / self.image.0.max(self.image.1) as f64;
        let pixel = largest.min(room / self.picture.width as f64);
        (pixel * density).floor().max(1.0) / density
    }

    fn x(&self, pixel: f64) -> Axis<'_> {
        let widths = self.columns.labels.iter();
        let widest = widths
            .map(|label| style::text_width(label, TICK_TEXT))
            .fold(0.0, f64::max);
        let distance = pixel * self.image.0 as f64;
        let labels = self.columns.readable(distance, widest + LABEL_GAP);
        Axis {
            name: &self.columns.name,
            range: -0.5..self.columns.end(),
            ticks: Ticks::Named(labels),
        }
    }

    fn y(&self, pixel: f64) -> Axis<'_> {
        let distance = pixel * self.image.1 as f64;
        let labels = self.rows.readable(distance, TICK_TEXT + LABEL_GAP);
        Axis {
            name: &self.rows.name,
            // The first row is on top.
            range: self.rows.end()..-0.5,
            ticks: Ticks::Named(labels),
        }
    }
}

impl Plot for ImageMap {
    fn size(&self, Room { sheet, width, .. }: Room) -> (f64, f64) {
        let all_pixels = self.picture.width as f64 + axes::room(&self.y(1.0)).0;
        let stands_alone = width >= sheet;
        let pixel = self.pixel(if stands_alone {
            width.max(all_pixels.min(WIDEST * sheet))
        } else {
            width
        });
        let (beside, below) = axes::room(&self.y(pixel));
        (
            self.picture.width as f64 * pixel + beside,
            self.picture.height as f64 * pixel + below,
        )
    }

    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let width = f64::from(area.dim_in_pixel().0) / style::UNITS_PER_PIXEL;
        let pixel = self.pixel(width);
        let chart = axes::draw(area, self.x(pixel), self.y(pixel))?;
        chart.plotting_area().strip_coord_spec().draw(&Tile {
            image: &self.picture,
            corner: (0, 0),
            pixel: units(pixel),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::plot::Theme;

    fn noise(shape: &[usize]) -> Tensor {
        Rng::new(6202).uniform(0.0, 1.0, shape).unwrap()
    }

    /// The bounding box of a figure's pixels of one colour: left, top, right, bottom.
    fn extent(figure: &Image, color: [u8; 3]) -> (usize, usize, usize, usize) {
        let places = (0..figure.height).flat_map(|y| (0..figure.width).map(move |x| (x, y)));
        places.filter(|&(x, y)| figure.at(x, y) == color).fold(
            (usize::MAX, usize::MAX, 0, 0),
            |found, (x, y)| {
                (
                    found.0.min(x),
                    found.1.min(y),
                    found.2.max(x),
                    found.3.max(y),
                )
            },
        )
    }

    #[test]
    fn images_touch_and_each_is_at_its_place() {
        let colors = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [200, 200, 0]];
        let planes = colors.as_flattened().iter();
        let pixels: Vec<u8> = planes.flat_map(|&level| [level; 28 * 28]).collect();
        let images = Tensor::from_vec(pixels, (4, 3, 28, 28), &candle_core::Device::Cpu).unwrap();
        let figure = image_map(&images, ("x", &[0, 1]), ("y", &[1, 0])).unwrap();
        let figure = Image::from_png(&figure.png().unwrap());
        let [first, right, below, last] = colors.map(|color| extent(&figure, color));
        let side = 4 * 28 - 1;
        assert_eq!((first.2 - first.0, first.3 - first.1), (side, side));
        assert_eq!((right.0, right.1), (first.2 + 1, first.1));
        assert_eq!((below.0, below.1), (first.0, first.3 + 1));
        assert_eq!((last.0, last.1), (first.2 + 1, first.3 + 1));
        assert_eq!(
            (last.2 - last.0, last.3 - last.1),
            (side, side),
            "nothing is cut off"
        );
    }

    #[test]
    fn labels_that_would_overlap_are_left_out_and_the_ends_stay() {
        let labels: Vec<i32> = (0..30).collect();
        let places = Places::new(("z1", &labels));
        let kept = places.readable(14.0, 60.0);
        let kept: Vec<&String> = kept.iter().filter(|label| !label.is_empty()).collect();
        assert_eq!(kept, ["0", "5", "10", "15", "20", "29"]);
        assert_eq!(places.readable(100.0, 60.0), places.labels);
    }

    #[test]
    fn a_large_map_fits_beside_another() {
        let labels: Vec<i32> = (0..30).collect();
        let map = image_map(&noise(&[900, 1, 28, 28]), ("z1", &labels), ("z2", &labels)).unwrap();
        let room = Theme::Page.room();
        let beside = Room {
            width: 518.0,
            ..room
        };
        let size = map.plot().size(beside);
        assert!(size.0 > 420.0 && size.0 <= 518.0, "{size:?}");
        let (alone, _) = map.plot().size(room);
        assert!(alone > 840.0 && alone <= 960.0, "{alone}");
    }

    #[test]
    fn a_place_without_an_image_is_refused() {
        let error = image_map(&noise(&[5, 8, 8]), ("x", &[1, 2]), ("y", &[1, 2, 3])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("5 images for 3 rows of 2 columns"),
            "{error}"
        );
    }
}
