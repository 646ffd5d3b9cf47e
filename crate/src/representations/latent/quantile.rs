//! The inverse of the normal distribution function.

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc_inv;

use crate::{Error, Result};

/// The quantile of the standard normal distribution at `probability`, like the `ppf` of
/// `scipy.stats.norm`.
///
/// ```
/// use cuaderno::representations::normal_quantile;
/// assert_eq!(normal_quantile(0.5)?, 0.0);
/// assert!((normal_quantile(0.95)? - 1.644854).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `probability` is not between 0 and 1.
pub fn normal_quantile(probability: f64) -> Result<f64> {
    if !(probability > 0.0 && probability < 1.0) {
        return Err(Error::argument(
            "a probability",
            probability,
            "above 0 and below 1, where the normal distribution has numbers",
        ));
    }
    Ok(-SQRT_2 * erfc_inv(2.0 * probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of scipy.stats.norm.ppf.
    #[test]
    fn the_quantiles_are_scipy_s() {
        for (probability, expected) in [
            (0.6, 0.253347103),
            (0.925, 1.439531471),
            (0.93, 1.475791028),
            (0.95, 1.644853627),
            (0.999995, 4.417173413),
            (0.05, -1.644853627),
            (5e-06, -4.417173413),
            (1e-10, -6.361340902),
            (1e-12, -7.034483825),
        ] {
            let found = normal_quantile(probability).unwrap();
            let error = (found - expected).abs();
            assert!(error < 1e-8 * expected.abs(), "{probability}: {found}");
        }
    }

    #[test]
    fn both_halves_mirror_each_other() {
        for step in 1..1000 {
            let p = f64::from(step) / 2000.0;
            let (low, high) = (
                normal_quantile(p).unwrap(),
                normal_quantile(1.0 - p).unwrap(),
            );
            assert!((low + high).abs() < 1e-6 && low < 0.0, "{p}: {low} {high}");
        }
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        for probability in [0.0, 1.0, -0.1, f64::NAN] {
            let error = normal_quantile(probability).unwrap_err().to_string();
            assert!(error.contains("above 0 and below 1"), "{error}");
        }
    }
}
