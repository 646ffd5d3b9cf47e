//! Augmentation by random rotation, shift and scale.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::{Error, Result, Seed};

/// Limits of [`distort`]. The angle, shift and scale of each image are drawn within them.
///
/// ```
/// use cuaderno::{data::{Distortion, distort}, prelude::*};
/// let digits = Mnist::sample()?.train.take(10)?.images;
/// let limits = Distortion { degrees: 20.0, pixels: 3.0, scale: 0.2 };
/// let others = distort(&digits, limits, 6202)?;
/// assert_eq!(others.dims(), digits.dims());
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    /// Largest rotation in degrees, in either direction.
    pub degrees: f32,
    /// Largest shift in pixels, along both axes and in either direction.
    pub pixels: f32,
    /// Largest change of scale, as a fraction of the size; below 1.
    pub scale: f32,
}

/// Rotates and scales each of the images `[n, channels, height, width]` about its centre and shifts
/// it, with bilinear interpolation. Pixels from outside the image are 0.
///
/// # Errors
/// If the images have another shape, a limit is negative or not finite, or the scale is 1 or more.
pub fn distort(images: &Tensor, limits: Distortion, seed: impl Seed) -> Result<Tensor> {
    let [n, channels, height, width] = *images.dims() else {
        return Err(Error::shape(
            "distort",
            format!(
                "the images have shape {:?}, but [n, channels, height, width] is expected.",
                images.dims()
            ),
        ));
    };
    let Distortion {
        degrees,
        pixels,
        scale,
    } = limits;
    let bounded = |limit: f32| limit >= 0.0 && limit.is_finite();
    if !(bounded(degrees) && bounded(pixels) && bounded(scale) && scale < 1.0) {
        return Err(Error::argument(
            "a distortion",
            format!("{limits:?}"),
            "finite numbers from 0 up, with a scale below 1",
        ));
    }
    // Drawn before the work is split, so that the bits do not depend on the number of threads.
    let draws: Vec<f32> = if n == 0 {
        Vec::new()
    } else {
        seed.draw(|rng| rng.uniform(-1.0, 1.0, &[n * 4]))?
            .to_vec1()?
    };
    let views: Vec<View> = draws
        .chunks_exact(4)
        .map(|draw| View {
            angle: draw[0] * degrees.to_radians(),
            right: draw[1] * pixels,
            down: draw[2] * pixels,
            size: 1.0 + draw[3] * scale,
        })
        .collect();

    let values: Vec<f32> = images.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    let mut distorted = vec![0f32; values.len()];
    let image = (channels * height * width).max(1);
    let pairs = distorted
        .par_chunks_mut(image)
        .zip(values.par_chunks(image));
    pairs.zip(views).for_each(|((output, input), view)| {
        let plane = height * width;
        for (output, input) in output
            .chunks_exact_mut(plane)
            .zip(input.chunks_exact(plane))
        {
            view.draw(input, output, width);
        }
    });
    let distorted = Tensor::from_vec(distorted, images.shape(), &Device::Cpu)?;
    Ok((distorted.to_dtype(images.dtype())?).to_device(images.device())?)
}

/// The transformation of one image.
struct View {
    angle: f32,
    right: f32,
    down: f32,
    size: f32,
}

impl View {
    /// Sets each pixel of `output` to the value of `input` at the place it comes from. Both are
    /// rows of `width` pixels.
    fn draw(&self, input: &[f32], output: &mut [f32], width: usize) {
        let height = input.len() / width;
        let centre = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
        let (sin, cos) = (self.angle.sin() / self.size, self.angle.cos() / self.size);
        let pixel = |x: f32, y: f32| {
            let inside = (0.0..width as f32).contains(&x) && (0.0..height as f32).contains(&y);
            if inside {
                input[y as usize * width + x as usize]
            } else {
                0.0
            }
        };
        for (place, output) in output.iter_mut().enumerate() {
            let dx = (place % width) as f32 - centre.0 - self.right;
            let dy = (place / width) as f32 - centre.1 - self.down;
            let x = centre.0 + cos * dx + sin * dy;
            let y = centre.1 - sin * dx + cos * dy;
            let (left, top) = (x.floor(), y.floor());
            let (across, along) = (x - left, y - top);
            let above = (1.0 - across) * pixel(left, top) + across * pixel(left + 1.0, top);
            let below =
                (1.0 - across) * pixel(left, top + 1.0) + across * pixel(left + 1.0, top + 1.0);
            *output = (1.0 - along) * above + along * below;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    /// A picture of 5 x 5 with one lit pixel.
    fn dot(x: usize, y: usize) -> Vec<f32> {
        let mut picture = vec![0.0; 25];
        picture[5 * y + x] = 1.0;
        picture
    }

    fn drawn(view: View, input: &[f32]) -> Vec<f32> {
        let mut output = vec![9.0; 25];
        view.draw(input, &mut output, 5);
        output
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{found:?}\n{expected:?}");
    }

    const PLAIN: View = View {
        angle: 0.0,
        right: 0.0,
        down: 0.0,
        size: 1.0,
    };

    #[test]
    fn shifts_turns_and_sizes_move_a_dot_where_they_say() {
        assert_close(&drawn(PLAIN, &dot(3, 1)), &dot(3, 1));
        let shifted = View {
            right: 1.0,
            down: 2.0,
            ..PLAIN
        };
        assert_close(&drawn(shifted, &dot(3, 1)), &dot(4, 3));
        let turned = View {
            angle: std::f32::consts::FRAC_PI_2,
            ..PLAIN
        };
        // A quarter turn is clockwise, since y points down: it moves the pixel right of the centre
        // to below it.
        assert_close(&drawn(turned, &dot(4, 2)), &dot(2, 4));
        let enlarged = View { size: 2.0, ..PLAIN };
        let found = drawn(enlarged, &dot(3, 2));
        assert_eq!(found[5 * 2 + 4], 1.0);
        assert_eq!(found[5 * 2 + 3], 0.5, "halfway to the centre");
        let half = View {
            right: 0.5,
            ..PLAIN
        };
        let found = drawn(half, &dot(2, 2));
        assert_eq!((found[12], found[13]), (0.5, 0.5));
        let out = View { down: 3.0, ..PLAIN };
        assert_close(&drawn(out, &dot(2, 2)), &[0.0; 25]);
    }

    #[test]
    fn each_image_is_drawn_anew_and_the_seed_decides() {
        let image = Rng::new(1).uniform(0.0, 1.0, &[1, 2, 9, 7]).unwrap();
        let images = image.broadcast_as((3, 2, 9, 7)).unwrap();
        let limits = Distortion {
            degrees: 20.0,
            pixels: 2.0,
            scale: 0.2,
        };
        let draw = |seed| -> Vec<Vec<f32>> {
            let others = distort(&images, limits, seed).unwrap();
            others.flatten_from(1).unwrap().to_vec2().unwrap()
        };
        let others = draw(1);
        assert!(others[0] != others[1] && others[1] != others[2]);
        assert_eq!(others, draw(1));
        assert_ne!(others, draw(2));
        let none = Distortion {
            degrees: 0.0,
            pixels: 0.0,
            scale: 0.0,
        };
        let same = distort(&image, none, 1).unwrap();
        let flat = |images: &Tensor| images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_close(&flat(&same), &flat(&image));
    }

    #[test]
    fn what_cannot_be_distorted_is_refused() {
        let limits = Distortion {
            degrees: 20.0,
            pixels: 2.0,
            scale: 1.0,
        };
        let images = Tensor::zeros((2, 1, 4, 4), DType::F32, &Device::Cpu).unwrap();
        let error = distort(&images, limits, 1).unwrap_err().to_string();
        assert!(error.contains("scale below 1"), "{error}");
        let rows = images.flatten_from(1).unwrap();
        let limits = Distortion {
            scale: 0.2,
            ..limits
        };
        let error = distort(&rows, limits, 1).unwrap_err().to_string();
        assert!(error.contains("[2, 16]"), "{error}");
    }
}
