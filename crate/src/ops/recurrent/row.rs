//! The numbers of a chunk of examples, side by side in vector registers: number `l` of a [`Row`]
//! (a gate, a state) belongs to example `l` of the chunk.

use std::ops::{Add, Mul, Sub};

use pulp::{Simd, bytemuck};

use crate::numerics::lanes::Lanes;

/// The number of registers in a row. Two use each broadcast weight twice, and the accumulators of
/// eight rows fit into the 32 registers of AVX-512.
pub(super) const REGISTERS: usize = 2;

/// One number of every example of a chunk.
pub(super) type Row<S, T> = [<T as Lanes>::Register<S>; REGISTERS];

/// The examples in a chunk.
pub(super) fn width<S: Simd, T: Lanes>() -> usize {
    REGISTERS * T::lanes::<S>()
}

/// The numbers in a row.
#[inline(always)]
pub(super) fn numbers<S: Simd, T: Lanes>(row: &Row<S, T>) -> &[T] {
    bytemuck::cast_slice(row)
}

/// The same, mutably.
#[inline(always)]
pub(super) fn numbers_mut<S: Simd, T: Lanes>(row: &mut Row<S, T>) -> &mut [T] {
    bytemuck::cast_slice_mut(row)
}

/// `values` as rows, one after the other.
#[inline(always)]
pub(super) fn rows<S: Simd, T: Lanes>(values: &[T]) -> &[Row<S, T>] {
    T::registers::<S>(values).as_chunks().0
}

/// The same, mutably.
#[inline(always)]
pub(super) fn rows_mut<S: Simd, T: Lanes>(values: &mut [T]) -> &mut [Row<S, T>] {
    T::registers_mut::<S>(values).as_chunks_mut().0
}

/// A register inside a formula, so that `f * cell + i * g` reads as in a textbook.
pub(super) struct Number<S: Simd, T: Lanes> {
    simd: S,
    register: T::Register<S>,
}

impl<S: Simd, T: Lanes> Clone for Number<S, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Simd, T: Lanes> Copy for Number<S, T> {}

impl<S: Simd, T: Lanes> Number<S, T> {
    #[inline(always)]
    fn with(self, register: T::Register<S>) -> Self {
        Self { register, ..self }
    }

    /// `self * factor + addend`, in one rounding where `S` has the instruction.
    #[inline(always)]
    pub(super) fn mul_add(self, factor: Self, addend: Self) -> Self {
        self.with(T::mul_add(
            self.simd,
            self.register,
            factor.register,
            addend.register,
        ))
    }

    /// `1 - self`
    #[inline(always)]
    pub(super) fn complement(self) -> Self {
        self.with(T::splat(self.simd, T::one())) - self
    }
}

impl<S: Simd, T: Lanes> Add for Number<S, T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(T::plus(self.simd, self.register, other.register))
    }
}

impl<S: Simd, T: Lanes> Sub for Number<S, T> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(T::minus(self.simd, self.register, other.register))
    }
}

impl<S: Simd, T: Lanes> Mul for Number<S, T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(T::times(self.simd, self.register, other.register))
    }
}

/// Applies a formula of `N` numbers with `M` results to `N` rows.
#[inline(always)]
pub(super) fn map<S: Simd, T: Lanes, const N: usize, const M: usize>(
    simd: S,
    rows: [&Row<S, T>; N],
    formula: impl Fn([Number<S, T>; N]) -> [Number<S, T>; M],
) -> [Row<S, T>; M] {
    // Plain loops, because the closures of `array::map` and `from_fn` would be compiled on their
    // own, without the vector instructions.
    let mut results = [zero::<S, T>(simd); M];
    for v in 0..REGISTERS {
        let mut numbers = [Number {
            simd,
            register: rows[0][v],
        }; N];
        for n in 1..N {
            numbers[n].register = rows[n][v];
        }
        let numbers = formula(numbers);
        for m in 0..M {
            results[m][v] = numbers[m].register;
        }
    }
    results
}

/// A row of zeros.
#[inline(always)]
pub(super) fn zero<S: Simd, T: Lanes>(simd: S) -> Row<S, T> {
    [T::splat(simd, T::zero()); REGISTERS]
}

/// `1 / (1 + exp(-x))` of every number.
#[inline(always)]
pub(super) fn sigmoid<S: Simd, T: Lanes>(row: &mut Row<S, T>) {
    for x in numbers_mut::<S, T>(row) {
        *x = x.sigmoid::<S>();
    }
}

/// The hyperbolic tangent of every number.
#[inline(always)]
pub(super) fn tanh<S: Simd, T: Lanes>(row: &mut Row<S, T>) {
    for x in numbers_mut::<S, T>(row) {
        *x = x.tanh::<S>();
    }
}
