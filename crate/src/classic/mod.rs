//! The methods that come before and after deep learning: principal components, nearest neighbours,
//! t-SNE, scaling and splitting.
//!
//! Each is made of parameters, which `fit` checks and turns into a model, in the words of
//! [linfa](https://rust-ml.github.io/linfa): `Pca::params(32).fit(&x)?`. Examples are [`Rows`]:
//! tensors `[n, d]` of f32 without NaN, or linfa's arrays and data sets. Of images,
//! `images.flatten_from(1)?` makes rows. The results are scikit-learn's, and the same bits with any
//! number of threads.
//!
//! The methods implement linfa's traits (`ParamGuard`, `Fit`, `Predict`, `Transformer`), and
//! [`ExactSearch`] those of linfa-nn.

mod covariance;
mod eigen;
mod exact_search;
mod features;
mod index;
mod knn;
mod neighbours;
mod pca;
mod rows;
mod scaler;
mod split;
mod subspace;
mod trustworthiness;
mod tsne;

pub use exact_search::{ExactSearch, ExactSearchIndex};
pub use knn::{Knn, KnnParams, KnnValidParams};
pub use neighbours::Neighbours;
pub use pca::{Pca, PcaParams, PcaValidParams};
pub use rows::{LabelledRows, Rows};
pub use scaler::{StandardScaler, StandardScalerParams};
pub use split::Split;
pub use trustworthiness::trustworthiness;
pub use tsne::{TSne, TSneParams, TSneValidParams};
