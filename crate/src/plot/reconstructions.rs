//! Images above their reconstructions.

use std::borrow::Borrow;

use candle_core::Tensor;

use super::Figure;
use super::image_grid::Grid;
use super::images::to_images;
use crate::{Error, Result};

/// Shows originals above their reconstructions: one row for each title and its images, one column
/// for each image.
///
/// Every row holds the same number of images of the same size, in the same order, as
/// [`image_grid`](super::image_grid) takes them; ten to a row read well.
///
/// # Errors
/// If there is no row, rows differ in shape, or [`image_grid`](super::image_grid) rejects the images.
///
/// ```
/// use cuaderno::plot::reconstructions;
/// use cuaderno::prelude::*;
///
/// let digits = Rng::new(6202).uniform(0.0, 1.0, &[10, 1, 28, 28])?;
/// let (coarse, fine) = ((&digits * 0.5)?, (&digits * 0.9)?);
/// let figure = reconstructions(&[("original", &digits), ("d' = 2", &coarse), ("d' = 32", &fine)])?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn reconstructions<S: AsRef<str>, T: Borrow<Tensor>>(rows: &[(S, T)]) -> Result<Figure> {
    const NAME: &str = "reconstructions";
    let Some((first_title, first)) = rows.first() else {
        return Err(Error::shape(
            NAME,
            "there is no row to show; give the originals and at least one reconstruction.",
        ));
    };
    let (first_title, shape) = (first_title.as_ref(), first.borrow().dims());

    let mut images = Vec::new();
    for (title, row) in rows {
        let (title, row) = (title.as_ref(), row.borrow());
        if row.dims() != shape {
            return Err(Error::shape(
                NAME,
                format!(
                    "the row {title:?} has shape {:?}, but {first_title:?} has {shape:?}; each \
                     column is one image and what became of it.",
                    row.dims()
                ),
            ));
        }
        images.extend(to_images(NAME, row)?);
    }
    let grid = Grid {
        columns: images.len() / rows.len(),
        images,
        captions: Vec::new(),
        row_titles: rows
            .iter()
            .map(|(title, _)| title.as_ref().to_owned())
            .collect(),
    };
    Figure::new(NAME, grid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn noise(shape: &[usize]) -> Tensor {
        Rng::new(6202).uniform(0.0, 1.0, shape).unwrap()
    }

    #[test]
    fn rows_stand_in_the_order_given_with_their_titles() {
        let rows: Vec<(String, Tensor)> = ["original", "d' = 2", "d' = 8"]
            .map(|title| (title.to_owned(), noise(&[4, 1, 8, 8])))
            .into();
        let svg = reconstructions(&rows).unwrap().svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let height = |title: &str| -> f64 {
            let text = document
                .descendants()
                .find(|node| node.text() == Some(title));
            text.unwrap().attribute("y").unwrap().parse().unwrap()
        };
        assert!(height("original") < height("d' = 2"));
        assert!(height("d' = 2") < height("d' = 8"));
        let distinct = |attribute| {
            document
                .descendants()
                .filter(|node| node.has_tag_name("image"))
                .filter_map(|image| image.attribute(attribute))
                .collect::<std::collections::HashSet<_>>()
                .len()
        };
        assert_eq!((distinct("x"), distinct("y")), (4, 3));
    }

    #[test]
    fn rows_that_do_not_match_are_named() {
        let rows = [
            ("original", noise(&[4, 8, 8])),
            ("d' = 2", noise(&[3, 8, 8])),
        ];
        let error = reconstructions(&rows).unwrap_err().to_string();
        assert!(error.contains("\"d' = 2\" has shape [3, 8, 8]"), "{error}");
        assert!(error.contains("\"original\" has [4, 8, 8]"), "{error}");
        let none: [(&str, Tensor); 0] = [];
        assert!(
            reconstructions(&none)
                .unwrap_err()
                .to_string()
                .contains("no row")
        );
    }
}
