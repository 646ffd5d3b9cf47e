//! Checks of the examples that the methods of this room are given.

use candle_core::{DType, Device, Tensor};

use crate::numerics::storage::Elements;
use crate::{Error, Result};

/// Examples `[n, d]` of finite numbers, contiguous on the CPU, with at least one row and one
/// column.
#[derive(Clone, Debug)]
pub(super) struct Features {
    tensor: Tensor,
    /// The number of examples, `n`.
    pub n: usize,
    /// The number of values in an example, `d`.
    pub d: usize,
}

impl Features {
    /// Checks `x` for `operation`.
    ///
    /// # Errors
    /// If it has the wrong shape or type, is empty, or holds a number that is not finite.
    pub fn of(operation: &'static str, x: &Tensor) -> Result<Self> {
        let refuse = |problem: String| Err(Error::shape(operation, problem));
        if x.rank() != 2 || x.dtype() != DType::F32 {
            return refuse(format!(
                "examples are rows, [n, d] of F32, but got {:?} of {:?}; `.flatten_from(1)?` makes \
                 rows of images.",
                x.dims(),
                x.dtype()
            ));
        }
        let (n, d) = x.dims2()?;
        if n == 0 || d == 0 {
            return refuse(format!("there is nothing in examples of shape [{n}, {d}]."));
        }
        let tensor = x.to_device(&Device::Cpu)?.contiguous()?;
        let features = Self { tensor, n, d };
        let values = features.values()?;
        if !all_finite(&values) {
            let at = values.iter().position(|value| !value.is_finite());
            let at = at.unwrap_or_default();
            return refuse(format!(
                "row {}, column {} is {}, but features must be finite numbers; leave the row out \
                 or replace the value.",
                at / d,
                at % d,
                values[at]
            ));
        }
        drop(values);
        Ok(features)
    }

    /// Checks `x` for a model that was fitted on rows of `d` numbers.
    ///
    /// # Errors
    /// As for [`Features::of`], and if the number of columns is not `d`.
    pub fn with_columns(operation: &'static str, x: &Tensor, d: usize) -> Result<Self> {
        let features = Self::of(operation, x)?;
        if features.d != d {
            return Err(Error::shape(
                operation,
                format!(
                    "it was fitted on rows of {d} numbers, but these have {}.",
                    features.d
                ),
            ));
        }
        Ok(features)
    }

    /// All numbers, row by row.
    pub fn values(&self) -> Result<Elements<'_, f32>> {
        Ok(Elements::of(&self.tensor)?)
    }
}

/// Whether all values are finite. It works in blocks without branches, which the compiler
/// vectorises.
fn all_finite(values: &[f32]) -> bool {
    values.chunks(1024).all(|block| {
        // 0 * x is zero for a finite number and NaN for any other.
        let mut sums = [0f32; 16];
        for values in block.chunks(16) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += 0.0 * value;
            }
        }
        sums.iter().all(|&sum| sum == 0.0)
    })
}

/// The mean of each column, in f64, of `values` in rows of `d` numbers.
pub(super) fn column_means(values: &[f32], d: usize) -> Vec<f64> {
    let mut sums = vec![0f64; d];
    for row in values.chunks_exact(d) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
    }
    let n = (values.len() / d) as f64;
    sums.iter().map(|sum| sum / n).collect()
}

/// Writes `rows` minus `centre` to `centred`.
pub(super) fn subtract(rows: &[f32], centre: &[f32], centred: &mut Vec<f32>) {
    centred.clear();
    centred.reserve(rows.len());
    for row in rows.chunks_exact(centre.len()) {
        centred.extend(row.iter().zip(centre).map(|(value, mean)| value - mean));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_features_are_one_sentence() {
        let refused = |x: Tensor| Features::of("fit", &x).unwrap_err().to_string();
        let zeros = |dims: &[usize], dtype| Tensor::zeros(dims, dtype, &Device::Cpu).unwrap();
        assert_eq!(
            refused(zeros(&[5, 1, 2, 2], DType::F32)),
            "fit: examples are rows, [n, d] of F32, but got [5, 1, 2, 2] of F32; \
             `.flatten_from(1)?` makes rows of images."
        );
        assert!(refused(zeros(&[5, 2], DType::F64)).contains("[5, 2] of F64"));
        assert_eq!(
            refused(zeros(&[0, 2], DType::F32)),
            "fit: there is nothing in examples of shape [0, 2]."
        );
        let fitted = Features::with_columns("transform", &zeros(&[5, 2], DType::F32), 3);
        assert_eq!(
            fitted.unwrap_err().to_string(),
            "transform: it was fitted on rows of 3 numbers, but these have 2."
        );
    }

    #[test]
    fn what_is_not_finite_is_named_with_its_place() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 15, 16, 1023, 1024, 2999] {
                let mut values = vec![f32::MAX; 3000];
                values[at] = bad;
                let x = Tensor::from_vec(values, (300, 10), &Device::Cpu).unwrap();
                let error = Features::of("fit", &x).unwrap_err().to_string();
                let place = format!("fit: row {}, column {} is {bad}, but", at / 10, at % 10);
                assert!(error.starts_with(&place), "{error}");
            }
        }
    }

    #[test]
    fn a_transposed_tensor_is_read_by_its_rows() {
        let x = Tensor::new(&[[1f32, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu).unwrap();
        let features = Features::of("fit", &x.t().unwrap()).unwrap();
        assert_eq!((features.n, features.d), (3, 2));
        assert_eq!(features.values().unwrap()[..3], [1.0, 4.0, 2.0]);
        assert_eq!(column_means(&features.values().unwrap(), 2), [2.0, 5.0]);
    }
}
