//! The losses of a network that outputs a logit for each class.

use candle_core::{DType, Tensor};

use crate::Result;
use crate::train::Losses;

/// The loss and the accuracy of `logits` `[batch, classes, ..]`. Targets count where the mask, if it
/// has their shape, is not zero. `loss` is given the targets, and the number that stands for those
/// that do not count.
pub(super) fn class_losses(
    logits: &Tensor,
    targets: &Tensor,
    mask: Option<&Tensor>,
    loss: impl FnOnce(&Tensor, Option<i64>) -> Result<Tensor>,
) -> Result<Losses> {
    let predicted = logits.detach().argmax(1)?;
    // A mask of another shape belongs to the inputs alone: it marks words, while each sentence has
    // one class.
    let Some(mask) = mask.filter(|mask| mask.dims() == targets.dims()) else {
        let right = right(&predicted, targets)?.mean_all()?;
        return Ok(Losses::new("loss", loss(targets, None)?).with("accuracy", right));
    };
    let counts = mask.ne(&mask.zeros_like()?)?;
    let loss = loss(&ignore(targets, &counts)?, Some(IGNORED))?;
    with_masked_accuracy(loss, &predicted, targets, &counts)
}

/// A loss, and the accuracy where `counts` is not zero. The batch has the weight of the targets that
/// count.
pub(super) fn with_masked_accuracy(
    loss: Tensor,
    predicted: &Tensor,
    targets: &Tensor,
    counts: &Tensor,
) -> Result<Losses> {
    let counts = counts.to_dtype(DType::F32)?;
    let right = (right(predicted, targets)? * &counts)?.sum_all()?;
    let count = f64::from(counts.sum_all()?.to_scalar::<f32>()?);
    Ok(Losses::new("loss", loss)
        .with("accuracy", (right / count)?)
        .weight(count))
}

/// 1 where the prediction is right, 0 elsewhere.
fn right(predicted: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let right = predicted.to_dtype(targets.dtype())?.eq(targets)?;
    Ok(right.to_dtype(DType::F32)?)
}

/// A target that stands for no class and is ignored.
const IGNORED: i64 = -100;

/// The targets with [`IGNORED`] where `counts` is zero.
fn ignore(targets: &Tensor, counts: &Tensor) -> Result<Tensor> {
    let targets = targets.to_dtype(DType::I64)?;
    let ignored = (targets.zeros_like()? + IGNORED as f64)?;
    Ok(counts.where_cond(&targets, &ignored)?)
}
