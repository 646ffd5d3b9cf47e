//! Bending a picture as if it were rubber.

use super::picture::Picture;
use crate::Rng;

/// The nodes of the grid on each side. Three by three of its squares lie in the picture.
const NODES: usize = 6;

/// The picture with the nodes of a coarse grid moved by up to `pixels` in each direction, each at
/// random, and everything between them smoothly along (cubic B-splines). Its mask has the class of
/// the nearest old pixel; at the border, pixels are repeated.
pub(super) fn bent(picture: &Picture, pixels: f64, rng: &mut Rng) -> Picture {
    let mut node = || rng.between(-pixels, pixels) as f32;
    let nodes: Vec<[f32; 2]> = (0..NODES * NODES).map(|_| [node(), node()]).collect();
    let [height, width] = [picture.height, picture.width];
    let (across, along) = (splines(width), splines(height));
    let mut places = Vec::with_capacity(height * width);
    for (row, &(below, weights)) in along.iter().enumerate() {
        // The grid's columns at this row.
        let columns: Vec<[f32; 2]> = (0..NODES)
            .map(|column| mixed(weights, |i| nodes[(below + i) * NODES + column]))
            .collect();
        for (column, &(left, weights)) in across.iter().enumerate() {
            let [right, down] = mixed(weights, |i| columns[left + i]);
            let x = (column as f32 + right).clamp(0.0, (width - 1) as f32);
            let y = (row as f32 + down).clamp(0.0, (height - 1) as f32);
            places.push((x, y));
        }
    }
    let bilinear = |plane: &[f32], (x, y): (f32, f32)| {
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let (across, along) = (x - left as f32, y - top as f32);
        let mix = |row: usize| {
            (1.0 - across) * plane[row * width + left] + across * plane[row * width + right]
        };
        (1.0 - along) * mix(top) + along * mix(bottom)
    };
    let plane = |plane| places.iter().map(move |&place| bilinear(plane, place));
    let class = |&(x, y): &(f32, f32)| y.round() as usize * width + x.round() as usize;
    Picture {
        height,
        width,
        pixels: picture.planes().flat_map(plane).collect(),
        mask: picture.with_classes(|mask| {
            places
                .iter()
                .map(|place| mask.classes[class(place)])
                .collect()
        }),
    }
}

/// For each of `pixels`, the first of four nodes that move it, and how much each does.
fn splines(pixels: usize) -> Vec<(usize, [f32; 4])> {
    let squares = (NODES - 3) as f32;
    let of_pixel = |pixel: usize| {
        let place = (pixel as f32 + 0.5) / pixels as f32 * squares;
        let first = (place as usize).min(NODES - 4);
        let t = place - first as f32;
        let s = 1.0 - t;
        let weights = [
            s * s * s,
            3.0 * t * t * t - 6.0 * t * t + 4.0,
            3.0 * s * s * s - 6.0 * s * s + 4.0,
            t * t * t,
        ];
        (first, weights.map(|weight| weight / 6.0))
    };
    (0..pixels).map(of_pixel).collect()
}

/// The sum of four movements, each times its weight.
fn mixed(weights: [f32; 4], movement: impl Fn(usize) -> [f32; 2]) -> [f32; 2] {
    let mut sum = [0.0; 2];
    for (i, weight) in weights.into_iter().enumerate() {
        let movement = movement(i);
        for (sum, part) in sum.iter_mut().zip(movement) {
            *sum += weight * part;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::picture::Mask;
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    /// Pixels and classes that say in which column and row they are.
    fn numbered(height: usize, width: usize) -> Picture {
        let places = (0..height * width).map(|at| (at % width) as f32);
        let rows = (0..height * width).map(|at| (at / width) as f32);
        Picture {
            height,
            width,
            pixels: places.chain(rows).collect(),
            mask: Some(Mask {
                classes: (0..(height * width) as u32).collect(),
                outside: 0,
            }),
        }
    }

    #[test]
    fn without_movement_nothing_changes() {
        let picture = numbered(7, 9);
        assert_eq!(bent(&picture, 0.0, &mut Rng::new(1)), picture);
    }

    proptest! {
        /// The weights of the splines add up to 1, so that no pixel moves farther than a node, and
        /// the class is that of the pixel nearest to where the colour comes from.
        #[test]
        fn image_and_mask_move_together_and_not_too_far(
            (height, width) in (1usize..30, 1usize..30), pixels in 0.0f64..8.0, seed in any::<u64>(),
        ) {
            let new = bent(&numbered(height, width), pixels, &mut Rng::new(seed));
            let (columns, rows) = new.pixels.split_at(height * width);
            let classes = new.mask.unwrap().classes;
            for at in 0..height * width {
                let (x, y) = (columns[at], rows[at]);
                prop_assert!((x - (at % width) as f32).abs() <= pixels as f32 + 1e-3);
                prop_assert!((y - (at / width) as f32).abs() <= pixels as f32 + 1e-3);
                let (column, row) = (classes[at] as usize % width, classes[at] as usize / width);
                prop_assert!((x - column as f32).abs() <= 0.501);
                prop_assert!((y - row as f32).abs() <= 0.501);
            }
        }
    }
}
