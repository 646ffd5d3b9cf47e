//! Eigenvectors of symmetric matrices.

use faer::{MatRef, Side};

use super::subspace::iterate_subspace;
use crate::{Error, Result};

/// Subspace iteration is used if the subspace is smaller than the whole by at least this factor.
const FEW: usize = 8;

/// Eigenvalues, largest first, and the eigenvector of each, of length 1.
#[derive(Debug)]
pub(super) struct Eigenpairs {
    pub values: Vec<f64>,
    /// The eigenvectors, one in each row.
    pub vectors: Vec<f64>,
}

/// The `count` largest eigenvalues of a positive semidefinite `n` x `n` matrix and their
/// eigenvectors. Only the entries on and below the diagonal are read.
///
/// # Errors
/// If the solver does not converge. No finite matrix is known to cause this.
pub(super) fn largest_eigenpairs(matrix: &[f64], n: usize, count: usize) -> Result<Eigenpairs> {
    if count * FEW <= n {
        let mut whole = matrix.to_vec();
        for row in 0..n {
            for column in 0..row {
                whole[column * n + row] = matrix[row * n + column];
            }
        }
        if let Some(pairs) = iterate_subspace(&whole, n, count)? {
            return Ok(pairs);
        }
    }
    decompose(matrix, n, count)
}

/// Computes all eigenvectors.
pub(super) fn decompose(matrix: &[f64], n: usize, count: usize) -> Result<Eigenpairs> {
    // Without its feature `rayon`, faer works on the calling thread: the same bits everywhere.
    let all = MatRef::from_row_major_slice(matrix, n, n).self_adjoint_eigen(Side::Lower);
    let all = all.map_err(|_| {
        Error::shape(
            "the eigenvectors of a covariance",
            "the solver did not converge; scale the columns to similar ranges, for instance by a \
             StandardScaler.",
        )
    })?;
    let (values, vectors) = (all.S().column_vector(), all.U());
    let mut pairs = Eigenpairs {
        values: Vec::with_capacity(count),
        vectors: Vec::with_capacity(count * n),
    };
    for largest in (n - count..n).rev() {
        pairs.values.push(values[largest]);
        pairs.vectors.extend(vectors.col(largest).iter());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Q diag(values) Qᵀ` with a random orthogonal Q, and NaN above the diagonal.
    fn matrix_of(values: &[f64]) -> Vec<f64> {
        let n = values.len();
        let numbers = crate::Rng::new(1).normal(0.0, 1.0, &[n * n]).unwrap();
        let numbers: Vec<f32> = numbers.to_vec1().unwrap();
        let at = |i: usize, j: usize| f64::from(numbers[i * n + j]);
        let q = faer::Mat::from_fn(n, n, at).qr().compute_thin_Q();
        let mut matrix = vec![f64::NAN; n * n];
        for i in 0..n {
            for j in 0..=i {
                matrix[i * n + j] = (0..n).map(|l| q[(i, l)] * values[l] * q[(j, l)]).sum();
            }
        }
        matrix
    }

    fn check(values: &[f64], count: usize) {
        let n = values.len();
        let matrix = matrix_of(values);
        let pairs = largest_eigenpairs(&matrix, n, count).unwrap();
        let mut right = values.to_vec();
        right.sort_by(|a, b| b.total_cmp(a));
        let scale = right[0].max(1e-300);
        for (found, right) in pairs.values.iter().zip(&right) {
            assert!((found - right).abs() < 1e-12 * scale, "{found} for {right}");
        }
        let vectors: Vec<&[f64]> = pairs.vectors.chunks(n).collect();
        assert_eq!((vectors.len(), pairs.values.len()), (count, count));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (at, vector) in vectors.iter().enumerate() {
            for i in 0..n {
                let row: Vec<f64> = (0..n).map(|j| matrix[i.max(j) * n + i.min(j)]).collect();
                let error = dot(&row, vector) - pairs.values[at] * vector[i];
                assert!(error.abs() <= 1e-10 * scale, "{error}");
            }
            for (other, second) in vectors.iter().enumerate() {
                let right = f64::from(u8::from(at == other));
                assert!((dot(vector, second) - right).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn few_and_many_pairs_satisfy_their_equation() {
        let falling: Vec<f64> = (0..120).map(|i| 0.9f64.powi(i)).collect();
        for count in [1, 5, 15, 16, 120] {
            check(&falling, count);
        }
    }

    #[test]
    fn equal_and_vanishing_eigenvalues_are_found() {
        check(&[1.0; 40], 3);
        let mut few = vec![0.0; 80];
        few[..3].copy_from_slice(&[5.0, 5.0, 1e-3]);
        check(&few, 8);
        // A spectrum so flat that the subspace does not converge.
        let flat: Vec<f64> = (0..100).map(|i| 1.0 - 1e-5 * f64::from(i)).collect();
        check(&flat, 4);
    }
}
