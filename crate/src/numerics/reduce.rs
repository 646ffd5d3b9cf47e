//! Sums that the compiler vectorises.

use super::simd::Float;

/// Partial sums: the width of AVX-512, on every level.
const LANES: usize = 16;

/// The number of elements that are added up in their own type before f64 takes over. Summing
/// everything in f32 would lose the digits in which a mean differs from its neighbours.
pub const RUN: usize = 16;

/// The sum of `f(a, b)` over the pairs of two slices of the same length, in an order that depends
/// on the length alone.
#[inline(always)]
pub fn sum<T: Float>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> f64 {
    let mut totals = [0.0; LANES];
    for (a, b) in a.chunks(RUN * LANES).zip(b.chunks(RUN * LANES)) {
        let mut lanes = [T::zero(); LANES];
        let (a_full, a_rest) = a.as_chunks::<LANES>();
        let (b_full, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_full.iter().zip(b_full) {
            for lane in 0..LANES {
                lanes[lane] += f(a[lane], b[lane]);
            }
        }
        for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
            *lane += f(a, b);
        }
        for lane in 0..LANES {
            totals[lane] += lanes[lane].to_f64();
        }
    }
    let mut total = 0.0;
    for lane in totals {
        total += lane;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn every_pair_counts_once() {
        for len in [0, 1, 15, 16, 17, 100, 256, 1000] {
            let a: Vec<f64> = (0..len).map(f64::from).collect();
            let right: f64 = a.iter().map(|a| a * (a + 1.0)).sum();
            assert_eq!(sum(&a, &a, |a, b| a * (b + 1.0)), right, "{len}");
        }
    }

    #[test]
    fn long_sums_keep_the_digits_that_f32_would_lose() {
        let ones = vec![1f32; (1 << 24) + 5];
        assert_eq!(sum(&ones, &ones, |a, b| a * b), 16_777_221.0);
    }
}
