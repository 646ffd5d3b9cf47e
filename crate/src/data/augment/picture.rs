//! One image on its way through an augmentation.

/// The pixels of one image, channel by channel and row by row, and the mask that goes along.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) pixels: Vec<f32>,
    pub(super) mask: Option<Mask>,
}

/// The class of each pixel, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mask {
    pub(super) classes: Vec<u32>,
    /// The class of what comes in from outside.
    pub(super) outside: u32,
}

impl Picture {
    /// The channels, each `height` rows of `width` pixels.
    pub(super) fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.pixels.chunks_exact(self.height * self.width)
    }

    /// With a border of `border` black pixels on each side.
    pub(super) fn padded(&self, border: usize) -> Self {
        let (height, width) = (self.height + 2 * border, self.width + 2 * border);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for plane in self.planes() {
            let start = pixels.len();
            pixels.resize(start + height * width, 0.0);
            let rows = pixels[start + border * width..].chunks_exact_mut(width);
            for (new, old) in rows.zip(plane.chunks_exact(self.width)) {
                new[border..border + self.width].copy_from_slice(old);
            }
        }
        let mask = self.with_classes(|mask| {
            let mut classes = vec![mask.outside; height * width];
            let rows = classes[border * width..].chunks_exact_mut(width);
            for (new, old) in rows.zip(mask.classes.chunks_exact(self.width)) {
                new[border..border + self.width].copy_from_slice(old);
            }
            classes
        });
        Self {
            height,
            width,
            pixels,
            mask,
        }
    }

    /// The mask with other classes, if there is one.
    pub(super) fn with_classes(&self, classes: impl Fn(&Mask) -> Vec<u32>) -> Option<Mask> {
        self.mask.as_ref().map(|mask| Mask {
            classes: classes(mask),
            outside: mask.outside,
        })
    }

    /// The window of that size whose upper left corner is in row `top` and column `left`.
    pub(super) fn window(&self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Self {
        let rows =
            (self.planes()).flat_map(|plane| plane.chunks_exact(self.width).skip(top).take(height));
        Self {
            height,
            width,
            pixels: rows
                .flat_map(|row| &row[left..left + width])
                .copied()
                .collect(),
            mask: self.with_classes(|mask| {
                let rows = mask.classes.chunks_exact(self.width).skip(top).take(height);
                rows.flat_map(|row| &row[left..left + width])
                    .copied()
                    .collect()
            }),
        }
    }

    /// The mean grey level: of red, green and blue by how bright they look (as torchvision weighs
    /// them), of any other channels alike.
    pub(super) fn mean(&self) -> f64 {
        let sums: Vec<f64> = (self.planes())
            .map(|plane| plane.iter().map(|&pixel| f64::from(pixel)).sum())
            .collect();
        let sum = match sums[..] {
            [red, green, blue] => 0.2989 * red + 0.587 * green + 0.114 * blue,
            _ => sums.iter().sum::<f64>() / sums.len() as f64,
        };
        sum / (self.height * self.width) as f64
    }

    /// Moves each pixel away from `level` by `factor`, and cuts off what is not in `[0, 1]` then.
    pub(super) fn stretch(&mut self, level: f64, factor: f64) {
        let (by, plus) = (factor as f32, ((1.0 - factor) * level) as f32);
        for pixel in &mut self.pixels {
            *pixel = (by * *pixel + plus).clamp(0.0, 1.0);
        }
    }

    /// Moves the colours of each pixel away from its grey level by `factor`, and cuts off what is
    /// not in `[0, 1]` then. A picture that is not red, green and blue stays as it is.
    pub(super) fn saturate(&mut self, factor: f64) {
        let area = self.height * self.width;
        let mut planes: Vec<&mut [f32]> = self.pixels.chunks_exact_mut(area).collect();
        let [red, green, blue] = &mut planes[..] else {
            return;
        };
        let by = factor as f32;
        for ((red, green), blue) in red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()) {
            let grey = 0.2989 * *red + 0.587 * *green + 0.114 * *blue;
            for level in [red, green, blue] {
                *level = (grey + by * (*level - grey)).clamp(0.0, 1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of 2 x 3 pixels: 1 to 6 and 10 to 60.
    fn numbered() -> Picture {
        Picture {
            height: 2,
            width: 3,
            pixels: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
                .map(|x| [x, 10.0 * x])
                .as_flattened()
                .to_vec(),
            mask: None,
        }
        .by_channel()
    }

    impl Picture {
        /// From pixel by pixel to channel by channel.
        fn by_channel(mut self) -> Self {
            let first = self.pixels.iter().step_by(2).copied();
            let second = self.pixels.iter().skip(1).step_by(2).copied();
            self.pixels = first.chain(second).collect();
            self
        }
    }

    #[test]
    fn a_window_of_a_padded_picture_gives_it_back() {
        let padded = numbered().padded(2);
        assert_eq!((padded.height, padded.width), (6, 7));
        assert_eq!(padded.pixels.iter().sum::<f32>(), 231.0);
        assert_eq!(padded.window([2, 2], [2, 3]), numbered());
        let corner = padded.window([1, 1], [2, 2]);
        assert_eq!(corner.pixels, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 10.0]);
    }

    #[test]
    fn colours_are_weighed_and_other_channels_are_not() {
        assert_eq!(numbered().mean(), (3.5 + 35.0) / 2.0);
        let green = Picture {
            height: 1,
            width: 1,
            pixels: vec![0.0, 1.0, 0.0],
            mask: None,
        };
        assert_eq!(green.mean(), 0.587);
    }

    #[test]
    fn what_leaves_the_range_of_pixels_is_cut_off() {
        let mut picture = Picture {
            height: 1,
            width: 3,
            pixels: vec![0.25, 0.5, 1.0],
            mask: None,
        };
        picture.stretch(0.5, 3.0);
        assert_eq!(picture.pixels, [0.0, 0.5, 1.0]);
    }
}
