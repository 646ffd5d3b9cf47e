//! Losses. Those of probabilities take logits, the numbers before the sigmoid or softmax, which
//! never overflow and keep their digits.

mod bce;
mod categorical_kl;
mod cross_entropy;
mod dice;
mod focal;
mod gaussian_kl;
mod gaussian_nll;
mod huber;
mod l1;
mod mse;
mod mutual_information;
mod pointwise;
mod semi_supervised;
mod weighted_bce;

use candle_core::Tensor;

pub use bce::bce_with_logits;
pub use categorical_kl::categorical_kl;
pub use cross_entropy::{CrossEntropy, cross_entropy};
pub use dice::dice;
pub use focal::focal;
pub use gaussian_kl::gaussian_kl;
pub use gaussian_nll::gaussian_nll;
pub use huber::huber;
pub use l1::l1;
pub use mse::mse;
pub use mutual_information::mutual_information;
pub use semi_supervised::semi_supervised;
pub use weighted_bce::weighted_bce_with_logits;

use crate::{Error, Result};

/// The reduction of the losses of all elements to one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The mean, PyTorch's default. The mean of no elements is an error.
    #[default]
    Mean,
    /// The sum. Divided by the batch size, it is the term to which a variational autoencoder adds
    /// its divergence.
    Sum,
    /// No reduction: a loss for each element or position, in the shape of the targets.
    None,
}

impl Reduction {
    /// Reduces the losses of all elements.
    fn of(self, loss: &'static str, losses: &Tensor) -> Result<Tensor> {
        let scale = self.scale(loss, losses.elem_count())?;
        match self {
            Self::None => Ok(losses.clone()),
            Self::Mean | Self::Sum => Ok((losses.sum_all()? * scale)?),
        }
    }

    /// The factor of the sum over `count` elements.
    fn scale(self, loss: &'static str, count: usize) -> Result<f64> {
        match self {
            Self::Sum | Self::None => Ok(1.0),
            Self::Mean if count > 0 => Ok(1.0 / count as f64),
            Self::Mean => Err(Error::shape(
                loss,
                "there is no element to take the mean of; give a batch of one or more examples.",
            )),
        }
    }
}

fn check_same_shape(
    loss: &'static str,
    (name, x): (&str, &Tensor),
    (other_name, other): (&str, &Tensor),
) -> Result<()> {
    if x.dims() != other.dims() {
        return Err(Error::shape(
            loss,
            format!(
                "the {name} {:?} and the {other_name} {:?} must have one shape.",
                x.dims(),
                other.dims()
            ),
        ));
    }
    if x.dtype() != other.dtype() {
        return Err(Error::argument(
            "the element type",
            format!(
                "{:?} for the {name} and {:?} for the {other_name}",
                x.dtype(),
                other.dtype()
            ),
            "one for both: convert with `.to_dtype(..)?`",
        ));
    }
    Ok(())
}
