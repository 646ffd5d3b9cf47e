//! Exercises that compile before they are solved, and their checks.

use crate::{Error, Result};

/// What an exercise returns until it is solved: an error that says what to do.
///
/// ```
/// use cuaderno::prelude::*;
/// fn share_of_ink(pixels: &[f64]) -> cuaderno::Result<f64> {
///     unsolved("return the mean of the pixels")
/// }
/// let error = share_of_ink(&[0.0, 1.0]).unwrap_err();
/// assert_eq!(error.to_string(), "This exercise is not solved yet: return the mean of the pixels.");
/// ```
///
/// # Errors
/// Always.
pub fn unsolved<T>(what_to_do: &str) -> Result<T> {
    Err(Error::Lab(format!(
        "This exercise is not solved yet: {what_to_do}."
    )))
}

/// Compares what an exercise gives with what it should, and prints a line if they agree.
///
/// # Errors
/// If `found` is further from `expected` than `tolerance`; the sentence gives both and the `hint`.
///
/// ```
/// use cuaderno::prelude::*;
/// check_close("half of 3", 3.0 / 2.0, 1.5, 1e-9, "divide by two")?;
/// let error = check_close("half of 3", 6.0, 1.5, 1e-9, "divide by two").unwrap_err();
/// assert_eq!(error.to_string(), "half of 3 is 6, but it should be 1.5: divide by two.");
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn check_close(
    what: &str,
    found: f64,
    expected: f64,
    tolerance: f64,
    hint: &str,
) -> Result<()> {
    // Written so that NaN is never close.
    if (found - expected).abs() <= tolerance {
        println!("right: {what} is {found}");
        Ok(())
    } else {
        Err(Error::Lab(format!(
            "{what} is {found}, but it should be {expected}: {hint}."
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_not_close() {
        assert!(check_close("x", f64::NAN, 1.0, 0.1, "compute it").is_err());
        assert!(check_close("x", 1.1, 1.0, 0.1 + 1e-9, "compute it").is_ok());
    }
}
