//! The canvas of all plots. plotters turns data into coordinates and axes; this back end passes its
//! shapes to a [`Surface`] of pixels or SVG, and places text and images in the same way on both.

use std::convert::Infallible;
use std::iter::{Once, once};

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Drawable, PointCollection};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};

use super::style::{LINE_HEIGHT, UNITS_PER_PIXEL, units};

/// The area a plot draws on, in units of [`style::UNITS_PER_PIXEL`](super::style::UNITS_PER_PIXEL).
pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// Drawing in memory cannot fail, but plotters requires an error type.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

type BackendResult = Result<(), DrawingErrorKind<Infallible>>;

/// A position in logical pixels from the upper left corner.
pub(super) type Point = (f32, f32);

/// The elements of a figure, at positions in logical pixels.
pub(super) trait Surface {
    fn shape(&mut self, shape: Shape, paint: Paint);
    fn text(&mut self, text: &Text);
    /// Draws each pixel of `image` as a square of side `pixel`, with the upper left corner of the
    /// image at `corner`.
    fn image(&mut self, image: &Image, corner: Point, pixel: f32);
}

pub(super) enum Shape {
    Line(Vec<Point>),
    Polygon(Vec<Point>),
    Circle { center: Point, radius: f32 },
}

#[derive(Clone, Copy)]
pub(super) enum Paint {
    Fill(BackendColor),
    Stroke(BackendColor, f32),
}

pub(super) struct Text<'a> {
    pub content: &'a str,
    /// Pixels to the em.
    pub size: f32,
    pub color: BackendColor,
    pub anchor: Point,
    /// Clockwise, about the anchor.
    pub degrees: f32,
    /// The fraction of the text's width that is left of the anchor: 0, 0.5 or 1.
    pub left: f32,
    /// The distance of the baseline below the anchor.
    pub drop: f32,
}

/// An RGB image, three bytes a pixel, row by row.
#[derive(Clone)]
pub(super) struct Image {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// plotters' back end over a surface.
pub(super) struct Canvas<'a> {
    surface: &'a mut dyn Surface,
    size: (u32, u32),
}

impl<'a> Canvas<'a> {
    /// The area that covers a surface of `width` x `height` logical pixels.
    pub fn area(surface: &'a mut dyn Surface, (width, height): (f64, f64)) -> Area<'a> {
        let size = (units(width) as u32, units(height) as u32);
        Area::from(Self { surface, size })
    }

    fn shape(&mut self, shape: Shape, paint: Paint) -> BackendResult {
        self.surface.shape(shape, paint);
        Ok(())
    }
}

fn pixels(length: impl Into<f64>) -> f32 {
    (length.into() / UNITS_PER_PIXEL) as f32
}

fn point((x, y): BackendCoord) -> Point {
    (pixels(x), pixels(y))
}

fn points(path: impl IntoIterator<Item = BackendCoord>) -> Vec<Point> {
    path.into_iter().map(point).collect()
}

fn stroke(style: &impl BackendStyle) -> Paint {
    Paint::Stroke(style.color(), pixels(style.stroke_width()))
}

fn paint(style: &impl BackendStyle, fill: bool) -> Paint {
    if fill {
        Paint::Fill(style.color())
    } else {
        stroke(style)
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> BackendResult {
        Ok(())
    }

    fn present(&mut self) -> BackendResult {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> BackendResult {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> BackendResult {
        self.shape(Shape::Line(points([from, to])), stroke(style))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> BackendResult {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        self.shape(Shape::Polygon(points(corners)), paint(style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> BackendResult {
        self.shape(Shape::Line(points(path)), stroke(style))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> BackendResult {
        let circle = Shape::Circle {
            center: point(center),
            radius: pixels(radius),
        };
        self.shape(circle, paint(style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> BackendResult {
        self.shape(Shape::Polygon(points(path)), Paint::Fill(style.color()))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        position: BackendCoord,
    ) -> BackendResult {
        let size = pixels(style.size() / LINE_HEIGHT);
        // Heights of DejaVu Sans in ems: 0.73 from the baseline to the top of a capital, 0.24
        // from the baseline down to the lowest letter.
        let drop = match style.anchor().v_pos {
            VPos::Top => 0.73 * size,
            VPos::Center => 0.365 * size,
            VPos::Bottom => -0.24 * size,
        };
        self.surface.text(&Text {
            content: text,
            size,
            color: style.color(),
            anchor: point(position),
            degrees: match style.transform() {
                FontTransform::None => 0.0,
                FontTransform::Rotate90 => 90.0,
                FontTransform::Rotate180 => 180.0,
                FontTransform::Rotate270 => 270.0,
            },
            left: match style.anchor().h_pos {
                HPos::Left => 0.0,
                HPos::Center => 0.5,
                HPos::Right => 1.0,
            },
            drop,
        });
        Ok(())
    }
}

/// An element of a drawing area: an image whose upper left corner is at `corner` and whose pixels
/// are squares of `pixel` units.
pub(super) struct Tile<'a> {
    pub image: &'a Image,
    pub corner: (i32, i32),
    pub pixel: i32,
}

impl<'a> PointCollection<'a, (i32, i32)> for &'a Tile<'_> {
    type Point = (i32, i32);
    type IntoIter = Once<(i32, i32)>;

    fn point_iter(self) -> Self::IntoIter {
        once(self.corner)
    }
}

impl Drawable<Canvas<'_>> for Tile<'_> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        corners: I,
        canvas: &mut Canvas,
        _area: (u32, u32),
    ) -> BackendResult {
        for corner in corners {
            canvas
                .surface
                .image(self.image, point(corner), pixels(self.pixel));
        }
        Ok(())
    }
}
