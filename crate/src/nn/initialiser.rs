//! Initialisers of weights.

use candle_core::{DType, Device, Tensor};

use crate::{Result, Rng};

/// A distribution of initial weights. "Fan in" and "fan out" are the numbers of inputs and outputs
/// that a weight connects: `in·k·k` and `out·k·k` for a weight `[out, in, k, k]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initialiser {
    /// Zeros, as for Keras' biases.
    Zeros,
    /// Ones, as for the scale of a normalisation.
    Ones,
    /// Gaussian with mean 0 and this standard deviation.
    Normal(f32),
    /// Uniform between minus and plus this bound.
    Uniform(f32),
    /// Uniform within `±√(6 / (fan in + fan out))`: Keras' default for weights, PyTorch's
    /// `xavier_uniform_` (Glorot & Bengio 2010).
    GlorotUniform,
    /// Gaussian with variance `2 / (fan in + fan out)`: PyTorch's `xavier_normal_`.
    GlorotNormal,
    /// The same variance, truncated at two standard deviations: Keras' `glorot_normal`.
    GlorotTruncated,
    /// Uniform within `±√(6 / fan in)`, for layers followed by a ReLU: Keras' `he_uniform`,
    /// PyTorch's `kaiming_uniform_` with its defaults (He et al. 2015).
    HeUniform,
    /// Gaussian with variance `2 / fan in`: PyTorch's `kaiming_normal_` with its defaults.
    HeNormal,
    /// The same variance, truncated at two standard deviations: Keras' `he_normal`.
    HeTruncated,
    /// Uniform within `±1 / √(fan in)`: PyTorch's default for linear and convolutional layers,
    /// `kaiming_uniform_(a=√5)`.
    PyTorch,
    /// Orthonormal rows, or columns if there are fewer of them: Keras' default for recurrent
    /// weights (Saxe et al. 2014).
    Orthogonal,
}

impl Initialiser {
    /// Draws an f32 tensor on the CPU. The first dimension of `shape` counts the outputs, the
    /// second the inputs; further dimensions are the window of a convolution.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn draw(self, shape: &[usize], rng: &mut Rng) -> Result<Tensor> {
        let (fan_in, fan_out) = fans(shape);
        // The standard deviations that preserve the variance of signals, after Glorot and He.
        let glorot = (2.0 / (fan_in + fan_out)).sqrt();
        let he = (2.0 / fan_in).sqrt();
        let root3 = 3f32.sqrt();
        match self {
            Self::Zeros => Ok(Tensor::zeros(shape, DType::F32, &Device::Cpu)?),
            Self::Ones => Ok(Tensor::ones(shape, DType::F32, &Device::Cpu)?),
            Self::Normal(std) => rng.normal(0.0, std, shape),
            Self::Uniform(bound) => rng.uniform(-bound, bound, shape),
            Self::GlorotUniform => rng.uniform(-root3 * glorot, root3 * glorot, shape),
            Self::GlorotNormal => rng.normal(0.0, glorot, shape),
            Self::GlorotTruncated => truncated(glorot, shape, rng),
            Self::HeUniform => rng.uniform(-root3 * he, root3 * he, shape),
            Self::HeNormal => rng.normal(0.0, he, shape),
            Self::HeTruncated => truncated(he, shape, rng),
            Self::PyTorch => {
                let bound = 1.0 / fan_in.sqrt();
                rng.uniform(-bound, bound, shape)
            }
            Self::Orthogonal => orthogonal(shape, rng),
        }
    }
}

impl Initialiser {
    /// Draws the biases of a layer whose weight has this shape. They are zero, except for PyTorch's
    /// initialisation, where they are uniform within the bounds of the weight.
    pub(super) fn draw_bias(self, count: usize, weight: &[usize], rng: &mut Rng) -> Result<Tensor> {
        match self {
            Self::PyTorch => Self::Uniform(1.0 / fans(weight).0.sqrt()).draw(&[count], rng),
            _ => Self::Zeros.draw(&[count], rng),
        }
    }
}

/// The fan in and fan out of a weight of this shape, at least 1 each.
fn fans(shape: &[usize]) -> (f32, f32) {
    let window: usize = shape.iter().skip(2).product();
    let outputs = shape.first().copied().unwrap_or(1);
    let inputs = shape.get(1).copied().unwrap_or(outputs);
    let fan = |count: usize| (count * window).max(1) as f32;
    (fan(inputs), fan(outputs))
}

/// Gaussian numbers, redrawn if they are beyond two standard deviations. Truncation reduces the
/// variance, so the Gaussian is wider by as much, and `std` is the deviation of the result.
fn truncated(std: f32, shape: &[usize], rng: &mut Rng) -> Result<Tensor> {
    /// The deviation of a standard Gaussian truncated at ±2.
    const LEFT: f32 = 0.879_625_7;
    let count: usize = shape.iter().product();
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let drawn = rng.normal(0.0, 1.0, &[count - values.len()])?;
        let drawn = drawn.to_vec1::<f32>()?;
        values.extend(
            drawn
                .iter()
                .filter(|v| v.abs() <= 2.0)
                .map(|v| v * std / LEFT),
        );
    }
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// The orthogonal factor of a Gaussian matrix, by the Gram-Schmidt process. As in PyTorch and
/// Keras, the triangular factor has a positive diagonal, so that every orthogonal matrix is equally
/// likely.
fn orthogonal(shape: &[usize], rng: &mut Rng) -> Result<Tensor> {
    let rows = shape.first().copied().unwrap_or(1);
    let columns: usize = shape.iter().skip(1).product();
    let (few, many) = (rows.min(columns), rows.max(columns));
    let gaussian = rng.normal(0.0, 1.0, &[few, many])?.to_vec2::<f32>()?;
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(few);
    for row in gaussian {
        let mut vector: Vec<f64> = row.into_iter().map(f64::from).collect();
        // Twice, because rounding leaves a part of the other vectors the first time.
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = other.iter().zip(&vector).map(|(a, b)| a * b).sum();
                for (v, o) in vector.iter_mut().zip(other) {
                    *v -= along * o;
                }
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
        basis.push(vector);
    }
    let values: Vec<f32> = basis.concat().into_iter().map(|v| v as f32).collect();
    let matrix = Tensor::from_vec(values, (few, many), &Device::Cpu)?;
    let matrix = if rows <= columns {
        matrix
    } else {
        matrix.t()?.contiguous()?
    };
    Ok(matrix.reshape(shape)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(initialiser: Initialiser, shape: &[usize]) -> Vec<f32> {
        let drawn = initialiser.draw(shape, &mut Rng::new(6202)).unwrap();
        assert_eq!(drawn.dims(), shape);
        drawn.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn truncated_normals_end_at_two_deviations_and_keep_their_variance() {
        let shape = [200, 100];
        for (initialiser, std) in [
            (Initialiser::GlorotTruncated, (2f32 / 300.0).sqrt()),
            (Initialiser::HeTruncated, (2f32 / 100.0).sqrt()),
        ] {
            let values = values(initialiser, &shape);
            let largest = values.iter().fold(0f32, |a, v| a.max(v.abs())) / std;
            let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
            assert!((2.2..2.28).contains(&largest), "{largest}");
            assert!((square.sqrt() / std - 1.0).abs() < 0.02, "{initialiser:?}");
        }
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for shape in [vec![7, 20], vec![20, 7], vec![6, 2, 3, 3], vec![1, 5]] {
            let drawn = Initialiser::Orthogonal
                .draw(&shape, &mut Rng::new(1))
                .unwrap();
            let matrix = drawn.flatten_from(1).unwrap();
            let wide = matrix.dims()[0] <= matrix.dims()[1];
            let matrix = if wide { matrix } else { matrix.t().unwrap() };
            let product = matrix.matmul(&matrix.t().unwrap()).unwrap();
            for (i, row) in product.to_vec2::<f32>().unwrap().iter().enumerate() {
                for (j, value) in row.iter().enumerate() {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!(
                        (value - expected).abs() < 1e-5,
                        "{shape:?} {i} {j}: {value}"
                    );
                }
            }
        }
    }
}
