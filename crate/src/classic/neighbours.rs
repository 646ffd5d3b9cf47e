//! Exact nearest neighbours, from comparing every query with every point.

use std::ops::Range;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::features::{Features, column_means, subtract};
use crate::Result;
use crate::numerics::gemm::{Matrix, product};
use crate::numerics::level::Level;
use crate::numerics::simd::{self, Float, Simd, WithSimd};

/// The number of points compared at a time.
const POINTS: usize = 2048;

/// The number of queries compared at a time, so that their products with the points stay in the
/// cache.
const QUERIES: usize = 128;

/// The neighbours that [`Knn::neighbours`](super::Knn::neighbours) finds.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// The rows of the nearest points, `[queries, k]` of u32, nearest first. Ties are in the order
    /// of their rows.
    pub indices: Tensor,
    /// The Euclidean distances to them, `[queries, k]` of f32.
    pub distances: Tensor,
}

impl Neighbours {
    pub(super) fn of(found: &[Nearest], k: usize) -> Result<Self> {
        let all = || found.iter().flat_map(|nearest| &nearest.found);
        let indices = all().map(|&(_, index)| index).collect();
        let distances = all().map(|&(squared, _)| squared.sqrt() as f32).collect();
        let shape = (found.len(), k);
        Ok(Self {
            indices: Tensor::from_vec::<_, u32>(indices, shape, &Device::Cpu)?,
            distances: Tensor::from_vec::<_, f32>(distances, shape, &Device::Cpu)?,
        })
    }
}

/// The nearest points found for one query so far.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    k: usize,
    /// Squared distances and rows, nearest first.
    pub found: Vec<(f64, u32)>,
}

impl Nearest {
    pub fn none_of(k: usize) -> Self {
        Self {
            k,
            found: Vec::with_capacity(k),
        }
    }

    /// The `k` rows of the smallest squared distances.
    pub fn among(distances: &[f64], k: usize) -> Self {
        let mut nearest = Self::none_of(k);
        for (row, &distance) in distances.iter().enumerate() {
            nearest.offer(distance, row as u32);
        }
        nearest
    }

    /// The points that were found, nearest first.
    pub fn of(found: Vec<(f64, u32)>) -> Self {
        Self {
            k: found.len(),
            found,
        }
    }

    /// The bound that the squared distance of a further point must be below.
    fn limit(&self) -> f64 {
        if self.found.len() < self.k {
            f64::INFINITY
        } else {
            self.found.last().map_or(0.0, |&(distance, _)| distance)
        }
    }

    /// Adds a point if it is near enough. Points arrive in the order of their indices, so the first
    /// of a tie is kept.
    #[inline(always)]
    pub fn offer(&mut self, distance: f64, index: u32) {
        if distance < self.limit() {
            if self.found.len() == self.k {
                self.found.pop();
            }
            let place = self.found.partition_point(|&(other, _)| other <= distance);
            self.found.insert(place, (distance, index));
        }
    }
}

/// The `k` points nearest to each query; there must be at least `k`.
pub(super) fn nearest_points(
    points: &Features,
    queries: &Features,
    k: usize,
) -> Result<Vec<Nearest>> {
    search(points, queries, k, false)
}

/// The `k` other points nearest to each point; there must be at least `k`.
pub(super) fn nearest_others(points: &Features, k: usize) -> Result<Vec<Nearest>> {
    search(points, points, k, true)
}

/// Products of f32 matrices give each squared distance up to a known error. Those that may be among
/// the nearest are computed again in f64.
fn search(
    points: &Features,
    queries: &Features,
    k: usize,
    skip_same_row: bool,
) -> Result<Vec<Nearest>> {
    let d = points.d;
    let (point_values, query_values) = (points.values()?, queries.values()?);
    // Moving all points leaves distances as they are, and rounding errors are smallest near zero.
    let centre: Vec<f32> = column_means(&point_values, d)
        .into_iter()
        .map(|mean| mean as f32)
        .collect();
    let mut centred_queries = Vec::new();
    subtract(&query_values, &centre, &mut centred_queries);
    let query_norms = squared_norms(&centred_queries, d);

    let mut nearest = vec![Nearest::none_of(k); queries.n];
    let mut tile = Vec::new();
    for (tile_index, tile_values) in point_values.chunks(POINTS * d).enumerate() {
        subtract(tile_values, &centre, &mut tile);
        let tile_norms = squared_norms(&tile, d);
        let largest_norm = tile_norms.iter().copied().fold(0.0, f32::max);
        let rows = tile_index * POINTS..tile_index * POINTS + tile_norms.len();
        let level = Level::current();
        nearest
            .par_chunks_mut(QUERIES)
            .enumerate()
            .for_each(|(block, nearest)| {
                let first = block * QUERIES;
                let block = first..first + nearest.len();
                let products = product(
                    Matrix::new(&centred_queries[block.start * d..], nearest.len(), d),
                    Matrix::new(&tile, tile_norms.len(), d).transposed(),
                );
                let compare = Compare {
                    products: &products,
                    tile_norms: &tile_norms,
                    largest_norm,
                    query_norms: &query_norms[block.clone()],
                    queries: &query_values[block.start * d..block.end * d],
                    points: &point_values[rows.start * d..rows.end * d],
                    d,
                    rows: rows.clone(),
                    skip: skip_same_row.then_some(block),
                    nearest,
                };
                simd::dispatch_on(level, compare);
            });
    }
    Ok(nearest)
}

fn squared_norms(values: &[f32], d: usize) -> Vec<f32> {
    let norm = |row: &[f32]| row.iter().map(|x| x * x).sum();
    values.chunks_exact(d).map(norm).collect()
}

/// Offers the points of a tile to a block of queries.
struct Compare<'a> {
    /// The products, with a row for each query and a column for each point.
    products: &'a [f32],
    tile_norms: &'a [f32],
    largest_norm: f32,
    query_norms: &'a [f32],
    /// The rows as they were given, not centred.
    queries: &'a [f32],
    points: &'a [f32],
    d: usize,
    /// The rows of these points among all points.
    rows: Range<usize>,
    /// The rows of the queries among all points, if a point is not to be its own neighbour.
    skip: Option<Range<usize>>,
    nearest: &'a mut [Nearest],
}

impl WithSimd for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (d, columns) = (self.d, self.tile_norms.len());
        for (query, nearest) in self.nearest.iter_mut().enumerate() {
            let products = &self.products[query * columns..][..columns];
            let coordinates = &self.queries[query * d..][..d];
            let own_row = self.skip.as_ref().map(|rows| rows.start + query);
            let norm = self.query_norms[query];
            // An upper bound on the error of the sum of two norms and a product of d terms.
            let error =
                (d + 8) as f32 * f32::EPSILON * (norm.sqrt() + self.largest_norm.sqrt()).powi(2);
            let limit = |nearest: &Nearest| nearest.limit() as f32 + error - norm;
            let mut reach = limit(nearest);

            const CHUNK: usize = 64;
            let chunks = products.chunks(CHUNK).zip(self.tile_norms.chunks(CHUNK));
            for (chunk, (products, norms)) in chunks.enumerate() {
                let mut least = f32::INFINITY;
                for (&product, &norm) in products.iter().zip(norms) {
                    least = least.at_most(product.fma::<S>(-2.0, norm));
                }
                if least > reach {
                    continue;
                }
                for (offset, (&product, &norm)) in products.iter().zip(norms).enumerate() {
                    if product.fma::<S>(-2.0, norm) > reach {
                        continue;
                    }
                    let column = chunk * CHUNK + offset;
                    let row = self.rows.start + column;
                    if own_row == Some(row) {
                        continue;
                    }
                    let point = &self.points[column * d..][..d];
                    nearest.offer(squared_distance(coordinates, point), row as u32);
                    reach = limit(nearest);
                }
            }
        }
    }
}

/// The squared distance in f64, for use inside a kernel.
#[inline(always)]
pub(super) fn squared_distance<F: linfa::Float>(a: &[F], b: &[F]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0f64; LANES];
    let (a_full, a_rest) = a.as_chunks::<LANES>();
    let (b_full, b_rest) = b.as_chunks::<LANES>();
    let wide = |number: F| number.to_f64().unwrap_or(f64::NAN);
    for (a, b) in a_full.iter().zip(b_full) {
        for lane in 0..LANES {
            let difference = wide(a[lane]) - wide(b[lane]);
            lanes[lane] += difference * difference;
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        let difference = wide(a) - wide(b);
        lanes[lane] += difference * difference;
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    /// The neighbours found by sorting all distances.
    fn definition(points: &Features, query: &[f32], k: usize, skip: Option<usize>) -> Vec<u32> {
        let values = points.values().unwrap();
        let mut all: Vec<(f64, u32)> = (values.chunks(points.d).enumerate())
            .filter(|&(row, _)| Some(row) != skip)
            .map(|(row, point)| (squared_distance(query, point), row as u32))
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all[..k].iter().map(|&(_, row)| row).collect()
    }

    fn rows(nearest: &Nearest) -> Vec<u32> {
        nearest.found.iter().map(|&(_, row)| row).collect()
    }

    fn features(x: &Tensor) -> Features {
        Features::of("test", x).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_sorting_all_distances(
            (n, m, d) in (1usize..300, 1usize..200, 1usize..20),
            grid in any::<bool>(),
            offset in prop::sample::select(vec![0.0f32, 1e4]),
            seed in any::<u64>(),
        ) {
            let mut rng = Rng::new(seed);
            let mut draw = |rows| {
                let x = rng.normal(offset, 1.5, &[rows, d]).unwrap();
                features(&if grid { x.round().unwrap() } else { x }) // a grid has many ties
            };
            let (points, queries) = (draw(n), draw(m));
            let k = n.min(7);
            let found = nearest_points(&points, &queries, k).unwrap();
            for (query, found) in queries.values().unwrap().chunks(d).zip(&found) {
                prop_assert_eq!(rows(found), definition(&points, query, k, None));
            }
            let others = nearest_others(&points, (n - 1).min(7)).unwrap();
            for (row, found) in others.iter().enumerate() {
                let values = points.values().unwrap();
                let query = &values[row * d..][..d];
                prop_assert_eq!(rows(found), definition(&points, query, (n - 1).min(7), Some(row)));
            }
        }
    }

    #[test]
    fn tiles_and_threads_do_not_matter() {
        let points = features(&Rng::new(1).normal(0.0, 1.0, &[2 * POINTS + 9, 5]).unwrap());
        let queries = features(&Rng::new(2).normal(0.0, 1.0, &[QUERIES + 3, 5]).unwrap());
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let search = || nearest_points(&points, &queries, 12).unwrap();
            pool.build().unwrap().install(search)
        };
        let (one, three) = (with_threads(1), with_threads(3));
        for ((query, one), three) in queries.values().unwrap().chunks(5).zip(&one).zip(&three) {
            assert_eq!(one.found, three.found);
            assert_eq!(rows(one), definition(&points, query, 12, None));
        }
    }

    #[test]
    fn identical_points_come_in_their_order() {
        let same = features(&Tensor::full(0.3f32, (100, 3), &Device::Cpu).unwrap());
        let found = nearest_others(&same, 3).unwrap();
        assert_eq!(rows(&found[0]), [1, 2, 3]);
        assert_eq!(rows(&found[50]), [0, 1, 2]);
        assert_eq!(found[50].limit(), 0.0);
    }
}
