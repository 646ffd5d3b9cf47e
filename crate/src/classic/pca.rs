//! Principal component analysis.

use candle_core::{Device, Tensor};
use linfa::traits::{Fit, PredictInplace, Transformer};
use linfa::{DatasetBase, Float, ParamGuard};
use ndarray::{Array2, ArrayBase, Data, Ix2};

use super::Rows;
use super::covariance::scatter;
use super::eigen::largest_eigenpairs;
use super::features::{Features, column_means, subtract};
use crate::numerics::gemm::{Matrix, product};
use crate::{Error, Result};

/// The number of rows transformed at a time.
const BLOCK: usize = 2048;

/// The largest number of columns. At this size the covariance takes 0.8 GB and some minutes.
const MAX_COLUMNS: usize = 8192;

/// Principal component analysis: the directions in which examples vary most (Pearson 1901;
/// Hotelling 1933). They are the eigenvectors of the covariance, as with scikit-learn's solver
/// `covariance_eigh`.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let x = Rng::new(6202).normal(0.0, 1.0, &[100, 5])?;
/// let pca = Pca::params(2).fit(&x)?;
/// let codes = pca.transform(&x)?;
/// assert_eq!(codes.dims(), [100, 2]);
/// assert_eq!(pca.inverse_transform(&codes)?.dims(), [100, 5]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// It implements linfa's traits and can take the place of `linfa_reduction::Pca`:
///
/// ```
/// use cuaderno::linfa::{Dataset, traits::Predict};
/// use cuaderno::{ndarray::array, prelude::*};
///
/// let dataset = Dataset::from(array![[1f64, 2.0], [2.0, 4.1], [3.0, 5.9]]);
/// let embedding = Pca::params(1).fit(&dataset)?;
/// assert_eq!(embedding.predict(&dataset).dim(), (3, 1));
/// let dataset = embedding.transform(dataset);
/// assert_eq!(dataset.records.dim(), (3, 1));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Vec<f32>,
    /// The components, one in each row.
    components: Vec<f32>,
    explained_variance: Vec<f64>,
    total_variance: f64,
    whiten: bool,
}

/// Parameters of a [`Pca`].
#[derive(Clone, Copy, Debug)]
pub struct PcaParams(PcaValidParams);

/// [`PcaParams`] after the checks that are possible without data.
#[derive(Clone, Copy, Debug)]
pub struct PcaValidParams {
    components: usize,
    whiten: bool,
}

impl PcaParams {
    /// Sets whether the coordinates are divided by their standard deviations, so that all of them
    /// have variance 1. The default is `false`.
    pub fn whiten(mut self, whiten: bool) -> Self {
        self.0.whiten = whiten;
        self
    }

    /// Finds the components of `x` `[n, d]`, a tensor or one of the other types that [`Rows`]
    /// lists.
    ///
    /// # Errors
    /// If `x` has another shape or type, is not finite, has a single row, has equal rows only, has
    /// more than 8192 columns, or has fewer rows or columns than components; if it does not vary
    /// along a component that is to be whitened.
    pub fn fit(&self, x: impl Rows) -> Result<Pca> {
        self.check_ref()?.fit(x)
    }
}

impl ParamGuard for PcaParams {
    type Checked = PcaValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&PcaValidParams> {
        if self.0.components == 0 {
            return Err(Error::argument("the number of components", 0, "1 or more"));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<PcaValidParams> {
        self.check_ref().copied()
    }
}

impl PcaValidParams {
    /// The same as [`PcaParams::fit`].
    ///
    /// # Errors
    /// As for [`PcaParams::fit`].
    pub fn fit(&self, x: impl Rows) -> Result<Pca> {
        let operation = "Pca::fit";
        let features = Features::of(operation, &x.to_tensor()?)?;
        let (n, d) = (features.n, features.d);
        if n < 2 || d > MAX_COLUMNS {
            return Err(Error::shape(
                operation,
                format!(
                    "examples are [{n}, {d}], but 2 rows are the least that vary and {MAX_COLUMNS} \
                     columns the most."
                ),
            ));
        }
        let components = self.components;
        if components > n.min(d) {
            return Err(Error::argument(
                "the number of components",
                components,
                format!(
                    "from 1 to {}, the smaller side of examples [{n}, {d}]",
                    n.min(d)
                ),
            ));
        }
        let values = features.values()?;
        let mean = column_means(&values, d);
        let mean: Vec<f32> = mean.into_iter().map(|mean| mean as f32).collect();
        let (scatter, unit) = scatter_in_units(&values, &mean).ok_or_else(|| {
            Error::shape(
                operation,
                format!("all {n} rows are the same: there is no direction in which they vary."),
            )
        })?;
        let trace = trace(&scatter, d);
        let freedom = (n - 1) as f64;
        let mut pairs = largest_eigenpairs(&scatter, d, components)?;
        pairs.vectors.chunks_exact_mut(d).for_each(fix_sign);
        let variances = pairs.values.into_iter();
        let explained_variance: Vec<f64> = variances
            .map(|value| value.max(0.0) / freedom * unit * unit)
            .collect();
        let flat = explained_variance.iter().position(|&v| v == 0.0);
        if let Some(flat) = flat.filter(|_| self.whiten) {
            return Err(Error::argument(
                "the number of components to whiten",
                components,
                format!("{flat} at most, along which the examples vary"),
            ));
        }
        Ok(Pca {
            mean,
            components: pairs.vectors.into_iter().map(|v| v as f32).collect(),
            explained_variance,
            total_variance: trace / freedom * unit * unit,
            whiten: self.whiten,
        })
    }
}

impl<F: Float, S: Data<Elem = F>, T> Fit<ArrayBase<S, Ix2>, T, Error> for PcaValidParams {
    type Object = Pca;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<S, Ix2>, T>) -> Result<Pca> {
        self.fit(dataset)
    }
}

/// The mean squared deviation below which products may underflow in f32.
const SMALL: f64 = 1e-20;

/// The scatter of `values` with deviations measured in some unit, and that unit. The unit is 1
/// unless products of the deviations would leave the range of f32; then it is a power of two, which
/// changes no digits. `None` if all rows are the same.
fn scatter_in_units(values: &[f32], mean: &[f32]) -> Option<(Vec<f64>, f64)> {
    let d = mean.len();
    let plain = scatter(values, mean);
    let trace = trace(&plain, d);
    if trace.is_finite() && trace > SMALL * values.len() as f64 {
        return Some((plain, 1.0));
    }
    let deviations = || {
        let means = mean.iter().cycle();
        values
            .iter()
            .zip(means)
            .map(|(&value, &mean)| f64::from(value) - f64::from(mean))
    };
    let largest = deviations().fold(0f64, |largest, deviation| largest.max(deviation.abs()));
    if largest == 0.0 {
        return None;
    }
    let unit = largest.log2().floor().exp2();
    let scaled: Vec<f32> = deviations()
        .map(|deviation| (deviation / unit) as f32)
        .collect();
    Some((scatter(&scaled, &vec![0.0; d]), unit))
}

fn trace(matrix: &[f64], n: usize) -> f64 {
    matrix.iter().step_by(n + 1).sum()
}

/// The sign of a component is arbitrary. Its entry of the largest magnitude is made positive, as in
/// scikit-learn's `svd_flip`.
fn fix_sign(vector: &mut [f64]) {
    let mut largest = 0f64;
    for &number in vector.iter() {
        if number.abs() > largest.abs() {
            largest = number;
        }
    }
    if largest < 0.0 {
        vector.iter_mut().for_each(|number| *number = -*number);
    }
}

impl Pca {
    /// Parameters for this many components.
    pub fn params(components: usize) -> PcaParams {
        PcaParams(PcaValidParams {
            components,
            whiten: false,
        })
    }

    /// The coordinates `[n, components]` of `x` `[n, d]` along the components. The type of the
    /// result depends on that of `x`, as [`Rows`] lists; for a tensor it is `Result<Tensor>`.
    ///
    /// # Errors
    /// If `x` is not of f32, not finite, or has another number of columns than the fitted examples.
    pub fn transform<X: Rows>(&self, x: X) -> X::Transformed {
        let codes = x.to_tensor().and_then(|x| self.project(&x));
        x.transformed(codes)
    }

    fn project(&self, x: &Tensor) -> Result<Tensor> {
        let (k, d) = (self.explained_variance.len(), self.mean.len());
        let features = Features::with_columns("Pca::transform", x, d)?;
        let components = Matrix::new(&self.components, k, d).transposed();
        let mut codes = Vec::with_capacity(features.n * k);
        let mut centred = Vec::new();
        for block in features.values()?.chunks(BLOCK * d) {
            subtract(block, &self.mean, &mut centred);
            let rows = Matrix::new(&centred, block.len() / d, d);
            codes.extend(product(rows, components));
        }
        if self.whiten {
            self.scale(&mut codes, |code, deviation| code / deviation);
        }
        Ok(Tensor::from_vec(codes, (features.n, k), &Device::Cpu)?)
    }

    /// Whitens coordinates or undoes it, row by row.
    fn scale(&self, codes: &mut [f32], f: impl Fn(f64, f64) -> f64) {
        for row in codes.chunks_exact_mut(self.explained_variance.len()) {
            for (code, variance) in row.iter_mut().zip(&self.explained_variance) {
                *code = f(f64::from(*code), variance.sqrt()) as f32;
            }
        }
    }

    /// The examples `[n, d]` with the coordinates `codes` `[n, components]`: the best restoration
    /// of what was transformed. The type of the result depends on that of `codes`, as [`Rows`]
    /// lists; for a tensor it is `Result<Tensor>`.
    ///
    /// # Errors
    /// If `codes` is not of f32, not finite, or does not have a column for each component.
    pub fn inverse_transform<X: Rows>(&self, codes: X) -> X::Transformed {
        let x = codes.to_tensor().and_then(|codes| self.restore(&codes));
        codes.transformed(x)
    }

    fn restore(&self, codes: &Tensor) -> Result<Tensor> {
        let (k, d) = (self.explained_variance.len(), self.mean.len());
        let features = Features::with_columns("Pca::inverse_transform", codes, k)?;
        let mut codes = features.values()?.to_vec();
        if self.whiten {
            self.scale(&mut codes, |code, deviation| code * deviation);
        }
        let components = Matrix::new(&self.components, k, d);
        let mut x = product(Matrix::new(&codes, features.n, k), components);
        for row in x.chunks_exact_mut(d) {
            for (value, mean) in row.iter_mut().zip(&self.mean) {
                *value += mean;
            }
        }
        Ok(Tensor::from_vec(x, (features.n, d), &Device::Cpu)?)
    }

    /// The components `[components, d]`, orthogonal rows of length 1.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn components(&self) -> Result<Tensor> {
        let shape = (self.explained_variance.len(), self.mean.len());
        Ok(Tensor::from_slice(&self.components, shape, &Device::Cpu)?)
    }

    /// The mean of the fitted examples, `[d]`.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn mean(&self) -> Result<Tensor> {
        Ok(Tensor::new(self.mean.as_slice(), &Device::Cpu)?)
    }

    /// The variance of the fitted examples along each component, largest first, with the
    /// denominator `n - 1`.
    pub fn explained_variance(&self) -> Vec<f64> {
        self.explained_variance.clone()
    }

    /// [`Pca::explained_variance`] as fractions of the total variance of all columns.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        let variances = self.explained_variance.iter();
        variances
            .map(|variance| variance / self.total_variance)
            .collect()
    }
}

impl<R: linfa::dataset::Records + Rows> Transformer<R, R::Transformed> for Pca {
    fn transform(&self, x: R) -> R::Transformed {
        self.transform(x)
    }
}

/// Makes linfa's `predict` return the coordinates, as for its own `Pca`.
impl<F: Float, S: Data<Elem = F>> PredictInplace<ArrayBase<S, Ix2>, Array2<F>> for Pca {
    fn predict_inplace(&self, x: &ArrayBase<S, Ix2>, y: &mut Array2<F>) {
        y.assign(&self.transform(x));
    }

    fn default_target(&self, x: &ArrayBase<S, Ix2>) -> Array2<F> {
        Array2::zeros((x.nrows(), self.explained_variance.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn refused(components: usize, x: &Tensor) -> String {
        Pca::params(components).fit(x).unwrap_err().to_string()
    }

    #[test]
    fn bad_input_is_one_sentence() {
        let x = Rng::new(1).normal(0.0, 1.0, &[10, 4]).unwrap();
        assert_eq!(
            refused(5, &x),
            "the number of components is 5, but it must be from 1 to 4, the smaller side of \
             examples [10, 4]."
        );
        assert!(refused(0, &x).contains("is 0, but"));
        assert_eq!(
            refused(1, &x.narrow(0, 0, 1).unwrap()),
            "Pca::fit: examples are [1, 4], but 2 rows are the least that vary and 8192 columns \
             the most."
        );
        let same = Tensor::ones((10, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert_eq!(
            refused(1, &same),
            "Pca::fit: all 10 rows are the same: there is no direction in which they vary."
        );
        let pca = Pca::params(2).fit(&x).unwrap();
        assert!(pca.transform(&x.narrow(1, 0, 3).unwrap()).is_err());
        assert!(pca.inverse_transform(&x).is_err());
    }

    /// The unit of the columns affects the variances and nothing else.
    #[test]
    fn components_are_those_of_the_examples_times_a_power_of_two() {
        let x = Rng::new(1).normal(3.0, 1.0, &[60, 5]).unwrap();
        let bits = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let right = Pca::params(3).fit(&x).unwrap();
        for power in [-100, -70, -40, -20, 20, 60, 66, 100, 120] {
            let unit = 2f64.powi(power);
            let pca = Pca::params(3).fit(&(&x * unit).unwrap()).unwrap();
            assert_eq!(
                bits(pca.components().unwrap()),
                bits(right.components().unwrap()),
                "2^{power}"
            );
            let variances = pca.explained_variance();
            for (found, right) in variances.iter().zip(right.explained_variance()) {
                let right = right * unit * unit;
                assert!(
                    (found - right).abs() <= 1e-12 * right,
                    "{found} for {right}"
                );
            }
            let ratios = pca.explained_variance_ratio();
            for (found, right) in ratios.iter().zip(right.explained_variance_ratio()) {
                assert!((found - right).abs() <= 1e-12, "{found} for {right}");
            }
        }
    }

    #[test]
    fn opposite_ends_of_f32_vary() {
        let x = Tensor::new(&[[f32::MAX, 1.0], [-f32::MAX, 1.0]], &Device::Cpu).unwrap();
        let pca = Pca::params(1).fit(&x).unwrap();
        let variance = pca.explained_variance()[0];
        let right = 2.0 * f64::from(f32::MAX).powi(2);
        assert!((variance - right).abs() < 1e-6 * right, "{variance}");
    }

    #[test]
    fn constant_columns_have_no_part_in_any_component() {
        let x = Rng::new(1).normal(0.0, 1.0, &[50, 3]).unwrap();
        let constant = Tensor::full(7f32, (50, 2), &Device::Cpu).unwrap();
        let x = Tensor::cat(&[&x, &constant], 1).unwrap();
        let pca = Pca::params(3).fit(&x).unwrap();
        let weights = pca.components().unwrap().narrow(1, 3, 2).unwrap();
        let weights: Vec<f32> = weights.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(weights, [0.0; 6]);
        let all: f64 = pca.explained_variance_ratio().iter().sum();
        assert!((all - 1.0).abs() < 1e-12, "{all}");
    }

    #[test]
    fn all_components_restore_the_examples() {
        let x = Rng::new(1).normal(5.0, 2.0, &[30, 6]).unwrap();
        let pca = Pca::params(6).fit(&x).unwrap();
        let restored = pca.inverse_transform(&pca.transform(&x).unwrap()).unwrap();
        let difference = (restored - x).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
    }
}
