//! The inner loop of all convolutions: a tile of sums held in registers.
//!
//! Entry (p, v) of a tile is the sum over all steps of a number times a vector: `numbers[rows[p] +
//! step.number] * vectors[step.vector + v * lanes..]`. The offsets alone decide whether this is a
//! forward pass, a gradient of the input or a gradient of the weight:
//!
//! | pass | rows | vectors | steps |
//! |---|---|---|---|
//! | image, [`super::images`] | written positions | weights of neighbouring channels | taps |
//! | image with few channels | weights of a channel | neighbouring positions | taps |
//! | weight gradient, [`super::weights`] | taps | gradient in neighbouring channels | positions |

use std::ops::Range;

use crate::numerics::{float::Float, lanes::Lanes, simd::Simd};

/// The offsets that a step of the sum adds to those of a tile.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Offset of the number.
    pub number: u32,
    /// Offset of the vector.
    pub vector: u32,
}

/// The steps of a sum, with the reach of their offsets to check the bounds of a tile.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    number_reach: usize,
    vector_reach: usize,
}

impl Steps {
    /// Removes all steps but keeps the memory.
    pub fn clear(&mut self) {
        self.steps.clear();
        (self.number_reach, self.vector_reach) = (0, 0);
    }

    /// Appends a step.
    ///
    /// # Panics
    /// If an offset does not fit 32 bits: packed chunks are far smaller.
    pub fn push(&mut self, number: usize, vector: usize) {
        self.number_reach = self.number_reach.max(number);
        self.vector_reach = self.vector_reach.max(vector);
        let small = |offset| u32::try_from(offset).expect("a packed chunk has fewer elements");
        self.steps.push(Step {
            number: small(number),
            vector: small(vector),
        });
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }
}

/// Adds the sums of a tile of `P` rows of `V` registers to `sums`, row after row.
///
/// Where `P * V` accumulators, `V` vectors and one number fit the registers of `S`, nothing is
/// spilled. Each entry is summed in the order of the steps.
///
/// # Panics
/// If a row, a step or the size of `sums` leads out of bounds.
#[inline(always)]
pub fn tile<T: Lanes, S: Simd, const P: usize, const V: usize>(
    simd: S,
    numbers: &[T],
    rows: &[usize; P],
    vectors: &[T],
    steps: &Steps,
    sums: &mut [T],
) {
    if steps.steps.is_empty() {
        return;
    }
    let lanes = T::lanes::<S>();
    let furthest = rows.iter().max().copied().unwrap_or(0);
    assert!(furthest + steps.number_reach < numbers.len());
    assert!(steps.vector_reach + V * lanes <= vectors.len());
    assert!(sums.len() == P * V * lanes);
    // SAFETY: a register of `S` is `lanes` plain numbers without alignment of its own, and
    // - numbers are read at `row + step.number`, at most `furthest + number_reach`;
    // - vectors are read up to `vector_reach + V * lanes`;
    // - sums are read and written up to `P * V * lanes`.
    unsafe {
        // Loops, because `array::map` would not be inlined.
        let mut row_starts = [numbers.as_ptr(); P];
        for (start, row) in row_starts.iter_mut().zip(rows) {
            *start = start.add(*row);
        }
        let mut tile = [[T::splat(simd, T::zero()); V]; P];
        for step in &steps.steps {
            let vectors = vectors.as_ptr().add(step.vector as usize);
            let mut vector = [T::splat(simd, T::zero()); V];
            for (v, vector) in vector.iter_mut().enumerate() {
                *vector = load::<T, S>(vectors.add(v * lanes));
            }
            for (row, sums) in row_starts.iter().zip(&mut tile) {
                let number = T::splat(simd, *row.add(step.number as usize));
                for (sum, &vector) in sums.iter_mut().zip(&vector) {
                    *sum = T::mul_add(simd, number, vector, *sum);
                }
            }
        }
        for (p, tile) in tile.iter().enumerate() {
            for (v, &sum) in tile.iter().enumerate() {
                let place = sums.as_mut_ptr().add((p * V + v) * lanes);
                let total = T::plus(simd, sum, load::<T, S>(place));
                place.cast::<T::Register<S>>().write_unaligned(total);
            }
        }
    }
}

/// A register of elements from `at` on.
///
/// # Panics
/// If they are not all in `values`.
#[inline(always)]
pub fn get<T: Lanes, S: Simd>(values: &[T], at: usize) -> T::Register<S> {
    let values = &values[at..][..T::lanes::<S>()];
    // SAFETY: the slice holds a whole register.
    unsafe { load::<T, S>(values.as_ptr()) }
}

/// Writes a register of elements from `at` on.
///
/// # Panics
/// If they are not all in `values`.
#[inline(always)]
pub fn put<T: Lanes, S: Simd>(values: &mut [T], at: usize, register: T::Register<S>) {
    let values = &mut values[at..][..T::lanes::<S>()];
    // SAFETY: the slice holds a whole register.
    unsafe {
        values
            .as_mut_ptr()
            .cast::<T::Register<S>>()
            .write_unaligned(register)
    }
}

/// The smallest width that [`add_products`] takes; its widths are multiples of it.
#[inline(always)]
pub fn unit<T: Lanes, S: Simd>() -> usize {
    if S::IS_SCALAR { 8 } else { T::lanes::<S>() }
}

/// The width to cover the next of `left` columns with, in [`add_products`].
#[inline(always)]
pub fn block_width<T: Lanes, S: Simd>(left: usize) -> usize {
    let most = match (S::IS_SCALAR, S::REGISTER_COUNT >= 32) {
        (true, _) => 1,
        (false, true) => 4,
        (false, false) => 2,
    };
    left.div_ceil(unit::<T, S>()).min(most) * unit::<T, S>()
}

/// [`tile`] for any number of rows of a [`block_width`], in the tiles that fit the registers best.
/// They divide 36 rows.
///
/// # Panics
/// If a row, a step or the size of `sums` leads out of bounds.
#[inline(always)]
pub fn add_products<T: Lanes, S: Simd>(
    simd: S,
    width: usize,
    (numbers, rows): (&[T], &[usize]),
    vectors: &[T],
    steps: &Steps,
    sums: &mut [T],
) {
    let operands = (numbers, rows, vectors, steps);
    match (
        S::IS_SCALAR,
        S::REGISTER_COUNT >= 32,
        width / T::lanes::<S>(),
    ) {
        (true, ..) => add_tiles::<T, S, 4, 8>(simd, operands, sums),
        (_, true, 1) => add_tiles::<T, S, 12, 1>(simd, operands, sums),
        (_, true, 2) => add_tiles::<T, S, 9, 2>(simd, operands, sums),
        (_, true, 3) => add_tiles::<T, S, 9, 3>(simd, operands, sums),
        (_, true, _) => add_tiles::<T, S, 6, 4>(simd, operands, sums),
        (_, false, 1) => add_tiles::<T, S, 9, 1>(simd, operands, sums),
        (_, false, _) => add_tiles::<T, S, 6, 2>(simd, operands, sums),
    }
}

#[inline(always)]
fn add_tiles<T: Lanes, S: Simd, const P: usize, const V: usize>(
    simd: S,
    (numbers, rows, vectors, steps): (&[T], &[usize], &[T], &Steps),
    sums: &mut [T],
) {
    /// Elements of the largest tile.
    const LARGEST: usize = 9 * 3 * 16;
    let width = V * T::lanes::<S>();
    for (rows, sums) in rows.chunks(P).zip(sums.chunks_mut(P * width)) {
        if let Ok(rows) = rows.try_into() {
            tile::<T, S, P, V>(simd, numbers, rows, vectors, steps, sums);
            continue;
        }
        // There are too few rows for a tile, so the last one is repeated.
        let mut filled = [rows[rows.len() - 1]; P];
        filled[..rows.len()].copy_from_slice(rows);
        let mut all = [T::zero(); LARGEST];
        all[..sums.len()].copy_from_slice(sums);
        let all = &mut all[..P * width];
        tile::<T, S, P, V>(simd, numbers, &filled, vectors, steps, all);
        sums.copy_from_slice(&all[..sums.len()]);
    }
}

/// # Safety
/// A whole register must be readable from `place`.
#[inline(always)]
unsafe fn load<T: Lanes, S: Simd>(place: *const T) -> T::Register<S> {
    // SAFETY: the caller's promise; any bits are a valid register.
    unsafe { place.cast::<T::Register<S>>().read_unaligned() }
}

/// Writes the transpose of a `rows` x `columns` matrix whose rows are `stride` apart to `target`,
/// whose rows are `target_stride` apart.
///
/// # Panics
/// If a matrix reaches beyond its slice.
#[inline(always)]
pub fn transpose<T: Float>(
    (source, stride): (&[T], usize),
    (target, target_stride): (&mut [T], usize),
    rows: usize,
    columns: usize,
) {
    const BLOCK: usize = 4;
    // Few enough columns for all of their cache lines to stay until the last row is written.
    const COLUMNS: usize = 64;
    let (whole_rows, whole_columns) = (rows - rows % BLOCK, columns - columns % BLOCK);
    for first in (0..whole_columns).step_by(COLUMNS) {
        for i in (0..whole_rows).step_by(BLOCK) {
            for j in (first..whole_columns.min(first + COLUMNS)).step_by(BLOCK) {
                let mut block = [[T::zero(); BLOCK]; BLOCK];
                for (k, row) in block.iter_mut().enumerate() {
                    row.copy_from_slice(&source[(i + k) * stride + j..][..BLOCK]);
                }
                for k in 0..BLOCK {
                    let column = [block[0][k], block[1][k], block[2][k], block[3][k]];
                    target[(j + k) * target_stride + i..][..BLOCK].copy_from_slice(&column);
                }
            }
        }
    }
    let mut one_by_one = |rows: Range<usize>, columns: Range<usize>| {
        for i in rows {
            for j in columns.clone() {
                target[j * target_stride + i] = source[i * stride + j];
            }
        }
    };
    one_by_one(0..whole_rows, whole_columns..columns);
    one_by_one(whole_rows..rows, 0..columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::{
        level::Level,
        simd::{self, WithSimd},
    };

    /// Three rows of numbers by a width of vectors, in seven steps, added to `sums`.
    struct Products<'a> {
        numbers: &'a [f32],
        vectors: &'a [f32],
        sums: &'a mut Vec<f32>,
    }

    const ROWS: [usize; 3] = [0, 5, 11];
    const STEPS: usize = 7;

    impl WithSimd for Products<'_> {
        type Output = usize;

        fn with_simd<S: Simd>(self, simd: S) -> usize {
            let width = block_width::<f32, S>(usize::MAX / 2);
            let mut steps = Steps::default();
            for step in 0..STEPS {
                steps.push(2 * step, width * (STEPS - 1 - step));
            }
            self.sums.resize(ROWS.len() * width, 0.5);
            let numbers = (self.numbers, &ROWS[..]);
            let vectors = &self.vectors[..STEPS * width];
            add_products(simd, width, numbers, vectors, &steps, self.sums);
            width
        }
    }

    #[test]
    fn every_level_adds_the_products_of_the_definition() {
        let numbers: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
        let vectors: Vec<f32> = (0..STEPS * 64).map(|i| (i as f32 * 0.3).cos()).collect();
        for level in Level::available() {
            let _forced = level.force().unwrap();
            let mut sums = Vec::new();
            let (numbers, vectors) = (&numbers[..], &vectors[..]);
            let width = simd::dispatch(Products {
                numbers,
                vectors,
                sums: &mut sums,
            });
            for (i, sum) in sums.iter().enumerate() {
                let (row, column) = (ROWS[i / width], i % width);
                let expected: f32 = (0..STEPS)
                    .map(|step| {
                        numbers[row + 2 * step] * vectors[width * (STEPS - 1 - step) + column]
                    })
                    .sum();
                assert!((sum - 0.5 - expected).abs() < 1e-5, "{level}, {i}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "number_reach")]
    fn numbers_that_are_not_there_are_not_read() {
        simd::dispatch(Products {
            numbers: &[0.0; 23],
            vectors: &[0.0; STEPS * 64],
            sums: &mut Vec::new(),
        });
    }

    struct Move<'a>(&'a mut [f32]);

    impl WithSimd for Move<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, _: S) {
            let lanes = f32::lanes::<S>();
            let register = get::<f32, S>(self.0, 1);
            put::<f32, S>(self.0, self.0.len() - lanes, register);
        }
    }

    #[test]
    fn registers_are_read_and_written_where_they_are_told() {
        for level in Level::available() {
            let _forced = level.force().unwrap();
            let mut values: Vec<f32> = (0..33).map(|i| i as f32).collect();
            simd::dispatch(Move(&mut values));
            assert_eq!(values[0], 0.0);
            let first = *values.iter().rev().find(|x| **x <= 1.0).unwrap();
            assert_eq!(first, 1.0, "{level}");
        }
    }

    #[test]
    fn transposes_are_exact_at_every_size() {
        for (rows, columns) in [(1, 1), (3, 7), (4, 4), (9, 70)] {
            let (stride, target_stride) = (columns + 2, rows + 1);
            let source: Vec<f32> = (0..rows * stride).map(|i| i as f32).collect();
            let mut target = vec![-1.0; columns * target_stride];
            transpose(
                (&source, stride),
                (&mut target, target_stride),
                rows,
                columns,
            );
            for i in 0..rows {
                for j in 0..columns {
                    assert_eq!(target[j * target_stride + i], source[i * stride + j]);
                }
            }
        }
    }
}
