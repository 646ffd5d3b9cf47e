//! A figure as SVG text.

use std::fmt::{self, Display, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plotters::style::RGBColor;
use plotters_backend::BackendColor;

use super::canvas::{Image, Paint, Point, Shape, Surface, Text};
use super::style::FAMILY;

pub(super) struct Svg {
    document: String,
}

/// What a figure is drawn on.
pub(super) struct Sheet {
    /// Width and height in logical pixels.
    pub size: (f64, f64),
    /// How many pixels of the page a logical pixel is shown with, to a side.
    pub enlargement: f64,
    pub paper: RGBColor,
}

impl Svg {
    /// An empty sheet. A reader that cannot see the figure gets its title.
    pub fn new(sheet: Sheet, title: &str) -> Self {
        let (width, height) = sheet.size;
        let shown = (width * sheet.enlargement, height * sheet.enlargement);
        let mut svg = Self {
            document: String::new(),
        };
        svg.push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\" \
             stroke-linejoin=\"round\">",
            shown.0, shown.1
        ));
        if !title.is_empty() {
            svg.push(format_args!("<title>{}</title>", Escaped(title)));
        }
        svg.push(format_args!(
            "<rect width=\"100%\" height=\"100%\" fill=\"#{:02x}{:02x}{:02x}\"/>",
            sheet.paper.0, sheet.paper.1, sheet.paper.2
        ));
        svg
    }

    /// Closes the document and returns it.
    pub fn finish(mut self) -> String {
        self.push(format_args!("</svg>"));
        self.document
    }

    fn push(&mut self, element: fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.document, "{element}");
    }
}

impl Surface for Svg {
    fn shape(&mut self, shape: Shape, paint: Paint) {
        match shape {
            Shape::Line(points) => self.push(format_args!(
                "<polyline points=\"{}\" {paint}/>",
                Points(&points)
            )),
            Shape::Polygon(points) => self.push(format_args!(
                "<polygon points=\"{}\" {paint}/>",
                Points(&points)
            )),
            Shape::Circle {
                center: (x, y),
                radius,
            } => self.push(format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {paint}/>"
            )),
        }
    }

    fn text(&mut self, text: &Text) {
        let (x, y) = text.anchor;
        let place = if text.degrees == 0.0 {
            format!("x=\"{x}\" y=\"{}\"", y + text.drop)
        } else {
            let degrees = text.degrees;
            format!(
                "transform=\"translate({x} {y}) rotate({degrees})\" y=\"{}\"",
                text.drop
            )
        };
        let anchor = match text.left {
            0.0 => "start",
            1.0 => "end",
            _ => "middle",
        };
        self.push(format_args!(
            "<text {place} font-size=\"{}\" text-anchor=\"{anchor}\" {}>{}</text>",
            text.size,
            Paint::Fill(text.color),
            Escaped(text.content)
        ));
    }

    fn image(&mut self, image: &Image, (x, y): Point, pixel: f32) {
        // Browsers use the style, other programs the attribute.
        self.push(format_args!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" \
             image-rendering=\"optimizeSpeed\" style=\"image-rendering:pixelated\" \
             href=\"data:image/png;base64,{}\"/>",
            image.width as f32 * pixel,
            image.height as f32 * pixel,
            STANDARD.encode(image.to_png())
        ));
    }
}

struct Points<'a>(&'a [Point]);

impl Display for Points<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (index, (x, y)) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{x},{y}")?;
        }
        Ok(())
    }
}

/// The attributes that paint a shape.
impl Display for Paint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let hex = |color: BackendColor| {
            let (red, green, blue) = color.rgb;
            format!("#{red:02x}{green:02x}{blue:02x}")
        };
        let (kind, color) = match *self {
            Self::Fill(color) => {
                write!(f, "fill=\"{}\"", hex(color))?;
                ("fill", color)
            }
            Self::Stroke(color, width) => {
                let hex = hex(color);
                write!(f, "fill=\"none\" stroke=\"{hex}\" stroke-width=\"{width}\"")?;
                ("stroke", color)
            }
        };
        if color.alpha < 1.0 {
            write!(f, " {kind}-opacity=\"{}\"", color.alpha)?;
        }
        Ok(())
    }
}

/// Text that is valid in an XML document.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                // XML cannot represent the other control characters.
                character if character.is_control() => f.write_char(' ')?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}
