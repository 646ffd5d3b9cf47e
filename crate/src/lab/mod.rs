//! What the cells of a lab need besides deep learning: how much to do, exercises, their checks, and
//! the bands that results should lie in. `notebooks/ANATOMY.md` says how a lab uses them.

mod bands;
mod exercise;
mod profile;

pub use bands::Bands;
pub use exercise::{check_all_close, check_close, unsolved};
pub use profile::Profile;
