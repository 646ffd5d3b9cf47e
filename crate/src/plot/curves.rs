//! What a line chart draws: one's own list, or several with names.

use super::values::Number;

/// The points (x, y) of a curve.
pub(super) type Points = Vec<(f64, f64)>;

/// What a line chart takes: a list of numbers, which are counted from 1 as epochs are; a list of points
/// `(x, y)`; or several of these, each with its name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list that a line chart can draw",
    label = "expected a list of numbers, of points `(x, y)`, or of names and such lists"
)]
pub trait Curves {
    /// Names and points. The name of a curve that has none is empty.
    fn curves(&self) -> Vec<(String, Vec<(f64, f64)>)>;
}

/// The points of one curve: a list of numbers, or of points `(x, y)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list that a line chart can draw",
    label = "expected a list such as `Vec<f64>` or `Vec<(f64, f64)>`"
)]
pub trait Curve {
    /// The points.
    fn points(&self) -> Vec<(f64, f64)>;
}

/// A number or a point of a curve.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a number nor a point `(x, y)`",
    label = "expected a list of numbers, such as `Vec<f64>`, or of points, such as `Vec<(f64, f64)>`"
)]
pub trait Point {
    /// The point, at `place` in its list, counted from 1.
    fn point(&self, place: usize) -> (f64, f64);
}

/// What stands in a list of curves or of points.
#[diagnostic::on_unimplemented(
    message = "a line chart cannot draw a list of `{Self}`",
    label = "expected a list of numbers, of points `(x, y)`, or of names and such lists"
)]
pub trait Entry: Sized {
    /// The curves that a list of them is.
    fn curves(list: &[Self]) -> Vec<(String, Vec<(f64, f64)>)>;
}

macro_rules! numbers {
    ($($kind:ty),*) => {$(
        impl Point for $kind {
            fn point(&self, place: usize) -> (f64, f64) {
                (place as f64, self.as_f64())
            }
        }

        impl Entry for $kind {
            fn curves(list: &[Self]) -> Vec<(String, Points)> {
                unnamed(list)
            }
        }
    )*};
}

numbers!(f32, f64, u8, i32, u32, i64, u64, usize);

impl<X: Number, Y: Number> Point for (X, Y) {
    fn point(&self, _: usize) -> (f64, f64) {
        (self.0.as_f64(), self.1.as_f64())
    }
}

impl<X: Number, Y: Number> Entry for (X, Y) {
    fn curves(list: &[Self]) -> Vec<(String, Points)> {
        unnamed(list)
    }
}

macro_rules! names {
    ($($name:ty),*) => {$(
        impl<C: Curve> Entry for ($name, C) {
            fn curves(list: &[Self]) -> Vec<(String, Points)> {
                let curve = |(name, curve): &Self| (name.to_string(), curve.points());
                list.iter().map(curve).collect()
            }
        }
    )*};
}

names!(&str, String, &String);

/// The curve of a list, if there is something in it.
fn unnamed<P: Point>(list: &[P]) -> Vec<(String, Points)> {
    let points = list.points();
    let curve = (!points.is_empty()).then(|| (String::new(), points));
    curve.into_iter().collect()
}

impl<P: Point> Curve for [P] {
    fn points(&self) -> Points {
        (1..)
            .zip(self)
            .map(|(place, point)| point.point(place))
            .collect()
    }
}

impl<P: Point> Curve for Vec<P> {
    fn points(&self) -> Points {
        self.as_slice().points()
    }
}

impl<P: Point, const N: usize> Curve for [P; N] {
    fn points(&self) -> Points {
        self.as_slice().points()
    }
}

impl<C: Curve + ?Sized> Curve for &C {
    fn points(&self) -> Points {
        (**self).points()
    }
}

impl<E: Entry> Curves for [E] {
    fn curves(&self) -> Vec<(String, Points)> {
        E::curves(self)
    }
}

impl<E: Entry> Curves for Vec<E> {
    fn curves(&self) -> Vec<(String, Points)> {
        E::curves(self)
    }
}

impl<E: Entry, const N: usize> Curves for [E; N] {
    fn curves(&self) -> Vec<(String, Points)> {
        E::curves(self)
    }
}

impl<C: Curves + ?Sized> Curves for &C {
    fn curves(&self) -> Vec<(String, Points)> {
        (**self).curves()
    }
}
