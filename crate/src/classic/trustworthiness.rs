//! Trustworthiness of an embedding: whether its neighbours are neighbours in the data.

use candle_core::Tensor;
use rayon::prelude::*;

use super::features::Features;
use super::neighbours::{Nearest, nearest_others, squared_distance};
use crate::numerics::level::Level;
use crate::numerics::simd::{self, Simd, WithSimd};
use crate::{Error, Result};

/// The extent, from 0 to 1, to which the `k` nearest neighbours in `embedding` `[n, e]` are also
/// near in `x` `[n, d]` (Venna and Kaski 2001). A neighbour that is the `r`-th nearest in `x`, with
/// `r > k`, costs `r - k`. Both tensors are f32.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let x = Rng::new(6202).normal(0.0, 1.0, &[50, 3])?;
/// assert_eq!(trustworthiness(&x, &x, 5)?, 1.0);
/// assert!(trustworthiness(&x, &x.narrow(1, 0, 1)?.contiguous()?, 5)? < 0.9);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of the two has another shape or type or is not finite, they differ in their number of
/// rows, or `k` is not below half of it.
pub fn trustworthiness(x: &Tensor, embedding: &Tensor, k: usize) -> Result<f64> {
    let operation = "trustworthiness";
    let features = Features::of(operation, x)?;
    let embedding = Features::of(operation, embedding)?;
    let n = features.n;
    if embedding.n != n {
        return Err(Error::shape(
            operation,
            format!(
                "there are {n} examples but {} embedded ones; each example needs one.",
                embedding.n
            ),
        ));
    }
    if k == 0 || 2 * k >= n {
        return Err(Error::argument(
            "the number of neighbours",
            k,
            format!("at least 1 and below half of the {n} examples"),
        ));
    }
    let nearest = nearest_others(&embedding, k)?;
    let values = features.values()?;
    let level = Level::current();
    let costs = (0..n).into_par_iter().map(|row| {
        let cost = Cost {
            values: &values,
            d: features.d,
            row,
            nearest: &nearest[row],
        };
        simd::dispatch_on(level, cost)
    });
    let cost = costs.sum::<usize>() as f64;
    let (n, k) = (n as f64, k as f64);
    Ok(1.0 - cost * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}

/// The number of ranks by which the neighbours of one point are too far away.
struct Cost<'a> {
    values: &'a [f32],
    d: usize,
    row: usize,
    nearest: &'a Nearest,
}

impl WithSimd for Cost<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        let d = self.d;
        let own = &self.values[self.row * d..][..d];
        let mut distances = Vec::with_capacity(self.values.len() / d);
        for other in self.values.chunks_exact(d) {
            distances.push(squared_distance(own, other));
        }
        distances[self.row] = f64::INFINITY;
        let k = self.nearest.found.len();
        let mut cost = 0;
        for &(_, neighbour) in &self.nearest.found {
            let distance = distances[neighbour as usize];
            let (before, after) = distances.split_at(neighbour as usize);
            // Ties go to the lowest index.
            let nearer = before.iter().filter(|&&other| other <= distance).count()
                + after.iter().filter(|&&other| other < distance).count();
            cost += (nearer + 1).saturating_sub(k);
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_one_sentence() {
        let x = crate::Rng::new(1).normal(0.0, 1.0, &[10, 3]).unwrap();
        let refused =
            |embedding: &Tensor, k| trustworthiness(&x, embedding, k).unwrap_err().to_string();
        assert_eq!(
            refused(&x.narrow(0, 0, 9).unwrap(), 2),
            "trustworthiness: there are 10 examples but 9 embedded ones; each example needs one."
        );
        assert_eq!(
            refused(&x, 5),
            "the number of neighbours is 5, but it must be at least 1 and below half of the 10 \
             examples."
        );
        assert!(refused(&x, 0).contains("is 0, but"));
    }
}
