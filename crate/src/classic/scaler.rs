//! Scaling of columns to mean 0 and standard deviation 1.

use candle_core::{DType, Device, Tensor};
use linfa::dataset::Records;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, Float};
use ndarray::{ArrayBase, Data, Ix2};

use super::Rows;
use super::features::{Features, column_means};
use crate::{Error, Result};

/// Subtracts the mean of each column and divides by its standard deviation (with the denominator
/// `n`), both taken from the examples it was fitted on.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let x = Tensor::new(&[[1f32, 10.0], [3.0, 30.0]], &Device::Cpu)?;
/// let scaler = StandardScaler::params().fit(&x)?;
/// let scaled = scaler.transform(&x)?;
/// assert_eq!(scaled.to_vec2::<f32>()?, [[-1.0, -1.0], [1.0, 1.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StandardScaler {
    // In f64, as in scikit-learn: what a mean loses in f32 is a large part of the deviation of a
    // nearly constant column.
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// Parameters of a [`StandardScaler`]. There are none yet.
#[derive(Clone, Copy, Debug)]
pub struct StandardScalerParams;

impl StandardScalerParams {
    /// Computes the means and deviations of `x` `[n, d]`, a tensor or one of the other types that
    /// [`Rows`] lists.
    ///
    /// # Errors
    /// If `x` has another shape or type or is not finite, or a column is constant and cannot be
    /// scaled to a deviation of 1.
    pub fn fit(&self, x: impl Rows) -> Result<StandardScaler> {
        let operation = "StandardScaler::fit";
        let features = Features::of(operation, &x.to_tensor()?)?;
        let values = features.values()?;
        let mean = column_means(&values, features.d);
        let mut squares = vec![0f64; features.d];
        for row in values.chunks_exact(features.d) {
            for ((square, &value), mean) in squares.iter_mut().zip(row).zip(&mean) {
                *square += (f64::from(value) - mean).powi(2);
            }
        }
        let deviation = squares.iter().map(|s| (s / features.n as f64).sqrt());
        let deviation: Vec<f64> = deviation.collect();
        if let Some(column) = deviation.iter().position(|&deviation| deviation == 0.0) {
            return Err(Error::shape(
                operation,
                format!(
                    "column {column} is {} in every row, so no scale gives it a deviation of 1; \
                     leave it out ({} of {} columns are constant).",
                    values[column],
                    deviation
                        .iter()
                        .filter(|&&deviation| deviation == 0.0)
                        .count(),
                    features.d
                ),
            ));
        }
        Ok(StandardScaler { mean, deviation })
    }
}

impl<F: Float, S: Data<Elem = F>, T> Fit<ArrayBase<S, Ix2>, T, Error> for StandardScalerParams {
    type Object = StandardScaler;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<S, Ix2>, T>) -> Result<StandardScaler> {
        self.fit(dataset)
    }
}

impl<R: Records + Rows> Transformer<R, R::Transformed> for StandardScaler {
    fn transform(&self, x: R) -> R::Transformed {
        self.transform(x)
    }
}

impl StandardScaler {
    /// Parameters, to call `fit` on.
    pub fn params() -> StandardScalerParams {
        StandardScalerParams
    }

    /// Scales `x` `[n, d]`. The type of the result depends on that of `x`, as [`Rows`] lists; for a
    /// tensor it is `Result<Tensor>`.
    ///
    /// # Errors
    /// If `x` is not of f32, not finite, or has another number of columns than the fitted examples.
    pub fn transform<X: Rows>(&self, x: X) -> X::Transformed {
        self.map("StandardScaler::transform", x, |value, mean, deviation| {
            (value - mean) / deviation
        })
    }

    /// Undoes the scaling of `x` `[n, d]`. The type of the result depends on that of `x`, as
    /// [`Rows`] lists; for a tensor it is `Result<Tensor>`.
    ///
    /// # Errors
    /// If `x` is not of f32, not finite, or has another number of columns than the fitted examples.
    pub fn inverse_transform<X: Rows>(&self, x: X) -> X::Transformed {
        let operation = "StandardScaler::inverse_transform";
        self.map(operation, x, |value, mean, deviation| {
            value * deviation + mean
        })
    }

    fn map<X: Rows>(
        &self,
        operation: &'static str,
        x: X,
        f: impl Fn(f64, f64, f64) -> f64,
    ) -> X::Transformed {
        let mapped = x.to_tensor().and_then(|x| self.map_rows(operation, &x, f));
        x.transformed(mapped)
    }

    fn map_rows(
        &self,
        operation: &'static str,
        x: &Tensor,
        f: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Tensor> {
        let features = Features::with_columns(operation, x, self.mean.len())?;
        let mut results = Vec::with_capacity(features.n * features.d);
        for row in features.values()?.chunks_exact(features.d) {
            let columns = row.iter().zip(&self.mean).zip(&self.deviation);
            results.extend(
                columns.map(|((&value, &mean), &deviation)| {
                    f(f64::from(value), mean, deviation) as f32
                }),
            );
        }
        Ok(Tensor::from_vec(
            results,
            (features.n, features.d),
            &Device::Cpu,
        )?)
    }

    /// The mean of each column, `[d]` of f32.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn mean(&self) -> Result<Tensor> {
        narrow(&self.mean)
    }

    /// The standard deviation of each column, `[d]` of f32.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn deviation(&self) -> Result<Tensor> {
        narrow(&self.deviation)
    }
}

fn narrow(numbers: &[f64]) -> Result<Tensor> {
    Ok(Tensor::new(numbers, &Device::Cpu)?.to_dtype(DType::F32)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn's result for every column of even steps: (-1.3416407, -0.44721356, 0.44721356,
    /// 1.3416407).
    #[test]
    fn a_column_that_is_nearly_constant_is_scaled_to_all_digits() {
        for (offset, step) in [
            (1000f32, 1f32 / 4096.0),
            (100.0, 1.0 / 65_536.0),
            (-7e4, 1.0 / 64.0),
        ] {
            let column = [0, 1, 2, 3].map(|i| [offset + i as f32 * step]);
            let x = Tensor::new(&column, &Device::Cpu).unwrap();
            let scaler = StandardScaler::params().fit(&x).unwrap();
            let scaled = scaler.transform(&x).unwrap();
            let found: Vec<f32> = scaled.flatten_all().unwrap().to_vec1().unwrap();
            let root = 5f64.sqrt();
            let expected = [-3.0 / root, -1.0 / root, 1.0 / root, 3.0 / root];
            assert_eq!(found, expected.map(|scaled| scaled as f32), "at {offset}");
            let back = scaler.inverse_transform(&scaled).unwrap();
            assert_eq!(back.to_vec2::<f32>().unwrap(), column);
        }
    }

    #[test]
    fn a_constant_column_is_named() {
        let x = Tensor::new(&[[1f32, 0.1, 2.0], [3.0, 0.1, 2.0]], &Device::Cpu).unwrap();
        assert_eq!(
            StandardScaler::params().fit(&x).unwrap_err().to_string(),
            "StandardScaler::fit: column 1 is 0.1 in every row, so no scale gives it a deviation \
             of 1; leave it out (2 of 3 columns are constant)."
        );
    }

    #[test]
    fn what_was_scaled_comes_back() {
        let x = crate::Rng::new(1).normal(100.0, 5.0, &[20, 3]).unwrap();
        let scaler = StandardScaler::params().fit(&x).unwrap();
        let back = scaler
            .inverse_transform(&scaler.transform(&x).unwrap())
            .unwrap();
        let difference = (back - &x).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-4);
        assert!(scaler.transform(&x.narrow(1, 0, 2).unwrap()).is_err());
    }
}
