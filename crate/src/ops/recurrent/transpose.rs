//! Between a tensor, where the numbers of one example follow each other, and
//! [rows](super::row::Row), where the examples lie side by side.

/// The layout, in a slice, of the numbers of a chunk of examples.
#[derive(Clone, Copy)]
pub(super) struct Examples {
    /// The number of examples.
    pub count: usize,
    /// The distance from the start of one example to that of the next.
    pub stride: usize,
    /// The number of values of each example that are wanted.
    pub len: usize,
}

/// Writes the numbers of the examples in `source` into the lanes of `rows`, each `width` wide.
#[inline(always)]
pub(super) fn to_lanes<T: Copy>(rows: &mut [T], width: usize, source: &[T], examples: Examples) {
    for lane in 0..examples.count {
        let numbers = &source[lane * examples.stride..][..examples.len];
        for (row, &number) in rows.chunks_exact_mut(width).zip(numbers) {
            row[lane] = number;
        }
    }
}

/// The reverse of [`to_lanes`].
#[inline(always)]
pub(super) fn from_lanes<T: Copy>(rows: &[T], width: usize, target: &mut [T], examples: Examples) {
    for lane in 0..examples.count {
        let numbers = &mut target[lane * examples.stride..][..examples.len];
        for (row, number) in rows.chunks_exact(width).zip(numbers) {
            *number = row[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_leaves_every_number_in_its_place() {
        // Two examples of three numbers, of which two are wanted, into rows of four lanes.
        let examples = Examples {
            count: 2,
            stride: 3,
            len: 2,
        };
        let mut rows = [0; 8];
        to_lanes(&mut rows, 4, &[1, 2, 3, 4, 5, 6], examples);
        assert_eq!(rows, [1, 4, 0, 0, 2, 5, 0, 0]);
        let mut back = [0; 6];
        from_lanes(&rows, 4, &mut back, examples);
        assert_eq!(back, [1, 2, 0, 4, 5, 0]);
    }
}
