//! Interpolation from one image to another.

use candle_core::Tensor;

use super::{decode_images, evenly};
use crate::models::Codec;
use crate::plot::{Figure, image_grid};
use crate::{Error, Result};

/// Shows a row for each pair of images: the one in `from`, the images decoded from `steps` codes on
/// the straight line between the two codes, and the one in `to`. Both are
/// `[rows, channels, height, width]`.
///
/// # Errors
/// If the shapes differ, `steps` is below 2, or the images do not fit the codec.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let test = Mnist::sample()?.test;
/// let model = Autoencoder::basic(8, Activation::Linear, &mut Rng::new(6202))?;
/// let (from, to) = (test.images.narrow(0, 0, 3)?, test.images.narrow(0, 3, 3)?);
/// let figure = latent_interpolation(&model, &from, &to, 8)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn latent_interpolation(
    codec: &dyn Codec,
    from: &Tensor,
    to: &Tensor,
    steps: usize,
) -> Result<Figure> {
    if from.dims() != to.dims() || from.rank() != 4 {
        return Err(Error::shape(
            "latent_interpolation",
            format!(
                "the first images have shape {:?} and the last {:?}; both must be \
                 [rows, channels, height, width].",
                from.dims(),
                to.dims()
            ),
        ));
    }
    let (start, end) = (codec.encode(from)?, codec.encode(to)?);
    let mut columns = vec![from.clone()];
    for part in evenly(0.0, 1.0, steps)? {
        let codes = ((&start * (1.0 - part))? + (&end * part)?)?;
        columns.push(decode_images(codec, &codes)?);
    }
    columns.push(to.clone());
    // [rows, columns, channels, height, width], then row by row.
    let images = Tensor::stack(&columns, 1)?.flatten(0, 1)?;
    image_grid(&images, columns.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repeat;
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_row_goes_from_one_image_to_the_other() {
        let images = |values: [f32; 8]| Tensor::from_slice(&values, (2, 1, 2, 2), &Device::Cpu);
        let from = images([0.0; 8]).unwrap();
        let to = images([1.0, 0.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let figure = latent_interpolation(&Repeat, &from, &to, 3).unwrap();
        let halves = [0.0f32, 0.0, 0.5, 1.0, 1.0].map(|part| [part, 0.5 * part, part, 0.5 * part]);
        let expected: Vec<f32> = halves.concat().into_iter().chain([0.0; 20]).collect();
        let expected = Tensor::from_vec(expected, (10, 1, 2, 2), &Device::Cpu).unwrap();
        assert!(figure.png().unwrap() == image_grid(&expected, 5).unwrap().png().unwrap());
    }

    #[test]
    fn pairs_have_one_shape() {
        let images = |n| Tensor::zeros((n, 1, 2, 2), candle_core::DType::F32, &Device::Cpu);
        let error = latent_interpolation(&Repeat, &images(2).unwrap(), &images(3).unwrap(), 3);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("[2, 1, 2, 2]") && error.contains("[3, 1, 2, 2]"),
            "{error}"
        );
    }
}
