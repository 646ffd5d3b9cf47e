//! Repulsion between points: between all pairs, with distant points taken in groups.

use rayon::prelude::*;

use super::quadtree::{Node, QuadTree};
use crate::numerics::level::Level;
use crate::numerics::simd::{self, Float, Simd, WithSimd};

/// A square counts as a single point if its side is below this fraction of its distance:
/// scikit-learn's `angle`.
const ANGLE: f32 = 0.5;

/// The number of leaves in a task.
const LEAVES: usize = 16;

/// The push on each point, before it is divided by `total`.
pub(super) struct Repulsion {
    pub forces: Vec<[f32; 2]>,
    /// The sum of the similarities of all pairs, each counted twice.
    pub total: f64,
}

impl Repulsion {
    /// The repulsion of points at `positions`.
    pub fn of(positions: &[[f32; 2]]) -> Self {
        let tree = QuadTree::of(positions);
        let leaves: Vec<&Node> = tree.nodes.iter().filter(|node| node.is_leaf).collect();
        let level = Level::current();
        let parts: Vec<(Vec<[f32; 2]>, f64)> = leaves
            .par_chunks(LEAVES)
            .map(|leaves| {
                let push = Push {
                    tree: &tree,
                    leaves,
                };
                simd::dispatch_on(level, push)
            })
            .collect();
        let mut repulsion = Self {
            forces: vec![[0.0; 2]; positions.len()],
            total: 0.0,
        };
        let mut rows = tree.rows.iter();
        for (forces, total) in parts {
            for (force, &row) in forces.into_iter().zip(&mut rows) {
                repulsion.forces[row as usize] = force;
            }
            repulsion.total += total;
        }
        repulsion
    }
}

/// The sources that push the points of a leaf: points, and groups of points at their mean.
#[derive(Default)]
struct Sources {
    x: Vec<f32>,
    y: Vec<f32>,
    count: Vec<f32>,
}

/// The number of sources taken at a time: the width of AVX-512, on every level.
const LANES: usize = 16;

impl Sources {
    fn clear(&mut self) {
        self.x.clear();
        self.y.clear();
        self.count.clear();
    }

    fn push(&mut self, [x, y]: [f32; 2], count: f32) {
        self.x.push(x);
        self.y.push(y);
        self.count.push(count);
    }

    /// The sources that push the points of `leaf`, itself included.
    fn collect(&mut self, tree: &QuadTree, leaf: &Node) {
        self.clear();
        let (low, high) = bounds(&tree.points[leaf.start..leaf.end]);
        let mut at = 0;
        while let Some(node) = tree.nodes.get(at) {
            // The distance from the mean to the nearest place where a point of the leaf can be.
            let outside = |axis: usize| {
                let centre = node.centre[axis];
                (low[axis] - centre).max(centre - high[axis]).max(0.0)
            };
            let distance_squared = outside(0).powi(2) + outside(1).powi(2);
            if node.side_squared < ANGLE * ANGLE * distance_squared {
                self.push(node.centre, node.len() as f32);
                at = node.next;
            } else if node.is_leaf {
                for &point in &tree.points[node.start..node.end] {
                    self.push(point, 1.0);
                }
                at = node.next;
            } else {
                at += 1;
            }
        }
        while !self.x.len().is_multiple_of(LANES) {
            self.push([0.0; 2], 0.0);
        }
    }
}

/// The corners of the smallest box around points.
fn bounds(points: &[[f32; 2]]) -> ([f32; 2], [f32; 2]) {
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for point in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    (low, high)
}

/// The forces on the points of some leaves, in order, and the sum of their similarities.
struct Push<'a> {
    tree: &'a QuadTree,
    leaves: &'a [&'a Node],
}

impl WithSimd for Push<'_> {
    type Output = (Vec<[f32; 2]>, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let mut forces = Vec::new();
        let mut total = 0.0;
        let mut sources = Sources::default();
        for leaf in self.leaves {
            sources.collect(self.tree, leaf);
            for &point in &self.tree.points[leaf.start..leaf.end] {
                let (force, similarity) = push::<S>(point, &sources);
                forces.push(force);
                total += f64::from(similarity) - 1.0; // a point is as similar as can be to itself
            }
        }
        (forces, total)
    }
}

#[inline(always)]
fn push<S: Simd>([x, y]: [f32; 2], sources: &Sources) -> ([f32; 2], f32) {
    let mut total = [0f32; LANES];
    let mut force_x = [0f32; LANES];
    let mut force_y = [0f32; LANES];
    let xs = sources.x.as_chunks::<LANES>().0;
    let ys = sources.y.as_chunks::<LANES>().0;
    let counts = sources.count.as_chunks::<LANES>().0;
    for ((xs, ys), counts) in xs.iter().zip(ys).zip(counts) {
        for lane in 0..LANES {
            let (dx, dy) = (x - xs[lane], y - ys[lane]);
            let q = 1.0 / dx.fma::<S>(dx, dy.fma::<S>(dy, 1.0));
            let similarity = counts[lane] * q;
            let strength = similarity * q;
            total[lane] += similarity;
            force_x[lane] = strength.fma::<S>(dx, force_x[lane]);
            force_y[lane] = strength.fma::<S>(dy, force_y[lane]);
        }
    }
    let sum = |lanes: [f32; LANES]| lanes.iter().sum::<f32>();
    ([sum(force_x), sum(force_y)], sum(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_sum_over_all_pairs() {
        for (n, scale) in [(1, 1.0), (40, 1e-4), (1500, 20.0)] {
            let numbers = crate::Rng::new(1).normal(0.0, scale, &[n, 2]).unwrap();
            let numbers: Vec<f32> = numbers.flatten_all().unwrap().to_vec1().unwrap();
            let positions: &[[f32; 2]] = numbers.as_chunks().0;
            let mut total = 0.0;
            let mut exact = vec![[0f64; 2]; n];
            for (i, a) in positions.iter().enumerate() {
                for (j, b) in positions.iter().enumerate() {
                    if i != j {
                        let difference = [0, 1].map(|axis| f64::from(a[axis] - b[axis]));
                        let q = 1.0 / (1.0 + difference[0].powi(2) + difference[1].powi(2));
                        total += q;
                        for axis in 0..2 {
                            exact[i][axis] += q * q * difference[axis];
                        }
                    }
                }
            }
            let found = Repulsion::of(positions);
            assert!(
                (found.total - total).abs() <= 0.01 * total,
                "{} {total}",
                found.total
            );
            let size = |force: &[f64; 2]| force[0].hypot(force[1]);
            let largest = exact.iter().map(size).fold(0.0, f64::max);
            for (found, exact) in found.forces.iter().zip(&exact) {
                let error = [0, 1].map(|axis| f64::from(found[axis]) - exact[axis]);
                assert!(size(&error) <= 0.01 * largest, "{found:?} for {exact:?}");
            }
        }
    }
}
