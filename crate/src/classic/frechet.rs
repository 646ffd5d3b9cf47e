//! The Fréchet distance between two clouds of points.

use candle_core::Tensor;
use faer::Mat;

use super::features::{Features, column_means};
use crate::{Error, Result};

/// The squared Fréchet distance between two sets of examples `[n, d]` and `[m, d]` of f32, each taken
/// for a normal distribution with its mean and its covariance (divided by `n - 1`), computed in f64:
///
/// `|mean1 - mean2|² + trace(cov1 + cov2 - 2 (cov1^½ cov2 cov1^½)^½)`
///
/// It is 0 for two sets with the same mean and covariance. Of the features of an Inception network it
/// is the "Fréchet inception distance" of generated images (Heusel et al. 2017); features of another
/// network give numbers on another scale. Few examples look further away than they are, because
/// their covariance is uncertain, so compare only distances of as many examples.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let mut rng = Rng::new(6202);
/// let real = rng.normal(0.0, 1.0, &[1000, 3])?;
/// let near = frechet_distance(&real, &rng.normal(0.0, 1.0, &[1000, 3])?)?;
/// let collapsed = frechet_distance(&real, &rng.normal(0.0, 0.1, &[1000, 3])?)?;
/// assert!(near < 0.05 && collapsed > 2.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of the two has another shape or type, holds a number that is not finite or has fewer than
/// two rows, or they differ in their number of columns.
pub fn frechet_distance(real: &Tensor, generated: &Tensor) -> Result<f64> {
    let operation = "frechet_distance";
    let real = Features::of(operation, real)?;
    let generated = Features::of(operation, generated)?;
    if real.d != generated.d {
        return Err(Error::shape(
            operation,
            format!(
                "the first examples have {} numbers each, the second {}; give both the same \
                 features.",
                real.d, generated.d
            ),
        ));
    }
    if real.n < 2 || generated.n < 2 {
        return Err(Error::shape(
            operation,
            format!(
                "a covariance needs at least 2 examples, but there are {} and {}.",
                real.n, generated.n
            ),
        ));
    }
    let (real, generated) = (Gaussian::of(&real)?, Gaussian::of(&generated)?);
    let means = real.mean.iter().zip(&generated.mean);
    let means: f64 = means.map(|(a, b)| (a - b).powi(2)).sum();
    // The trace of the root is the sum of the singular values of R1 R2ᵀ. To take it from the
    // eigenvalues of a product of covariances would cost half of the digits where one is 0.
    let between = &real.factor * generated.factor.transpose();
    let roots = between.singular_values().map_err(|_| {
        Error::shape(
            operation,
            "the solver did not converge; scale the columns to similar ranges, for instance by a \
             StandardScaler.",
        )
    })?;
    let traces = real.factor.squared_norm_l2() + generated.factor.squared_norm_l2();
    Ok((means + traces - 2.0 * roots.iter().sum::<f64>()).max(0.0))
}

/// The mean of examples, and a factor of their covariance.
struct Gaussian {
    mean: Vec<f64>,
    /// `R` of `d` columns, such that the covariance is `RᵀR`.
    factor: Mat<f64>,
}

impl Gaussian {
    fn of(examples: &Features) -> Result<Self> {
        let (n, d, values) = (examples.n, examples.d, examples.values()?);
        let mean = column_means(&values, d);
        let scale = 1.0 / ((n - 1) as f64).sqrt();
        let centred = Mat::from_fn(n, d, |row, column| {
            (f64::from(values[row * d + column]) - mean[column]) * scale
        });
        // Without its feature `rayon`, faer works on the calling thread: the same bits everywhere.
        let factor = centred.qr().thin_R().to_owned();
        Ok(Self { mean, factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use candle_core::Device;

    /// Two points at `centre` - `half` and `centre` + `half`: variance 2 `half`².
    fn pair(centre: f32, half: f32) -> Tensor {
        Tensor::new(&[[centre - half], [centre + half]], &Device::Cpu).unwrap()
    }

    #[test]
    fn in_one_dimension_it_is_means_and_deviations() {
        let distance = frechet_distance(&pair(1.0, 2.0), &pair(4.0, 0.5)).unwrap();
        let deviations = std::f64::consts::SQRT_2 * (2.0 - 0.5);
        let expected = 9.0 + deviations * deviations;
        assert!((distance - expected).abs() < 1e-12, "{distance}");
    }

    #[test]
    fn it_is_symmetric_and_zero_only_for_equals() {
        let rng = &mut Rng::new(1);
        let a = rng.normal(0.0, 1.0, &[40, 6]).unwrap();
        // A column that never changes has no inverse covariance.
        let b = a.narrow(1, 0, 5).unwrap().pad_with_zeros(1, 0, 1).unwrap();
        let forth = frechet_distance(&a, &b).unwrap();
        let back = frechet_distance(&b, &a).unwrap();
        assert!((forth - back).abs() < 1e-10 * forth, "{forth} {back}");
        assert!(forth > 0.5, "{forth}");
        assert!(frechet_distance(&a, &a).unwrap() < 1e-10);
        assert!(frechet_distance(&b, &b).unwrap() < 1e-10);
    }

    #[test]
    fn bad_input_is_one_sentence() {
        let x = Rng::new(1).normal(0.0, 1.0, &[10, 3]).unwrap();
        let refused = |other: &Tensor| frechet_distance(&x, other).unwrap_err().to_string();
        assert_eq!(
            refused(&x.narrow(0, 0, 1).unwrap()),
            "frechet_distance: a covariance needs at least 2 examples, but there are 10 and 1."
        );
        assert_eq!(
            refused(&x.narrow(1, 0, 2).unwrap()),
            "frechet_distance: the first examples have 3 numbers each, the second 2; give both the \
             same features."
        );
        let flat = refused(&x.flatten_all().unwrap());
        assert!(flat.contains("[30]"), "{flat}");
        let nan = (&x * f64::NAN).unwrap();
        assert!(refused(&nan).contains("finite"));
    }
}
