//! Turning, shifting, resizing and mirroring: where each pixel comes from.

use super::picture::{Mask, Picture};

/// A movement of a picture, as the place in the old picture that each place of the new one comes from.
/// Both are counted in pixels from the centre, to the right and down: `x[0] right + x[1] down +
/// x[2]` is how far right in the old one.
///
/// Movements that follow each other are one, so that pixels are interpolated once, and what one moves
/// out of the picture another can bring back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Movement {
    x: [f64; 3],
    y: [f64; 3],
}

/// What is seen where a place lies outside the old picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outside {
    /// Black.
    Black,
    /// The nearest pixel at the edge.
    Edge,
}

impl Movement {
    pub(super) const NONE: Self = Self {
        x: [1.0, 0.0, 0.0],
        y: [0.0, 1.0, 0.0],
    };

    /// Then turns by an angle, counter-clockwise.
    pub(super) fn rotate(self, degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.after([cos, -sin, 0.0], [sin, cos, 0.0])
    }

    /// Then shifts by this many pixels.
    pub(super) fn shift(self, right: f64, down: f64) -> Self {
        self.after([1.0, 0.0, -right], [0.0, 1.0, -down])
    }

    /// Then makes it wider and higher by these factors.
    pub(super) fn zoom(self, wider: f64, higher: f64) -> Self {
        self.after([1.0 / wider, 0.0, 0.0], [0.0, 1.0 / higher, 0.0])
    }

    /// Then swaps left and right.
    pub(super) fn mirror(self) -> Self {
        self.zoom(-1.0, 1.0)
    }

    /// Then swaps top and bottom.
    pub(super) fn upend(self) -> Self {
        self.zoom(1.0, -1.0)
    }

    /// This movement, and then the one whose places come from `x` and `y`.
    fn after(self, x: [f64; 3], y: [f64; 3]) -> Self {
        let from = |place: [f64; 3]| {
            let part = |i: usize| place[0] * x[i] + place[1] * y[i];
            [part(0), part(1), part(2) + place[2]]
        };
        Self {
            x: from(self.x),
            y: from(self.y),
        }
    }

    /// The picture moved, with bilinear interpolation, in a frame of `height` and `width` pixels
    /// about the same centre. Each pixel of its mask has the class of the nearest old one.
    pub(super) fn of(self, picture: &Picture, size: [usize; 2], outside: Outside) -> Picture {
        let [height, width] = size;
        let mut pixels = vec![0.0; picture.planes().count() * height * width];
        let planes = pixels.chunks_exact_mut(height * width);
        for (new, old) in planes.zip(picture.planes()) {
            self.draw([picture.height, picture.width], old, size, new, outside);
        }
        let mask = picture.with_classes(|mask| {
            self.classes([picture.height, picture.width], mask, size, outside)
        });
        Picture {
            height,
            width,
            pixels,
            mask,
        }
    }

    /// The classes of a mask moved.
    fn classes(
        self,
        [old_height, old_width]: [usize; 2],
        mask: &Mask,
        [height, width]: [usize; 2],
        outside: Outside,
    ) -> Vec<u32> {
        let half = |pixels: usize| (pixels as f64 - 1.0) / 2.0;
        let class = |row: usize, column: usize| {
            let (right, down) = (column as f64 - half(width), row as f64 - half(height));
            let from = |place: [f64; 3]| place[0] * right + place[1] * down + place[2];
            let x = (from(self.x) + half(old_width)).round();
            let y = (from(self.y) + half(old_height)).round();
            let (last_x, last_y) = ((old_width - 1) as f64, (old_height - 1) as f64);
            let inside = (0.0..=last_x).contains(&x) && (0.0..=last_y).contains(&y);
            if !inside && outside == Outside::Black {
                return mask.outside;
            }
            let (x, y) = (x.clamp(0.0, last_x) as usize, y.clamp(0.0, last_y) as usize);
            mask.classes[y * old_width + x]
        };
        (0..height)
            .flat_map(|row| (0..width).map(move |column| (row, column)))
            .map(|(row, column)| class(row, column))
            .collect()
    }

    /// The same of one plane of pixels.
    pub(super) fn draw(
        self,
        [old_height, old_width]: [usize; 2],
        old: &[f32],
        [height, width]: [usize; 2],
        new: &mut [f32],
        outside: Outside,
    ) {
        // Black pixels around the old ones, so that no place needs a test whether it is inside: one
        // to the left and above, two to the right and below.
        let stride = old_width + 3;
        let mut framed = vec![0f32; stride * (old_height + 3)];
        let rows = framed[stride..].chunks_exact_mut(stride);
        for (row, old) in rows.zip(old.chunks_exact(old_width)) {
            row[1..=old_width].copy_from_slice(old);
        }
        let centre = |pixels: usize| (pixels as f32 - 1.0) / 2.0;
        let [least, beyond] = match outside {
            Outside::Black => [0.0, 1.0],
            Outside::Edge => [1.0, 0.0],
        };
        let (most_x, most_y) = (old_width as f32 + beyond, old_height as f32 + beyond);
        let ([xx, xy, x0], [yx, yy, y0]) = (self.x.map(|x| x as f32), self.y.map(|y| y as f32));

        for (row, line) in new.chunks_exact_mut(width).enumerate() {
            let down = row as f32 - centre(height);
            // Counted from the corner of the frame.
            let start_x = xy * down + x0 + centre(old_width) + 1.0;
            let start_y = yy * down + y0 + centre(old_height) + 1.0;
            for (column, pixel) in line.iter_mut().enumerate() {
                let right = column as f32 - centre(width);
                let x = (xx * right + start_x).clamp(least, most_x);
                let y = (yx * right + start_y).clamp(least, most_y);
                let (left, top) = (x as u32 as usize, y as u32 as usize);
                let (across, along) = (x - left as f32, y - top as f32);
                let corner = top * stride + left;
                let mix = |at: usize| (1.0 - across) * framed[at] + across * framed[at + 1];
                *pixel = (1.0 - along) * mix(corner) + along * mix(corner + stride);
            }
        }
        debug_assert_eq!(new.len(), height * width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 rows of 3 pixels.
    const NINE: [f32; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];

    fn moved(movement: Movement, outside: Outside) -> Vec<f32> {
        let picture = Picture {
            height: 3,
            width: 3,
            pixels: NINE.to_vec(),
            mask: None,
        };
        movement.of(&picture, [3, 3], outside).pixels
    }

    #[test]
    fn quarter_turns_whole_shifts_and_mirrors_lose_nothing() {
        let none = Movement::NONE;
        for (movement, expected) in [
            (none, NINE),
            (none.rotate(90.0), [3., 6., 9., 2., 5., 8., 1., 4., 7.]),
            (none.rotate(-90.0), [7., 4., 1., 8., 5., 2., 9., 6., 3.]),
            (none.rotate(180.0), [9., 8., 7., 6., 5., 4., 3., 2., 1.]),
            (none.mirror(), [3., 2., 1., 6., 5., 4., 9., 8., 7.]),
            (none.upend(), [7., 8., 9., 4., 5., 6., 1., 2., 3.]),
            (none.shift(1.0, 0.0), [0., 1., 2., 0., 4., 5., 0., 7., 8.]),
            (none.shift(0.0, -2.0), [7., 8., 9., 0., 0., 0., 0., 0., 0.]),
            (none.shift(5.0, 5.0), [0.0; 9]),
        ] {
            assert_eq!(moved(movement, Outside::Black), expected, "{movement:?}");
        }
        let held = moved(none.shift(1.0, 0.0), Outside::Edge);
        assert_eq!(held, [1., 1., 2., 4., 4., 5., 7., 7., 8.]);
    }

    #[test]
    fn a_mask_moves_as_its_picture_does() {
        let none = Movement::NONE;
        for movement in [
            none,
            none.rotate(90.0),
            none.rotate(180.0).mirror(),
            none.upend().shift(1.0, -2.0),
            none.shift(5.0, 5.0),
        ] {
            for outside in [Outside::Black, Outside::Edge] {
                let picture = Picture {
                    height: 3,
                    width: 3,
                    pixels: NINE.to_vec(),
                    mask: Some(Mask {
                        classes: NINE.map(|pixel| pixel as u32).to_vec(),
                        outside: 0,
                    }),
                };
                let moved = movement.of(&picture, [3, 3], outside);
                let classes: Vec<f32> = (moved.mask.unwrap().classes.iter())
                    .map(|&class| class as f32)
                    .collect();
                assert_eq!(classes, moved.pixels, "{movement:?} {outside:?}");
            }
        }
        let sevens = Picture {
            height: 3,
            width: 3,
            pixels: NINE.to_vec(),
            mask: Some(Mask {
                classes: vec![7; 9],
                outside: 11,
            }),
        };
        let small = none.zoom(0.5, 0.5).of(&sevens, [3, 3], Outside::Black);
        let expected = [11, 11, 11, 11, 7, 11, 11, 11, 11];
        assert_eq!(small.mask.unwrap().classes, expected);
    }

    #[test]
    fn between_pixels_it_interpolates_and_at_the_border_it_fades() {
        let half = moved(Movement::NONE.shift(0.5, 0.0), Outside::Black);
        assert_eq!(half, [0.5, 1.5, 2.5, 2.0, 4.5, 5.5, 3.5, 7.5, 8.5]);
        let twice = moved(Movement::NONE.zoom(2.0, 2.0), Outside::Black);
        assert_eq!(twice, [3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0]);
    }

    #[test]
    fn movements_follow_each_other_and_what_left_comes_back() {
        let away = Movement::NONE.shift(3.0, 0.0);
        assert_eq!(moved(away.shift(-3.0, 0.0), Outside::Black), NINE);
        // First up from the centre, then a quarter turn counter-clockwise: to the left of it.
        let both = moved(Movement::NONE.shift(0.0, -1.0).rotate(90.0), Outside::Black);
        assert_eq!(both, [6., 9., 0., 5., 8., 0., 4., 7., 0.]);
    }
}
