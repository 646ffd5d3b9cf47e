//! The two element types of the fused operations: f32 to work with, f64 to check gradients.

use std::ops::Neg;

use candle_core::{CpuStorage, Result, WithDType, backend::BackendStorage, bail};
use pulp::{Scalar, Simd, WithSimd};

use super::{math, simd};

/// `f32` or `f64`, so that a kernel is written once. The methods that take a [`Simd`] type are
/// made for loops inside a kernel run by [`dispatch`](Float::dispatch): `#[inline(always)]`, free of
/// branches, vectorised by the compiler.
///
/// In f32 the transcendental functions are polynomials (see [`math`]); in f64 they are those of the
/// standard library, exact and slow.
pub trait Float: WithDType + Neg<Output = Self> {
    /// Minus infinity, the start of a search for the largest element.
    const NEG_INFINITY: Self;
    /// The smallest positive normal number. Arithmetic with those below, the subnormal ones, takes up
    /// to a hundred times as long.
    const MIN_POSITIVE: Self;

    /// Runs a kernel: in f32 with the instructions of this thread's
    /// [level](super::level::Level::current); in f64, which is there to check gradients, with those that
    /// every machine has. It keeps the crate half as large and half as long to build.
    fn dispatch<K: WithSimd>(kernel: K) -> K::Output;
    /// `self * factor + addend`, in one rounding where `S` has the instruction.
    fn fma<S: Simd>(self, factor: Self, addend: Self) -> Self;
    /// The larger of two numbers; NaN if `self` is NaN.
    fn at_least(self, floor: Self) -> Self;
    /// The smaller of two numbers; NaN if `self` is NaN.
    fn at_most(self, ceiling: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Zero if the magnitude is below `least`; NaN stays.
    fn zero_below(self, least: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e to the power `self`.
    fn exp<S: Simd>(self) -> Self;
    /// `exp(self) - 1` without cancellation near zero.
    fn exp_m1<S: Simd>(self) -> Self;
    /// Natural logarithm of a positive normal number.
    fn ln<S: Simd>(self) -> Self;
    /// `ln(1 + self)` without cancellation near zero, for `self` in `[0, 1]`.
    fn ln_1p<S: Simd>(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh<S: Simd>(self) -> Self;
    /// `1 / (1 + exp(-self))`.
    fn sigmoid<S: Simd>(self) -> Self;
    /// The error function `2 / sqrt(pi) * integral of exp(-t^2) from 0 to self`.
    fn erf<S: Simd>(self) -> Self;

    /// All numbers of a storage, mutably.
    ///
    /// # Errors
    /// If the storage holds another type.
    fn slice_of_mut(storage: &mut CpuStorage) -> Result<&mut [Self]>;

    /// The nearest number to a constant written in f64.
    #[inline(always)]
    fn of(value: f64) -> Self {
        Self::from_f64(value)
    }
}

macro_rules! float {
    ($float:ident, $storage:ident, { $($functions:item)* }) => {
        impl Float for $float {
            const NEG_INFINITY: Self = $float::NEG_INFINITY;
            const MIN_POSITIVE: Self = $float::MIN_POSITIVE;

            #[inline(always)]
            fn fma<S: Simd>(self, factor: Self, addend: Self) -> Self {
                if S::IS_SCALAR {
                    self * factor + addend
                } else {
                    self.mul_add(factor, addend)
                }
            }
            #[inline(always)]
            fn at_least(self, floor: Self) -> Self {
                // One instruction, where the standard `max` must not return NaN.
                if floor > self { floor } else { self }
            }
            #[inline(always)]
            fn at_most(self, ceiling: Self) -> Self {
                if ceiling < self { ceiling } else { self }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            #[inline(always)]
            fn zero_below(self, least: Self) -> Self {
                if $float::abs(self) < least { 0.0 } else { self }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            fn slice_of_mut(storage: &mut CpuStorage) -> Result<&mut [Self]> {
                match storage {
                    CpuStorage::$storage(values) => Ok(values),
                    other => bail!("expected {}, found {:?}", stringify!($float), other.dtype()),
                }
            }
            $($functions)*
        }
    };
}

float!(f32, F32, {
    fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
        simd::dispatch(kernel)
    }
    #[inline(always)]
    fn ln<S: Simd>(self) -> Self {
        math::ln::<S>(self)
    }
    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        math::exp::<S>(self)
    }
    #[inline(always)]
    fn exp_m1<S: Simd>(self) -> Self {
        math::exp_m1::<S>(self)
    }
    #[inline(always)]
    fn ln_1p<S: Simd>(self) -> Self {
        math::ln_1p::<S>(self)
    }
    #[inline(always)]
    fn tanh<S: Simd>(self) -> Self {
        math::tanh::<S>(self)
    }
    #[inline(always)]
    fn sigmoid<S: Simd>(self) -> Self {
        math::sigmoid::<S>(self)
    }
    #[inline(always)]
    fn erf<S: Simd>(self) -> Self {
        math::erf::<S>(self)
    }
});

float!(f64, F64, {
    fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
        Simd::vectorize(Scalar, kernel)
    }
    #[inline(always)]
    fn ln<S: Simd>(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn exp_m1<S: Simd>(self) -> Self {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn ln_1p<S: Simd>(self) -> Self {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn tanh<S: Simd>(self) -> Self {
        f64::tanh(self)
    }
    #[inline(always)]
    fn sigmoid<S: Simd>(self) -> Self {
        // The side on which exp does not overflow.
        let small = f64::exp(-f64::abs(self));
        let upper = 1.0 / (1.0 + small);
        if self >= 0.0 { upper } else { small * upper }
    }
    #[inline(always)]
    fn erf<S: Simd>(self) -> Self {
        candle_core::cpu::erf::erf_f64(self)
    }
});
