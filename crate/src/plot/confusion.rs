//! A confusion matrix as a heat map.

use std::fmt::Display;

use candle_core::{DType, Tensor};
use plotters::element::Rectangle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBAColor};

use super::axes::{self, Axis, Ticks};
use super::canvas::{Area, Drawn};
use super::style::{self, BLUE, INK, PAPER, TICK_TEXT};
use super::theme::Room;
use super::{Figure, Plot};
use crate::{Error, Result};

/// The side of a cell.
const CELL: f64 = 48.0;
/// Room for the axes.
const AXES: f64 = 110.0;

/// Shows how often each class was predicted as each other class. `counts` is `[classes, classes]`, with
/// a row for each true class and a column for each prediction; `classes` are their names in order.
///
/// Each cell shows its count. The darker it is, the larger its fraction of the true class, on a
/// square-root scale, so that a fraction of 1 % is visible.
///
/// # Errors
/// If the counts are not square or not integers, or the number of names differs from that of the
/// classes.
///
/// ```
/// use cuaderno::plot::confusion_heat_map;
/// use cuaderno::prelude::*;
///
/// let counts = Tensor::new(&[[95u32, 5], [20, 80]], &Device::Cpu)?;
/// let figure = confusion_heat_map(&counts, &["cat", "dog"])?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn confusion_heat_map<C: Display>(counts: &Tensor, classes: &[C]) -> Result<Figure> {
    figure(
        "confusion_heat_map",
        counts,
        classes,
        ["true class", "predicted class"],
    )
}

/// Like [`confusion_heat_map`], for classes against clusters that were found without labels: a row
/// for each class and a column for each cluster, both named by `names`. The number of a cluster is
/// not a class, so the diagonal has no meaning.
///
/// # Errors
/// As for [`confusion_heat_map`].
///
/// ```
/// use cuaderno::plot::cluster_heat_map;
/// use cuaderno::prelude::*;
///
/// let counts = Tensor::new(&[[5u32, 95], [80, 20]], &Device::Cpu)?;
/// let figure = cluster_heat_map(&counts, &["0", "1"])?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn cluster_heat_map<C: Display>(counts: &Tensor, names: &[C]) -> Result<Figure> {
    figure("cluster_heat_map", counts, names, ["class", "cluster"])
}

fn figure<C: Display>(
    plot: &'static str,
    counts: &Tensor,
    names: &[C],
    axes: [&'static str; 2],
) -> Result<Figure> {
    match *counts.dims() {
        [rows, columns] if rows == columns && rows == names.len() && rows > 0 => {}
        ref shape => {
            return Err(Error::shape(
                plot,
                format!(
                    "the counts have shape {shape:?} and there are {} names; [c, c] and c names are \
                     expected.",
                    names.len()
                ),
            ));
        }
    }
    let heat_map = ConfusionHeatMap {
        counts: whole_numbers(counts)?,
        names: names.iter().map(C::to_string).collect(),
        axes,
    };
    Figure::new(plot, heat_map)
}

fn whole_numbers(counts: &Tensor) -> Result<Vec<Vec<u32>>> {
    if !counts.dtype().is_int() {
        return Err(Error::argument(
            "the element type of the counts",
            format!("{:?}", counts.dtype()),
            "a whole number, such as u32",
        ));
    }
    let count = |count: i64| {
        u32::try_from(count).map_err(|_| {
            Error::argument(
                "a count",
                count,
                "a whole number, 0 or above and within 32 bits",
            )
        })
    };
    let rows = counts.to_dtype(DType::I64)?.to_vec2()?;
    let row = |row: Vec<i64>| row.into_iter().map(count).collect();
    rows.into_iter().map(row).collect()
}

struct ConfusionHeatMap {
    counts: Vec<Vec<u32>>,
    names: Vec<String>,
    /// The meaning of the rows and of the columns.
    axes: [&'static str; 2],
}

/// The paper at 0, blue at 1.
fn shade(share: f64) -> RGBAColor {
    BLUE.mix(share.sqrt())
}

impl Plot for ConfusionHeatMap {
    fn size(&self, _: Room) -> (f64, f64) {
        let side = CELL * self.names.len() as f64;
        (side + AXES, side + AXES)
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, _: Room) -> Drawn {
        let end = self.names.len() as f64 - 0.5;
        let x = Axis {
            name: self.axes[1],
            range: -0.5..end,
            ticks: Ticks::Named(self.names.clone()),
        };
        // As matrices are written, with the first class on top.
        let y = Axis {
            name: self.axes[0],
            range: end..-0.5,
            ticks: Ticks::Named(self.names.clone()),
        };
        let chart = axes::draw(area, x, y)?;
        let cells = chart.plotting_area();
        let number = style::text(TICK_TEXT).pos(Pos::new(HPos::Center, VPos::Center));
        for (row, counts) in self.counts.iter().enumerate() {
            let all: u32 = counts.iter().sum();
            for (column, &count) in counts.iter().enumerate() {
                let (x, y) = (column as f64, row as f64);
                let share = f64::from(count) / f64::from(all.max(1));
                let corners = [(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)];
                cells.draw(&Rectangle::new(corners, shade(share).filled()))?;
                if count > 0 {
                    let ink = if share > 0.4 { PAPER } else { INK };
                    let number = number.color(&ink);
                    cells.draw(&plotters::element::Text::new(
                        count.to_string(),
                        (x, y),
                        number,
                    ))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn counts_stand_in_their_cells_and_the_first_row_is_on_top() {
        let counts = Tensor::new(&[[95u32, 5], [20, 80]], &Device::Cpu).unwrap();
        let svg = confusion_heat_map(&counts, &["cat", "dog"])
            .unwrap()
            .svg()
            .unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let place = |text: &str| -> (f64, f64) {
            let node = document
                .descendants()
                .find(|node| node.text() == Some(text))
                .unwrap();
            let at = |name| node.attribute(name).unwrap().parse().unwrap();
            (at("x"), at("y"))
        };
        assert!(place("95").0 < place("5").0 && place("95").1 == place("5").1);
        assert!(place("95").1 < place("20").1 && place("95").0 == place("20").0);
        assert_eq!(svg.matches(">cat</text>").count(), 2);
    }

    #[test]
    fn rows_and_columns_are_named_for_what_they_are() {
        let counts = Tensor::new(&[[95u32, 5], [20, 80]], &Device::Cpu).unwrap();
        let names = |figure: Result<Figure>| {
            let svg = figure.unwrap().svg().unwrap();
            ["true class", "predicted class", "class", "cluster"]
                .map(|name| svg.contains(&format!(">{name}</text>")))
        };
        let confusion = names(confusion_heat_map(&counts, &["cat", "dog"]));
        assert_eq!(confusion, [true, true, false, false]);
        let clusters = names(cluster_heat_map(&counts, &["0", "1"]));
        assert_eq!(clusters, [false, false, true, true]);
    }

    #[test]
    fn shades_grow_with_the_share() {
        let parts = [0.0, 0.01, 1.0].map(|share| shade(share).3);
        assert_eq!(parts, [0.0, 0.1, 1.0]);
    }

    #[test]
    fn counts_that_are_no_whole_numbers_are_refused() {
        let error = |counts: Tensor| cluster_heat_map(&counts, &["a"]).unwrap_err().to_string();
        let share = error(Tensor::new(&[[0.5f32]], &Device::Cpu).unwrap());
        assert!(share.contains("F32"), "{share}");
        let large = error(Tensor::new(&[[4_294_967_297i64]], &Device::Cpu).unwrap());
        assert!(large.starts_with("a count is 4294967297,"), "{large}");
    }

    #[test]
    fn a_matrix_that_is_not_square_is_refused() {
        let counts = Tensor::new(&[[1u32, 2, 3], [4, 5, 6]], &Device::Cpu).unwrap();
        let error = cluster_heat_map(&counts, &["a", "b"])
            .unwrap_err()
            .to_string();
        for words in ["cluster_heat_map", "[2, 3]", "2 names"] {
            assert!(error.contains(words), "{words} in {error}");
        }
    }
}
