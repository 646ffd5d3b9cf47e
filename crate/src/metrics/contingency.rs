//! How often each class meets each cluster, or each truth each prediction.

use crate::metrics::labels::classes_of;

/// A table of counts: a row for each value that the first labels take, a column for each of the
/// second.
pub(super) struct Contingency {
    pub rows: Vec<u32>,
    pub columns: Vec<u32>,
    counts: Vec<u64>,
}

impl Contingency {
    /// Counts pairs; the two are of one length.
    pub fn of(first: &[u32], second: &[u32]) -> Self {
        let (rows, row_of) = classes_of(first);
        let (columns, column_of) = classes_of(second);
        let mut counts = vec![0; rows.len() * columns.len()];
        for (row, column) in row_of.into_iter().zip(column_of) {
            counts[row * columns.len() + column] += 1;
        }
        Self {
            rows,
            columns,
            counts,
        }
    }

    pub fn count(&self, row: usize, column: usize) -> u64 {
        self.counts[row * self.columns.len() + column]
    }

    /// How many rows of data there are.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn row_sums(&self) -> Vec<u64> {
        let rows = self.counts.chunks(self.columns.len());
        rows.map(|row| row.iter().sum()).collect()
    }

    pub fn column_sums(&self) -> Vec<u64> {
        let mut sums = vec![0; self.columns.len()];
        for row in self.counts.chunks(self.columns.len()) {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count;
            }
        }
        sums
    }

    /// Every count that is not zero, with its row and column.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let columns = self.columns.len();
        let cells = self.counts.iter().enumerate();
        cells
            .map(move |(at, &count)| (at / columns, at % columns, count))
            .filter(|&(_, _, count)| count > 0)
    }
}
