//! The function that a convolution applies to its sums before writing them, and its gradient.

use crate::numerics::{
    float::Float,
    simd::{Simd, WithSimd},
};

/// The function applied to each sum before it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Epilogue {
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where it is positive, the slope times `x` elsewhere. The slope is not negative, so that
    /// the sign of the result shows the sign of `x`.
    LeakyRelu(f64),
}

impl Epilogue {
    /// Applies it in place.
    #[inline(always)]
    pub fn apply<T: Float>(self, values: &mut [T]) {
        let zero = T::zero();
        // These comparisons are false for NaN, which is kept.
        match self {
            Self::Identity => {}
            Self::Relu => {
                for x in values {
                    *x = if *x < zero { zero } else { *x };
                }
            }
            Self::LeakyRelu(slope) => {
                let slope = T::of(slope);
                for x in values {
                    *x = if *x < zero { *x * slope } else { *x };
                }
            }
        }
    }

    /// The gradient of the sums from the `gradient` of the `results`. As in PyTorch, zero counts as
    /// negative, and a NaN passes the gradient through ReLU and gets the slope in leaky ReLU.
    /// Unlike there, a gradient too small to change a weight counts as zero.
    pub fn backward<T: Float>(self, gradient: &[T], results: &[T]) -> Vec<T> {
        T::dispatch(Mask {
            gradient,
            results,
            epilogue: self,
        })
    }
}

struct Mask<'a, T> {
    gradient: &'a [T],
    results: &'a [T],
    epilogue: Epilogue,
}

impl<T: Float> WithSimd for Mask<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        match self.epilogue {
            Epilogue::Identity => self.gradient.to_vec(),
            Epilogue::Relu => self.map(|g, y| if y <= T::zero() { T::zero() } else { g }),
            Epilogue::LeakyRelu(slope) => {
                let slope = T::of(slope);
                self.map(|g, y| if y > T::zero() { g } else { g * slope })
            }
        }
    }
}

/// By how much a gradient must exceed the smallest normal number, so that its products with weights
/// and inputs are normal, too. In a network that has collapsed the gradients of an encoder get smaller
/// than that, and its steps took three times as long with them. In f32 it is a gradient of 1e-30.
const MARGIN: f64 = 1e8;

impl<T: Float> Mask<'_, T> {
    #[inline(always)]
    fn map(&self, function: impl Fn(T, T) -> T) -> Vec<T> {
        // A loop, because the closure of `collect` would be compiled outside of the kernel.
        let mut masked = self.gradient.to_vec();
        let least = T::MIN_POSITIVE * T::of(MARGIN);
        for (gradient, &result) in masked.iter_mut().zip(self.results) {
            *gradient = function(*gradient, result).zero_below(least);
        }
        masked
    }
}

/// The gradient of a bias: the sum over `gradient`, `[image, channel, position]`, for each channel.
///
pub fn bias_gradient<T: Float>(gradient: &[T], channels: usize, positions: usize) -> Vec<T> {
    let mut total = vec![T::zero(); channels];
    if gradient.is_empty() {
        return total;
    }
    let mut sums = vec![T::zero(); gradient.len() / positions];
    T::dispatch(PlaneSums {
        gradient,
        sums: &mut sums,
        positions,
    });
    for sums in sums.chunks_exact(channels) {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += *sum;
        }
    }
    total
}

struct PlaneSums<'a, T> {
    gradient: &'a [T],
    sums: &'a mut [T],
    positions: usize,
}

impl<T: Float> WithSimd for PlaneSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (sum, plane) in self
            .sums
            .iter_mut()
            .zip(self.gradient.chunks_exact(self.positions))
        {
            let mut lanes = [T::zero(); 32];
            let chunks = plane.chunks_exact(lanes.len());
            for value in chunks.remainder() {
                *sum += *value;
            }
            for chunk in chunks {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += *value;
                }
            }
            for lane in lanes {
                *sum += lane;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gradients_too_small_to_matter_are_zero() {
        let gradient = [
            1e-29f32,
            -1e-29,
            1e-31,
            -1e-40,
            f32::NAN,
            f32::INFINITY,
            0.5,
        ];
        let masked = Epilogue::Relu.backward(&gradient, &[1.0; 7]);
        assert_eq!(masked[..4], [1e-29, -1e-29, 0.0, 0.0]);
        assert!(masked[4].is_nan() && masked[5..] == [f32::INFINITY, 0.5]);
        let masked = Epilogue::LeakyRelu(0.5).backward(&[1e-40f64, 1e-305], &[-1.0; 2]);
        assert_eq!(masked, [5e-41, 0.0]);
    }
}
