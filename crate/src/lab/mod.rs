//! What the cells of a lab need besides deep learning: exercises, their checks, and the bands that
//! results should lie in. `notebooks/ANATOMY.md` says how a lab uses them.

mod bands;
mod exercise;

pub use bands::Bands;
pub use exercise::{check_all_close, check_close, unsolved};
