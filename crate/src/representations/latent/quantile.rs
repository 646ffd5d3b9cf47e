//! The inverse of the normal distribution function.

use crate::{Error, Result};

/// The number below which a standard normal number lies with `probability`.
///
/// M. J. Wichura, *Algorithm AS 241: the percentage points of the normal distribution*, Applied
/// Statistics 37 (1988), 477–484; its routine PPND7, right to about seven digits.
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
    let off_centre = probability - 0.5;
    if off_centre.abs() <= 0.425 {
        let r = 0.180625 - off_centre * off_centre;
        let numerator = [3.3871327179, 50.434271938, 159.29113202, 59.109374720];
        let denominator = [1.0, 17.895169469, 78.757757664, 67.187563600];
        return Ok(off_centre * polynomial(&numerator, r) / polynomial(&denominator, r));
    }
    let r = (-probability.min(1.0 - probability).ln()).sqrt();
    let size = if r <= 5.0 {
        let numerator = [1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103];
        let denominator = [1.0, 0.73700164250, 0.12021132975];
        polynomial(&numerator, r - 1.6) / polynomial(&denominator, r - 1.6)
    } else {
        let numerator = [6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997];
        let denominator = [1.0, 0.24197894225, 0.012258202635];
        polynomial(&numerator, r - 5.0) / polynomial(&denominator, r - 5.0)
    };
    Ok(size.copysign(off_centre))
}

/// The polynomial of those coefficients, the constant first, at `x`.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    let horner = |sum, &coefficient: &f64| sum * x + coefficient;
    coefficients.iter().rev().fold(0.0, horner)
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
            assert!(error < 1e-6 * expected.abs(), "{probability}: {found}");
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
