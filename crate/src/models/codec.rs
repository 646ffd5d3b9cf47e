//! The interface of all models that compress images.

use candle_core::Tensor;

use crate::Result;

/// A model that turns images into codes and codes into images.
pub trait Codec {
    /// The codes `[n, latent]` of images `[n, channels, height, width]`.
    ///
    /// # Errors
    /// If the images do not fit.
    fn encode(&self, images: &Tensor) -> Result<Tensor>;

    /// The images `[n, channels, height, width]` decoded from codes `[n, latent]`.
    ///
    /// # Errors
    /// If the codes do not fit.
    fn decode(&self, codes: &Tensor) -> Result<Tensor>;
}
