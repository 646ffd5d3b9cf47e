//! Exercises that compile before they are solved, and their checks.

use candle_core::DType;

use crate::nn::{Parameter, Parameters};
use crate::{Error, Result};

/// A placeholder for the solution of an exercise: an error that says what to do.
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

/// Compares the result of an exercise with the expected number, and prints a line if they agree.
///
/// # Errors
/// If `found` is further from `expected` than `tolerance`; the error contains both and the `hint`.
///
/// ```
/// use cuaderno::lab::check_close;
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
        // Without the sign of a zero.
        println!("right: {what} is {}", found + 0.0);
        Ok(())
    } else {
        Err(Error::Lab(format!(
            "{what} is {}, but it should be {expected}: {hint}.",
            found + 0.0
        )))
    }
}

/// Compares the list an exercise returns with the expected one, number by number, and prints a line
/// if they agree.
///
/// # Errors
/// If the lengths differ, or a number in `found` is further from the `expected` one than
/// `tolerance`; the error names the first such place and gives the `hint`.
///
/// ```
/// use cuaderno::lab::check_all_close;
/// check_all_close("the halves", &[0.5, 1.0], &[0.5, 1.0], 1e-9, "divide by two")?;
/// let error = check_all_close("the halves", &[0.5, 2.0], &[0.5, 1.0], 1e-9, "divide by two");
/// assert_eq!(
///     error.unwrap_err().to_string(),
///     "the halves: number 1 of [0.5, 2.0] is 2, but it should be 1: divide by two."
/// );
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn check_all_close(
    what: &str,
    found: &[f64],
    expected: &[f64],
    tolerance: f64,
    hint: &str,
) -> Result<()> {
    if found.len() != expected.len() {
        return Err(Error::Lab(format!(
            "{what}: {} has length {}, but it should have length {}: {hint}.",
            in_short(found),
            found.len(),
            expected.len()
        )));
    }
    // Written so that NaN is never close.
    let is_close = |(found, expected): (&f64, &f64)| (found - expected).abs() <= tolerance;
    if let Some(place) = found.iter().zip(expected).position(|pair| !is_close(pair)) {
        return Err(Error::Lab(format!(
            "{what}: number {place} of {} is {}, but it should be {}: {hint}.",
            in_short(found),
            found[place],
            expected[place]
        )));
    }
    println!("right: {what} is {}", in_short(found));
    Ok(())
}

/// Compares a network's weights with the expected ones, one parameter after the other, and prints a
/// line for each if they agree: did a step of a training move what it should, and nothing else?
///
/// # Errors
/// If the networks have different parameters, or one of the numbers is further from the expected
/// one than `tolerance`; the error names the parameter and gives the `hint`.
///
/// ```
/// use cuaderno::{lab::check_weights, prelude::*};
/// let plan = Sequential::input(&[2]).then("dense", Dense::units(1));
/// let (one, other) = (plan.build(1)?.parameters(), plan.build(2)?.parameters());
/// check_weights(&one, &plan.build(1)?.parameters(), 1e-5, "take one step")?;
/// let error = check_weights(&one, &other, 1e-5, "take one step").unwrap_err();
/// assert!(error.to_string().starts_with("dense.weight: number 0 of "));
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn check_weights(
    found: &Parameters,
    expected: &Parameters,
    tolerance: f64,
    hint: &str,
) -> Result<()> {
    let names = |parameters: &Parameters| -> Vec<String> {
        parameters.iter().map(|(name, _)| name.to_owned()).collect()
    };
    if names(found) != names(expected) {
        return Err(Error::Lab(format!(
            "the parameters are {:?}, but they should be {:?}: {hint}.",
            names(found),
            names(expected)
        )));
    }
    let numbers = |parameter: &Parameter| -> Result<Vec<f64>> {
        let values = parameter.tensor().flatten_all()?;
        Ok(values.to_dtype(DType::F64)?.to_vec1()?)
    };
    for ((name, found), (_, expected)) in found.iter().zip(expected.iter()) {
        let (found, expected) = (numbers(found)?, numbers(expected)?);
        check_all_close(name, &found, &expected, tolerance, hint)?;
    }
    Ok(())
}

/// A list to be read: the first numbers with four digits, and how many more there are.
fn in_short(numbers: &[f64]) -> String {
    const SHOWN: usize = 8;
    let rounded = |number: &f64| format!("{number:.3e}").parse().unwrap_or(*number);
    let shown: Vec<f64> = numbers.iter().take(SHOWN).map(rounded).collect();
    match numbers.len().saturating_sub(SHOWN) {
        0 => format!("{shown:?}"),
        more => format!("{shown:?} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn what_is_not_a_number_is_not_close() {
        assert!(check_close("x", f64::NAN, 1.0, 0.1, "compute it").is_err());
        assert!(check_close("x", 1.1, 1.0, 0.1 + 1e-9, "compute it").is_ok());
        assert!(check_all_close("x", &[f64::NAN], &[1.0], 0.1, "compute it").is_err());
    }

    #[test]
    fn a_zero_has_no_sign() {
        let error = check_close("x", -0.0, 1.0, 1e-9, "add 1").unwrap_err();
        assert_eq!(error.to_string(), "x is 0, but it should be 1: add 1.");
    }

    #[test]
    fn a_list_is_shown_in_short() {
        let third = 1.0 / 3.0;
        assert_eq!(in_short(&[third, 2.0, -0.0]), "[0.3333, 2.0, -0.0]");
        assert_eq!(in_short(&[f64::NAN, 1e-9 * third]), "[NaN, 3.333e-10]");
        let long = in_short(&[third; 11]);
        assert!(long.ends_with("0.3333] and 3 more"), "{long}");
    }

    #[test]
    fn weights_of_other_parameters_are_not_close() {
        let values = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let parameter = Parameter::new(&values).unwrap();
        let one = Parameters::new().with("weight", &parameter);
        let two = Parameters::new()
            .with("weight", &parameter)
            .with("bias", &parameter);
        let error = check_weights(&one, &two, 0.1, "keep the bias").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the parameters are [\"weight\"], but they should be [\"weight\", \"bias\"]: keep the bias."
        );
        assert!(check_weights(&two, &two, 0.0, "keep the bias").is_ok());
    }

    #[test]
    fn a_list_that_is_too_short_is_not_close() {
        let error = check_all_close("x", &[1.0], &[1.0, 2.0], 0.1, "go on to the end").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x: [1.0] has length 1, but it should have length 2: go on to the end."
        );
    }
}
