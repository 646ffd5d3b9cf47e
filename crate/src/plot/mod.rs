//! Figures. Each function here returns a [`Figure`], which a notebook shows as the last expression
//! of a cell, and which can be saved as a PNG or SVG file.
//!
//! A new plot is one more file: a private type that implements [`Plot`], and a function that checks
//! its arguments and returns a figure of it. Sizes, colours and text styles come from `style`, so
//! that all figures look alike.

mod animation;
mod axes;
mod bar_chart;
mod canvas;
mod confusion;
mod contour_map;
mod curves;
mod diagram;
mod figure;
mod histogram;
mod histograms;
mod image_grid;
mod image_map;
mod images;
mod learning_curve;
mod legend;
mod line_chart;
mod markers;
mod raster;
mod reconstructions;
mod scatter;
mod segmentations;
mod side_by_side;
mod spectrogram;
mod style;
mod svg;
mod tagged_sentence;
mod theme;
mod values;

pub use animation::{Animation, animation};
pub use bar_chart::bar_chart;
pub use confusion::{cluster_heat_map, confusion_heat_map};
pub use contour_map::contour_map;
pub use curves::Curves;
pub use figure::Figure;
pub use histogram::histogram;
pub use histograms::{histograms, histograms_against_normal};
pub use image_grid::{captioned_image_grid, image_grid};
pub use image_map::image_map;
pub use learning_curve::learning_curve;
pub use line_chart::line_chart;
pub use reconstructions::reconstructions;
pub use scatter::{named_scatter, scatter};
pub use segmentations::{mask_overlays, segmentations};
pub use side_by_side::side_by_side;
pub use spectrogram::{attention_map, spectrogram};
pub use tagged_sentence::{TaggedSentence, tagged_sentence};
pub use theme::{Theme, set_theme};
pub use values::Values;

use canvas::{Area, Drawn};
use theme::Room;

/// The part of a figure below its title.
trait Plot: Send + Sync {
    /// Width and height in logical pixels in that room. Images have a size of their own.
    fn size(&self, room: Room) -> (f64, f64);

    /// Whether a notebook shows the figure as SVG: good for lines, which stay sharp at any zoom, and
    /// bad for images and for thousands of points, which make large and slow documents.
    fn is_line_art(&self) -> bool;

    /// Draws on an area of that size.
    fn draw(&self, area: &Area, room: Room) -> Drawn;
}
