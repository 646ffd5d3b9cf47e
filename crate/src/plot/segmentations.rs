//! Images with the class of each pixel as a colour over them.

use candle_core::Tensor;
use plotters::style::RGBColor;

use super::canvas::{Area, Drawn, Image};
use super::image_grid::Grid;
use super::images::to_images;
use super::legend::{self, Entry, Sample};
use super::style::{self, VERMILION};
use super::theme::Room;
use super::{Figure, Plot};
use crate::{Error, Result};

/// How much of a class's colour lies over the image.
const COVER: f64 = 0.6;

/// Shows images with their masks over them, a colour for each class, in a grid of `columns`.
///
/// `images` are as in [`image_grid`](super::image_grid), `masks` are `[n, height, width]` of u32.
/// `names` are the names of the classes, from class 0 on. Where a mask has class 0 of two or a
/// class without a name (unlabelled pixels), the image is seen as it is.
///
/// ```
/// use cuaderno::prelude::*;
/// let scenes = scenes(6, [48, 48], 6202)?;
/// let figure = mask_overlays(&scenes.images, &scenes.masks, &["ground", "striped"], 3)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, there is no name, or `columns` is 0.
pub fn mask_overlays<S: AsRef<str>>(
    images: &Tensor,
    masks: &Tensor,
    names: &[S],
    columns: usize,
) -> Result<Figure> {
    const NAME: &str = "mask_overlays";
    let palette = Palette::of(NAME, names)?;
    let images = palette.overlaid(NAME, images, masks)?;
    if columns == 0 {
        return Err(Error::argument("columns", columns, "at least 1"));
    }
    let grid = Grid {
        columns: columns.min(images.len()),
        images,
        captions: Vec::new(),
        row_titles: Vec::new(),
    };
    let entries = palette.entries();
    Figure::new(NAME, Segmentations { grid, entries })
}

/// Shows a column for each image: the image, its true mask over it, the predicted one, and what is
/// wrong. Of two classes, the pixels of class 1 that were missed and those of class 0 that were
/// taken for class 1 have colours of their own; of more classes, all wrong pixels have one. Pixels
/// whose true class has no name (unlabelled ones) are not wrong.
///
/// Arguments are as in [`mask_overlays`]; six columns read well.
///
/// ```
/// use cuaderno::prelude::*;
/// let scenes = scenes(4, [48, 48], 6202)?;
/// let nothing = scenes.masks.zeros_like()?;
/// let figure = segmentations(&scenes.images, &scenes.masks, &nothing, &["ground", "striped"])?;
/// assert!(figure.svg()?.contains("missed"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit or there is no name.
pub fn segmentations<S: AsRef<str>>(
    images: &Tensor,
    masks: &Tensor,
    predicted: &Tensor,
    names: &[S],
) -> Result<Figure> {
    const NAME: &str = "segmentations";
    let palette = Palette::of(NAME, names)?;
    let plain = to_images(NAME, images)?;
    let columns = plain.len();
    let truth = palette.overlaid(NAME, images, masks)?;
    let found = palette.overlaid(NAME, images, predicted)?;
    let (masks, predicted) = (classes(masks)?, classes(predicted)?);
    let pixels = masks.len() / columns;
    let wrong = plain.iter().enumerate().map(|(place, image)| {
        let pairs = masks[place * pixels..]
            .iter()
            .zip(&predicted[place * pixels..]);
        painted(
            image,
            pairs
                .take(pixels)
                .map(|(&truth, &found)| palette.error(truth, found)),
        )
    });
    let wrong: Vec<Image> = wrong.collect();
    let mut entries = palette.entries();
    entries.extend(match palette.names.len() {
        2 => vec![
            Entry::new("missed", Sample::Block(VERMILION)),
            Entry::new("false alarm", Sample::Block(false_alarm())),
        ],
        _ => vec![Entry::new("wrong", Sample::Block(VERMILION))],
    });
    let grid = Grid {
        columns,
        images: [plain, truth, found, wrong].concat(),
        captions: Vec::new(),
        row_titles: ["image", "truth", "prediction", "errors"]
            .map(String::from)
            .into(),
    };
    Figure::new(NAME, Segmentations { grid, entries })
}

/// The colour of what was taken for class 1 of two, neither the blue of that class nor near the red of
/// what was missed.
fn false_alarm() -> RGBColor {
    style::color(4)
}

/// The classes that have names.
struct Palette {
    names: Vec<String>,
}

impl Palette {
    fn of<S: AsRef<str>>(plot: &'static str, names: &[S]) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        if names.is_empty() {
            return Err(Error::shape(
                plot,
                "there is no name of a class; give one for each, such as [\"background\", \"horse\"].",
            ));
        }
        Ok(Self { names })
    }

    /// The colour of a class; `None` where the image is to be seen. Where there are more than two, it
    /// is the one that the class has in a scatter or as a curve.
    fn color(&self, class: u32) -> Option<RGBColor> {
        match class {
            0 if self.names.len() == 2 => None,
            1 if self.names.len() == 2 => Some(style::color(0)),
            class if (class as usize) < self.names.len() => Some(style::color(class as usize)),
            _ => None,
        }
    }

    /// The colour of a pixel that is wrong.
    fn error(&self, truth: u32, found: u32) -> Option<RGBColor> {
        match (truth, found) {
            _ if truth == found || truth as usize >= self.names.len() => None,
            (0, _) if self.names.len() == 2 => Some(false_alarm()),
            _ => Some(VERMILION),
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let named = (0u32..).zip(&self.names);
        let entry = |(class, name): (u32, &String)| {
            Some(Entry::new(name, Sample::Block(self.color(class)?)))
        };
        named.filter_map(entry).collect()
    }

    fn overlaid(&self, plot: &'static str, images: &Tensor, masks: &Tensor) -> Result<Vec<Image>> {
        let plain = to_images(plot, images)?;
        let (height, width) = (plain[0].height, plain[0].width);
        if masks.dims() != [plain.len(), height, width] {
            return Err(Error::shape(
                plot,
                format!(
                    "the masks have shape {:?}, but the images {:?} need {:?}, a class for each \
                     pixel.",
                    masks.dims(),
                    images.dims(),
                    [plain.len(), height, width]
                ),
            ));
        }
        let classes = classes(masks)?;
        let masks = classes.chunks_exact(height * width);
        let paint = |(image, mask): (&Image, &[u32])| {
            painted(image, mask.iter().map(|&class| self.color(class)))
        };
        Ok(plain.iter().zip(masks).map(paint).collect())
    }
}

fn classes(masks: &Tensor) -> Result<Vec<u32>> {
    let masks = masks.to_dtype(candle_core::DType::U32)?;
    Ok(masks.flatten_all()?.to_vec1()?)
}

/// The image with colours over its pixels.
fn painted(image: &Image, colours: impl Iterator<Item = Option<RGBColor>>) -> Image {
    let mut image = image.clone();
    for (pixel, colour) in image.rgb.chunks_exact_mut(3).zip(colours) {
        let Some(RGBColor(red, green, blue)) = colour else {
            continue;
        };
        for (level, colour) in pixel.iter_mut().zip([red, green, blue]) {
            let mixed = COVER * f64::from(colour) + (1.0 - COVER) * f64::from(*level);
            *level = mixed.round() as u8;
        }
    }
    image
}

/// Images below a legend of their colours.
struct Segmentations {
    grid: Grid,
    entries: Vec<Entry>,
}

impl Plot for Segmentations {
    fn size(&self, room: Room) -> (f64, f64) {
        let (width, height) = self.grid.size(room);
        (width, height + legend::height(&self.entries, width))
    }

    fn is_line_art(&self) -> bool {
        false
    }

    fn draw(&self, area: &Area, room: Room) -> Drawn {
        let below = legend::draw_above(area, &self.entries)?;
        self.grid.draw(&below, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn white(n: usize) -> Tensor {
        Tensor::ones((n, 3, 1, 2), DType::F32, &Device::Cpu).unwrap()
    }

    /// A row of two pixels for each image.
    fn masks(classes: &[[u32; 2]]) -> Tensor {
        let flat = classes.as_flattened().to_vec();
        Tensor::from_vec(flat, (classes.len(), 1, 2), &Device::Cpu).unwrap()
    }

    #[test]
    fn classes_have_colours_and_what_is_not_named_has_none() {
        let palette = Palette::of("test", &["ground", "horse"]).unwrap();
        let images = palette
            .overlaid("test", &white(2), &masks(&[[0, 1], [7, 0]]))
            .unwrap();
        assert_eq!(images[0].rgb[..3], [255; 3]);
        let RGBColor(red, ..) = style::color(0);
        let expected = (COVER * f64::from(red) + (1.0 - COVER) * 255.0).round() as u8;
        assert_eq!(images[0].rgb[3], expected);
        assert_eq!(images[1].rgb, [255; 6]);
    }

    #[test]
    fn one_of_many_classes_has_the_colour_of_its_curve() {
        let palette = Palette::of("test", &["soil", "plants", "water"]).unwrap();
        let colours = [0, 1, 2, 3].map(|class| palette.color(class));
        let curves = [0, 1, 2].map(|index| Some(style::color(index)));
        assert_eq!((&colours[..3], colours[3]), (&curves[..], None));
    }

    #[test]
    fn errors_of_both_kinds_are_told_apart() {
        let two = Palette::of("test", &["ground", "horse"]).unwrap();
        assert_eq!(two.error(1, 1), None);
        assert_eq!(two.error(1, 0), Some(VERMILION));
        assert_eq!(two.error(0, 1), Some(false_alarm()));
        let three = Palette::of("test", &["sky", "road", "car"]).unwrap();
        assert_eq!(three.error(0, 1), Some(VERMILION));
        assert_eq!(three.error(3, 1), None, "unlabelled");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let problem = |found: Result<Figure>| found.unwrap_err().to_string();
        let error = problem(mask_overlays(
            &white(1),
            &masks(&[[0, 1], [1, 0]]),
            &["a", "b"],
            2,
        ));
        assert!(
            error.contains("[2, 1, 2]") && error.contains("[1, 1, 2]"),
            "{error}"
        );
        let none: [&str; 0] = [];
        let error = problem(mask_overlays(&white(1), &masks(&[[0, 1]]), &none, 1));
        assert!(error.contains("no name"), "{error}");
    }
}
