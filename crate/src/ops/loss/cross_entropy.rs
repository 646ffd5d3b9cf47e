//! Cross-entropy over classes.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};

use super::Reduction;
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

/// Options of [`cross_entropy`]. By default all positions count equally.
///
/// ```
/// use cuaderno::ops::CrossEntropy;
/// let smoothed = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy {
    /// A weight for each class, `[classes]`. The mean divides by the sum of the weights of the
    /// targets.
    pub class_weights: Option<Tensor>,
    /// The target that marks positions, such as padding, that count neither in the loss nor in the
    /// mean. It need not be a class; PyTorch's default is -100, which i64 targets can hold.
    pub ignore_index: Option<i64>,
    /// The fraction of each target that is spread evenly over all classes, from 0 to 1. Targets
    /// such as 0.9 and 0.01 keep a network from becoming overconfident (Szegedy et al., 2016).
    pub label_smoothing: f64,
    /// Mean, sum, or a loss for each position.
    pub reduction: Reduction,
}

/// `-ln softmax(logits)[target]` over all positions. Logits are `[batch, classes]` with targets
/// `[batch]`, or `[batch, classes, d1, ..]` with targets `[batch, d1, ..]`; targets are class
/// numbers. Class weights, ignored positions and label smoothing work as in PyTorch's
/// `cross_entropy`.
///
/// ```
/// use cuaderno::{ops::{self, CrossEntropy}, prelude::*};
///
/// let logits = Tensor::new(&[[0f32, 0.0], [0.0, 1e4]], &Device::Cpu)?;
/// let targets = Tensor::new(&[1u32, 1], &Device::Cpu)?;
/// let loss = ops::cross_entropy(&logits, &targets, &CrossEntropy::default())?;
/// assert!((loss.to_scalar::<f32>()? - 0.5 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, a target is not a class, the label smoothing is not in `[0, 1]`, or
/// there is nothing to take the mean of.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor, options: &CrossEntropy) -> Result<Tensor> {
    let classes = check("cross_entropy", logits, targets, options)?;
    // Every integer type fits into this, so that a target that is not a class is reported as it is.
    let targets = targets
        .to_dtype(DType::I64)?
        .flatten_all()?
        .to_vec1::<i64>()?;
    let weights = position_weights(&targets, classes, options)?;
    let total: f64 = weights.iter().sum();
    let scale = match options.reduction {
        Reduction::Sum | Reduction::None => 1.0,
        Reduction::Mean if total > 0.0 => 1.0 / total,
        Reduction::Mean if total != 0.0 => {
            return Err(Error::argument(
                "the sum of the class weights of all targets",
                total,
                "above 0 to divide by: give every class a weight of 0 or above, or use `Reduction::Sum`",
            ));
        }
        Reduction::Mean => {
            return Err(Error::shape(
                "cross_entropy",
                "there is nothing to take the mean of: the batch is empty, or every target is ignored or has weight 0.",
            ));
        }
    };
    let smoothing = options.label_smoothing;
    if !(0.0..=1.0).contains(&smoothing) {
        return Err(Error::argument("label_smoothing", smoothing, "from 0 to 1"));
    }
    let counted = targets
        .iter()
        .map(|&target| options.ignore_index != Some(target));
    let counted: Vec<u8> = counted.map(u8::from).collect();
    // Where the weight is zero, any class will do.
    let class = |&target: &i64| match usize::try_from(target) {
        Ok(class) if class < classes => class as u32,
        _ => 0,
    };
    let targets: Vec<u32> = targets.iter().map(class).collect();
    if fallback::fused(logits) && smoothing == 0.0 && options.reduction != Reduction::None {
        return for_float!(logits.dtype(), T => {
            let op = Op::<T> {
                targets,
                weights: weights.iter().map(|w| T::of(w * scale)).collect(),
                log_sum_exp: OnceLock::new(),
            };
            Ok(logits.contiguous()?.apply_op1(op)?)
        });
    }
    let mut shape = logits.dims().to_vec();
    shape[1] = 1;
    let targets = Tensor::from_vec(targets, shape.clone(), logits.device())?;
    let weights = Tensor::from_vec(weights, shape, logits.device())?.to_dtype(logits.dtype())?;
    let log_softmax = log_softmax(logits, 1)?;
    let chosen = log_softmax.gather(&targets, 1)?;
    // A loss that does not count is 0, even if it is infinite.
    let chosen = weights
        .ne(0.0)?
        .where_cond(&chosen, &chosen.zeros_like()?)?;
    let mut log_likelihood = (chosen * weights)?;
    if smoothing > 0.0 {
        let counted = Tensor::from_vec(counted, targets.shape(), logits.device())?;
        let even = even_log_likelihood(&log_softmax, options)?;
        let even = counted.where_cond(&even, &even.zeros_like()?)?;
        log_likelihood = ((log_likelihood * (1.0 - smoothing))? + (even * smoothing)?)?;
    }
    let losses = log_likelihood.neg()?.squeeze(1)?;
    match options.reduction {
        Reduction::None => Ok(losses),
        Reduction::Mean | Reduction::Sum => Ok((losses.sum_all()? * scale)?),
    }
}

/// For each position, the mean over all classes of the log-probability times the class weight.
fn even_log_likelihood(log_softmax: &Tensor, options: &CrossEntropy) -> Result<Tensor> {
    let classes = log_softmax.dim(1)?;
    let weighted = match &options.class_weights {
        None => log_softmax.clone(),
        Some(weights) => {
            let mut shape = vec![1; log_softmax.rank()];
            shape[1] = classes;
            let weights = weights
                .to_dtype(log_softmax.dtype())?
                .to_device(log_softmax.device())?;
            log_softmax.broadcast_mul(&weights.reshape(shape)?)?
        }
    };
    Ok((weighted.sum_keepdim(1)? / classes as f64)?)
}

/// The number of classes.
pub(super) fn check(
    loss: &'static str,
    logits: &Tensor,
    targets: &Tensor,
    options: &CrossEntropy,
) -> Result<usize> {
    let expected = match logits.dims() {
        [batch, _, rest @ ..] => Some([&[*batch], rest].concat()),
        _ => None,
    };
    if expected.as_deref() != Some(targets.dims()) {
        return Err(Error::shape(
            loss,
            format!(
                "the logits {:?} do not fit the targets {:?}; they must be [batch, classes, ..] and [batch, ..].",
                logits.dims(),
                targets.dims()
            ),
        ));
    }
    if !targets.dtype().is_int() {
        return Err(Error::argument(
            "the element type of the targets",
            format!("{:?}", targets.dtype()),
            "u32: class numbers, not probabilities",
        ));
    }
    let classes = logits.dims()[1];
    if let Some(weights) = &options.class_weights
        && weights.dims() != [classes]
    {
        return Err(Error::shape(
            loss,
            format!(
                "there are {classes} classes in the logits {:?}, but the class weights have the shape {:?}; it must be [{classes}].",
                logits.dims(),
                weights.dims()
            ),
        ));
    }
    Ok(classes)
}

/// The factor of each position: the class weight of its target, or zero if it is ignored.
pub(super) fn position_weights(
    targets: &[i64],
    classes: usize,
    options: &CrossEntropy,
) -> Result<Vec<f64>> {
    let class_weights = match &options.class_weights {
        Some(weights) => weights.to_dtype(DType::F64)?.to_vec1()?,
        None => vec![1.0; classes],
    };
    let weight = |(position, &target): (usize, &i64)| {
        if options.ignore_index == Some(target) {
            return Ok(0.0);
        }
        let class = usize::try_from(target).ok();
        let weight = class.and_then(|class| class_weights.get(class).copied());
        weight.ok_or_else(|| {
            Error::argument(
                "a target of cross_entropy",
                format!("{target} (position {position})"),
                format!("a class: at least 0 and below {classes}"),
            )
        })
    };
    targets.iter().enumerate().map(weight).collect()
}

struct Op<T> {
    targets: Vec<u32>,
    /// The factor of each position, including that of the reduction.
    weights: Vec<T>,
    /// The results of the forward pass for each position, which the backward pass needs.
    log_sum_exp: OnceLock<Vec<(T, T)>>,
}

impl<T: Float> CustomOp1 for Op<T> {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let lines = Lines::of(layout.dims(), 1);
        let logits = elements::<T>(logits, layout)?;
        let log_sum_exp = self
            .log_sum_exp
            .get_or_init(|| T::dispatch(LogSumExp { lines, logits }));
        let mut loss = 0.0;
        for (line, (&target, &weight)) in self.targets.iter().zip(&self.weights).enumerate() {
            if !weight.is_zero() {
                let logit = logits[lines.position(line, target as usize)];
                loss -= (weight * log_probability(logit, log_sum_exp[line])).to_f64();
            }
        }
        Ok((T::to_cpu_storage_owned(vec![T::of(loss)]), ().into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        _loss: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let Some(log_sum_exp) = self.log_sum_exp.get().filter(|_| logits.track_op()) else {
            return Ok(None);
        };
        let upstream = gradient.to_scalar::<T>()?;
        let lines = Lines::of(logits.dims(), 1);
        let mut values = T::dispatch(Probabilities {
            lines,
            logits: &Elements::<T>::of(logits)?,
            log_sum_exp,
            weights: &self.weights,
            upstream,
        });
        for (line, (&target, &weight)) in self.targets.iter().zip(&self.weights).enumerate() {
            values[lines.position(line, target as usize)] -= upstream * weight;
        }
        Ok(Some(Tensor::from_vec(
            values,
            logits.shape(),
            logits.device(),
        )?))
    }
}

struct LogSumExp<'a, T> {
    lines: Lines,
    logits: &'a [T],
}

impl<T: Float> WithSimd for LogSumExp<'_, T> {
    type Output = Vec<(T, T)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<(T, T)> {
        log_sum_exp::<T, S>(self.lines, self.logits)
    }
}

/// The softmax of each position, times its weight and the incoming gradient.
struct Probabilities<'a, T> {
    lines: Lines,
    logits: &'a [T],
    log_sum_exp: &'a [(T, T)],
    weights: &'a [T],
    upstream: T,
}

impl<T: Float> WithSimd for Probabilities<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let pairs = self.log_sum_exp.iter().zip(self.weights);
        let of_line: Vec<_> = pairs.map(|(&l, &w)| (l, w * self.upstream)).collect();
        self.lines
            .map(self.logits, self.logits, &of_line, |x, _, (l, factor)| {
                log_probability(x, l).exp::<S>() * factor
            })
    }
}
