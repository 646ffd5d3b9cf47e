//! Data sets as tensors: fetched, checked, and cut into batches.

mod batches;
mod distort;
pub mod idx;
mod images;
mod mnist;

pub use batches::Batches;
pub use distort::{Distortion, distort};
pub use images::LabelledImages;
pub use mnist::Mnist;
