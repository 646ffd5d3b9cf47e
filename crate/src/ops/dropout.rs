//! Dropout.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::fallback;
use crate::numerics::{
    for_float,
    simd::Float,
    storage::{Elements, elements},
};
use crate::{Error, Result, Rng};

/// Sets each number of `x` to zero with the given probability and divides the others by `1 -
/// probability`, which keeps the expectation ("inverted" dropout: Srivastava et al., 2014). This is
/// for training; in evaluation dropout does nothing.
///
/// The bits depend on the state of `rng` and the shape of `x`, not on the device or the number of
/// threads.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::ones(1000, DType::F32, &Device::Cpu)?;
/// let y = ops::dropout(&x, 0.2, &mut Rng::new(6202))?.to_vec1::<f32>()?;
/// assert!(y.iter().all(|&y| y == 0.0 || y == 1.25));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the probability is not in `[0, 1)`.
pub fn dropout(x: &Tensor, probability: f64, rng: &mut Rng) -> Result<Tensor> {
    if !(0.0..1.0).contains(&probability) {
        return Err(Error::argument(
            "the dropout probability",
            probability,
            "at least 0 and below 1",
        ));
    }
    if probability == 0.0 {
        return Ok(x.clone());
    }
    let chances = rng.uniform(0.0, 1.0, x.dims())?;
    let scale = 1.0 / (1.0 - probability);
    if !fallback::fused(x) {
        let kept = chances.ge(probability as f32)?.to_device(x.device())?;
        return Ok(kept.where_cond(&(x * scale)?, &x.zeros_like()?)?);
    }
    let kept = Elements::<f32>::of(&chances)?
        .iter()
        .map(|&chance| chance >= probability as f32)
        .collect();
    for_float!(x.dtype(), T => Ok(x.contiguous()?.apply_op1(Dropout {
        kept,
        scale: T::of(scale),
    })?))
}

struct Dropout<T> {
    kept: Vec<bool>,
    scale: T,
}

impl<T: Float> Dropout<T> {
    /// Zero, or the number times the scale, for values and gradients alike.
    fn apply(&self, numbers: &[T]) -> Vec<T> {
        let numbers = numbers.iter().zip(&self.kept);
        numbers
            .map(|(&number, &kept)| if kept { number * self.scale } else { T::zero() })
            .collect()
    }
}

impl<T: Float> CustomOp1 for Dropout<T> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = self.apply(elements(x, layout)?);
        Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let gradient = gradient.contiguous()?;
        let values = self.apply(&Elements::of(&gradient)?);
        Ok(Some(Tensor::from_vec(values, x.shape(), x.device())?))
    }
}
