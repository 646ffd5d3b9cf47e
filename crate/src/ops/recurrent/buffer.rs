//! Memory aligned to cache lines, because registers that straddle two lines load at half the speed.

use std::ops::{Deref, DerefMut};

use crate::numerics::simd::Float;

const CACHE_LINE: usize = 64;

/// A slice of numbers, zero at first, aligned to a cache line.
pub(super) struct Buffer<T> {
    memory: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Float> Buffer<T> {
    pub(super) fn zeros(len: usize) -> Self {
        let memory = vec![T::zero(); len + CACHE_LINE / size_of::<T>()];
        let start = memory.as_ptr().align_offset(CACHE_LINE);
        Self { memory, start, len }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_at_a_cache_line_and_is_as_long_as_asked() {
        // Kept alive, so that each has its own address.
        let buffers: Vec<_> = [0, 1, 15, 16, 1000].map(Buffer::<f32>::zeros).into();
        for (buffer, len) in buffers.iter().zip([0, 1, 15, 16, 1000]) {
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().addr() % CACHE_LINE, 0);
        }
    }
}
