//! A figure as pixels, two per logical pixel, and its PNG file.

use ab_glyph::{Font, OutlineCurve, ScaleFont};
use plotters::style::RGBColor;
use plotters_backend::BackendColor;
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, PathBuilder, Pixmap, PremultipliedColorU8, Stroke,
    Transform,
};

use super::canvas::{Image, Paint, Point, Shape, Surface, Text};
use super::style::{FONT, LINE_HEIGHT};

/// Pixels of a PNG to a logical pixel, for screens of high density and for print.
pub(super) const DENSITY: f32 = 2.0;

/// 192 dots per inch. Programs that read it show the figure at its logical size.
const DOTS_PER_METRE: u32 = 7559;

pub(super) struct Raster {
    pixmap: Pixmap,
}

impl Raster {
    /// A sheet of `width` x `height` logical pixels in the colour `paper`, at least one and at most
    /// [`style::MAX_SIDE`](super::style::MAX_SIDE) on each side.
    pub fn new((width, height): (f64, f64), paper: RGBColor) -> Self {
        let dots = |length: f64| (length * f64::from(DENSITY)).round() as u32;
        let mut pixmap =
            Pixmap::new(dots(width), dots(height)).expect("a figure has a bounded, non-zero size");
        pixmap.fill(Color::from_rgba8(paper.0, paper.1, paper.2, 255));
        Self { pixmap }
    }

    /// The image drawn so far.
    pub fn into_image(self) -> Image {
        let rgb = |pixel: &PremultipliedColorU8| [pixel.red(), pixel.green(), pixel.blue()];
        Image {
            width: self.pixmap.width() as usize,
            height: self.pixmap.height() as usize,
            // The sheet is opaque, so colours need no division by alpha.
            rgb: self.pixmap.pixels().iter().flat_map(rgb).collect(),
        }
    }
}

impl Image {
    /// The PNG file of this image, at 192 dots an inch.
    pub fn to_png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        self.encoder(&mut file)
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.rgb))
            .expect("an image of three bytes a pixel is written to memory");
        file
    }

    /// An encoder for images of this size.
    fn encoder<'a>(&self, file: &'a mut Vec<u8>) -> png::Encoder<'a, &'a mut Vec<u8>> {
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        // Rows of enlarged pixels repeat, which this filter turns into zeros.
        encoder.set_filter(png::FilterType::Up);
        encoder.set_compression(png::Compression::Default);
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: DOTS_PER_METRE,
            yppu: DOTS_PER_METRE,
            unit: png::Unit::Meter,
        }));
        encoder
    }
}

/// The PNG file of images of one size that follow each other, each for as many milliseconds as
/// `delays` says. Programs that do not play it show the last one.
pub(super) fn animated_png(images: &[Image], delays: &[u16]) -> Vec<u8> {
    let last = images.last().expect("an animation has frames");
    let mut file = Vec::new();
    let mut write = || {
        let mut encoder = last.encoder(&mut file);
        encoder.set_animated(images.len() as u32, 0)?;
        encoder.set_sep_def_img(true)?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&last.rgb)?;
        for (image, &delay) in images.iter().zip(delays) {
            writer.set_frame_delay(delay, 1000)?;
            writer.write_image_data(&image.rgb)?;
        }
        writer.finish()
    };
    write().expect("images of one size are written to memory");
    file
}

impl Surface for Raster {
    fn shape(&mut self, shape: Shape, paint: Paint) {
        let mut path = PathBuilder::new();
        match shape {
            Shape::Line(points) => trace(&mut path, &points),
            Shape::Polygon(points) => {
                trace(&mut path, &points);
                path.close();
            }
            Shape::Circle {
                center: (x, y),
                radius,
            } => path.push_circle(x, y, radius),
        }
        // A path of a single point has no extent and leaves nothing to draw.
        let Some(path) = path.finish() else { return };
        let scale = Transform::from_scale(DENSITY, DENSITY);
        match paint {
            Paint::Fill(color) => {
                let ink = ink(color);
                self.pixmap
                    .fill_path(&path, &ink, FillRule::Winding, scale, None);
            }
            Paint::Stroke(color, width) => {
                let stroke = Stroke {
                    width,
                    line_cap: LineCap::Butt,
                    line_join: LineJoin::Round,
                    ..Stroke::default()
                };
                self.pixmap
                    .stroke_path(&path, &ink(color), &stroke, scale, None);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        let font = FONT.as_scaled(text.size * LINE_HEIGHT as f32);
        let em = FONT.units_per_em().unwrap_or(2048.0);
        let scale = text.size / em;

        let mut path = PathBuilder::new();
        let mut pen = 0.0;
        let mut previous = None;
        for glyph in text
            .content
            .chars()
            .map(|character| FONT.glyph_id(character))
        {
            if let Some(previous) = previous {
                pen += font.kern(previous, glyph);
            }
            if let Some(outline) = FONT.outline(glyph) {
                let place = |at: ab_glyph::Point| (pen + at.x * scale, -at.y * scale);
                trace_outline(&mut path, &outline.curves, place);
            }
            pen += font.h_advance(glyph);
            previous = Some(glyph);
        }

        let Some(path) = path.finish() else { return };
        let (x, y) = text.anchor;
        let transform = Transform::from_scale(DENSITY, DENSITY)
            .pre_translate(x, y)
            .pre_concat(Transform::from_rotate(text.degrees))
            .pre_translate(-text.left * pen, text.drop);
        let ink = ink(text.color);
        self.pixmap
            .fill_path(&path, &ink, FillRule::Winding, transform, None);
    }

    fn image(&mut self, image: &Image, (left, top): Point, pixel: f32) {
        let dots = |length: f32| (length * DENSITY).round() as usize;
        let (left, top, side) = (dots(left), dots(top), dots(pixel));
        let sheet_width = self.pixmap.width() as usize;
        let sheet = self.pixmap.pixels_mut();
        for (row, line) in image.rgb.chunks_exact(3 * image.width).enumerate() {
            let dots: Vec<_> = line
                .chunks_exact(3)
                .filter_map(|rgb| PremultipliedColorU8::from_rgba(rgb[0], rgb[1], rgb[2], 255))
                .flat_map(|dot| std::iter::repeat_n(dot, side))
                .collect();
            for y in top + row * side..top + (row + 1) * side {
                let start = y * sheet_width + left;
                sheet[start..start + dots.len()].copy_from_slice(&dots);
            }
        }
    }
}

fn ink(color: BackendColor) -> tiny_skia::Paint<'static> {
    let (red, green, blue) = color.rgb;
    let mut ink = tiny_skia::Paint::default();
    ink.set_color_rgba8(red, green, blue, (color.alpha * 255.0).round() as u8);
    ink
}

fn trace(path: &mut PathBuilder, points: &[Point]) {
    for (index, &(x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
}

/// Adds a glyph's contours, which the font lists one after the other without saying where one ends.
fn trace_outline(
    path: &mut PathBuilder,
    curves: &[OutlineCurve],
    place: impl Fn(ab_glyph::Point) -> Point,
) {
    let mut last = None;
    for curve in curves {
        let (start, end) = match *curve {
            OutlineCurve::Line(start, end)
            | OutlineCurve::Quad(start, _, end)
            | OutlineCurve::Cubic(start, _, _, end) => (start, end),
        };
        if last != Some(start) {
            let (x, y) = place(start);
            path.move_to(x, y);
        }
        let (x, y) = place(end);
        match *curve {
            OutlineCurve::Line(..) => path.line_to(x, y),
            OutlineCurve::Quad(_, control, _) => {
                let control = place(control);
                path.quad_to(control.0, control.1, x, y);
            }
            OutlineCurve::Cubic(_, first, second, _) => {
                let (first, second) = (place(first), place(second));
                path.cubic_to(first.0, first.1, second.0, second.1, x, y);
            }
        }
        last = Some(end);
    }
}

#[cfg(test)]
impl Image {
    /// Reads the PNG file that [`to_png`](Self::to_png) makes.
    pub fn from_png(file: &[u8]) -> Self {
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        assert_eq!(reader.info().pixel_dims.unwrap().xppu, DOTS_PER_METRE);
        let mut rgb = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb,
        }
    }

    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let start = 3 * (y * self.width + x);
        self.rgb[start..start + 3].try_into().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::PAPER;
    use super::*;

    const BLACK: BackendColor = BackendColor {
        alpha: 1.0,
        rgb: (0, 0, 0),
    };
    const WHITE: [u8; 3] = [255; 3];

    fn text(content: &str, degrees: f32) -> Text<'_> {
        Text {
            content,
            size: 20.0,
            color: BLACK,
            anchor: (50.0, 50.0),
            degrees,
            left: 0.0,
            drop: 0.0,
        }
    }

    /// The smallest box around everything that is not white: left, top, right, bottom.
    fn inked(raster: Raster) -> [usize; 4] {
        let image = raster.into_image();
        let mut ink = [usize::MAX, usize::MAX, 0, 0];
        for y in 0..image.height {
            for x in (0..image.width).filter(|&x| image.at(x, y) != WHITE) {
                ink = [ink[0].min(x), ink[1].min(y), ink[2].max(x), ink[3].max(y)];
            }
        }
        ink
    }

    #[test]
    fn text_stands_on_its_baseline_from_its_anchor() {
        let mut raster = Raster::new((100.0, 100.0), PAPER);
        raster.text(&text("HE", 0.0));
        let [left, top, right, bottom] = inked(raster);
        // A capital of DejaVu Sans is 0.73 em high: 29 pixels above the baseline at 100.
        assert!((101..106).contains(&left), "{left}");
        assert!((70..72).contains(&top), "{top}");
        assert!((145..158).contains(&right), "{right}");
        assert_eq!(bottom, 99);
    }

    #[test]
    fn text_that_reads_upwards_turns_about_its_anchor() {
        let mut raster = Raster::new((100.0, 100.0), PAPER);
        raster.text(&text("HE", 270.0));
        let [left, top, right, bottom] = inked(raster);
        assert!((70..72).contains(&left), "{left}");
        assert!((42..56).contains(&top), "{top}");
        assert_eq!(right, 99);
        assert!((94..99).contains(&bottom), "{bottom}");
    }

    #[test]
    fn a_line_covers_its_width_and_a_band_lets_the_page_through() {
        let mut raster = Raster::new((10.0, 10.0), PAPER);
        let points = vec![(0.0, 5.0), (10.0, 5.0)];
        raster.shape(Shape::Line(points), Paint::Stroke(BLACK, 2.0));
        let half = BackendColor {
            alpha: 0.5,
            ..BLACK
        };
        let corner = vec![(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)];
        raster.shape(Shape::Polygon(corner), Paint::Fill(half));
        let image = raster.into_image();
        assert_eq!(image.at(10, 7), WHITE);
        assert_eq!(image.at(10, 8), [0; 3]);
        assert_eq!(image.at(10, 11), [0; 3]);
        assert_eq!(image.at(10, 12), WHITE);
        assert!((126..130).contains(&image.at(2, 2)[0]));
    }
}
