//! The covariance of columns, from products of blocks of rows.

use super::features::subtract;
use crate::numerics::gemm::{Matrix, MatrixMut, gemm};

/// Rows in a block: 784 columns of this many rows stay in the cache while all panels read them.
const BLOCK: usize = 2048;

/// Columns of a panel: the matrix is symmetric, and only panels on and below its diagonal are
/// computed.
const PANEL: usize = 112;

/// The sums over all rows of `(x_i - mean_i) (x_j - mean_j)`, a `d` x `d` matrix. Only its entries
/// on and below the diagonal (`j <= i`) are filled in.
///
/// Products are summed in f32 within a block and in f64 across blocks, so that no digits are lost
/// over many rows. The mean is subtracted first, so that none are lost far from zero.
pub(super) fn scatter(values: &[f32], mean: &[f32]) -> Vec<f64> {
    let d = mean.len();
    let mut total = vec![0f64; d * d];
    let mut products = vec![0f32; d * d];
    let mut centred = Vec::new();
    for block in values.chunks(BLOCK * d) {
        subtract(block, mean, &mut centred);
        let rows = block.len() / d;
        for start in (0..d).step_by(PANEL) {
            let (width, below) = (PANEL.min(d - start), d - start);
            let columns = |count| Matrix::with_row_stride(&centred[start..], rows, count, d);
            let part = &mut products[start * d + start..];
            gemm(
                1.0,
                columns(below).transposed(),
                columns(width),
                0.0,
                MatrixMut::with_row_stride(part, below, width, d),
            );
        }
        for (total, &product) in total.iter_mut().zip(&products) {
            *total += f64::from(product);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::super::features::column_means;
    use super::*;

    #[test]
    fn agrees_with_the_definition_far_from_zero() {
        let (n, d) = (BLOCK + 100, PANEL + 8);
        let x = crate::Rng::new(1).normal(1000.0, 1.0, &[n * d]).unwrap();
        let x: Vec<f32> = x.to_vec1().unwrap();
        let mean = column_means(&x, d);
        let narrow: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
        let scatter = scatter(&x, &narrow);
        let at = |row: usize, column: usize| f64::from(x[row * d + column]) - mean[column];
        for (i, j) in [
            (0, 0),
            (5, 2),
            (d - 1, d - 1),
            (d - 1, 0),
            (PANEL, PANEL - 1),
        ] {
            let right: f64 = (0..n).map(|row| at(row, i) * at(row, j)).sum();
            let found = scatter[i * d + j];
            assert!(
                (found - right).abs() < 1e-5 * n as f64,
                "{found} for {right}"
            );
        }
    }
}
