//! Scores of classifiers, reconstructions, clusters and texts.
//!
//! As in scikit-learn, the truth is the first argument. The scores agree with scikit-learn's, the
//! error rates of texts with jiwer's.

mod classification;
mod clustering;
mod confusion;
mod contingency;
mod edits;
mod entities;
pub(crate) mod labels;
mod masked;
mod monotonicity;
mod pair;
mod reconstruction;
mod segmentation;

pub use classification::{
    ClassScores, ClassificationReport, Scores, accuracy, classification_report,
};
pub use clustering::{ClusteringReport, clustering_report};
pub use confusion::confusion_matrix;
pub use edits::{character_error_rate, edit_distance, word_error_rate};
pub use entities::{EntityReport, entity_report};
pub use masked::masked_select;
pub use monotonicity::monotonicity;
pub use reconstruction::{reconstruction_bce, reconstruction_mse};
pub use segmentation::{PixelScores, SegmentationReport, segmentation_report};
