//! The markers of points. Each class or curve has its own, so that colour is never the only
//! difference between two of them.

use std::f64::consts::TAU;

use plotters::coord::CoordTranslate;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, EmptyElement, Polygon};
use plotters::style::{Color, RGBAColor};

use super::canvas::{Canvas, Drawn};
use super::style::units;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Marker {
    Circle,
    Triangle,
    Square,
    Diamond,
    Cross,
    TriangleDown,
    Plus,
    Star,
    Bar,
    Hourglass,
}

impl Marker {
    const ALL: [Self; 10] = [
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Diamond,
        Self::Cross,
        Self::TriangleDown,
        Self::Plus,
        Self::Star,
        Self::Bar,
        Self::Hourglass,
    ];

    /// The marker of the `index`-th class or curve; after ten they repeat.
    pub fn of(index: usize) -> Self {
        Self::ALL[index % Self::ALL.len()]
    }

    /// Corners around a centre at 0, 0 (y downwards); none for the circle, whose radius is 1. The
    /// sizes give the shapes about the same weight.
    fn outline(self) -> Vec<(f64, f64)> {
        match self {
            Self::Circle => Vec::new(),
            Self::Triangle => corners(3, -0.25, |_| 1.4),
            Self::TriangleDown => corners(3, 0.25, |_| 1.4),
            Self::Square => corners(4, 0.125, |_| 1.27),
            Self::Diamond => corners(4, 0.0, |_| 1.35),
            Self::Plus => cross(0.0),
            Self::Cross => cross(0.125),
            Self::Star => corners(10, -0.25, |corner| [1.6, 0.65][corner % 2]),
            Self::Bar => vec![(-1.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-1.5, 0.5)],
            Self::Hourglass => vec![(-1.1, -1.3), (1.1, -1.3), (-1.1, 1.3), (1.1, 1.3)],
        }
    }
}

/// Points around the centre, the first rotated from the right by `turns` turns.
fn corners(count: usize, turns: f64, radius: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
    let corner = |index: usize| {
        let (sin, cos) = (TAU * (turns + index as f64 / count as f64)).sin_cos();
        (radius(index) * cos, radius(index) * sin)
    };
    (0..count).map(corner).collect()
}

/// Two crossing bars, turned.
fn cross(turns: f64) -> Vec<(f64, f64)> {
    const ARM: f64 = 1.5;
    const HALF_WIDTH: f64 = 0.42;
    let (sin, cos) = (TAU * turns).sin_cos();
    let turn = |(x, y): (f64, f64)| (x * cos - y * sin, x * sin + y * cos);
    (0..4)
        .flat_map(|arm| {
            let (sin, cos) = (TAU * f64::from(arm) / 4.0).sin_cos();
            [
                (HALF_WIDTH, -HALF_WIDTH),
                (ARM, -HALF_WIDTH),
                (ARM, HALF_WIDTH),
            ]
            .map(|(x, y)| (x * cos - y * sin, x * sin + y * cos))
        })
        .map(turn)
        .collect()
}

/// Draws a marker of `radius` logical pixels at a point of the area's coordinates.
pub(super) fn draw_marker<'c, C: CoordTranslate>(
    area: &DrawingArea<Canvas<'c>, C>,
    center: C::From,
    marker: Marker,
    radius: f64,
    color: impl Into<RGBAColor>,
) -> Drawn {
    let style = color.into().filled();
    if marker == Marker::Circle {
        return area.draw(&Circle::new(center, units(radius), style));
    }
    let corner = |(x, y): (f64, f64)| (units(radius * x), units(radius * y));
    let outline: Vec<_> = marker.outline().into_iter().map(corner).collect();
    area.draw(&(EmptyElement::at(center) + Polygon::new(outline, style)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_classes_have_ten_shapes() {
        let outlines: Vec<_> = (0..10).map(|class| Marker::of(class).outline()).collect();
        for (class, outline) in outlines.iter().enumerate() {
            assert!(!outlines[..class].contains(outline), "{class}");
            for &(x, y) in outline {
                assert!(x.hypot(y) < 1.9, "{:?}", Marker::of(class));
            }
        }
        assert_eq!(Marker::of(12), Marker::of(2));
    }
}
