//! What all models that compress images have in common.

use candle_core::Tensor;

use crate::Result;

/// A model that turns images into codes and codes into images.
pub trait Codec {
    /// The codes `[n, latent]` of images `[n, channels, height, width]`.
    ///
    /// # Errors
    /// If the images do not fit.
    fn encode(&self, images: &Tensor) -> Result<Tensor>;

    /// The images of codes `[n, latent]`, with as many pixels as the encoded ones.
    ///
    /// # Errors
    /// If the codes do not fit.
    fn decode(&self, codes: &Tensor) -> Result<Tensor>;
}
