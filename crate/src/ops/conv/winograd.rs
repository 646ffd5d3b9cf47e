//! Convolutions with 3 x 3 kernels and stride 1, with 16 products for 4 positions instead of 36.
//!
//! Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin & Gray 2016, "Fast Algorithms for
//! Convolutional Neural Networks"): the image is read in overlapping tiles of 4 x 4, each of which
//! gives 2 x 2 sums. Tiles and kernels are first spread out into 16 numbers, in which a convolution
//! is a product of matrices, one for each of the 16. With the matrices of the paper, which are the
//! functions below: sums = Aᵀ [ (G kernel Gᵀ) · (Bᵀ tile B) ] A. Their elements are 0, 1 and 1/2, so
//! that hardly a digit is lost. Gradients of weights have gained nothing by it so far.

use std::ops::Range;

use super::{
    epilogue::Epilogue,
    geometry::AxisPlan,
    kernel::{Steps, add_products, get, put, transpose},
    pack::Packing,
};
use crate::numerics::{lanes::Lanes, simd::Simd};

/// Numbers that stand for a tile.
const SPREAD: usize = 16;
/// Tiles multiplied at a time: their numbers stay in a second-level cache.
const TILES: usize = 72;
/// The number of channels below which spreading out costs more than it saves.
const CHANNELS: usize = 32;

/// Whether a pass between these numbers of channels can run in tiles, and gains by it.
pub fn suits(rows: &AxisPlan, columns: &AxisPlan, sources: usize, targets: usize) -> bool {
    let axis = |plan: &AxisPlan| {
        let taps = &plan.phases[0].taps;
        plan.read_step == 1 && plan.write_step == 1 && plan.reach == 2 && taps.len() == 3
    };
    axis(rows) && axis(columns) && sources.min(targets) >= CHANNELS
}

/// `Bᵀ x` of four neighbours.
#[inline(always)]
fn spread_tile<T: Lanes, S: Simd>(
    simd: S,
    [a, b, c, d]: [T::Register<S>; 4],
) -> [T::Register<S>; 4] {
    [
        T::minus(simd, a, c),
        T::plus(simd, b, c),
        T::minus(simd, c, b),
        T::minus(simd, b, d),
    ]
}

/// `G x` of three taps.
#[inline(always)]
fn spread_taps<T: Lanes, S: Simd>(simd: S, [a, b, c]: [T::Register<S>; 3]) -> [T::Register<S>; 4] {
    let half = T::splat(simd, T::of(0.5));
    let outer = T::times(simd, half, T::plus(simd, a, c));
    let inner = T::times(simd, half, b);
    [
        a,
        T::plus(simd, outer, inner),
        T::minus(simd, outer, inner),
        c,
    ]
}

/// `Aᵀ x`: two positions of their spread.
#[inline(always)]
fn gather_pair<T: Lanes, S: Simd>(
    simd: S,
    [a, b, c, d]: [T::Register<S>; 4],
) -> [T::Register<S>; 2] {
    let sum = T::plus(simd, b, c);
    let difference = T::minus(simd, b, c);
    [T::plus(simd, a, sum), T::minus(simd, difference, d)]
}

/// Applies `f` to the columns of a matrix, then to the rows of the result: `f(f(x)ᵀ)ᵀ`.
///
/// Loops, here and below, because `array::map` would not be inlined and registers would be spilled.
#[inline(always)]
fn on_both_sides<V: Copy, const N: usize, const M: usize>(
    x: [[V; N]; N],
    f: impl Fn([V; N]) -> [V; M],
) -> [[V; M]; M] {
    let mut columns = [[x[0][0]; M]; N];
    for j in 0..N {
        let mut column = [x[0][0]; N];
        for i in 0..N {
            column[i] = x[i][j];
        }
        columns[j] = f(column);
    }
    let mut result = [[x[0][0]; M]; M];
    for i in 0..M {
        let mut row = [x[0][0]; N];
        for j in 0..N {
            row[j] = columns[j][i];
        }
        result[i] = f(row);
    }
    result
}

/// A matrix of registers, read row after row at `at`.
#[inline(always)]
fn matrix<T: Lanes, S: Simd, const N: usize>(
    values: &[T],
    at: impl Fn(usize, usize) -> usize,
) -> [[T::Register<S>; N]; N] {
    let mut matrix = [[get::<T, S>(values, at(0, 0)); N]; N];
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, number) in row.iter_mut().enumerate() {
            *number = get::<T, S>(values, at(i, j));
        }
    }
    matrix
}

/// Writes a matrix of registers at `at`.
#[inline(always)]
fn put_matrix<T: Lanes, S: Simd, const N: usize>(
    values: &mut [T],
    at: impl Fn(usize, usize) -> usize,
    matrix: [[T::Register<S>; N]; N],
) {
    for (i, row) in matrix.iter().enumerate() {
        for (j, number) in row.iter().enumerate() {
            put::<T, S>(values, at(i, j), *number);
        }
    }
}

/// Spreads out packed kernels: `[source, tap, width]` to `[16, source, width]`.
#[inline(always)]
pub fn spread_weights<T: Lanes, S: Simd>(simd: S, packed: &[T], width: usize) -> Vec<T> {
    let sources = packed.len() / (9 * width);
    let mut spread = vec![T::zero(); SPREAD * sources * width];
    for source in 0..sources {
        for lane in (0..width).step_by(T::lanes::<S>()) {
            let taps = matrix::<T, S, 3>(packed, |y, x| (source * 9 + y * 3 + x) * width + lane);
            let numbers = on_both_sides(taps, |taps| spread_taps::<T, S>(simd, taps));
            let at = |i, j| ((4 * i + j) * sources + source) * width + lane;
            put_matrix::<T, S, 4>(&mut spread, at, numbers);
        }
    }
    spread
}

/// The tiles of the images of a chunk, row by row.
#[derive(Clone, Copy)]
pub struct Grid {
    images: usize,
    /// Positions in a column and in a row of an image, which need not be even.
    height: usize,
    width: usize,
}

/// Neighbouring tiles of one row.
struct Run {
    image: usize,
    /// Row of tiles.
    row: usize,
    /// First tile in the row.
    column: usize,
    length: usize,
    /// Where the first tile comes among those that are multiplied together.
    first: usize,
}

impl Grid {
    /// The tiles that cover `height` x `width` positions of each of `images` images.
    pub fn new(images: usize, height: usize, width: usize) -> Self {
        Self {
            images,
            height,
            width,
        }
    }

    /// The tiles in ranges that are multiplied together.
    pub fn ranges(self) -> impl Iterator<Item = Range<usize>> {
        let count = self.images * self.height.div_ceil(2) * self.width.div_ceil(2);
        (0..count)
            .step_by(TILES)
            .map(move |first| first..count.min(first + TILES))
    }

    fn runs(self, tiles: &Range<usize>) -> impl Iterator<Item = Run> {
        let (rows, columns) = (self.height.div_ceil(2), self.width.div_ceil(2));
        let Range { start, end } = *tiles;
        let mut next = start;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let column = next % columns;
                let run = Run {
                    image: next / (rows * columns),
                    row: next / columns % rows,
                    column,
                    length: (columns - column).min(end - next),
                    first: next - start,
                };
                next += run.length;
                run
            })
        })
    }
}

/// The distance between the 16 numbers of a tile. Without the extra elements, all 16 would often
/// compete for the same cache lines.
fn spread_plane(width: usize) -> usize {
    TILES * width + 16
}

/// Buffers for the tiles that are multiplied together.
pub struct Scratch<T> {
    pixels: Vec<T>,
    /// `[16, tile, source]`
    tiles: Vec<T>,
    /// `[16, tile, width]`
    products: Vec<T>,
    rows: Vec<usize>,
    steps: Steps,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            pixels: vec![],
            tiles: vec![],
            products: vec![],
            rows: vec![],
            steps: Steps::default(),
        }
    }
}

/// How many positions tiles may read beyond a packed chunk.
pub fn slack(packing: &Packing) -> usize {
    2 * packing.row + 2
}

impl<T: Lanes> Scratch<T> {
    /// Spreads out the `tiles` of a chunk packed with its channels side by side, `sources` of them
    /// and zeros up to `depth`.
    #[inline(always)]
    pub fn spread_tiles<S: Simd>(
        &mut self,
        simd: S,
        (packing, packed, depth): (&Packing, &[T], usize),
        grid: Grid,
        tiles: &Range<usize>,
    ) {
        self.tiles.resize(SPREAD * spread_plane(depth), T::zero());
        for run in grid.runs(tiles) {
            for tile in 0..run.length {
                let start =
                    packing.interleaved_position(run.image, 2 * run.row) + 2 * (run.column + tile);
                for lane in (0..depth).step_by(T::lanes::<S>()) {
                    let pixels = matrix::<T, S, 4>(packed, |i, j| {
                        (start + i * packing.row + j) * depth + lane
                    });
                    let numbers = on_both_sides(pixels, |pixels| spread_tile::<T, S>(simd, pixels));
                    let at = |i, j| {
                        (4 * i + j) * spread_plane(depth) + (run.first + tile) * depth + lane
                    };
                    put_matrix::<T, S, 4>(&mut self.tiles, at, numbers);
                }
            }
        }
    }

    /// For each of the 16, `products = tiles * weights`, with weights `[16, source, width]`.
    #[inline(always)]
    fn multiply<S: Simd>(
        &mut self,
        simd: S,
        (weights, width): (&[T], usize),
        depth: usize,
        count: usize,
    ) {
        let sources = weights.len() / (SPREAD * width);
        self.products.clear();
        self.products
            .resize(SPREAD * spread_plane(width), T::zero());
        self.steps.clear();
        for source in 0..sources {
            self.steps.push(source, source * width);
        }
        self.rows.clear();
        self.rows.extend((0..count).map(|tile| tile * depth));
        let tiles = self.tiles.chunks_exact(spread_plane(depth));
        let weights = weights.chunks_exact(sources * width);
        let products = self.products.chunks_exact_mut(spread_plane(width));
        for ((tiles, weights), products) in tiles.zip(weights).zip(products) {
            let numbers = (tiles, &self.rows[..]);
            let sums = &mut products[..count * width];
            add_products(simd, width, numbers, weights, &self.steps, sums);
        }
    }

    /// Writes the channels of a block at the positions of `tiles`, which must be spread out. Image,
    /// row and column of a position are written at `write`, in channels `plane` apart.
    #[inline(always)]
    pub fn write<S: Simd>(
        &mut self,
        simd: S,
        (weights, bias, epilogue): (&[T], &[T], Epilogue),
        (grid, tiles, depth): (Grid, &Range<usize>, usize),
        write: impl Fn(usize, usize, usize) -> usize,
        (target, plane, channels): (&mut [T], usize, usize),
    ) {
        let width = bias.len();
        self.multiply(simd, (weights, width), depth, tiles.len());
        for run in grid.runs(tiles) {
            let row = 2 * run.length * width;
            self.pixels.resize(2 * row, T::zero());
            for tile in 0..run.length {
                for lane in (0..width).step_by(T::lanes::<S>()) {
                    let numbers = matrix::<T, S, 4>(&self.products, |i, j| {
                        (4 * i + j) * spread_plane(width) + (run.first + tile) * width + lane
                    });
                    let mut sums =
                        on_both_sides(numbers, |numbers| gather_pair::<T, S>(simd, numbers));
                    let bias = get::<T, S>(bias, lane);
                    for sum in sums.as_flattened_mut() {
                        *sum = T::plus(simd, *sum, bias);
                    }
                    let at = |i, j| i * row + (2 * tile + j) * width + lane;
                    put_matrix::<T, S, 2>(&mut self.pixels, at, sums);
                }
            }
            epilogue.apply(&mut self.pixels);
            let (first, column) = (2 * run.row, 2 * run.column);
            let length = (2 * run.length).min(grid.width - column);
            for i in 0..2.min(grid.height - first) {
                let target = &mut target[write(run.image, first + i, column)..];
                let pixels = (&self.pixels[i * row..], width);
                transpose(pixels, (target, plane), length, channels);
            }
        }
    }
}
