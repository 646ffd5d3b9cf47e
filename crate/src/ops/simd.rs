//! Which vector instructions the kernels run on: found at run time, one source for all.
//!
//! A kernel is a struct that implements [`WithSimd`]; [`dispatch`] compiles its body once per
//! [`Level`] and calls the one that this machine runs best. Two styles are at home in that body:
//! plain loops over slices, which the compiler vectorises because every function they call is
//! `#[inline(always)]`, and explicit registers (`S::f32s`, `simd.mul_add_e_f32s(..)`).
//!
//! ```
//! use cuaderno::ops::simd::{self, Float, Simd, WithSimd};
//!
//! struct Axpy<'a> {
//!     a: f32,
//!     x: &'a [f32],
//!     y: &'a mut [f32],
//! }
//!
//! impl WithSimd for Axpy<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn with_simd<S: Simd>(self, _: S) {
//!         for (y, &x) in self.y.iter_mut().zip(self.x) {
//!             *y = x.fma::<S>(self.a, *y);
//!         }
//!     }
//! }
//!
//! let mut y = [1.0, 2.0];
//! simd::dispatch(Axpy { a: 2.0, x: &[10.0, 20.0], y: &mut y });
//! assert_eq!(y, [21.0, 42.0]);
//! ```
//!
//! Only what is inlined into the kernel is compiled for the level. `collect`, `extend` and `fold`
//! often are not: a fused multiply-add in their closures then is a library call, fifty times slower.
//! Write `for` loops, and make new buffers with [`map`] and [`zip_map`].
//!
//! The level belongs to the calling thread. A kernel that goes parallel dispatches first, takes
//! its `simd` token into the rayon closure and calls `simd.vectorize(kernel)` there; or it takes
//! [`level`] along and calls [`dispatch_on`].

use std::{cell::Cell, fmt, marker::PhantomData, sync::OnceLock};

use pulp::Arch;
pub use pulp::{Simd, WithSimd};

pub use super::float::Float;
use crate::{Error, Result};

/// A family of vector instructions, slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the target has (SSE2 on x86-64, NEON on ARM), without fused
    /// multiply-add on x86-64.
    Portable,
    /// 256-bit registers and fused multiply-add.
    Avx2,
    /// 512-bit registers, with the feature `avx512`.
    Avx512,
}

impl Level {
    /// All levels, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The best level of this machine.
    pub fn detected() -> Self {
        static DETECTED: OnceLock<Level> = OnceLock::new();
        *DETECTED.get_or_init(|| match Arch::new() {
            #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
            Arch::V4(_) => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => Self::Avx2,
            _ => Self::Portable,
        })
    }

    /// The levels that this machine can run, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|level| *level <= Self::detected())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2 and FMA",
            Self::Avx512 => "AVX-512",
        })
    }
}

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// The level that kernels started by this thread run on.
pub fn level() -> Level {
    FORCED.get().unwrap_or_else(Level::detected)
}

/// Runs this thread's kernels on `level` until the guard is dropped: how tests and benchmarks
/// compare the levels. The GEMM crate chooses its own instructions and is not affected; without this
/// crate's feature `avx512` they are AVX2's at most.
///
/// # Errors
/// If this machine does not have `level`.
pub fn force(level: Level) -> Result<Forced> {
    if level > Level::detected() {
        return Err(Error::argument(
            "the SIMD level",
            level,
            format!("at most {}, the best of this machine", Level::detected()),
        ));
    }
    Ok(Forced {
        previous: FORCED.replace(Some(level)),
        this_thread: PhantomData,
    })
}

/// Restores the previous level of its thread when dropped; see [`force`].
#[must_use = "the level is forced only while the guard lives"]
pub struct Forced {
    previous: Option<Level>,
    this_thread: PhantomData<*const ()>,
}

impl Drop for Forced {
    fn drop(&mut self) {
        FORCED.set(self.previous);
    }
}

/// Runs `kernel` with the instructions of [`level`].
pub fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
    dispatch_on(level(), kernel)
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
/// If the two are not of one length.
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
    // SAFETY: the loop wrote so many values, one after the other, within the capacity.
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
            let _forced = force(level).unwrap();
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

    #[test]
    fn guards_nest() {
        let _outer = force(Level::Portable).unwrap();
        drop(force(Level::detected()).unwrap());
        assert_eq!(level(), Level::Portable);
    }
}
