//! Classic machine learning around deep learning: principal components, nearest neighbours, t-SNE,
//! scaling, splitting and the Fréchet distance.
//!
//! As in [linfa](https://rust-ml.github.io/linfa), each method starts from its parameters, which
//! `fit` checks and turns into a model: `Pca::params(32).fit(&x)?`. Examples are [`Rows`]: tensors
//! `[n, d]` of finite f32 numbers, or linfa's arrays and data sets. `images.flatten_from(1)?` turns
//! images into rows. The results agree with scikit-learn's and have the same bits for any number of
//! threads.
//!
//! The methods implement linfa's traits (`ParamGuard`, `Fit`, `Predict`, `Transformer`), and
//! [`ExactSearch`] implements those of linfa-nn.

mod covariance;
mod eigen;
mod exact_search;
mod features;
mod frechet;
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
pub use frechet::frechet_distance;
pub use knn::{Knn, KnnParams, KnnValidParams};
pub use neighbours::Neighbours;
pub use pca::{Pca, PcaParams, PcaValidParams};
pub use rows::{LabelledRows, Rows};
pub use scaler::{StandardScaler, StandardScalerParams};
pub use split::Split;
pub use trustworthiness::trustworthiness;
pub use tsne::{TSne, TSneParams, TSneValidParams};
