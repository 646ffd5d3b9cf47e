//! An exact search with the interface of linfa-nn.

use std::fmt;

use linfa::Float;
use linfa_nn::distance::{Distance, L2Dist};
use linfa_nn::{BuildError, NearestNeighbour, NearestNeighbourIndex, NnError};
use ndarray::{ArrayBase, ArrayView1, ArrayView2, Data, Ix2};

use super::neighbours::{Nearest, squared_distance};
use crate::numerics::simd::{self, Simd, WithSimd};

/// Compares a query with every point, like linfa's `LinearSearch`, with two differences: Euclidean
/// distances are computed in f64 with vector instructions, and among points at the same distance
/// the one with the lowest index comes first. [`Knn`](super::Knn) passes it all queries at once,
/// and then most of the work is matrix products.
///
/// ```
/// use cuaderno::linfa_nn::{NearestNeighbour, distance::L2Dist};
/// use cuaderno::{classic::ExactSearch, ndarray::{array, aview1}};
///
/// let points = array![[0f64, 2.0], [4.0, 5.0], [0.0, 2.0]];
/// let index = ExactSearch.from_batch(&points, L2Dist)?;
/// let nearest = index.k_nearest(aview1(&[0.0, 1.0]), 2)?;
/// assert_eq!([nearest[0].1, nearest[1].1], [0, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactSearch;

/// The points among which an [`ExactSearch`] finds the nearest.
pub struct ExactSearchIndex<'a, F, D> {
    points: ArrayView2<'a, F>,
    distance: D,
}

impl NearestNeighbour for ExactSearch {
    fn from_batch_with_leaf_size<'a, F: Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        leaf_size: usize,
        dist_fn: D,
    ) -> Result<Box<dyn 'a + Send + Sync + NearestNeighbourIndex<F>>, BuildError> {
        if leaf_size == 0 {
            return Err(BuildError::EmptyLeaf);
        }
        if batch.ncols() == 0 {
            return Err(BuildError::ZeroDimension);
        }
        Ok(Box::new(ExactSearchIndex {
            points: batch.view(),
            distance: dist_fn,
        }))
    }
}

impl<F: Float, D: Distance<F>> ExactSearchIndex<'_, F, D> {
    /// A quantity that grows with the distance to each of the points: the square, if the distance
    /// is Euclidean.
    fn reduced_distances(&self, query: ArrayView1<'_, F>) -> Result<Vec<f64>, NnError> {
        let d = self.points.ncols();
        if query.len() != d {
            return Err(NnError::WrongDimension);
        }
        let is_euclidean = typeid::of::<D>() == typeid::of::<L2Dist>();
        if let (true, Some(points), Some(query)) =
            (is_euclidean, self.points.as_slice(), query.as_slice())
        {
            return Ok(squared_distances(query, points));
        }
        let reduced = |point| self.distance.rdistance(query.reborrow(), point);
        let rows = self.points.rows().into_iter();
        Ok(rows.map(|row| wide(reduced(row))).collect())
    }
}

impl<F: Float, D: Distance<F>> NearestNeighbourIndex<F> for ExactSearchIndex<'_, F, D> {
    fn k_nearest(
        &self,
        point: ArrayView1<'_, F>,
        k: usize,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        let distances = self.reduced_distances(point)?;
        let found = Nearest::among(&distances, k.min(distances.len()))
            .found
            .into_iter();
        Ok(found
            .map(|(_, row)| (self.points.row(row as usize), row as usize))
            .collect())
    }

    /// In the order of the points.
    fn within_range(
        &self,
        point: ArrayView1<'_, F>,
        range: F,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        let range = wide(self.distance.dist_to_rdist(range));
        let distances = self.reduced_distances(point)?.into_iter().enumerate();
        Ok(distances
            .filter(|&(_, distance)| distance < range)
            .map(|(row, _)| (self.points.row(row), row))
            .collect())
    }
}

impl<F: Float, D> fmt::Debug for ExactSearchIndex<'_, F, D> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (n, d) = self.points.dim();
        write!(f, "ExactSearchIndex of {n} points [{d}]")
    }
}

fn wide<F: Float>(number: F) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}

/// The squared distances from a query to points, which lie one after the other.
pub(super) fn squared_distances<F: Float>(query: &[F], points: &[F]) -> Vec<f64> {
    simd::dispatch(Compare { points, query })
}

struct Compare<'a, F> {
    points: &'a [F],
    query: &'a [F],
}

impl<F: Float> WithSimd for Compare<'_, F> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f64> {
        let d = self.query.len();
        let mut distances = Vec::with_capacity(self.points.len() / d);
        for point in self.points.chunks_exact(d) {
            distances.push(squared_distance(self.query, point));
        }
        distances
    }
}
