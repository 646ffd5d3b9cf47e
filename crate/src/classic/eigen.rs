//! Eigenvectors of symmetric matrices.

use faer::{MatRef, Side};

use crate::{Error, Result};

/// Eigenvalues, largest first, and the eigenvector of each, of length 1.
pub(super) struct Eigenpairs {
    pub values: Vec<f64>,
    /// Row by row, an eigenvector each.
    pub vectors: Vec<f64>,
}

/// The `count` largest eigenvalues of a symmetric matrix `n` x `n`, of which only the entries on
/// and below the diagonal are read, row by row.
///
/// # Errors
/// If the solver does not converge, which no finite matrix is known to cause.
pub(super) fn largest_eigenpairs(matrix: &[f64], n: usize, count: usize) -> Result<Eigenpairs> {
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

    #[test]
    fn the_pairs_satisfy_their_equation() {
        let n = 40;
        let numbers = crate::Rng::new(1).normal(0.0, 1.0, &[n, n]).unwrap();
        let numbers: Vec<Vec<f32>> = numbers.to_vec2().unwrap();
        let at = |i: usize, j: usize| f64::from(numbers[i.max(j)][i.min(j)]);
        let mut matrix: Vec<f64> = (0..n * n).map(|ij| at(ij / n, ij % n)).collect();
        (0..n).for_each(|i| matrix[i * n + i + 1..(i + 1) * n].fill(f64::NAN)); // not read
        let pairs = largest_eigenpairs(&matrix, n, 7).unwrap();
        assert!(pairs.values.is_sorted_by(|a, b| a >= b));
        for (value, vector) in pairs.values.iter().zip(pairs.vectors.chunks(n)) {
            for i in 0..n {
                let product: f64 = (0..n).map(|j| at(i, j) * vector[j]).sum();
                assert!((product - value * vector[i]).abs() < 1e-12);
            }
        }
    }
}
