//! Data sets as tensors, and batches of them.

mod augment;
mod batches;
mod chelsea;
pub mod idx;
mod images;
mod mnist;
mod segmentation;

pub use augment::{Amount, Augmentation, Augmented};
pub use batches::Batches;
pub use chelsea::chelsea;
pub use images::LabelledImages;
pub use mnist::Mnist;
pub use segmentation::{CamVid, SegmentedImages, scenes};
