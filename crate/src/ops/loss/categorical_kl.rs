//! The divergence of a categorical code from the uniform distribution.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp1, D, Layout, Shape, Tensor};

use crate::numerics::{
    for_float,
    lines::Lines,
    simd::{Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::ops::{
    fallback, log_softmax,
    softmax::{log_probability, log_sum_exp},
};
use crate::{Error, Result};

/// The Kullback-Leibler divergence of `softmax(logits)` from the uniform distribution over its
/// categories, in nats: `Σ q (ln q + ln categories)`. Logits are `[batch, categories]`, or `[batch,
/// variables, categories]` for codes of several variables, whose divergences are added up. The
/// result, `[batch]`, has a number for each example, between 0 and `ln categories` for each
/// variable.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let logits = Tensor::new(&[[0f32, 0.0], [1e4, 0.0]], &Device::Cpu)?;
/// let divergence = ops::categorical_kl(&logits)?.to_vec1::<f32>()?;
/// assert_eq!(divergence[0], 0.0);
/// assert!((divergence[1] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If `logits` has fewer than two dimensions or no categories, or does not hold floats.
pub fn categorical_kl(logits: &Tensor) -> Result<Tensor> {
    let (batch, categories) = match logits.dims() {
        [batch, .., categories] if *categories > 0 => (*batch, *categories),
        other => {
            return Err(Error::shape(
                "categorical_kl",
                format!(
                    "the logits have the shape {other:?}; it must be [batch, categories], with one category or more."
                ),
            ));
        }
    };
    if fallback::fused(logits) {
        return for_float!(logits.dtype(), T => {
            Ok(logits.contiguous()?.apply_op1(CategoricalKl::<T>(PhantomData))?)
        });
    }
    let log_q = log_softmax(logits, D::Minus1)?;
    let q = log_q.exp()?;
    // 0 ln 0 is 0.
    let log_ratio = (&log_q + (categories as f64).ln())?;
    let log_ratio = q.ne(0.0)?.where_cond(&log_ratio, &q)?;
    let terms = (q * log_ratio)?;
    let of_example = terms.elem_count() / batch.max(1);
    Ok(terms.reshape((batch, of_example))?.sum(1)?)
}

struct CategoricalKl<T>(PhantomData<T>);

impl<T: Float> CustomOp1 for CategoricalKl<T> {
    fn name(&self) -> &'static str {
        "categorical_kl"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let batch = layout.dims()[0];
        let lines = last_axis(layout.dims());
        let of_variable = T::dispatch(Divergence {
            lines,
            logits: elements::<T>(logits, layout)?,
        });
        let variables = (lines.count() / batch.max(1)).max(1);
        let examples = of_variable.chunks(variables);
        let sums: Vec<T> = examples
            .map(|variables| variables.iter().fold(T::zero(), |sum, &kl| sum + kl))
            .collect();
        Ok((T::to_cpu_storage_owned(sums), batch.into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        _divergence: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        if !logits.track_op() {
            return Ok(None);
        }
        let gradient = gradient.contiguous()?;
        let values = T::dispatch(Gradient {
            lines: last_axis(logits.dims()),
            logits: &Elements::<T>::of(logits)?,
            gradient: &Elements::<T>::of(&gradient)?,
        });
        Ok(Some(Tensor::from_vec(
            values,
            logits.shape(),
            logits.device(),
        )?))
    }
}

fn last_axis(dims: &[usize]) -> Lines {
    Lines::of(dims, dims.len() - 1)
}

/// The divergence of each variable, given its [`log_sum_exp`].
#[inline(always)]
fn divergences<T: Float, S: Simd>(lines: Lines, logits: &[T], log_sum_exp: &[(T, T)]) -> Vec<T> {
    let ln_categories = T::of((lines.len() as f64).ln());
    lines.sum(logits, logits, log_sum_exp, |x, _, of_line| {
        let log_q = log_probability(x, of_line);
        let q = log_q.exp::<S>();
        // 0 ln 0 is 0.
        if q > T::zero() {
            q * (log_q + ln_categories)
        } else {
            q
        }
    })
}

struct Divergence<'a, T> {
    lines: Lines,
    logits: &'a [T],
}

impl<T: Float> WithSimd for Divergence<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let log_sum_exp = log_sum_exp::<T, S>(self.lines, self.logits);
        divergences::<T, S>(self.lines, self.logits, &log_sum_exp)
    }
}

struct Gradient<'a, T> {
    lines: Lines,
    logits: &'a [T],
    gradient: &'a [T],
}

impl<T: Float> WithSimd for Gradient<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let (lines, logits) = (self.lines, self.logits);
        let log_sum_exp = log_sum_exp::<T, S>(lines, logits);
        let divergences = divergences::<T, S>(lines, logits, &log_sum_exp);
        let variables = (lines.count() / self.gradient.len().max(1)).max(1);
        let ln_categories = T::of((lines.len() as f64).ln());
        let of_line: Vec<_> = (0..lines.count())
            .map(|i| (log_sum_exp[i], divergences[i], self.gradient[i / variables]))
            .collect();
        lines.map(
            logits,
            logits,
            &of_line,
            |x, _, (of_line, divergence, g)| {
                let log_q = log_probability(x, of_line);
                let q = log_q.exp::<S>();
                let slope = q * (log_q + ln_categories - divergence);
                if q > T::zero() { g * slope } else { q }
            },
        )
    }
}
