//! Checks of the arguments of optimisers and schedules. The ranges are those of PyTorch, except
//! that a learning rate of 0 is refused.

use crate::{Error, Result};

pub(super) fn above_zero(name: &'static str, value: f64) -> Result<()> {
    within(name, value, value > 0.0, "a finite number above 0")
}

pub(super) fn not_negative(name: &'static str, value: f64) -> Result<()> {
    within(name, value, value >= 0.0, "a finite number, 0 or above")
}

/// A fraction in `[0, 1]`.
pub(super) fn share(name: &'static str, value: f64) -> Result<()> {
    within(name, value, (0.0..=1.0).contains(&value), "between 0 and 1")
}

/// A fraction in `[0, 1)`, where something is divided by its complement.
pub(super) fn share_below_one(name: &'static str, value: f64) -> Result<()> {
    within(
        name,
        value,
        (0.0..1.0).contains(&value),
        "at least 0 and below 1",
    )
}

fn within(name: &'static str, value: f64, is: bool, expected: &str) -> Result<()> {
    if is && value.is_finite() {
        Ok(())
    } else {
        Err(Error::argument(name, value, expected))
    }
}
