//! Whether attention moves forward.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// How steadily attention moves forward: the share of pairs of rows of `weights` `[characters,
/// steps]` whose centres of weight are in order. 1 is a way that never turns back, 0.5 is chance,
/// and 0 is a way backwards. It is (1 + Kendall's τ) / 2, two centres at the same place being in
/// order.
///
/// ```
/// use cuaderno::{metrics::monotonicity, prelude::*};
/// let weights = Tensor::new(&[[0.9f32, 0.1, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]], &Device::Cpu)?;
/// assert_eq!(monotonicity(&weights)?, 1.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `weights` is not a matrix, has fewer than two rows, or a row has no weight.
pub fn monotonicity(weights: &Tensor) -> Result<f64> {
    let rows = match *weights.dims() {
        [characters, steps] if characters > 1 && steps > 0 => {
            weights.to_dtype(DType::F64)?.to_vec2::<f64>()?
        }
        ref dims => {
            return Err(Error::shape(
                "monotonicity",
                format!(
                    "the weights are {dims:?}, but they must be [characters, steps], with two characters or more."
                ),
            ));
        }
    };
    let mut centres = Vec::with_capacity(rows.len());
    for (number, row) in rows.iter().enumerate() {
        let sum: f64 = row.iter().sum();
        if sum.is_nan() || sum <= 0.0 {
            return Err(Error::shape(
                "monotonicity",
                format!(
                    "the weights of row {number} add up to {sum}, so that they have no centre."
                ),
            ));
        }
        let moment: f64 = (0..)
            .zip(row)
            .map(|(step, weight)| f64::from(step) * weight)
            .sum();
        centres.push(moment / sum);
    }
    let pairs =
        (0..centres.len()).flat_map(|one| (one + 1..centres.len()).map(move |two| (one, two)));
    let in_order = pairs
        .clone()
        .filter(|&(one, two)| centres[one] <= centres[two]);
    Ok(in_order.count() as f64 / pairs.count() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn of(centres: &[usize]) -> f64 {
        let row = |&centre: &usize| -> Vec<f32> {
            (0..6)
                .map(|step| f32::from(u8::from(step == centre)))
                .collect()
        };
        let rows: Vec<Vec<f32>> = centres.iter().map(row).collect();
        monotonicity(&Tensor::new(rows, &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn forwards_is_one_backwards_zero_and_standing_still_forwards() {
        assert_eq!(of(&[0, 2, 2, 5]), 1.0);
        assert_eq!(of(&[5, 3, 0]), 0.0);
        assert_eq!(of(&[0, 5, 3]), 2.0 / 3.0);
    }

    #[test]
    fn what_has_no_way_is_one_sentence() {
        let zeros = |rows: usize| Tensor::zeros((rows, 3), DType::F32, &Device::Cpu).unwrap();
        let error = |rows| monotonicity(&zeros(rows)).unwrap_err().to_string();
        assert!(error(1).contains("[1, 3]"), "{}", error(1));
        assert!(error(2).contains("row 0 add up to 0"), "{}", error(2));
    }
}
