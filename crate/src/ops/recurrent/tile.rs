//! The three matrix kernels of a recurrent layer. Weights were packed in the order in which a
//! kernel reads them, so that each pass runs through memory once, from start to end.

use pulp::Simd;

use super::row::{self, REGISTERS, Row};
use crate::numerics::lanes::Lanes;

/// The rows of accumulators in a tile: as many as fit into the registers beside their operands.
pub(super) const fn tile_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// Adds the products of their `gates` weight rows with `z` to the accumulators of the units of a
/// tile. `z` has a row for each feature. A unit has `rows` accumulators, and those from `first` on
/// receive the products; `weights` holds the weights of the whole tile, feature by feature.
#[inline(always)]
pub(super) fn accumulate_gates<S: Simd, T: Lanes, const TILE: usize>(
    simd: S,
    sums: &mut [Row<S, T>; TILE],
    (rows, gates, first): (usize, usize, usize),
    weights: &[T],
    z: &[Row<S, T>],
) {
    // A local copy stays in registers.
    let mut local = *sums;
    for (weights, z) in weights.chunks_exact(TILE / rows * gates).zip(z) {
        for unit in 0..TILE / rows {
            for gate in 0..gates {
                let weight = T::splat(simd, weights[unit * gates + gate]);
                let sum = &mut local[unit * rows + first + gate];
                for v in 0..REGISTERS {
                    sum[v] = T::mul_add(simd, weight, z[v], sum[v]);
                }
            }
        }
    }
    *sums = local;
}

/// `ROWS` rows of `out += weights * z`; `weights` holds, for each row of `z`, `ROWS` numbers.
#[inline(always)]
pub(super) fn accumulate_rows<S: Simd, T: Lanes, const ROWS: usize>(
    simd: S,
    out: &mut [Row<S, T>; ROWS],
    weights: &[T],
    z: &[Row<S, T>],
) {
    let mut sums = *out;
    for (weights, z) in weights.chunks_exact(ROWS).zip(z) {
        for row in 0..ROWS {
            let weight = T::splat(simd, weights[row]);
            for v in 0..REGISTERS {
                sums[row][v] = T::mul_add(simd, weight, z[v], sums[row][v]);
            }
        }
    }
    *out = sums;
}

/// A tile of a weight gradient, `ROWS` rows by `COLUMNS` registers: adds, over the examples of a
/// chunk, the gradient of each row times the features.
///
/// `gradients` holds `ROWS` rows with a number for each example. `features` holds a line of `line`
/// registers for each example; the tile starts at register `first` of a line.
#[inline(always)]
pub(super) fn accumulate_products<S: Simd, T: Lanes, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    sums: &mut [[T::Register<S>; COLUMNS]; ROWS],
    gradients: &[Row<S, T>; ROWS],
    features: &[T::Register<S>],
    line: usize,
    first: usize,
) {
    // A local copy stays in registers.
    let mut local = *sums;
    for (example, features) in features.chunks_exact(line).enumerate() {
        let features = &features[first..first + COLUMNS];
        for row in 0..ROWS {
            let gradient = T::splat(simd, row::numbers::<S, T>(&gradients[row])[example]);
            for column in 0..COLUMNS {
                local[row][column] =
                    T::mul_add(simd, gradient, features[column], local[row][column]);
            }
        }
    }
    *sums = local;
}
