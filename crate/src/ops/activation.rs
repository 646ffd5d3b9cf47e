//! Activation functions, with the derivatives that PyTorch defines.

use std::{f64::consts, marker::PhantomData};

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::fallback;
use crate::numerics::{
    for_float,
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::{Error, Result};

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const GELU_CUBE: f64 = 0.044_715;

/// A function applied to every number of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// `x` itself.
    #[default]
    Linear,
    /// `max(0, x)`, with derivative 0 at 0 and, as in PyTorch, 1 at NaN.
    Relu,
    /// `min(max(0, x), 6)`, with derivative 0 at 0 and at 6, as in PyTorch (Howard et al. 2017).
    Relu6,
    /// `x` above zero, `negative_slope * x` elsewhere.
    LeakyRelu {
        /// The slope, at least 0. The default is 0.01 in PyTorch and 0.3 in Keras.
        negative_slope: f64,
    },
    /// `x` above zero, `alpha * (exp(x) - 1)` elsewhere (Clevert et al. 2015).
    Elu {
        /// The factor, at least 0. The default is 1 in PyTorch and Keras.
        alpha: f64,
    },
    /// ELU, scaled so that it preserves mean 0 and variance 1 (Klambauer et al. 2017).
    Selu,
    /// `x` times the Gaussian distribution function at `x` (Hendrycks & Gimpel 2016): PyTorch's
    /// default `approximate="none"`.
    Gelu,
    /// The approximation of GELU with tanh: PyTorch's `approximate="tanh"`.
    GeluTanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `2 / (1 + exp(-x)) - 1`, a sigmoid between -1 and 1.
    BipolarSigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `ln(1 + exp(x))`, which never overflows.
    Softplus,
    /// 1 at and above zero, 0 below, as in the perceptron. Its gradient is zero everywhere, so
    /// nothing before it can learn by gradient descent.
    Step,
}

/// A loop over numbers that applies a given function. [`Activation`] chooses the function once,
/// outside the loop.
pub(super) trait Loop<T> {
    type Output;
    fn run(self, f: impl Fn(T) -> T) -> Self::Output;
}

impl Activation {
    /// `activation(x)`, in the shape of `x`.
    ///
    /// ```
    /// use cuaderno::{ops::Activation, prelude::*};
    ///
    /// let x = Tensor::new(&[-1f32, 0.0, 2.0], &Device::Cpu)?;
    /// assert_eq!(Activation::Relu.apply(&x)?.to_vec1::<f32>()?, [0.0, 0.0, 2.0]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a parameter of the activation is out of range, or `x` does not hold floats.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        self.check()?;
        if self == Self::Linear {
            return Ok(x.clone());
        }
        if !fallback::fused(x) {
            return self.composed(x);
        }
        let x = x.contiguous()?;
        for_float!(x.dtype(), T => {
            let op = Apply::<T> { activation: self, element: PhantomData };
            Ok(x.apply_op1(op)?)
        })
    }

    /// # Errors
    /// If a parameter is out of range.
    pub(super) fn check(self) -> Result<()> {
        let (name, value) = match self {
            Self::LeakyRelu { negative_slope } => ("the negative slope", negative_slope),
            Self::Elu { alpha } => ("the alpha of ELU", alpha),
            _ => return Ok(()),
        };
        if value.is_finite() && value >= 0.0 {
            Ok(())
        } else {
            Err(Error::argument(
                name,
                value,
                "a finite number, zero or above",
            ))
        }
    }

    /// Whether the derivative needs the input. Otherwise the output is enough, and a fused layer
    /// need not keep its pre-activations.
    pub(super) fn derivative_needs_input(self) -> bool {
        matches!(self, Self::Gelu | Self::GeluTanh)
    }

    /// Runs `work` with the function.
    #[inline(always)]
    pub(super) fn forward<T: Float, S: Simd, L: Loop<T>>(self, work: L) -> L::Output {
        let (zero, one) = (T::zero(), T::one());
        match self {
            Self::Linear => work.run(|x| x),
            Self::Relu => work.run(|x| x.at_least(zero)),
            Self::Relu6 => {
                let six = T::of(6.0);
                work.run(|x| {
                    let x = x.at_least(zero);
                    if x > six { six } else { x }
                })
            }
            Self::LeakyRelu { negative_slope } => {
                let slope = T::of(negative_slope);
                work.run(|x| if x > zero { x } else { slope * x })
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                work.run(|x| if x > zero { x } else { alpha * x.exp_m1::<S>() })
            }
            Self::Selu => {
                let (scale, alpha) = (T::of(SELU_SCALE), T::of(SELU_SCALE * SELU_ALPHA));
                work.run(|x| {
                    if x > zero {
                        scale * x
                    } else {
                        alpha * x.exp_m1::<S>()
                    }
                })
            }
            Self::Gelu => work.run(|x| {
                let half = T::of(0.5);
                let erf = (x * T::of(consts::FRAC_1_SQRT_2)).erf::<S>();
                x * erf.fma::<S>(half, half)
            }),
            Self::GeluTanh => work.run(|x| x * T::of(0.5) * (one + gelu_argument(x).tanh::<S>())),
            Self::Sigmoid => work.run(|x| x.sigmoid::<S>()),
            Self::BipolarSigmoid => work.run(|x| (x * T::of(0.5)).tanh::<S>()),
            Self::Tanh => work.run(|x| x.tanh::<S>()),
            Self::Softplus => work.run(|x| x.at_least(zero) + (-x.abs()).exp::<S>().ln_1p::<S>()),
            Self::Step => work.run(|x| if x >= zero { one } else { zero }),
        }
    }

    /// Runs `work` with the derivative as a function of the output, or of the input if that is
    /// [needed](Self::derivative_needs_input).
    #[inline(always)]
    pub(super) fn derivative<T: Float, S: Simd, L: Loop<T>>(self, work: L) -> L::Output {
        let (zero, one, half) = (T::zero(), T::one(), T::of(0.5));
        match self {
            Self::Linear => work.run(|_| one),
            Self::Relu => work.run(|y| if y <= zero { zero } else { one }),
            Self::Relu6 => {
                let six = T::of(6.0);
                work.run(|y| if y <= zero || y >= six { zero } else { one })
            }
            Self::LeakyRelu { negative_slope } => {
                let slope = T::of(negative_slope);
                work.run(|y| if y > zero { one } else { slope })
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                work.run(|y| if y > zero { one } else { y + alpha })
            }
            Self::Selu => {
                let (scale, alpha) = (T::of(SELU_SCALE), T::of(SELU_SCALE * SELU_ALPHA));
                work.run(|y| if y > zero { scale } else { y + alpha })
            }
            Self::Gelu => work.run(|x| {
                let erf = (x * T::of(consts::FRAC_1_SQRT_2)).erf::<S>();
                let density = (x * x * -half).exp::<S>() * T::of(DENSITY_AT_0);
                // Far from zero the density is 0, and `x` may be infinite.
                let tail = if density > zero { x * density } else { zero };
                erf.fma::<S>(half, half) + tail
            }),
            Self::GeluTanh => work.run(|x| {
                let tanh = gelu_argument(x).tanh::<S>();
                let slope = T::of(GELU_SCALE) * (one + T::of(3.0 * GELU_CUBE) * x * x);
                let bend = one - tanh * tanh;
                let tail = if bend > zero { x * bend * slope } else { zero };
                half * (one + tanh + tail)
            }),
            Self::Sigmoid => work.run(|y| y * (one - y)),
            Self::BipolarSigmoid => work.run(|y| half * (one - y * y)),
            Self::Tanh => work.run(|y| one - y * y),
            Self::Softplus => work.run(|y| -(-y).exp_m1::<S>()),
            Self::Step => work.run(|_| zero),
        }
    }

    /// The same composed of candle's operations, for any device. It uses only those with the right
    /// gradient at kinks: not `relu` (derivative 1 at 0), `maximum` (1/2) or `gelu` (six digits).
    pub(super) fn composed(self, x: &Tensor) -> Result<Tensor> {
        let positive = x.gt(0.0)?;
        // Zero where `x` is positive, so that the branch not taken cannot overflow.
        let below = || positive.where_cond(&x.zeros_like()?, x);
        let exp_m1 = || below()?.exp()? - 1.0;
        Ok(match self {
            Self::Linear => x.clone(),
            // Not with `positive`, which is false for NaN: NaN has to stay.
            Self::Relu => x.le(0.0)?.where_cond(&x.zeros_like()?, x)?,
            Self::Relu6 => {
                let above = x.le(0.0)?.where_cond(&x.zeros_like()?, x)?;
                x.ge(6.0)?.where_cond(&(x.ones_like()? * 6.0)?, &above)?
            }
            Self::LeakyRelu { negative_slope } => positive.where_cond(x, &(x * negative_slope)?)?,
            Self::Elu { alpha } => positive.where_cond(x, &(exp_m1()? * alpha)?)?,
            Self::Selu => {
                let above = (x * SELU_SCALE)?;
                positive.where_cond(&above, &(exp_m1()? * (SELU_SCALE * SELU_ALPHA))?)?
            }
            Self::Gelu => {
                let erf = (x * consts::FRAC_1_SQRT_2)?.erf()?;
                (x * ((erf + 1.0)? * 0.5)?)?
            }
            Self::GeluTanh => {
                let cube = (x.sqr()? * x)?;
                let tanh = ((x + (cube * GELU_CUBE)?)? * GELU_SCALE)?.tanh()?;
                (x * ((tanh + 1.0)? * 0.5)?)?
            }
            Self::Sigmoid => ((x * 0.5)?.tanh()? + 1.0)?.affine(0.5, 0.0)?,
            Self::BipolarSigmoid => (x * 0.5)?.tanh()?,
            Self::Tanh => x.tanh()?,
            Self::Softplus => {
                let above = positive.where_cond(&x.neg()?, &x.zeros_like()?)?;
                let above = (x + (above.exp()? + 1.0)?.log()?)?;
                positive.where_cond(&above, &(below()?.exp()? + 1.0)?.log()?)?
            }
            Self::Step => {
                let step = x.ge(0.0)?.to_dtype(x.dtype())?;
                // Never `x` itself, which would get a gradient of zeros instead of none.
                x.ones_like()?.gt(0.0)?.where_cond(&step, x)?
            }
        })
    }
}

/// `sqrt(2 / pi)`, and the density of the Gaussian distribution at 0.
const GELU_SCALE: f64 = consts::FRAC_2_SQRT_PI * consts::FRAC_1_SQRT_2;
const DENSITY_AT_0: f64 = GELU_SCALE / 2.0;

#[inline(always)]
fn gelu_argument<T: Float>(x: T) -> T {
    T::of(GELU_SCALE) * (x + T::of(GELU_CUBE) * x * x * x)
}

struct Apply<T> {
    activation: Activation,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp1 for Apply<T> {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = T::dispatch(Forward {
            activation: self.activation,
            x: elements::<T>(x, layout)?,
        });
        Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let saved = if self.activation.derivative_needs_input() {
            x
        } else {
            y
        };
        let gradient = gradient.contiguous()?;
        let values = T::dispatch(Backward {
            activation: self.activation,
            saved: &Elements::<T>::of(saved)?,
            gradient: &Elements::<T>::of(&gradient)?,
        });
        Ok(Some(Tensor::from_vec(values, x.shape(), x.device())?))
    }
}

struct Forward<'a, T> {
    activation: Activation,
    x: &'a [T],
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let activation = self.activation;
        activation.forward::<T, S, _>(self)
    }
}

impl<T: Float> Loop<T> for Forward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn run(self, f: impl Fn(T) -> T) -> Vec<T> {
        simd::map(self.x, f)
    }
}

struct Backward<'a, T> {
    activation: Activation,
    saved: &'a [T],
    gradient: &'a [T],
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let activation = self.activation;
        activation.derivative::<T, S, _>(self)
    }
}

impl<T: Float> Loop<T> for Backward<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn run(self, derivative: impl Fn(T) -> T) -> Vec<T> {
        simd::zip_map(self.saved, self.gradient, |saved, g| g * derivative(saved))
    }
}
