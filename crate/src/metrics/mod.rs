//! How good a model is: of a classifier, of reconstructions, of clusters.
//!
//! The truth comes first, as in scikit-learn, with whose numbers all of them agree.

mod classification;
mod clustering;
mod confusion;
mod contingency;
pub(crate) mod labels;
mod pair;
mod reconstruction;

pub use classification::{
    ClassScores, ClassificationReport, Scores, accuracy, classification_report,
};
pub use clustering::{ClusteringReport, clustering_report};
pub use confusion::confusion_matrix;
pub use reconstruction::{reconstruction_bce, reconstruction_mse};
