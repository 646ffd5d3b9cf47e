//! The bound of a model whose label may be missing.

use candle_core::{D, DType, Tensor};

use crate::ops::log_softmax;
use crate::{Error, Result};

/// What each example costs a model that has a cost for each label, in nats (Kingma, Rezende, Mohamed
/// and Welling 2014, equations 6 and 7). Where `labelled` `[batch]` is not zero, it is the cost of its
/// label in `labels` `[batch]` (u32). Elsewhere the label is a guess `q = softmax(logits)`, and the
/// cost is its expectation less the entropy of the guess: `Σ q (cost + ln q)`. `costs` and `logits`
/// are `[batch, classes]`; the result is `[batch]`.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let costs = Tensor::new(&[[3f32, 5.0], [3.0, 5.0]], &Device::Cpu)?;
/// let (labels, labelled) = (Tensor::new(&[1u32, 0], &Device::Cpu)?, Tensor::new(&[1u8, 0], &Device::Cpu)?);
/// let even = costs.zeros_like()?; // a guess of one half each
/// let cost = ops::semi_supervised(&costs, &even, &labels, &labelled)?.to_vec1::<f32>()?;
/// assert_eq!(cost[0], 5.0);
/// assert!((cost[1] - (4.0 - 2f32.ln())).abs() < 1e-6);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, or a label is not below the number of classes.
pub fn semi_supervised(
    costs: &Tensor,
    logits: &Tensor,
    labels: &Tensor,
    labelled: &Tensor,
) -> Result<Tensor> {
    super::check_same_shape("semi_supervised", ("costs", costs), ("logits", logits))?;
    let fit = match (costs.dims(), labels.dims(), labelled.dims()) {
        ([n, _], [of_labels], [of_mask]) => n == of_labels && n == of_mask,
        _ => false,
    };
    if !fit {
        return Err(Error::shape(
            "semi_supervised",
            format!(
                "costs are {:?}, labels {:?} and the mask {:?}; they must be [batch, classes], [batch] \
                 and [batch].",
                costs.dims(),
                labels.dims(),
                labelled.dims()
            ),
        ));
    }
    let log_q = log_softmax(logits, D::Minus1)?;
    let guessed = (log_q.exp()? * (costs + &log_q)?)?.sum(1)?;
    let known = costs.gather(&labels.to_dtype(DType::U32)?.unsqueeze(1)?, 1)?;
    let labelled = labelled.ne(&labelled.zeros_like()?)?;
    Ok(labelled.where_cond(&known.squeeze(1)?, &guessed)?)
}
