//! Batch normalisation, with the statistics of the batch or the running ones.

mod fused;
mod per_channel;

use candle_core::Tensor;

use self::fused::{BatchNorm, Moments, moments};
use super::{
    fallback,
    layer_norm::{check_epsilon, same_type},
};
use crate::numerics::{float::Float, for_float, storage::Elements};
use crate::{Error, Result};

/// The mean and variance of each channel, `[channels]` each.
#[derive(Clone, Debug)]
pub struct ChannelStatistics {
    /// The mean.
    pub mean: Tensor,
    /// The variance. For a batch it is the unbiased one, as in PyTorch.
    pub variance: Tensor,
}

impl ChannelStatistics {
    /// The running statistics after a training step: `(1 - momentum) * self + momentum * batch`.
    /// PyTorch's default momentum is 0.1; Keras' 0.99 corresponds to 0.01.
    ///
    /// # Errors
    /// If the momentum is not between 0 and 1, or the numbers of channels differ.
    pub fn moved_towards(&self, batch: &Self, momentum: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&momentum) {
            return Err(Error::argument("the momentum", momentum, "between 0 and 1"));
        }
        let mix = |old: &Tensor, new: &Tensor| -> Result<Tensor> {
            if old.dims() != new.dims() {
                return Err(Error::shape(
                    "batch_norm",
                    format!(
                        "the running statistics are {:?}, but those of the batch {:?}; both must \
                         be [channels].",
                        old.dims(),
                        new.dims()
                    ),
                ));
            }
            Ok(((old * (1.0 - momentum))? + (new * momentum)?)?)
        };
        Ok(Self {
            mean: mix(&self.mean, &batch.mean)?,
            variance: mix(&self.variance, &batch.variance)?,
        })
    }
}

/// Batch normalisation in evaluation: `(x - mean) / sqrt(variance + epsilon) * weight + bias` with
/// the given (running) statistics, which get no gradient. `x` is `[batch, channels]`, `[batch,
/// channels, length]` or `[batch, channels, height, width]`; all others are `[channels]`. It is
/// PyTorch's `F.batch_norm` with `training=False`, where `epsilon` is 1e-5 by default.
///
/// # Errors
/// If shapes or element types do not fit, or `epsilon` is negative.
pub fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    statistics: &ChannelStatistics,
    epsilon: f64,
) -> Result<Tensor> {
    let shape = check(x, weight, bias, Some(statistics))?;
    check_epsilon(epsilon)?;
    if !fallback::fused(x) {
        let mean = shape.column(&statistics.mean.detach())?;
        let variance = shape.column(&statistics.variance.detach())?;
        return shape.composed(x, weight, bias, &mean, &variance, epsilon);
    }
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    for_float!(x.dtype(), T => {
        let means: Vec<T> = statistics.mean.to_vec1()?;
        let variances: Vec<T> = statistics.variance.to_vec1()?;
        Ok(x.apply_op3(&weight, &bias, BatchNorm::<T> {
            shape,
            of_batch: false,
            moments: moments(&means, &variances, epsilon),
        })?)
    })
}

/// Batch normalisation in training (Ioffe and Szegedy, 2015): like [`batch_norm`], with the mean
/// and the biased variance of this batch. It also returns these statistics, with the unbiased
/// variance and without gradient, to [update](ChannelStatistics::moved_towards) the running ones.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let x = Tensor::new(&[[1f32], [3.0]], &Device::Cpu)?; // two examples, one channel
/// let (weight, bias) = (Tensor::new(&[1f32], &Device::Cpu)?, Tensor::new(&[0f32], &Device::Cpu)?);
/// let (y, batch) = ops::batch_norm_training(&x, &weight, &bias, 0.0)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0], [1.0]]);
/// assert_eq!(batch.variance.to_vec1::<f32>()?, [2.0]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If shapes or element types do not fit, a channel has fewer than two numbers, or `epsilon` is
/// negative.
pub fn batch_norm_training(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
) -> Result<(Tensor, ChannelStatistics)> {
    let shape = check(x, weight, bias, None)?;
    check_epsilon(epsilon)?;
    let count = shape.batch * shape.inner;
    if count < 2 {
        return Err(Error::shape(
            "batch_norm",
            format!(
                "x {:?} has {count} numbers a channel; in training it takes two or more to have a \
                 variance.",
                x.dims()
            ),
        ));
    }
    let unbiased = count as f64 / (count - 1) as f64;
    if !fallback::fused(x) {
        let over_batch = |x: &Tensor| -> Result<Tensor> {
            let columns = shape.columns(x)?;
            Ok((columns.sum_keepdim(2)?.sum_keepdim(0)? / count as f64)?)
        };
        // On other devices sums are in the element type. What the first mean lost is the mean of
        // the remainder.
        let rough = over_batch(x)?.detach();
        let mean = (&rough + over_batch(&shape.columns(x)?.broadcast_sub(&rough)?)?)?;
        let variance = over_batch(&shape.columns(x)?.broadcast_sub(&mean)?.sqr()?)?;
        let y = shape.composed(x, weight, bias, &mean, &variance, epsilon)?;
        let statistics = ChannelStatistics {
            mean: mean.detach().flatten_all()?,
            variance: (variance.detach().flatten_all()? * unbiased)?,
        };
        return Ok((y, statistics));
    }
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    for_float!(x.dtype(), T => {
        let (means, variances) = T::dispatch(Moments::<T> { shape, x: &Elements::of(&x)? });
        let y = x.apply_op3(&weight, &bias, BatchNorm::<T> {
            shape,
            of_batch: true,
            moments: moments(&means, &variances, epsilon),
        })?;
        let variance = Tensor::from_vec(variances, shape.channels, x.device())?;
        Ok((y, ChannelStatistics {
            mean: Tensor::from_vec(means, shape.channels, x.device())?,
            variance: (variance * unbiased)?,
        }))
    })
}

/// x as `[batch, channels, inner]`.
#[derive(Clone, Copy, Debug)]
struct Channels {
    batch: usize,
    channels: usize,
    inner: usize,
}

fn check(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    statistics: Option<&ChannelStatistics>,
) -> Result<Channels> {
    let (batch, channels, rest) = match x.dims() {
        [batch, channels, rest @ ..] if rest.len() <= 2 => (*batch, *channels, rest),
        dims => {
            return Err(Error::shape(
                "batch_norm",
                format!(
                    "x is {dims:?}, but it must be [batch, channels], [batch, channels, length] \
                     or [batch, channels, height, width]."
                ),
            ));
        }
    };
    let mut parameters = vec![("the weight", weight), ("the bias", bias)];
    if let Some(ChannelStatistics { mean, variance }) = statistics {
        parameters.extend([("the mean", mean), ("the variance", variance)]);
    }
    for (name, tensor) in &parameters {
        if tensor.dims() != [channels] {
            return Err(Error::shape(
                "batch_norm",
                format!(
                    "x {:?} has {channels} channels, but {name} has the shape {:?}; it must be \
                     [{channels}].",
                    x.dims(),
                    tensor.dims()
                ),
            ));
        }
    }
    let tensors: Vec<&Tensor> = parameters.iter().map(|(_, tensor)| *tensor).collect();
    same_type(x, &tensors)?;
    Ok(Channels {
        batch,
        channels,
        inner: rest.iter().product(),
    })
}

impl Channels {
    fn columns(self, x: &Tensor) -> Result<Tensor> {
        Ok(x.reshape((self.batch, self.channels, self.inner))?)
    }

    /// A number for each channel, in a shape that broadcasts.
    fn column(self, numbers: &Tensor) -> Result<Tensor> {
        Ok(numbers.reshape((1, self.channels, 1))?)
    }

    fn composed(
        self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        mean: &Tensor,
        variance: &Tensor,
        epsilon: f64,
    ) -> Result<Tensor> {
        let centred = self.columns(x)?.broadcast_sub(mean)?;
        let normalised = centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?;
        Ok(normalised
            .broadcast_mul(&self.column(weight)?)?
            .broadcast_add(&self.column(bias)?)?
            .reshape(x.shape())?)
    }
}
