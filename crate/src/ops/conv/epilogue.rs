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

impl<T: Float> Mask<'_, T> {
    #[inline(always)]
    fn map(&self, function: impl Fn(T, T) -> T) -> Vec<T> {
        // A loop, because the closure of `collect` would be compiled outside of the kernel.
        let mut masked = self.gradient.to_vec();
        for (gradient, &result) in masked.iter_mut().zip(self.results) {
            *gradient = function(*gradient, result);
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
