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
/// If the shapes do not fit, or a label that is known is not a class.
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
    let classes = costs.dims()[1];
    let labelled = labelled.ne(&labelled.zeros_like()?)?;
    let labels = known_labels(labels, &labelled, classes)?;
    let log_q = log_softmax(logits, D::Minus1)?;
    let q = log_q.exp()?;
    let terms = (costs + &log_q)?;
    // 0 ln 0 is 0.
    let terms = q.ne(0.0)?.where_cond(&terms, &q)?;
    let guessed = (q * terms)?.sum(1)?;
    let known = costs.gather(&labels.unsqueeze(1)?, 1)?;
    Ok(labelled.where_cond(&known.squeeze(1)?, &guessed)?)
}

/// The labels as u32, with 0 where there is none.
fn known_labels(labels: &Tensor, labelled: &Tensor, classes: usize) -> Result<Tensor> {
    if !labels.dtype().is_int() {
        return Err(Error::argument(
            "the element type of the labels",
            format!("{:?}", labels.dtype()),
            "u32: class numbers, not probabilities",
        ));
    }
    let known = labelled.to_vec1::<u8>()?;
    let labels: Vec<i64> = labels.to_dtype(DType::I64)?.to_vec1()?;
    let label = |(place, (label, known)): (usize, (i64, u8))| match u32::try_from(label) {
        _ if known == 0 => Ok(0),
        Ok(label) if (label as usize) < classes => Ok(label),
        _ => Err(Error::argument(
            "a label of semi_supervised",
            format!("{label} (example {place})"),
            format!("a class: at least 0 and below {classes}"),
        )),
    };
    let labels = labels.into_iter().zip(known).enumerate().map(label);
    let labels: Vec<u32> = labels.collect::<Result<_>>()?;
    Ok(Tensor::new(labels, labelled.device())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn mask(known: [u8; 2]) -> Tensor {
        Tensor::new(&known, &Device::Cpu).unwrap()
    }

    #[test]
    fn labels_are_classes_where_they_are_known() {
        let costs = Tensor::new(&[[3f32, 5.0], [3.0, 5.0]], &Device::Cpu).unwrap();
        let cost = |labels: &Tensor, known| {
            semi_supervised(&costs, &costs.zeros_like().unwrap(), labels, &mask(known))
        };
        let labels = Tensor::new(&[1i64, -1], &Device::Cpu).unwrap();
        let right: Vec<f32> = cost(&labels, [1, 0]).unwrap().to_vec1().unwrap();
        assert_eq!(right[0], 5.0);
        let error = cost(&labels, [1, 1]).unwrap_err().to_string();
        assert!(error.contains("is -1 (example 1)"), "{error}");
        let third = Tensor::new(&[2u32, 0], &Device::Cpu).unwrap();
        let error = cost(&third, [1, 0]).unwrap_err().to_string();
        assert!(error.contains("below 2"), "{error}");
        let halves = Tensor::new(&[0.5f32, 0.0], &Device::Cpu).unwrap();
        let error = cost(&halves, [1, 0]).unwrap_err().to_string();
        assert!(error.contains("F32"), "{error}");
    }

    #[test]
    fn a_class_that_is_impossible_costs_nothing() {
        let logits = Var::new(&[[0f32, f32::NEG_INFINITY], [0.0, 0.0]], &Device::Cpu).unwrap();
        let costs = Var::new(&[[3f32, 5.0], [3.0, 5.0]], &Device::Cpu).unwrap();
        let labels = Tensor::zeros(2, DType::U32, &Device::Cpu).unwrap();
        let cost = semi_supervised(&costs, &logits, &labels, &mask([0, 0])).unwrap();
        assert_eq!(cost.to_vec1::<f32>().unwrap()[0], 3.0);
        let gradients = cost.sum_all().unwrap().backward().unwrap();
        for variable in [&logits, &costs] {
            let gradient = gradients.get(variable).unwrap().to_vec2::<f32>().unwrap();
            assert!(
                gradient.concat().iter().all(|g| g.is_finite()),
                "{gradient:?}"
            );
        }
    }
}
