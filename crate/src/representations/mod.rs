//! Codes of images and spectra: comparisons, figures of the latent space, and what is saved during a
//! training.

mod codes;
mod few_labels;
mod latent;
mod m1_run;
mod samples;

pub use codes::CodeComparison;
pub use few_labels::few_labels;
pub use latent::{
    latent_interpolation, latent_manifold, latent_samples, latent_traversal, normal_quantile,
};
pub use m1_run::{M1Log, M1Run};
pub use samples::SampleImages;
