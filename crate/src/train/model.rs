//! What a trainer needs of a model.

use candle_core::Tensor;

use super::Batch;
use crate::nn::{Parameters, Pass};
use crate::{Error, Result};

/// Something that can be trained: it has parameters and says what it minimises.
pub trait Model {
    /// The parameters, in a fixed order.
    fn parameters(&self) -> Parameters;

    /// The losses of a batch, each the mean over its examples.
    ///
    /// # Errors
    /// If the batch's shapes do not fit.
    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses>;
}

/// Named numbers that a model computes on a batch. The first is what training minimises; the
/// others (its parts, or metrics) are shown and recorded under their names.
///
/// ```
/// use cuaderno::prelude::*;
/// let (reconstruction, kl) = (Tensor::new(90f32, &Device::Cpu)?, Tensor::new(7f32, &Device::Cpu)?);
/// let losses = Losses::new("loss", (&reconstruction + &kl)?)
///     .with("r_loss", reconstruction)
///     .with("kl", kl);
/// assert_eq!(losses.value("loss")?, 97.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Losses(Vec<(String, Tensor)>);

impl Losses {
    /// What is minimised: a scalar.
    pub fn new(name: &str, loss: Tensor) -> Self {
        Self(vec![(name.to_owned(), loss)])
    }

    /// Adds a part or a metric: a scalar.
    pub fn with(mut self, name: &str, value: Tensor) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    /// The number under a name.
    ///
    /// # Errors
    /// If there is no such part, which the sentence tells with those there are, or it is not a
    /// single number.
    pub fn value(&self, name: &str) -> Result<f64> {
        let values = self.values()?;
        let found = values.iter().find(|(part, _)| *part == name);
        found.map(|&(_, value)| value).ok_or_else(|| {
            let parts: Vec<&str> = values.iter().map(|&(part, _)| part).collect();
            Error::argument(
                "the part of the losses",
                name,
                format!("one of: {}", parts.join(", ")),
            )
        })
    }

    /// The first part.
    pub fn minimised(&self) -> &Tensor {
        &self.0[0].1
    }

    /// Names and values in order.
    ///
    /// # Errors
    /// If a part is not a single number.
    pub fn values(&self) -> Result<Vec<(&str, f64)>> {
        let value = |(name, tensor): &'_ (String, Tensor)| {
            if tensor.elem_count() != 1 {
                return Err(Error::shape(
                    "losses",
                    format!(
                        "{name:?} is {:?}, but a loss is one number: take the mean over the batch.",
                        tensor.dims()
                    ),
                ));
            }
            let scalar = tensor.flatten_all()?.to_dtype(candle_core::DType::F64)?;
            Ok(scalar.to_vec1::<f64>()?[0])
        };
        let named = self
            .0
            .iter()
            .map(|part| Ok((part.0.as_str(), value(part)?)));
        named.collect()
    }
}
