//! Transcendental functions in f32 for vectorised loops: no branches, no calls, no tables.
//!
//! Each is within a few units in the last place of the true value (the tests below state how many)
//! over all of f32, gives the right limits at the infinities and passes NaN on, so that a training
//! that diverges is seen to diverge.

use pulp::Simd;

use super::float::Float;

// ln 2 in two parts: the exponent of a number times the first is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `fma` chains from the highest coefficient down: Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for &coefficient in &coefficients[1..] {
        sum = sum.fma::<S>(x, coefficient);
    }
    sum
}

/// `x = n * ln 2 + r` with whole n and `|r| <= ln(2) / 2`: returns `(2^n, exp(r) - 1)`.
///
/// n stops at 127, where r goes on growing until the product overflows to infinity as it should,
/// and at -127, which stands for a scale of zero.
#[inline(always)]
fn scale_and_exp_m1<S: Simd>(x: f32) -> (f32, f32) {
    // Adding 1.5 * 2^23 rounds to a whole number, left in the low bits of the significand.
    const ROUND: f32 = 12_582_912.0;
    let x = x.at_least(-88.02);
    let shifted = x
        .fma::<S>(std::f32::consts::LOG2_E, ROUND)
        .at_most(ROUND + 127.0);
    let n = shifted - ROUND;
    let r = n.fma::<S>(-LN_2_LOW, n.fma::<S>(-LN_2_HIGH, x));
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);

    // Cephes' expf.
    let tail = polynomial::<S, 6>(
        r,
        [
            1.987_569_2e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            5.000_000_3e-1,
        ],
    );
    (scale, tail.fma::<S>(r * r, r))
}

/// e to the power x. Results below 2^-126 are rounded to zero or to few digits.
#[inline(always)]
pub fn exp<S: Simd>(x: f32) -> f32 {
    let (scale, exp_m1) = scale_and_exp_m1::<S>(x);
    (exp_m1 + 1.0) * scale
}

/// `exp(x) - 1` without cancellation near zero.
#[inline(always)]
pub fn exp_m1<S: Simd>(x: f32) -> f32 {
    let (scale, exp_m1) = scale_and_exp_m1::<S>(x);
    exp_m1.fma::<S>(scale, scale - 1.0)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid<S: Simd>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<S>(-x))
}

/// Hyperbolic tangent, by `exp(-2|x|) - 1`: accurate near zero, where `2 sigmoid(2x) - 1` is not.
#[inline(always)]
pub fn tanh<S: Simd>(x: f32) -> f32 {
    let decay = exp_m1::<S>(-2.0 * x.abs());
    (-decay / (decay + 2.0)).copysign(x)
}

/// `ln(1 + x)` for x in `[0, 1]`: `2 artanh(x / (2 + x))` as a series.
#[inline(always)]
pub fn ln_1p<S: Simd>(x: f32) -> f32 {
    let z = x / (2.0 + x);
    let series = polynomial::<S, 7>(
        z * z,
        [
            2.0 / 13.0,
            2.0 / 11.0,
            2.0 / 9.0,
            2.0 / 7.0,
            2.0 / 5.0,
            2.0 / 3.0,
            2.0,
        ],
    );
    z * series
}

/// Natural logarithm of a positive normal number: x is `m * 2^e` with m around 1.
#[inline(always)]
pub fn ln<S: Simd>(x: f32) -> f32 {
    const ROOT_HALF: u32 = 0x3f35_04f3; // the bits of sqrt(1/2)
    let above = x.to_bits().wrapping_sub(ROOT_HALF);
    let exponent = (above as i32 >> 23) as f32;
    let m = f32::from_bits((above & 0x007f_ffff).wrapping_add(ROOT_HALF)) - 1.0;

    // Cephes' logf.
    let square = m * m;
    let tail = polynomial::<S, 9>(
        m,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let tail = exponent.fma::<S>(LN_2_LOW, tail * m * square);
    let ln = exponent.fma::<S>(LN_2_HIGH, m + square.fma::<S>(-0.5, tail));
    // Infinity and NaN have no m.
    if x < f32::INFINITY { ln } else { x }
}

/// The error function: an odd polynomial near zero and `1 - exp(polynomial)` beyond, both computed
/// and one chosen (minimax coefficients by N. Juffa).
#[inline(always)]
pub fn erf<S: Simd>(x: f32) -> f32 {
    let (size, square) = (x.abs(), x * x);
    let near = polynomial::<S, 6>(
        square,
        [
            -5.967_617e-4,
            4.991_194e-3,
            -2.676_813_5e-2,
            1.128_199_2e-1,
            -3.761_253_4e-1,
            1.283_791_7e-1,
        ],
    );
    let far = polynomial::<S, 7>(
        size,
        [
            -1.728_534_7e-5,
            3.831_971_3e-4,
            -3.883_964_4e-3,
            2.425_462_2e-2,
            -1.067_778_8e-1,
            -6.348_467e-1,
            -1.287_175_1e-1,
        ],
    );
    if size > 0.927_734_4 {
        (1.0 - exp::<S>(far.fma::<S>(size, -size))).copysign(x)
    } else {
        near.fma::<S>(x, x)
    }
}

#[cfg(test)]
mod tests {
    use crate::numerics::{
        level::Level,
        simd::{self, Float, Simd, WithSimd},
    };

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        ExpM1,
        Ln,
        Ln1p,
        Tanh,
        Sigmoid,
        Erf,
    }
    use Function::*;

    struct Apply<'a, T>(Function, &'a mut [T]);

    impl<T: Float> WithSimd for Apply<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for x in self.1 {
                *x = match self.0 {
                    Exp => x.exp::<S>(),
                    ExpM1 => x.exp_m1::<S>(),
                    Ln => x.ln::<S>(),
                    Ln1p => x.ln_1p::<S>(),
                    Tanh => x.tanh::<S>(),
                    Sigmoid => x.sigmoid::<S>(),
                    Erf => x.erf::<S>(),
                };
            }
        }
    }

    fn apply<T: Float>(function: Function, x: &[T]) -> Vec<T> {
        let mut values = x.to_vec();
        simd::dispatch(Apply(function, &mut values));
        values
    }

    /// Every 1009th number of f32, the infinities aside: all magnitudes, both signs.
    fn sweep() -> Vec<f32> {
        (0..u32::MAX)
            .step_by(1009)
            .map(f32::from_bits)
            .filter(|x| x.is_finite())
            .collect()
    }

    /// The largest relative error where the true value is a normal number of f32.
    fn relative_error(function: Function, x: &[f32]) -> f64 {
        let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        let normal = f32::MIN_POSITIVE as f64..f32::MAX as f64;
        let mut worst = 0.0f64;
        for (found, right) in apply(function, x).into_iter().zip(apply(function, &wide)) {
            if normal.contains(&right.abs()) {
                worst = worst.max((found as f64 - right).abs() / right.abs());
            } else if right.abs() < f32::MIN_POSITIVE as f64 {
                assert!(
                    found.abs() <= f32::MIN_POSITIVE,
                    "{function:?}: {found} for {right}"
                );
            }
        }
        worst
    }

    #[test]
    fn every_function_is_accurate_over_all_of_f32_on_every_level() {
        let x = sweep();
        let positive: Vec<f32> = x
            .iter()
            .copied()
            .filter(|x| *x >= f32::MIN_POSITIVE)
            .collect();
        let unit: Vec<f32> = (0..=100_000).map(|i| i as f32 / 1e5).collect();
        for level in Level::available() {
            let _forced = level.force().unwrap();
            for (function, x, bound) in [
                (Exp, &x, 1e-6), // 2e-7 but in the last octave below infinity
                (ExpM1, &x, 1e-6),
                (Ln, &positive, 4e-7),
                (Ln1p, &unit, 3e-7),
                (Tanh, &x, 4e-7),
                (Sigmoid, &x, 4e-7),
                (Erf, &x, 4e-7),
            ] {
                let error = relative_error(function, x);
                assert!(error < bound, "{function:?} on {level}: {error}");
            }
        }
    }

    #[test]
    fn limits_and_nan_are_right() {
        let x = [f32::NEG_INFINITY, -1e4, -0.0, 0.0, 1e4, f32::INFINITY];
        for level in Level::available() {
            let _forced = level.force().unwrap();
            assert_eq!(
                apply(Exp, &x),
                [0.0, 0.0, 1.0, 1.0, f32::INFINITY, f32::INFINITY]
            );
            assert_eq!(apply(ExpM1, &x)[..2], [-1.0, -1.0]);
            assert_eq!(apply(Sigmoid, &x), [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]);
            assert_eq!(apply(Tanh, &x), [-1.0, -1.0, 0.0, 0.0, 1.0, 1.0]);
            assert_eq!(apply(Erf, &x)[1..5], [-1.0, 0.0, 0.0, 1.0]);
            assert_eq!(apply(Ln1p, &[0.0]), [0.0]);
            for function in [Exp, ExpM1, Ln, Ln1p, Tanh, Sigmoid, Erf] {
                assert!(
                    apply(function, &[f32::NAN])[0].is_nan(),
                    "{function:?} on {level}"
                );
            }
        }
    }

    #[test]
    fn avx2_and_avx512_agree_to_the_bit() {
        if Level::detected() < Level::Avx512 {
            return;
        }
        let x = sweep();
        for function in [Exp, ExpM1, Tanh, Sigmoid, Erf] {
            let on = |level: Level| {
                let _forced = level.force().unwrap();
                apply(function, &x)
            };
            assert_eq!(on(Level::Avx2), on(Level::Avx512), "{function:?}");
        }
    }
}
