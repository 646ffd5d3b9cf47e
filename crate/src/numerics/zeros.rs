//! Buffers that a kernel writes.

use rayon::prelude::*;

use super::float::Float;

/// The number of elements that a thread fills at least: a smaller buffer is filled before another
/// thread has woken up.
const SHARE: usize = 1 << 16;

/// A buffer of `length` zeros, which all threads fill together if it is large.
pub fn zeros<T: Float>(length: usize) -> Vec<T> {
    if length < 2 * SHARE {
        return vec![T::zero(); length];
    }
    rayon::iter::repeat_n(T::zero(), length)
        .with_min_len(SHARE)
        .collect()
}
