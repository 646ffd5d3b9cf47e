//! Legends, which stand above the plot because they might hide data inside the axes.

use std::convert::Infallible;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn};
use super::markers::{Marker, draw_marker};
use super::style::{self, CURVE, MARGIN, MARKER, TICK_TEXT, UNITS_PER_PIXEL, units};

/// The height of a line.
const LINE: f64 = 24.0;
/// Space above and below all lines.
const PADDING: f64 = 5.0;
/// Space between a sample and its name.
const GAP: f64 = 8.0;
/// Space between entries.
const ENTRY_GAP: f64 = 20.0;

/// A name, with a sample to its left.
pub(super) struct Entry {
    pub name: String,
    pub sample: Sample,
}

#[derive(Clone, Copy)]
pub(super) enum Sample {
    /// Points.
    Marker(Marker, RGBColor),
    /// A curve, with markers if its points have them.
    Curve(Option<Marker>, RGBColor),
    /// Bars.
    Block(RGBColor),
    /// Nothing, for a remark.
    Nothing,
}

impl Entry {
    pub fn new(name: impl Into<String>, sample: Sample) -> Self {
        Self {
            name: name.into(),
            sample,
        }
    }

    fn sample_width(&self) -> f64 {
        match self.sample {
            Sample::Marker(..) | Sample::Block(_) => 12.0,
            Sample::Curve(..) => 32.0,
            Sample::Nothing => -GAP,
        }
    }

    fn width(&self) -> f64 {
        self.sample_width() + GAP + style::text_width(&self.name, TICK_TEXT)
    }
}

/// The height of a legend on a plot of this width.
pub(super) fn height(entries: &[Entry], width: f64) -> f64 {
    match lines(entries, width).len() {
        0 => 0.0,
        lines => lines as f64 * LINE + 2.0 * PADDING,
    }
}

/// Draws the entries above a plot and returns the area that is left for it.
pub(super) fn draw_above<'c>(
    area: &Area<'c>,
    entries: &[Entry],
) -> Result<Area<'c>, DrawingAreaErrorKind<Infallible>> {
    let width = f64::from(area.dim_in_pixel().0) / UNITS_PER_PIXEL;
    let (above, below) = area.split_vertically(units(height(entries, width)));
    draw(&above, entries)?;
    Ok(below)
}

/// Draws the entries at the top of the area, in centred lines.
fn draw(area: &Area, entries: &[Entry]) -> Drawn {
    let width = f64::from(area.dim_in_pixel().0) / UNITS_PER_PIXEL;
    let text = style::text(TICK_TEXT).pos(Pos::new(HPos::Left, VPos::Center));
    for (index, line) in lines(entries, width).into_iter().enumerate() {
        let middle = units(PADDING + (index as f64 + 0.5) * LINE);
        let mut x = (width - line_width(line)) / 2.0;
        for entry in line {
            let (start, end) = (units(x), units(x + entry.sample_width()));
            let center = ((start + end) / 2, middle);
            match entry.sample {
                Sample::Marker(marker, color) => {
                    draw_marker(area, center, marker, 1.25 * MARKER, color)?;
                }
                Sample::Curve(marker, color) => {
                    let stroke = style::line(color, CURVE);
                    area.draw(&PathElement::new([(start, middle), (end, middle)], stroke))?;
                    if let Some(marker) = marker {
                        draw_marker(area, center, marker, MARKER, color)?;
                    }
                }
                Sample::Block(color) => {
                    let half = units(6.0);
                    let corners = [(start, middle - half), (end, middle + half)];
                    area.draw(&Rectangle::new(corners, color.filled()))?;
                }
                Sample::Nothing => {}
            }
            let name = units(x + entry.sample_width() + GAP);
            area.draw_text(&entry.name, &text, (name, middle))?;
            x += entry.width() + ENTRY_GAP;
        }
    }
    Ok(())
}

/// Breaks the entries into lines, as many per line as there is room for.
fn lines(entries: &[Entry], width: f64) -> Vec<&[Entry]> {
    let room = width - 2.0 * MARGIN;
    let mut lines = Vec::new();
    let mut start = 0;
    for end in 1..=entries.len() {
        if end == entries.len() || line_width(&entries[start..=end]) > room {
            lines.push(&entries[start..end]);
            start = end;
        }
    }
    lines
}

fn line_width(line: &[Entry]) -> f64 {
    let gaps = line.len().saturating_sub(1) as f64 * ENTRY_GAP;
    line.iter().map(Entry::width).sum::<f64>() + gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style::BLUE;

    #[test]
    fn a_line_holds_what_fits_and_every_entry_is_on_one() {
        let entries: Vec<Entry> = (0..10)
            .map(|class| Entry::new(class.to_string(), Sample::Marker(Marker::Circle, BLUE)))
            .collect();
        let counts = |width| {
            lines(&entries, width)
                .iter()
                .map(|line| line.len())
                .collect()
        };
        let wide: Vec<usize> = counts(800.0);
        assert_eq!(wide, [10]);
        let narrow: Vec<usize> = counts(200.0);
        assert!(
            narrow.len() > 1 && narrow.iter().sum::<usize>() == 10,
            "{narrow:?}"
        );
        let tiny: Vec<usize> = counts(1.0);
        assert_eq!(tiny, [1; 10]);
        assert_eq!(height(&[], 200.0), 0.0);
    }
}
