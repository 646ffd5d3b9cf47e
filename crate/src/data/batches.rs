//! Batches of indices.

use crate::{Error, Result, Seed};

/// An iterator over the indices of a data set, a batch at a time. Every index appears exactly once;
/// the last batch may be smaller.
///
/// ```
/// use cuaderno::data::Batches;
///
/// let batches = Batches::in_order(5, 2)?;
/// assert_eq!(batches.collect::<Vec<_>>(), [vec![0, 1], vec![2, 3], vec![4]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    order: Vec<u32>,
    batch_size: usize,
    next: usize,
}

impl Batches {
    /// The indices `0..examples` in random order, `batch_size` at a time.
    ///
    /// # Errors
    /// If `batch_size` is 0.
    pub fn shuffled(examples: usize, batch_size: usize, seed: impl Seed) -> Result<Self> {
        Self::of(seed.draw(|rng| rng.permutation(examples)), batch_size)
    }

    /// The indices `0..examples` in order, `batch_size` at a time.
    ///
    /// # Errors
    /// If `batch_size` is 0.
    pub fn in_order(examples: usize, batch_size: usize) -> Result<Self> {
        Self::of((0..examples as u32).collect(), batch_size)
    }

    fn of(order: Vec<u32>, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::argument("batch_size", 0, "1 or more"));
        }
        Ok(Self {
            order,
            batch_size,
            next: 0,
        })
    }
}

impl Iterator for Batches {
    type Item = Vec<u32>;

    fn next(&mut self) -> Option<Vec<u32>> {
        let rest = &self.order[self.next..];
        let batch = &rest[..rest.len().min(self.batch_size)];
        self.next += batch.len();
        (!batch.is_empty()).then(|| batch.to_vec())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = (self.order.len() - self.next).div_ceil(self.batch_size);
        (count, Some(count))
    }
}

impl ExactSizeIterator for Batches {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    #[test]
    fn the_seed_decides_the_order() {
        let order = |seed| {
            Batches::shuffled(100, 7, &mut Rng::new(seed))
                .unwrap()
                .flatten()
                .collect::<Vec<_>>()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        assert_ne!(order(1), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_size_of_zero_is_refused() {
        let error = Batches::in_order(5, 0).unwrap_err().to_string();
        assert_eq!(error, "batch_size is 0, but it must be 1 or more.");
        assert!(Batches::shuffled(5, 0, &mut Rng::new(1)).is_err());
    }

    proptest! {
        #[test]
        fn every_index_comes_once_and_only_the_last_batch_is_short(
            examples in 0usize..200,
            batch_size in 1usize..50,
            seed in any::<u64>(),
        ) {
            let batches = Batches::shuffled(examples, batch_size, &mut Rng::new(seed)).unwrap();
            let announced = batches.len();
            let batches: Vec<Vec<u32>> = batches.collect();
            prop_assert_eq!(batches.len(), announced);
            if let Some((last, full)) = batches.split_last() {
                prop_assert!(full.iter().all(|batch| batch.len() == batch_size));
                prop_assert!((1..=batch_size).contains(&last.len()));
            }
            let mut indices = batches.concat();
            indices.sort_unstable();
            prop_assert!(indices.into_iter().eq(0..examples as u32));
        }
    }
}
