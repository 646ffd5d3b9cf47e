//! Loops along one axis of a tensor, with a value for each line.

use super::simd::{self, Float};

/// The lines of a contiguous tensor along one axis. Element `i` of line `(o, j)` is at
/// `(o * len + i) * inner + j`; with `inner` 1 the lines are rows, else they run side by side.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    outer: usize,
    len: usize,
    inner: usize,
}

/// Partial results per row: the width of AVX-512, on every level.
const LANES: usize = 16;

impl Lines {
    pub fn of(dims: &[usize], axis: usize) -> Self {
        Self {
            outer: dims[..axis].iter().product(),
            len: dims[axis],
            inner: dims[axis + 1..].iter().product(),
        }
    }

    /// The number of lines.
    pub fn count(&self) -> usize {
        self.outer * self.inner
    }

    /// The number of elements in a line.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The index of element `i` of a line.
    pub fn position(&self, line: usize, i: usize) -> usize {
        let (outer, j) = (line / self.inner, line % self.inner);
        (outer * self.len + i) * self.inner + j
    }

    /// The largest element of each line, NaN aside.
    #[inline(always)]
    pub fn max<T: Float>(&self, x: &[T]) -> Vec<T> {
        let larger = |a: T, b: T| if b > a { b } else { a };
        self.fold(
            x,
            x,
            &vec![(); self.count()],
            T::NEG_INFINITY,
            |max, x, _, ()| larger(max, x),
            larger,
        )
    }

    /// The sum over each line of `f(a, b, value of the line)`.
    #[inline(always)]
    pub fn sum<T: Float, L: Copy>(
        &self,
        a: &[T],
        b: &[T],
        of_line: &[L],
        f: impl Fn(T, T, L) -> T,
    ) -> Vec<T> {
        let add = |sum, a, b, l| sum + f(a, b, l);
        self.fold(a, b, of_line, T::zero(), add, |a, b| a + b)
    }

    #[inline(always)]
    fn fold<T: Float, L: Copy>(
        &self,
        a: &[T],
        b: &[T],
        of_line: &[L],
        start: T,
        step: impl Fn(T, T, T, L) -> T,
        join: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        if self.inner == 1 && self.len > 0 {
            let rows = a.chunks_exact(self.len).zip(b.chunks_exact(self.len));
            let mut results = Vec::with_capacity(self.outer);
            for ((a, b), &l) in rows.zip(of_line) {
                let mut lanes = [start; LANES];
                for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                    for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                        *lane = step(*lane, a, b, l);
                    }
                }
                let mut result = start;
                for lane in lanes {
                    result = join(result, lane);
                }
                results.push(result);
            }
            return results;
        }
        let mut results = vec![start; self.count()];
        for outer in 0..self.outer {
            let lines = outer * self.inner..(outer + 1) * self.inner;
            let (results, of_line) = (&mut results[lines.clone()], &of_line[lines]);
            for i in 0..self.len {
                let start = (outer * self.len + i) * self.inner;
                let (a, b) = (&a[start..][..self.inner], &b[start..][..self.inner]);
                for (((result, &a), &b), &l) in results.iter_mut().zip(a).zip(b).zip(of_line) {
                    *result = step(*result, a, b, l);
                }
            }
        }
        results
    }

    /// `f(a, b, value of the line)` for each element.
    #[inline(always)]
    pub fn map<T: Float, L: Copy>(
        &self,
        a: &[T],
        b: &[T],
        of_line: &[L],
        f: impl Fn(T, T, L) -> T,
    ) -> Vec<T> {
        let mut results = Vec::with_capacity(a.len());
        if self.inner == 1 && self.len > 0 {
            let rows = a.chunks_exact(self.len).zip(b.chunks_exact(self.len));
            for ((a, b), &l) in rows.zip(of_line) {
                simd::append(&mut results, a.iter().zip(b), |(&a, &b)| f(a, b, l));
            }
            return results;
        }
        for outer in 0..self.outer {
            let of_line = &of_line[outer * self.inner..][..self.inner];
            for i in 0..self.len {
                let start = (outer * self.len + i) * self.inner;
                let (a, b) = (&a[start..][..self.inner], &b[start..][..self.inner]);
                let elements = a.iter().zip(b).zip(of_line);
                simd::append(&mut results, elements, |((&a, &b), &l)| f(a, b, l));
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_see_the_same_numbers() {
        let x: Vec<f64> = (0..40).map(|i| (i * 7 % 40) as f64).collect();
        let rows = Lines::of(&[2, 20], 1);
        let columns = Lines::of(&[2, 20, 1, 1], 1); // the same lines
        let side_by_side = Lines::of(&[20, 2], 0);
        let transposed: Vec<f64> = (0..40).map(|i| x[i % 2 * 20 + i / 2]).collect();
        let weights = [1.0, 2.0];
        let f = |a: f64, b: f64, w: f64| w * (a + b);

        assert_eq!(rows.max(&x), side_by_side.max(&transposed));
        assert_eq!(
            rows.sum(&x, &x, &weights, f),
            [2.0 * sum(&x[..20]), 4.0 * sum(&x[20..])]
        );
        assert_eq!(
            rows.sum(&x, &x, &weights, f),
            side_by_side.sum(&transposed, &transposed, &weights, f)
        );
        assert_eq!(
            rows.map(&x, &x, &weights, f),
            columns.map(&x, &x, &weights, f)
        );
        for line in 0..2 {
            for i in 0..20 {
                assert_eq!(
                    transposed[side_by_side.position(line, i)],
                    x[rows.position(line, i)]
                );
            }
        }
    }

    fn sum(x: &[f64]) -> f64 {
        x.iter().sum()
    }
}
