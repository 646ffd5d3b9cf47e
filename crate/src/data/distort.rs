//! Random rotation, shift and scale within one set of limits, for the loss of a model.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::augment::{Movement, Outside};
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
/// it, with bilinear interpolation. Pixels from outside the image are 0. To train on changed images,
/// take an [`Augmentation`](super::Augmentation).
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
    let movements: Vec<Movement> = draws
        .chunks_exact(4)
        .map(|draw| {
            let draw: Vec<f64> = draw.iter().map(|&draw| f64::from(draw)).collect();
            let size = 1.0 + draw[3] * f64::from(scale);
            Movement::NONE
                .rotate(-draw[0] * f64::from(degrees))
                .zoom(size, size)
                .shift(draw[1] * f64::from(pixels), draw[2] * f64::from(pixels))
        })
        .collect();

    let values: Vec<f32> = images.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    let mut distorted = vec![0f32; values.len()];
    let image = (channels * height * width).max(1);
    let pairs = distorted
        .par_chunks_mut(image)
        .zip(values.par_chunks(image));
    pairs
        .zip(movements)
        .for_each(|((output, input), movement)| {
            let plane = height * width;
            for (output, input) in output
                .chunks_exact_mut(plane)
                .zip(input.chunks_exact(plane))
            {
                let size = [height, width];
                movement.draw(size, input, size, output, Outside::Black);
            }
        });
    let distorted = Tensor::from_vec(distorted, images.shape(), &Device::Cpu)?;
    Ok((distorted.to_dtype(images.dtype())?).to_device(images.device())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{found:?}\n{expected:?}");
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
