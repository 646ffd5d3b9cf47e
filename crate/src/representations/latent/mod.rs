//! Figures of a latent space: images decoded from chosen codes.

mod interpolation;
mod manifold;
mod quantile;
mod samples;
mod traversal;

pub use interpolation::latent_interpolation;
pub use manifold::latent_manifold;
pub use quantile::normal_quantile;
pub use samples::latent_samples;
pub use traversal::latent_traversal;

use candle_core::Tensor;

use crate::models::Codec;
use crate::{Error, Result};

/// The images of codes `[n, latent]`, in the shape of images even if the codec decodes to rows of
/// pixels, like PCA.
fn decode_images(codec: &dyn Codec, codes: &Tensor) -> Result<Tensor> {
    let decoded = codec.decode(codes)?;
    let [n, pixels] = *decoded.dims() else {
        return Ok(decoded);
    };
    let side = pixels.isqrt();
    if side * side != pixels {
        return Err(Error::shape(
            "the latent space",
            format!(
                "the codec decodes to {:?}, which is neither images nor rows of a square image's \
                 pixels.",
                decoded.dims()
            ),
        ));
    }
    Ok(decoded.reshape((n, 1, side, side))?)
}

/// `steps` equally spaced numbers from `first` to `last`.
fn evenly(first: f64, last: f64, steps: usize) -> Result<Vec<f64>> {
    if steps < 2 {
        return Err(Error::argument(
            "the number of steps",
            steps,
            "at least 2, the first and the last",
        ));
    }
    let part = |step: usize| step as f64 / (steps - 1) as f64;
    Ok((0..steps)
        .map(|step| first + (last - first) * part(step))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    /// Decodes two numbers to an image of 2 x 2 pixels: the first, the second, and both again.
    pub(super) struct Repeat;

    impl Codec for Repeat {
        fn encode(&self, images: &Tensor) -> Result<Tensor> {
            Ok(images.flatten_from(1)?.narrow(1, 0, 2)?)
        }

        fn decode(&self, codes: &Tensor) -> Result<Tensor> {
            Ok(Tensor::cat(&[codes, codes], 1)?.reshape(((), 1, 2, 2))?)
        }
    }

    /// Decodes to rows of five pixels.
    struct Five;

    impl Codec for Five {
        fn encode(&self, images: &Tensor) -> Result<Tensor> {
            Ok(images.flatten_from(1)?)
        }

        fn decode(&self, codes: &Tensor) -> Result<Tensor> {
            Ok(Tensor::zeros((codes.dim(0)?, 5), DType::F32, &Device::Cpu)?)
        }
    }

    #[test]
    fn rows_of_pixels_that_are_no_square_are_refused() {
        let codes = Tensor::zeros((3, 2), DType::F32, &Device::Cpu).unwrap();
        let error = decode_images(&Five, &codes).unwrap_err().to_string();
        assert!(error.contains("decodes to [3, 5]"), "{error}");
    }

    #[test]
    fn steps_are_even_and_there_are_two_at_least() {
        assert_eq!(evenly(-1.0, 1.0, 5).unwrap(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert!(evenly(0.0, 1.0, 1).is_err());
    }
}
