//! How much an image is changed.

use std::ops::RangeInclusive;

use crate::{Error, Result, Rng};

/// How much an [`Augmentation`](super::Augmentation) changes an image: a number, the same for all
/// images, or a range from which each image draws its own.
///
/// ```
/// use cuaderno::data::Amount;
/// let (fixed, drawn): (Amount, Amount) = (45.0.into(), (-15.0..=15.0).into());
/// assert_ne!(fixed, drawn);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    low: f64,
    high: f64,
}

impl From<f64> for Amount {
    fn from(amount: f64) -> Self {
        (amount..=amount).into()
    }
}

impl From<RangeInclusive<f64>> for Amount {
    fn from(range: RangeInclusive<f64>) -> Self {
        let (low, high) = range.into_inner();
        Self { low, high }
    }
}

impl Amount {
    /// What one image draws.
    pub(super) fn draw(self, rng: &mut Rng) -> f64 {
        rng.between(self.low, self.high)
    }

    /// That it is a number or a range, and at least `least`.
    pub(super) fn at_least(self, least: f64, name: &'static str) -> Result<()> {
        let Self { low, high } = self;
        if low <= high && low >= least && high.is_finite() {
            return Ok(());
        }
        Err(Error::argument(
            name,
            if low == high {
                format!("{low}")
            } else {
                format!("{low} to {high}")
            },
            match least {
                f64::MIN => "a finite number, or a range with the lower one first".to_owned(),
                _ => format!("{least} or above, or a range with the lower number first"),
            },
        ))
    }

    /// That it is a probability or a range of them.
    pub(super) fn is_probability(self, name: &'static str) -> Result<()> {
        self.at_least(0.0, name)?;
        match self.high {
            high if high <= 1.0 => Ok(()),
            high => Err(Error::argument(name, high, "at most 1")),
        }
    }
}
