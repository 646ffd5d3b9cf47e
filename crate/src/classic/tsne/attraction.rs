//! Attraction between similar points.

use rayon::prelude::*;

use super::affinities::Affinities;
use crate::numerics::level::Level;
use crate::numerics::simd::{self, Float, Simd, WithSimd};

/// The number of points in a task.
const ROWS: usize = 256;

/// The number of pulls computed at a time: the width of AVX-512, on every level.
const LANES: usize = 16;

/// The pull on each point: the sum over j of `p_ij q_ij (y_i - y_j)`, with `q_ij = 1 / (1 + |y_i -
/// y_j|²)`.
pub(super) fn attraction(affinities: &Affinities, positions: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut forces = vec![[0f32; 2]; positions.len()];
    let tasks = forces.par_chunks_mut(ROWS).enumerate();
    let level = Level::current();
    tasks.for_each(|(task, forces)| {
        let pull = Pull {
            affinities,
            positions,
            first: task * ROWS,
            forces,
        };
        simd::dispatch_on(level, pull);
    });
    forces
}

struct Pull<'a> {
    affinities: &'a Affinities,
    positions: &'a [[f32; 2]],
    first: usize,
    forces: &'a mut [[f32; 2]],
}

impl WithSimd for Pull<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (row, force) in self.forces.iter_mut().enumerate() {
            let row = self.first + row;
            let [x, y] = self.positions[row];
            let (points, values) = self.affinities.row(row);
            let mut force_x = [0f32; LANES];
            let mut force_y = [0f32; LANES];
            for (points, values) in points.chunks(LANES).zip(values.chunks(LANES)) {
                // First gather, then compute; unused places keep the value 0.
                let (mut xs, mut ys, mut p) = ([0f32; LANES], [0f32; LANES], [0f32; LANES]);
                for (lane, (&point, &value)) in points.iter().zip(values).enumerate() {
                    [xs[lane], ys[lane]] = self.positions[point as usize];
                    p[lane] = value;
                }
                for lane in 0..LANES {
                    let (dx, dy) = (x - xs[lane], y - ys[lane]);
                    let strength = p[lane] / dx.fma::<S>(dx, dy.fma::<S>(dy, 1.0));
                    force_x[lane] = strength.fma::<S>(dx, force_x[lane]);
                    force_y[lane] = strength.fma::<S>(dy, force_y[lane]);
                }
            }
            let sum = |lanes: [f32; LANES]| lanes.iter().sum::<f32>();
            *force = [sum(force_x), sum(force_y)];
        }
    }
}

/// The sum of `p_ij ln(p_ij / q_ij)` over all pairs, with the `q_ij` divided by their sum, `total`.
pub(super) fn kl_divergence(affinities: &Affinities, positions: &[[f32; 2]], total: f64) -> f64 {
    let of_row = |row: usize| {
        let (points, values) = affinities.row(row);
        let mut sum = 0.0;
        for (&point, &p) in points.iter().zip(values) {
            let (a, b) = (positions[row], positions[point as usize]);
            let difference = [0, 1].map(|axis| f64::from(a[axis]) - f64::from(b[axis]));
            let inverse_q = 1.0 + difference[0].powi(2) + difference[1].powi(2);
            let p = f64::from(p.max(f32::MIN_POSITIVE)); // 0 ln 0 is 0
            sum += p * (p * inverse_q * total).ln();
        }
        sum
    };
    let rows: Vec<f64> = (0..affinities.len()).into_par_iter().map(of_row).collect();
    rows.into_iter().sum()
}
