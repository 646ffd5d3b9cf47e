//! Matrix products with the `gemm` crate: `C = alpha * A * B + beta * C`.
//!
//! A matrix is a slice with two strides, so a transposed operand costs nothing.
//!
//! The bits of the result do not depend on the number of threads, which only divide the elements of
//! C among themselves; each element is summed in a fixed order.

use ::gemm::Parallelism;

use super::float::Float;

/// Below this many multiply-adds, waking a second thread costs more than it saves.
const PARALLEL_FROM: usize = 1 << 21;

/// A matrix to read: element (i, j) is `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    data: &'a [T],
    shape: Shape,
}

/// A matrix to write.
pub struct MatrixMut<'a, T> {
    data: &'a mut [T],
    shape: Shape,
}

#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Shape {
    fn row_major(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Every read and write below stays within `len` elements, or this panics.
    fn assert_within(&self, len: usize) {
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let last = (self.rows - 1)
            .checked_mul(self.row_stride)
            .zip((self.columns - 1).checked_mul(self.column_stride))
            .and_then(|(row, column)| row.checked_add(column));
        assert!(
            last.is_some_and(|last| last < len),
            "a {} x {} matrix with strides {} and {} does not fit into {len} elements",
            self.rows,
            self.columns,
            self.row_stride,
            self.column_stride,
        );
    }
}

impl<'a, T> Matrix<'a, T> {
    /// The first `rows * columns` elements of `data`, row by row.
    ///
    /// # Panics
    /// If `data` is shorter.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self::with_shape(data, Shape::row_major(rows, columns))
    }

    /// Rows that lie `row_stride` elements apart: a block of columns of a wider matrix.
    ///
    /// # Panics
    /// If the last element lies outside of `data`.
    pub fn with_row_stride(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        let shape = Shape {
            row_stride,
            ..Shape::row_major(rows, columns)
        };
        Self::with_shape(data, shape)
    }

    fn with_shape(data: &'a [T], shape: Shape) -> Self {
        shape.assert_within(data.len());
        Self { data, shape }
    }

    /// The same elements with rows and columns swapped.
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            shape: self.shape.transposed(),
        }
    }
}

impl<'a, T> MatrixMut<'a, T> {
    /// Rows that lie `row_stride` elements apart: a block of columns of a wider matrix.
    ///
    /// # Panics
    /// If the last element lies outside of `data`, or if rows overlap.
    pub fn with_row_stride(
        data: &'a mut [T],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Self {
        assert!(
            row_stride >= columns || rows <= 1,
            "rows of {columns} elements overlap at a stride of {row_stride}"
        );
        let shape = Shape {
            row_stride,
            ..Shape::row_major(rows, columns)
        };
        shape.assert_within(data.len());
        Self { data, shape }
    }
}

/// `C = alpha * A * B + beta * C`. With `beta` zero the old elements of C are not read: NaN in
/// them does not matter. Without inner elements (A has no columns) A·B is zero.
///
/// # Panics
/// If the shapes do not fit: the operations check theirs before.
pub fn gemm<T: Float>(alpha: T, a: Matrix<T>, b: Matrix<T>, beta: T, c: MatrixMut<T>) {
    // SAFETY: the constructors asserted that every element lies within its slice, and `c`
    // holds initialised elements.
    unsafe { gemm_into(alpha, a, b, beta, c.data.as_mut_ptr(), c.shape) }
}

/// `A * B` in a new buffer, row by row, which is written once.
///
/// # Panics
/// If A has not as many columns as B has rows.
pub fn product<T: Float>(a: Matrix<T>, b: Matrix<T>) -> Vec<T> {
    let shape = Shape::row_major(a.shape.rows, b.shape.columns);
    let len = shape.rows * shape.columns;
    let mut c = Vec::with_capacity(len);
    // SAFETY: the buffer has room for the `len` elements of C, all of which are written, and none
    // is read since beta is zero.
    unsafe {
        gemm_into(T::one(), a, b, T::zero(), c.as_mut_ptr(), shape);
        c.set_len(len);
    }
    c
}

/// # Safety
/// Every element of `shape` behind `c` must be valid for writes, and initialised unless `beta` is
/// zero.
unsafe fn gemm_into<T: Float>(
    alpha: T,
    a: Matrix<T>,
    b: Matrix<T>,
    beta: T,
    c: *mut T,
    shape: Shape,
) {
    let (m, k, n) = (a.shape.rows, a.shape.columns, b.shape.columns);
    assert!(
        k == b.shape.rows && m == shape.rows && n == shape.columns,
        "({m} x {k}) times ({} x {n}) into ({} x {})",
        b.shape.rows,
        shape.rows,
        shape.columns,
    );
    let parallelism = if m.saturating_mul(n).saturating_mul(k) >= PARALLEL_FROM {
        Parallelism::Rayon(0) // as many threads as the current pool has
    } else {
        Parallelism::None
    };
    // SAFETY: m, n, k and the strides describe elements inside the slices of `a` and `b` (asserted
    // by their constructors) and of `c` (the caller's promise). The crate's `alpha` scales what is
    // there and its `beta` the product.
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            c,
            shape.column_stride as isize,
            shape.row_stride as isize,
            !beta.is_zero(),
            a.data.as_ptr(),
            a.shape.column_stride as isize,
            a.shape.row_stride as isize,
            b.data.as_ptr(),
            b.shape.column_stride as isize,
            b.shape.row_stride as isize,
            beta,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_operand() {
        let weight = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
        let x = [1.0f32, 0.0, -1.0]; // 1 x 3
        let y = product(
            Matrix::new(&x, 1, 3),
            Matrix::new(&weight, 2, 3).transposed(),
        );
        assert_eq!(y, [-2.0, -2.0]);
    }
    use proptest::prelude::*;

    fn numbers(len: usize, seed: u64) -> Vec<f64> {
        let tensor = crate::Rng::new(seed).normal(0.0, 1.0, &[len]).unwrap();
        let narrow: Vec<f32> = tensor.to_vec1().unwrap();
        narrow.into_iter().map(f64::from).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_three_loops(
            (m, n, k) in (0usize..20, 0usize..20, 0usize..20),
            (transpose_a, transpose_b) in (any::<bool>(), any::<bool>()),
            beta in prop::sample::select(vec![0.0, 1.0, -0.5]),
            gap in 0usize..3,
        ) {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let a_at = |i, l| if transpose_a { a[l * m + i] } else { a[i * k + l] };
            let b_at = |l, j| if transpose_b { b[j * k + l] } else { b[l * n + j] };
            let old = numbers(m * (n + gap), 3);
            let mut c = old.clone();
            let a_matrix = if transpose_a { Matrix::new(&a, k, m).transposed() } else { Matrix::new(&a, m, k) };
            let b_matrix = if transpose_b { Matrix::new(&b, n, k).transposed() } else { Matrix::new(&b, k, n) };
            gemm(2.0, a_matrix, b_matrix, beta, MatrixMut::with_row_stride(&mut c, m, n, n + gap));
            for i in 0..m {
                for j in 0..n + gap {
                    let at = i * (n + gap) + j;
                    let right = if j < n {
                        2.0 * (0..k).map(|l| a_at(i, l) * b_at(l, j)).sum::<f64>() + beta * old[at]
                    } else {
                        old[at] // between the rows nothing is written
                    };
                    prop_assert!((c[at] - right).abs() < 1e-12, "{} for {right}", c[at]);
                }
            }
        }
    }

    #[test]
    fn one_and_two_threads_give_the_same_bits() {
        let (m, n, k) = (129, 401, 785);
        let narrow = |len, seed| -> Vec<f32> {
            let tensor = crate::Rng::new(seed).normal(0.0, 1.0, &[len]).unwrap();
            tensor.to_vec1().unwrap()
        };
        let (a, b) = (narrow(m * k, 1), narrow(n * k, 2));
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| product(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transposed()))
        };
        assert!(m * n * k > PARALLEL_FROM);
        assert_eq!(with_threads(1), with_threads(2));
    }

    #[test]
    fn a_product_without_inner_elements_is_zero() {
        let none: [f32; 0] = [];
        assert_eq!(
            product(Matrix::new(&none, 2, 0), Matrix::new(&none, 0, 3)),
            [0.0; 6]
        );
    }

    #[test]
    #[should_panic(expected = "does not fit into 5 elements")]
    fn a_short_slice_is_refused() {
        Matrix::new(&[0f32; 5], 2, 3);
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn overlapping_rows_are_not_written() {
        MatrixMut::with_row_stride(&mut [0f32; 9], 3, 3, 2);
    }
}
