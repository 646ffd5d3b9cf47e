//! The largest eigenvalues of a symmetric matrix, by subspace iteration.

use faer::{Mat, MatRef};

use super::eigen::{Eigenpairs, decompose};
use crate::numerics::gemm::{Matrix, product};
use crate::{Result, Rng};

/// The degree of the polynomial that is applied to the subspace in each iteration.
const DEGREE: usize = 6;

/// Covariances of images converge in three or four iterations.
const ITERATIONS: usize = 10;

/// A pair has converged when `|A v - value v|` is below this fraction of the largest eigenvalue.
const TOLERANCE: f64 = 1e-10;

/// The `count` largest eigenvalues of the positive semidefinite `n` x `n` `matrix`, or `None` if
/// the spectrum is too flat for quick convergence.
///
/// Each iteration multiplies a random subspace, somewhat larger than `count`, by a Chebyshev
/// polynomial of the matrix that is small between zero and the largest unwanted eigenvalue (Zhou
/// and Saad 2006), and takes the best approximations within the result (Rayleigh-Ritz).
pub(super) fn iterate_subspace(
    matrix: &[f64],
    n: usize,
    count: usize,
) -> Result<Option<Eigenpairs>> {
    let width = (count + (count / 2).max(8)).min(n);
    let start = Rng::new(0)
        .normal(0.0, 1.0, &[n * width])?
        .to_vec1::<f32>()?;
    let start: Vec<f64> = start.into_iter().map(f64::from).collect();
    let mut basis = orthonormal(&start, n, width);
    for _ in 0..ITERATIONS {
        let image = times(matrix, &basis, n, width);
        // The matrix restricted to the subspace.
        let within = product(
            Matrix::new(&basis, n, width).transposed(),
            Matrix::new(&image, n, width),
        );
        let ritz = decompose(&within, width, width)?;
        let rotation = Matrix::new(&ritz.vectors, width, width).transposed();
        let rotate = |x: &[f64]| product(Matrix::new(x, n, width), rotation);
        let (vectors, images) = (rotate(&basis), rotate(&image));
        let mut residuals = vec![0.0; count];
        for (vectors, images) in vectors.chunks(width).zip(images.chunks(width)) {
            for (pair, residual) in residuals.iter_mut().enumerate() {
                *residual += (images[pair] - ritz.values[pair] * vectors[pair]).powi(2);
            }
        }
        let largest = ritz.values[0];
        if residuals
            .iter()
            .all(|r: &f64| r.sqrt() <= TOLERANCE * largest)
        {
            let vector = |pair| (0..n).map(move |row| row * width + pair);
            return Ok(Some(Eigenpairs {
                values: ritz.values[..count].to_vec(),
                vectors: (0..count).flat_map(vector).map(|at| vectors[at]).collect(),
            }));
        }
        let unwanted = ritz.values[width - 1].max(1e-3 * largest);
        basis = orthonormal(
            &filter(matrix, vectors, n, width, unwanted, largest),
            n,
            width,
        );
    }
    Ok(None)
}

/// `T((2 A - bound) / bound) x` for the Chebyshev polynomial `T` of degree [`DEGREE`], scaled to be
/// 1 at `largest` so that nothing overflows.
fn filter(
    matrix: &[f64],
    x: Vec<f64>,
    n: usize,
    width: usize,
    bound: f64,
    largest: f64,
) -> Vec<f64> {
    let half = bound / 2.0;
    let first_scale = half / (largest - half);
    let mut scale = first_scale;
    let mut previous = x;
    let mut current = times(matrix, &previous, n, width);
    for (current, previous) in current.iter_mut().zip(&previous) {
        *current = (*current - half * previous) * scale / half;
    }
    for _ in 1..DEGREE {
        let next_scale = 1.0 / (2.0 / first_scale - scale);
        let mut next = times(matrix, &current, n, width);
        for ((next, current), previous) in next.iter_mut().zip(&current).zip(&previous) {
            *next =
                2.0 * (*next - half * current) * next_scale / half - scale * next_scale * previous;
        }
        (previous, current, scale) = (current, next, next_scale);
    }
    current
}

fn times(matrix: &[f64], x: &[f64], n: usize, width: usize) -> Vec<f64> {
    product(Matrix::new(matrix, n, n), Matrix::new(x, n, width))
}

/// An orthonormal basis of the span of the columns of `x`, which may be dependent.
fn orthonormal(x: &[f64], n: usize, width: usize) -> Vec<f64> {
    let q: Mat<f64> = MatRef::from_row_major_slice(x, n, width)
        .qr()
        .compute_thin_Q();
    let place = |at: usize| q[(at / width, at % width)];
    (0..n * width).map(place).collect()
}
