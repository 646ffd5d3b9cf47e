//! Themes: the same figure for a page, for a dark page and for the last row of a lecture hall.
//!
//! Plots know the page's colours only. A theme says how much room a figure has, how much it is
//! enlarged after that, and which colour stands in the place of one of the page's.

use std::sync::{PoisonError, RwLock};

use plotters::style::RGBColor;
use plotters_backend::BackendColor;

use super::canvas::{Image, Paint, Point, Shape, Surface, Text};
use super::style::{AXIS, GRID, HEIGHT, INK, PAPER, WIDTH};

/// How figures look. A figure takes the theme that is set when it is made; [`Figure::theme`] gives
/// it another one.
///
/// [`Figure::theme`]: super::Figure::theme
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white, to be read at a desk.
    Page,
    /// Light on black, for JupyterLab's dark theme.
    Dark,
    /// Black on white with large type, thick lines and strong colours, to be read from the last row.
    Projector,
}

/// The theme that a cell has set.
static CHOSEN: RwLock<Option<Theme>> = RwLock::new(None);

/// The room of a figure, in the logical pixels that it is laid out in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Width of a figure that stands alone.
    pub sheet: f64,
    /// Width of this one, which may stand beside others.
    pub width: f64,
    /// Height of an ordinary figure below its title.
    pub height: f64,
    /// Height that is seen at once, where a figure as wide as the sheet is as wide as what shows it:
    /// on a slide, a figure that is taller is made smaller; a page scrolls.
    pub view: f64,
}

impl Room {
    /// The size of a plane, which is best seen on a nearly square area.
    pub(super) fn plane(self) -> (f64, f64) {
        (self.width, 4.0 / 3.0 * self.height)
    }
}

impl Theme {
    /// The theme of the figures that are made now: what [`set_theme`] has set, or else what the
    /// environment variable `CUADERNO_THEME` names (`dark` or `projector`; the `--theme` of
    /// `cargo cuaderno run` and `lab` sets it), or else `Page`.
    pub fn current() -> Self {
        let chosen = *CHOSEN.read().unwrap_or_else(PoisonError::into_inner);
        chosen.unwrap_or_else(|| match std::env::var("CUADERNO_THEME").as_deref() {
            Ok("dark") => Self::Dark,
            Ok("projector") => Self::Projector,
            _ => Self::Page,
        })
    }

    pub(super) fn room(self) -> Room {
        let width = WIDTH / self.enlargement();
        let (height, view) = match self {
            Self::Page | Self::Dark => (HEIGHT, f64::INFINITY),
            Self::Projector => (0.8 * HEIGHT, width / 2.0),
        };
        Room {
            sheet: width,
            width,
            height,
            view,
        }
    }

    /// How many pixels of the page a logical pixel is shown with, to a side. All that a figure has
    /// grows with it: type, lines, markers.
    pub(super) fn enlargement(self) -> f64 {
        match self {
            Self::Page | Self::Dark => 1.0,
            Self::Projector => 1.5,
        }
    }

    /// Paper, ink, axes and grid.
    fn greys(self) -> [RGBColor; 4] {
        let greys = match self {
            Self::Page => return [PAPER, INK, AXIS, GRID],
            Self::Dark => [0x11, 0xee, 0x9a, 0x3c],
            Self::Projector => [0xff, 0x00, 0x33, 0xbb],
        };
        greys.map(|grey| RGBColor(grey, grey, grey))
    }

    /// The colour that stands in the place of one of the page's.
    pub(super) fn color(self, RGBColor(red, green, blue): RGBColor) -> RGBColor {
        let page = Self::Page.greys();
        let same = |grey: &RGBColor| (grey.0, grey.1, grey.2) == (red, green, blue);
        let [paper, ink, ..] = self.greys();
        if let Some(place) = page.iter().position(same) {
            return self.greys()[place];
        }
        // A colour that hardly differs from the paper gets more and more ink.
        let mixed = |ink_part: f64| {
            let mix = |from: u8, to: u8| {
                (f64::from(from) + ink_part * (f64::from(to) - f64::from(from))).round() as u8
            };
            RGBColor(mix(red, ink.0), mix(green, ink.1), mix(blue, ink.2))
        };
        (0..=20)
            .map(|step| mixed(f64::from(step) / 20.0))
            .find(|&color| contrast(color, paper) >= self.least_contrast())
            .unwrap_or(ink)
    }

    /// The least contrast of a colour with the paper.
    fn least_contrast(self) -> f64 {
        match self {
            Self::Page => 1.0,
            Self::Dark => 4.5,
            Self::Projector => 3.5,
        }
    }
}

/// Sets the theme of all figures that are made from now on.
///
/// ```
/// use cuaderno::prelude::*;
/// set_theme(Theme::Projector);
/// let figure = line_chart("epoch", "loss", &[("loss", vec![(1.0, 0.3), (2.0, 0.2)])])?;
/// set_theme(Theme::Page);
/// assert_eq!(figure.svg()?, figure.clone().theme(Theme::Projector).svg()?);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn set_theme(theme: Theme) {
    *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(theme);
}

/// The contrast of two colours, from 1 to 21, as WCAG 2 defines it (section 1.4.3).
fn contrast(one: RGBColor, other: RGBColor) -> f64 {
    let [one, other] = [one, other].map(luminance);
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
    let [red, green, blue] = [red, green, blue].map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// A surface on which the page's colours become those of a theme. Images keep theirs.
pub(super) struct Themed<'a> {
    pub surface: &'a mut dyn Surface,
    pub theme: Theme,
}

impl Themed<'_> {
    fn color(&self, color: BackendColor) -> BackendColor {
        let (red, green, blue) = color.rgb;
        let RGBColor(red, green, blue) = self.theme.color(RGBColor(red, green, blue));
        BackendColor {
            rgb: (red, green, blue),
            ..color
        }
    }
}

impl Surface for Themed<'_> {
    fn shape(&mut self, shape: Shape, paint: Paint) {
        let paint = match paint {
            Paint::Fill(color) => Paint::Fill(self.color(color)),
            Paint::Stroke(color, width) => Paint::Stroke(self.color(color), width),
        };
        self.surface.shape(shape, paint);
    }

    fn text(&mut self, text: &Text) {
        let color = self.color(text.color);
        self.surface.text(&Text { color, ..*text });
    }

    fn image(&mut self, image: &Image, corner: Point, pixel: f32) {
        self.surface.image(image, corner, pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::{BLUE, VERMILION, color};
    use super::*;

    #[test]
    fn every_colour_stands_out_from_the_paper_and_from_the_others() {
        for theme in [Theme::Dark, Theme::Projector] {
            let [paper, ink, axis, _] = theme.greys();
            assert!(contrast(ink, paper) > 15.0 && contrast(axis, paper) > 5.0);
            let mut seen = Vec::new();
            for page in (0..10).map(color).chain([BLUE, VERMILION]) {
                let RGBColor(red, green, blue) = theme.color(page);
                assert!(
                    contrast(RGBColor(red, green, blue), paper) >= 3.5,
                    "{page:?}"
                );
                assert!(!seen.contains(&[red, green, blue]), "{theme:?}, {page:?}");
                seen.push([red, green, blue]);
            }
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let black = RGBColor(0, 0, 0);
        assert_eq!(contrast(black, PAPER), 21.0);
        assert!((contrast(RGBColor(0x77, 0x77, 0x77), PAPER) - 4.48).abs() < 0.01);
    }

    #[test]
    fn the_page_keeps_its_colours() {
        for page in [PAPER, INK, AXIS, GRID, BLUE, color(1)] {
            let RGBColor(red, green, blue) = Theme::Page.color(page);
            assert_eq!((red, green, blue), (page.0, page.1, page.2));
        }
    }
}
