//! Resizing: photographs smoothly, masks by the nearest pixel.

/// A photograph's colour `[height, width]`, of numbers in `[0, 1]`, in another size, each new pixel a mean of the old ones
/// below it: linear interpolation where the picture grows, a triangle as wide as two new pixels
/// where it shrinks, so that fine lines fade and do not flicker. It is PyTorch's `interpolate` with
/// `mode="bilinear", antialias=True`, and Pillow's `BILINEAR`.
pub(super) fn smooth(
    plane: &[f32],
    [old_height, old_width]: [usize; 2],
    [height, width]: [usize; 2],
) -> Vec<f32> {
    let (across, along) = (weights(old_width, width), weights(old_height, height));
    let mut wide = Vec::with_capacity(old_height * width);
    for row in plane.chunks_exact(old_width) {
        wide.extend(across.iter().map(|(first, weights)| {
            let pixels = row[*first..].iter().zip(weights);
            pixels.map(|(pixel, weight)| pixel * weight).sum::<f32>()
        }));
    }
    let mut new = vec![0.0f32; height * width];
    for (row, (first, weights)) in new.chunks_exact_mut(width).zip(&along) {
        for (old, weight) in wide.chunks_exact(width).skip(*first).zip(weights) {
            for (pixel, old) in row.iter_mut().zip(old) {
                *pixel += weight * old;
            }
        }
    }
    // The weights' rounding must not make a white pixel whiter.
    new.iter().map(|pixel| pixel.clamp(0.0, 1.0)).collect()
}

/// For each of `new` pixels, the first of `old` pixels that it is a mean of, and their weights.
fn weights(old: usize, new: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = old as f64 / new as f64;
    let reach = scale.max(1.0);
    let of_pixel = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        let first = ((centre - reach + 0.5).floor().max(0.0)) as usize;
        let end = ((centre + reach + 0.5).floor() as usize).min(old);
        let near = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(near).collect();
        let sum: f64 = weights.iter().sum();
        (
            first,
            weights.iter().map(|weight| (weight / sum) as f32).collect(),
        )
    };
    (0..new).map(of_pixel).collect()
}

/// A mask `[height, width]` in another size: each new pixel has the class of the old one below its
/// centre, for a mean of two class numbers would be a third class.
pub(super) fn nearest(
    mask: &[u32],
    [old_height, old_width]: [usize; 2],
    [height, width]: [usize; 2],
) -> Vec<u32> {
    let below = |pixel: usize, old: usize, new: usize| (2 * pixel + 1) * old / (2 * new);
    let rows = (0..height).map(|row| &mask[below(row, old_height, height) * old_width..]);
    rows.flat_map(|row| (0..width).map(|column| row[below(column, old_width, width)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn white_stays_white_and_no_more() {
        for old in 1..40 {
            for new in 1..40 {
                let plane = smooth(&vec![1.0; old * old], [old, old], [new, new]);
                assert!(
                    plane.iter().all(|pixel| (0.999_999..=1.0).contains(pixel)),
                    "{old} {new}"
                );
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let plane: Vec<f32> = (0..12).map(|pixel| pixel as f32 / 12.0).collect();
        assert_eq!(smooth(&plane, [3, 4], [3, 4]), plane);
        let mask: Vec<u32> = (0..12).collect();
        assert_eq!(nearest(&mask, [3, 4], [3, 4]), mask);
    }

    #[test]
    fn a_mask_takes_the_pixel_below_the_centre() {
        assert_eq!(nearest(&[0, 1, 2, 3, 4, 5], [1, 6], [1, 2]), [1, 4]);
        assert_eq!(nearest(&[7, 9], [1, 2], [2, 4]), [7, 7, 9, 9, 7, 7, 9, 9]);
    }

    proptest! {
        /// A mean of pixels is between them, and a mask gets no new class.
        #[test]
        fn nothing_new_comes_in(
            (height, width) in (1usize..9, 1usize..9), (rows, columns) in (1usize..9, 1usize..9),
            seed in any::<u64>(),
        ) {
            let plane = crate::Rng::new(seed).uniform(0.0, 1.0, &[height * width]).unwrap();
            let plane: Vec<f32> = plane.to_vec1().unwrap();
            let new = smooth(&plane, [height, width], [rows, columns]);
            prop_assert_eq!(new.len(), rows * columns);
            let least = plane.iter().copied().fold(1.0, f32::min) - 1e-6;
            let most = plane.iter().copied().fold(0.0, f32::max) + 1e-6;
            prop_assert!(new.iter().all(|pixel| (least..=most).contains(pixel)));
            let mask: Vec<u32> = plane.iter().map(|&pixel| u32::from(pixel > 0.5)).collect();
            let new = nearest(&mask, [height, width], [rows, columns]);
            prop_assert!(new.iter().all(|class| mask.contains(class)));
        }
    }
}
