//! The best one-to-one pairing of clusters with classes.

/// The column given to each row so that no column is given twice and the sum of `gain` is the
/// largest, for a matrix of `rows <= columns`: the Hungarian algorithm with potentials (Kuhn 1955;
/// Jonker and Volgenant 1987), of cubic cost.
pub(super) fn best_assignment(
    rows: usize,
    columns: usize,
    gain: impl Fn(usize, usize) -> i64,
) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let mut row_potential = vec![0i64; rows];
    // The last column is not one of the matrix: each row starts there and looks for its own.
    let mut column_potential = vec![0i64; columns + 1];
    let mut row_of = vec![NONE; columns + 1];

    for row in 0..rows {
        row_of[columns] = row;
        let mut current = columns;
        let mut slack = vec![i64::MAX; columns];
        let mut came_from = vec![columns; columns];
        let mut visited = vec![false; columns + 1];
        // The shortest path of exchanges that ends in a free column.
        while row_of[current] != NONE {
            visited[current] = true;
            let owner = row_of[current];
            let (mut step, mut next) = (i64::MAX, columns);
            for column in (0..columns).filter(|&column| !visited[column]) {
                let cost = -gain(owner, column);
                let reduced = cost - row_potential[owner] - column_potential[column];
                if reduced < slack[column] {
                    slack[column] = reduced;
                    came_from[column] = current;
                }
                if slack[column] < step {
                    (step, next) = (slack[column], column);
                }
            }
            for column in 0..=columns {
                if visited[column] {
                    row_potential[row_of[column]] += step;
                    column_potential[column] -= step;
                } else if column < columns {
                    slack[column] -= step;
                }
            }
            current = next;
        }
        while current != columns {
            let previous = came_from[current];
            row_of[current] = row_of[previous];
            current = previous;
        }
    }

    let mut column_of = vec![NONE; rows];
    for (column, &row) in row_of[..columns].iter().enumerate() {
        if row != NONE {
            column_of[row] = column;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The largest sum by trying everything.
    fn best_of_all(gains: &[Vec<i64>], taken: &mut Vec<bool>) -> i64 {
        let Some((first, rest)) = gains.split_first() else {
            return 0;
        };
        let mut best = i64::MIN;
        for column in 0..taken.len() {
            if !taken[column] {
                taken[column] = true;
                best = best.max(first[column] + best_of_all(rest, taken));
                taken[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_pairing_gains_more(
            (columns, gains) in (1usize..6).prop_flat_map(|columns| {
                let row = prop::collection::vec(0i64..20, columns);
                (Just(columns), prop::collection::vec(row, 1..=columns))
            }),
        ) {
            let column_of = best_assignment(gains.len(), columns, |r, c| gains[r][c]);
            let mut different = column_of.clone();
            different.sort_unstable();
            different.dedup();
            prop_assert_eq!(different.len(), gains.len());
            let gained: i64 = column_of.iter().zip(&gains).map(|(&c, row)| row[c]).sum();
            prop_assert_eq!(gained, best_of_all(&gains, &mut vec![false; columns]));
        }
    }
}
