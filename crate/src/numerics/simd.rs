//! Vector instructions for kernels, chosen at run time from a single source.
//!
//! A kernel is a struct that implements [`WithSimd`]; [`dispatch`] compiles its body once per
//! [`Level`] and calls the one that this machine runs best. Two styles are at home in that body:
//! plain loops over slices, which the compiler vectorises because every function they call is
//! `#[inline(always)]`, and explicit registers (`S::f32s`, `simd.mul_add_e_f32s(..)`).
//!
//! Only what is inlined into the kernel is compiled for the level. `collect`, `extend` and `fold`
//! often are not: a fused multiply-add in their closures then is a library call, fifty times slower.
//! Write `for` loops, and make new buffers with [`map`] and [`zip_map`].
//!
//! The level belongs to the calling thread. A kernel that goes parallel dispatches first, takes
//! its `simd` token into the rayon closure and calls `simd.vectorize(kernel)` there; or it takes
//! [`Level::current`] along and calls [`dispatch_on`].

pub use pulp::{Simd, WithSimd};

pub use super::float::Float;
use super::level::Level;

/// Runs `kernel` with the instructions of [`Level::current`].
pub fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
    dispatch_on(Level::current(), kernel)
}

/// Runs `kernel` with the instructions of `level`, or with those of every machine where this one
/// does not have it.
pub fn dispatch_on<K: WithSimd>(level: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    match level {
        #[cfg(feature = "avx512")]
        Level::Avx512 => {
            if let Some(simd) = pulp::x86::V4::try_new() {
                return Simd::vectorize(simd, kernel);
            }
        }
        Level::Avx2 => {
            if let Some(simd) = pulp::x86::V3::try_new() {
                return Simd::vectorize(simd, kernel);
            }
        }
        _ => {}
    }
    // `pulp::Scalar` leaves the vectors to the compiler. Its `mul_add_e_*` multiply and add: a
    // fused multiply-add without the instruction is a slow library call.
    Simd::vectorize(pulp::Scalar, kernel)
}

/// A new buffer of `f(x)`, for use inside a kernel.
#[inline(always)]
pub fn map<A: Copy, B>(x: &[A], f: impl Fn(A) -> B) -> Vec<B> {
    let mut values = Vec::with_capacity(x.len());
    append(&mut values, x.iter(), |&x| f(x));
    values
}

/// A new buffer of `f(x, y)`, for use inside a kernel.
///
/// # Panics
/// If their lengths differ.
#[inline(always)]
pub fn zip_map<A: Copy, B: Copy, C>(x: &[A], y: &[B], f: impl Fn(A, B) -> C) -> Vec<C> {
    assert_eq!(x.len(), y.len(), "two buffers that belong together");
    let mut values = Vec::with_capacity(x.len());
    append(&mut values, x.iter().zip(y), |(&x, &y)| f(x, y));
    values
}

/// Appends `f(item)` for each of `items` to a buffer that has room for them, for use inside a
/// kernel.
///
/// # Panics
/// If there is not enough room.
#[inline(always)]
pub fn append<I, C>(
    values: &mut Vec<C>,
    items: impl ExactSizeIterator<Item = I>,
    f: impl Fn(I) -> C,
) {
    let old = values.len();
    let room = &mut values.spare_capacity_mut()[..items.len()];
    let mut written = 0;
    for (value, item) in room.iter_mut().zip(items) {
        value.write(f(item));
        written += 1;
    }
    // SAFETY: the loop wrote `written` values, one after the other, within the capacity.
    unsafe { values.set_len(old + written) }
}

/// The sum of `f(a, b)`: in the element type over short blocks, which the compiler vectorises, and
/// in f64 over the blocks, which keeps the digits of long sums. For use
/// inside a kernel.
#[inline(always)]
pub fn zip_sum<T: Float>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> f64 {
    const BLOCK: usize = 1024;
    const LANES: usize = 32;
    let mut total = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [T::zero(); LANES];
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += f(a, b);
            }
        }
        for lane in lanes {
            total += lane.to_f64();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel as they are written: `y += a * x`.
    struct Axpy<'a> {
        a: f32,
        x: &'a [f32],
        y: &'a mut [f32],
    }

    impl WithSimd for Axpy<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (y, &x) in self.y.iter_mut().zip(self.x) {
                *y = x.fma::<S>(self.a, *y);
            }
        }
    }

    #[test]
    fn a_kernel_runs_on_every_level() {
        for level in Level::available() {
            let (x, mut y) = ([10.0, 20.0], [1.0, 2.0]);
            let kernel = Axpy {
                a: 2.0,
                x: &x,
                y: &mut y,
            };
            dispatch_on(level, kernel);
            assert_eq!(y, [21.0, 42.0], "{level}");
        }
    }

    struct Lanes;

    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }

    #[test]
    fn forcing_a_level_changes_the_width_and_dropping_the_guard_restores_it() {
        let widest = dispatch(Lanes);
        for level in Level::available() {
            let _forced = level.force().unwrap();
            let lanes = match level {
                Level::Portable => 1,
                Level::Avx2 => 8,
                Level::Avx512 => 16,
            };
            assert_eq!(dispatch(Lanes), lanes);
        }
        assert_eq!(dispatch(Lanes), widest);
    }

    #[test]
    fn maps_keep_their_order() {
        assert_eq!(map(&[1, 2, 3], |x| x * x), [1, 4, 9]);
        assert_eq!(
            zip_map(&[1, 2], &[10.0, 20.0], |x, y| f64::from(x) + y),
            [11.0, 22.0]
        );
        assert!(map(&[0u8; 0], |x| x).is_empty());
    }

    #[test]
    fn sums_keep_the_digits_that_f32_would_lose() {
        let ones = vec![1f32; (1 << 24) + 5];
        assert_eq!(zip_sum(&ones, &ones, |x, y| x * y), 16_777_221.0);
    }

    #[test]
    #[should_panic(expected = "belong together")]
    fn maps_of_two_lengths_are_refused() {
        zip_map(&[1, 2], &[1], |x, y| x + y);
    }
}
