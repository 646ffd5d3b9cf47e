//! Codes of images: comparisons, figures of the latent space, and sample images saved during
//! training.

mod codes;
mod latent;
mod samples;

pub use codes::CodeComparison;
pub use latent::{
    latent_interpolation, latent_manifold, latent_samples, latent_traversal, normal_quantile,
};
pub use samples::SampleImages;
