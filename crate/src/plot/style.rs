//! The style of all figures: sizes, colours and the font.
//!
//! Sizes are logical pixels, 96 per inch, as in a web page. An ordinary figure is
//! 8 x 4.5 inches, and no text is smaller than [`TICK_TEXT`]. Sizes and colours are those of the
//! page; `theme` makes the others of them.

use std::sync::LazyLock;

use ab_glyph::FontRef;
use plotters::style::{
    Color, FontStyle, IntoTextStyle, RGBColor, ShapeStyle, TextStyle, register_font,
};

/// Width of an ordinary figure.
pub(super) const WIDTH: f64 = 768.0;
/// Height of an ordinary figure below its title.
pub(super) const HEIGHT: f64 = 390.0;
/// No figure is wider or higher: a PNG of twice this side still fits in memory.
pub(super) const MAX_SIDE: f64 = 4000.0;
/// White space around what is drawn.
pub(super) const MARGIN: f64 = 14.0;

pub(super) const TITLE_TEXT: f64 = 20.0;
pub(super) const AXIS_TEXT: f64 = 16.0;
pub(super) const TICK_TEXT: f64 = 14.0;

/// Width of a curve.
pub(super) const CURVE: f64 = 2.5;
/// Radius of the marker of a curve's point.
pub(super) const MARKER: f64 = 4.0;
/// Curves with more points than this have no markers: they would merge into the line.
pub(super) const MOST_MARKERS: usize = 20;

pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const AXIS: RGBColor = RGBColor(0x77, 0x77, 0x77);
pub(super) const GRID: RGBColor = RGBColor(0xe3, 0xe3, 0xe3);

/// Okabe and Ito's colours, which readers with any of the usual colour blindnesses tell apart
/// ("Color Universal Design", 2008). Their black and yellow are left out: black is the ink, and
/// yellow is hardly seen on white.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub(super) const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);

/// The colours of classes and of methods that are compared, in this order. Petroff chose them so
/// that any two can be told apart with each of the usual colour blindnesses ("Accessible Color
/// Sequences for Data Visualization", 2021).
const SEQUENCE: [RGBColor; 10] = [
    RGBColor(0x3f, 0x90, 0xda),
    RGBColor(0xff, 0xa9, 0x0e),
    RGBColor(0xbd, 0x1f, 0x01),
    RGBColor(0x94, 0xa4, 0xa2),
    RGBColor(0x83, 0x2d, 0xb6),
    RGBColor(0xa9, 0x6b, 0x59),
    RGBColor(0xe7, 0x63, 0x00),
    RGBColor(0xb9, 0xac, 0x70),
    RGBColor(0x71, 0x75, 0x81),
    RGBColor(0x92, 0xda, 0xdd),
];

/// The colour of the `index`-th class or method; after ten they repeat.
pub(super) fn color(index: usize) -> RGBColor {
    SEQUENCE[index % SEQUENCE.len()]
}

/// Drawing coordinates are whole numbers; four of them to a logical pixel keep curves smooth.
pub(super) const UNITS_PER_PIXEL: f64 = 4.0;

/// A length in logical pixels as the whole drawing units that plotters works in.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * UNITS_PER_PIXEL).round() as i32
}

/// A line of the given colour and width.
pub(super) fn line(color: RGBColor, width: f64) -> ShapeStyle {
    color.stroke_width(units(width) as u32)
}

/// DejaVu Sans has the metrics of Verdana, so a browser without it keeps the layout.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The font of all figures is part of the program, so that figures look the same on every machine.
static FONT_FILE: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");

pub(super) static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    let registered = register_font(FAMILY, FontStyle::Normal, FONT_FILE);
    assert!(registered.is_ok(), "plotters refuses the embedded font");
    FontRef::try_from_slice(FONT_FILE).expect("the embedded font is well-formed")
});

/// plotters gives a font's size as the height of a line of DejaVu Sans, in ems.
pub(super) const LINE_HEIGHT: f64 = (1901.0 + 483.0) / 2048.0;

/// Ink-coloured text of the given size (pixels to the em).
pub(super) fn text(size: f64) -> TextStyle<'static> {
    LazyLock::force(&FONT);
    (FAMILY, size * LINE_HEIGHT * UNITS_PER_PIXEL)
        .into_text_style(&(1, 1))
        .color(&INK)
}

/// The width of a line of text, in logical pixels.
pub(super) fn text_width(line: &str, size: f64) -> f64 {
    let width = text(size).font.box_size(line).map_or(0, |(width, _)| width);
    f64::from(width) / UNITS_PER_PIXEL
}

/// Breaks a text into lines at most `width` pixels wide, where its words allow.
pub(super) fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = format!("{line} {word}");
            if line.is_empty() {
                line = word.to_owned();
            } else if text_width(&longer, size) <= width {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use ab_glyph::Font;

    #[test]
    fn the_font_has_the_characters_figures_use() {
        for character in "09azAZ ±×·−≤…'’áñçãüβμσεθλ½".chars() {
            assert_ne!(FONT.glyph_id(character).0, 0, "no glyph for {character}");
        }
    }

    #[test]
    fn a_line_of_text_is_as_wide_as_its_glyphs() {
        // In DejaVu Sans a digit is 1303 of 2048 units wide.
        let expected = 5.0 * 16.0 * 1303.0 / 2048.0;
        assert!((text_width("12345", 16.0) - expected).abs() < 0.5);
    }

    #[test]
    fn long_text_breaks_between_words() {
        let title = "Reconstructions of the test digits";
        let lines = wrap(title, 20.0, 200.0);
        assert_eq!(lines.join(" "), title);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| text_width(line, 20.0) <= 200.0));
        assert_eq!(wrap("indivisible", 20.0, 10.0), ["indivisible"]);
        assert_eq!(wrap("", 20.0, 10.0), Vec::<String>::new());
    }
}
