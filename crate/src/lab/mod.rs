//! The parts of a lab besides deep learning: profiles, exercises with their checks, and bands for
//! results. `notebooks/ANATOMY.md` describes how a lab uses them.

mod bands;
mod exercise;
mod probe;
mod profile;

pub use bands::Bands;
pub use exercise::{check_all_close, check_close, check_weights, unsolved};
pub use probe::{Answers, probe};
pub use profile::Profile;
