//! Counts of pairs of labels: a class and a cluster, or a truth and a prediction.

use std::collections::BTreeMap;

use crate::metrics::labels::classes_of;

/// How often a class occurs: in truth, as a prediction, and as both at one place.
pub(super) struct ClassCounts {
    pub class: u32,
    pub occurring: u64,
    pub predicted: u64,
    pub right: u64,
}

/// A table of counts with a row for each value of the first labels and a column for each value of
/// the second. With many classes most pairs never occur, so only those that do are stored.
pub(super) struct Contingency {
    pub rows: Vec<u32>,
    pub columns: Vec<u32>,
    counts: BTreeMap<(usize, usize), u64>,
}

impl Contingency {
    /// Counts the pairs of two lists of the same length.
    pub fn of(first: &[u32], second: &[u32]) -> Self {
        let (rows, row_of) = classes_of(first);
        let (columns, column_of) = classes_of(second);
        let mut counts = BTreeMap::new();
        for cell in row_of.into_iter().zip(column_of) {
            *counts.entry(cell).or_default() += 1;
        }
        Self {
            rows,
            columns,
            counts,
        }
    }

    pub fn count(&self, row: usize, column: usize) -> u64 {
        self.counts.get(&(row, column)).copied().unwrap_or(0)
    }

    /// The number of rows of data.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn row_sums(&self) -> Vec<u64> {
        let mut sums = vec![0; self.rows.len()];
        for (row, _, count) in self.cells() {
            sums[row] += count;
        }
        sums
    }

    pub fn column_sums(&self) -> Vec<u64> {
        let mut sums = vec![0; self.columns.len()];
        for (_, column, count) in self.cells() {
            sums[column] += count;
        }
        sums
    }

    /// Every count that is not zero, with its row and column, in the order of rows.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let cells = self.counts.iter();
        cells.map(|(&(row, column), &count)| (row, column, count))
    }

    /// The counts of each class of the rows or the columns, in increasing order, where rows are the
    /// truth and columns predictions.
    pub fn of_each_class(&self) -> Vec<ClassCounts> {
        let (occurring, predicted) = (self.row_sums(), self.column_sums());
        let mut classes = [self.rows.as_slice(), &self.columns].concat();
        classes.sort_unstable();
        classes.dedup();
        let counts = |class| {
            let row = self.rows.binary_search(&class).ok();
            let column = self.columns.binary_search(&class).ok();
            ClassCounts {
                class,
                occurring: row.map_or(0, |row| occurring[row]),
                predicted: column.map_or(0, |column| predicted[column]),
                right: row.zip(column).map_or(0, |(r, c)| self.count(r, c)),
            }
        };
        classes.into_iter().map(counts).collect()
    }
}

/// A part of a whole, or 0 where there is no whole.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
