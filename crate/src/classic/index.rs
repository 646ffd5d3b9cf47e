//! Neighbours from one of linfa's indexes, the same ones that comparing all distances gives.

use std::fmt;

use linfa_nn::distance::L2Dist;
use linfa_nn::{NearestNeighbour, NearestNeighbourIndex};
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

use super::exact_search::squared_distances;
use super::features::Features;
use super::neighbours::{Nearest, squared_distance};
use crate::{Error, Result};

/// An index over points of f64.
type Index<'a> = Box<dyn 'a + Send + Sync + NearestNeighbourIndex<f64>>;

/// linfa's `NearestNeighbour` for points of one type, which makes trait objects possible.
pub(super) trait Build: fmt::Debug + Send + Sync {
    fn build<'a>(&self, points: &'a Array2<f64>) -> Result<Index<'a>>;
}

impl<N: NearestNeighbour> Build for N {
    fn build<'a>(&self, points: &'a Array2<f64>) -> Result<Index<'a>> {
        self.from_batch(points, L2Dist).map_err(refuse)
    }
}

/// The `k` points nearest to each query; there must be at least `k`. Ties go to the lowest index,
/// as in [`nearest_points`](super::neighbours::nearest_points).
pub(super) fn nearest_by_index(
    algorithm: &dyn Build,
    points: &Features,
    queries: &Features,
    k: usize,
) -> Result<Vec<Nearest>> {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
    let (point_values, query_values) = (points.values()?, queries.values()?);
    let table = Array2::from_shape_vec((points.n, points.d), wide(&point_values));
    let table = table.map_err(linfa::Error::from)?;
    let index = algorithm.build(&table)?;
    let search = Search {
        index: index.as_ref(),
        points: &point_values,
        n: points.n,
        largest: largest(&point_values).max(largest(&query_values)),
        k,
    };
    let queries = query_values.par_chunks_exact(points.d);
    queries
        .map(|query| search.nearest(query, &wide(query)))
        .collect()
}

/// An error of an index as one of this crate's.
fn refuse(error: impl fmt::Display) -> Error {
    Error::shape("Knn", format!("the search says: {error}."))
}

fn largest(values: &[f32]) -> f64 {
    let largest = values.iter().fold(0f32, |max, value| max.max(value.abs()));
    f64::from(largest)
}

struct Search<'a> {
    index: &'a dyn NearestNeighbourIndex<f64>,
    points: &'a [f32],
    n: usize,
    /// The largest magnitude of a coordinate, which bounds the rounding errors in a tree.
    largest: f64,
    k: usize,
}

impl Search<'_> {
    fn nearest(&self, query: &[f32], wide: &[f64]) -> Result<Nearest> {
        let view = ArrayView1::from(wide);
        // One more than was asked for shows whether the last one ties with one that is left out.
        let found = self.index.k_nearest(view, self.n.min(self.k + 1));
        let mut nearest = self.sorted(query, found.map_err(refuse)?);
        if nearest.len() > self.k {
            let (last, next) = (nearest[self.k - 1].0.sqrt(), nearest[self.k].0.sqrt());
            let reach = last * (1.0 + 1e-9) + self.largest * 1e-12 + f64::MIN_POSITIVE.sqrt();
            if next <= reach {
                // How many tie is not known: all the points do, where a code has collapsed.
                let distances = squared_distances(query, self.points);
                return Ok(Nearest::among(&distances, self.k));
            }
        }
        nearest.truncate(self.k);
        Ok(Nearest::of(nearest))
    }

    /// The squared distances and rows that an index found, nearest first.
    fn sorted(&self, query: &[f32], found: Vec<(ArrayView1<f64>, usize)>) -> Vec<(f64, u32)> {
        let d = query.len();
        let distance = |row: usize| squared_distance(query, &self.points[row * d..][..d]);
        let rows = found
            .into_iter()
            .map(|(_, row)| (distance(row), row as u32));
        let mut nearest: Vec<(f64, u32)> = rows.collect();
        nearest.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest
    }
}
