//! What a model makes of images: their codes and how good they are, figures of the space that codes
//! live in, and what is decoded from codes while a model trains.

mod codes;
mod latent;
mod samples;

pub use codes::{CodeComparison, Codec};
pub use latent::{
    latent_interpolation, latent_manifold, latent_samples, latent_traversal, normal_quantile,
};
pub use samples::SampleImages;
