//! Scores of classifiers, reconstructions and clusters.
//!
//! As in scikit-learn, the truth is the first argument. The scores agree with scikit-learn's.

mod classification;
mod clustering;
mod confusion;
mod contingency;
mod entities;
pub(crate) mod labels;
mod masked;
mod pair;
mod reconstruction;

pub use classification::{
    ClassScores, ClassificationReport, Scores, accuracy, classification_report,
};
pub use clustering::{ClusteringReport, clustering_report};
pub use confusion::confusion_matrix;
pub use entities::{EntityReport, entity_report};
pub use masked::masked_select;
pub use reconstruction::{reconstruction_bce, reconstruction_mse};
