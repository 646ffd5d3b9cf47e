//! Codes of images: their comparison, figures of the latent space, and sample images saved while a
//! model trains.

mod codes;
mod latent;
mod samples;

pub use codes::CodeComparison;
pub use latent::{
    latent_interpolation, latent_manifold, latent_samples, latent_traversal, normal_quantile,
};
pub use samples::SampleImages;
