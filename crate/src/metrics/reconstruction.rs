//! Errors of reconstructions.

use candle_core::{DType, Device, Tensor};

use crate::numerics::storage::Elements;
use crate::{Error, Result};

/// The distance that reconstructions are kept from 0 and 1 before their logarithm is taken, as in
/// Keras.
const CLIP: f64 = 1e-7;

/// The mean squared error of `reconstructions` over all numbers. They have the shape of `images`
/// `[n, ..]`, or are a single one for all images, `[1, ..]`. Both are f32.
///
/// # Errors
/// If the shapes do not fit, a tensor is not f32, or there are no numbers.
pub fn reconstruction_mse(images: &Tensor, reconstructions: &Tensor) -> Result<f64> {
    mean(
        "reconstruction_mse",
        images,
        reconstructions,
        |image, reconstruction| (image - reconstruction).powi(2),
    )
}

/// The mean binary cross-entropy of `reconstructions` over all numbers. They have the shape of
/// `images` `[n, ..]`, or are a single one for all images, `[1, ..]`. Both are f32, and images are
/// in `[0, 1]`. As in Keras, reconstructions are clipped to `[1e-7, 1 - 1e-7]`, so those of a
/// principal component analysis, which leave `[0, 1]`, have a finite value too.
///
/// ```
/// use cuaderno::prelude::*;
/// let mnist = Mnist::sample()?;
/// // The best that a network can do without seeing its input.
/// let baseline = reconstruction_bce(&mnist.test.images, &mnist.train.mean_image()?)?;
/// assert!((0.25..0.28).contains(&baseline));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, a tensor is not f32, there are no numbers, or an image leaves `[0,
/// 1]`.
pub fn reconstruction_bce(images: &Tensor, reconstructions: &Tensor) -> Result<f64> {
    let operation = "reconstruction_bce";
    let mean = mean(
        operation,
        images,
        reconstructions,
        |image, reconstruction| {
            if !(0.0..=1.0).contains(&image) {
                return f64::INFINITY; // what no pair within the range gives
            }
            let p = reconstruction.clamp(CLIP, 1.0 - CLIP);
            -(image * p.ln() + (1.0 - image) * (1.0 - p).ln())
        },
    )?;
    if mean == f64::INFINITY {
        return Err(Error::shape(
            operation,
            "an image has a number outside of 0 to 1, for which cross-entropy has no meaning; \
             scale the images to [0, 1].",
        ));
    }
    Ok(mean)
}

fn mean(
    operation: &'static str,
    images: &Tensor,
    reconstructions: &Tensor,
    error: impl Fn(f64, f64) -> f64,
) -> Result<f64> {
    let fits = match (images.dims(), reconstructions.dims()) {
        ([_, image @ ..], [1, one @ ..]) => image == one,
        (images, reconstructions) => images == reconstructions,
    };
    if !fits || images.elem_count() == 0 {
        return Err(Error::shape(
            operation,
            format!(
                "images are {:?} but reconstructions {:?}; both must be of one shape and not empty.",
                images.dims(),
                reconstructions.dims()
            ),
        ));
    }
    for tensor in [images, reconstructions] {
        if tensor.dtype() != DType::F32 {
            return Err(Error::shape(
                operation,
                format!("numbers are F32, but got {:?}.", tensor.dtype()),
            ));
        }
    }
    let images = images.to_device(&Device::Cpu)?.contiguous()?;
    let reconstructions = reconstructions.to_device(&Device::Cpu)?.contiguous()?;
    let (images, reconstructions) = (
        Elements::<f32>::of(&images)?,
        Elements::<f32>::of(&reconstructions)?,
    );
    let mut sum = 0.0;
    for (&image, &reconstruction) in images.iter().zip(reconstructions.iter().cycle()) {
        sum += error(image.into(), reconstruction.into());
    }
    Ok(sum / images.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_right_black_and_white_image_costs_nothing() {
        let image = tensor(&[0.0, 1.0, 1.0]);
        assert_eq!(reconstruction_mse(&image, &image).unwrap(), 0.0);
        assert!(reconstruction_bce(&image, &image).unwrap() < 1e-6);
        // A principal component analysis may give such numbers.
        let beyond = tensor(&[-0.2, 1.1, 1.3]);
        assert!(reconstruction_bce(&image, &beyond).unwrap() < 1e-6);
    }

    #[test]
    fn one_reconstruction_stands_for_all_images() {
        let images = Tensor::new(&[[0f32, 1.0], [1.0, 1.0]], &Device::Cpu).unwrap();
        let one = Tensor::new(&[[0.5f32, 1.0]], &Device::Cpu).unwrap();
        let each = one.broadcast_as((2, 2)).unwrap();
        for error in [reconstruction_mse, reconstruction_bce] {
            assert_eq!(
                error(&images, &one).unwrap(),
                error(&images, &each).unwrap()
            );
        }
        let two = Tensor::new(&[[0.5f32, 1.0, 0.0]], &Device::Cpu).unwrap();
        assert!(reconstruction_mse(&images, &two).is_err());
    }

    #[test]
    fn bad_images_are_one_sentence() {
        let error = |a: &Tensor, b: &Tensor| reconstruction_bce(a, b).unwrap_err().to_string();
        assert_eq!(
            error(&tensor(&[0.5; 3]), &tensor(&[0.5; 4])),
            "reconstruction_bce: images are [3] but reconstructions [4]; both must be of one shape \
             and not empty."
        );
        let wide = tensor(&[0.5]).to_dtype(DType::F64).unwrap();
        assert!(error(&wide, &wide).ends_with("numbers are F32, but got F64."));
        assert!(error(&tensor(&[2.0]), &tensor(&[0.5])).contains("outside of 0 to 1"));
        assert!(error(&tensor(&[f32::NAN]), &tensor(&[0.5])).contains("outside of 0 to 1"));
        assert!(reconstruction_mse(&tensor(&[]), &tensor(&[])).is_err());
    }
}
