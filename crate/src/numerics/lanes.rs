//! Vector registers for f32 and f64 alike, so that each kernel is written once.

use pulp::{Simd, bytemuck::Pod};

use super::float::Float;

/// Element types with vector registers: `T::mul_add(simd, a, b, c)` is one instruction on all the
/// lanes of a register.
pub trait Lanes: Float + Pod {
    /// Neighbouring elements, as many as a register of `S` holds.
    type Register<S: Simd>: Pod;

    /// Elements in a register.
    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Register<S>>() / size_of::<Self>()
    }
    /// A register full of `value`.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Register<S>;
    /// `a + b`
    fn plus<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// `a - b`
    fn minus<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// `a * b`
    fn times<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// `a * b + c`, fused where the level has the instruction.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
    /// The sum of all lanes.
    fn sum<S: Simd>(simd: S, a: Self::Register<S>) -> Self;
    /// `values` as registers; what does not fill one at the end is left out.
    fn registers<S: Simd>(values: &[Self]) -> &[Self::Register<S>];
    /// The same to write to.
    fn registers_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Register<S>];
}

macro_rules! lanes {
    ($float:ident, $register:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident,
     $mul_add:ident, $sum:ident, $registers:ident, $registers_mut:ident) => {
        impl Lanes for $float {
            type Register<S: Simd> = S::$register;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$register {
                simd.$splat(value)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$sub(a, b)
            }
            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: S::$register,
                b: S::$register,
                c: S::$register,
            ) -> S::$register {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$register) -> Self {
                simd.$sum(a)
            }
            #[inline(always)]
            fn registers<S: Simd>(values: &[Self]) -> &[S::$register] {
                S::$registers(values).0
            }
            #[inline(always)]
            fn registers_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$register] {
                S::$registers_mut(values).0
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s,
    as_simd_f32s,
    as_mut_simd_f32s
);
lanes!(
    f64,
    f64s,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
