//! The methods that come before and after deep learning: principal components, nearest neighbours,
//! t-SNE, scaling and splitting.
//!
//! Each is made of parameters, which `fit` checks and turns into a model:
//! `Pca::params(32).fit(&x)?`. Examples are rows: tensors `[n, d]` of f32 without NaN. Of images,
//! `images.flatten_from(1)?` makes rows. The results are scikit-learn's, and the same bits with any
//! number of threads.

mod covariance;
mod eigen;
mod features;
mod knn;
mod neighbours;
mod pca;
mod scaler;
mod split;
mod subspace;
mod trustworthiness;
mod tsne;

pub use knn::{Knn, KnnParams};
pub use neighbours::Neighbours;
pub use pca::{Pca, PcaParams};
pub use scaler::StandardScaler;
pub use split::Split;
pub use trustworthiness::trustworthiness;
pub use tsne::{TSne, TSneParams};
