//! Scores of classifiers, reconstructions and clusters.
//!
//! As in scikit-learn, the truth is the first argument. The scores agree with scikit-learn's.

mod classification;
mod clustering;
mod confusion;
mod contingency;
pub(crate) mod labels;
mod masked;
mod pair;
mod reconstruction;
mod segmentation;

pub use classification::{
    ClassScores, ClassificationReport, Scores, accuracy, classification_report,
};
pub use clustering::{ClusteringReport, clustering_report};
pub use confusion::confusion_matrix;
pub use masked::masked_select;
pub use reconstruction::{reconstruction_bce, reconstruction_mse};
pub use segmentation::{PixelScores, SegmentationReport, segmentation_report};
