//! What a trainer needs of a model.

use std::path::Path;

use candle_core::Tensor;

use super::evaluate::measure;
use super::{Batch, Examples, Measure};
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

    /// Its losses over all examples, without training: [`evaluate`](super::evaluate).
    ///
    /// # Errors
    /// If there are no examples or the model fails on a batch.
    fn evaluate(&self, examples: &dyn Examples) -> Result<Vec<Measure>> {
        measure(examples, |batch| {
            Ok(vec![self.losses(batch, &mut Pass::Evaluate)?])
        })
    }

    /// Writes its weights to a safetensors file: [`Parameters::save`].
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let path = std::env::temp_dir().join(format!("doc-weights-{}", std::process::id()));
    /// let vae = |seed| Vae::dense(16, 2, seed);
    /// let (trained, fresh) = (vae(1)?, vae(2)?);
    /// trained.save(&path)?;
    /// fresh.load(&path)?;
    /// let images = Rng::new(3).uniform(0.0, 1.0, &[4, 1, 28, 28])?;
    /// let examples = TensorExamples::new(images.clone(), images)?;
    /// assert_eq!(trained.evaluate(&examples)?, fresh.evaluate(&examples)?);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.parameters().save(path)
    }

    /// Takes its weights from a file: [`Parameters::load`]. The networks are built first, as they
    /// were when the weights were saved.
    ///
    /// # Errors
    /// If the file cannot be read, or is not of such a model.
    fn load(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.parameters().load(path)
    }
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
pub struct Losses {
    parts: Vec<(String, Tensor)>,
    weight: Option<f64>,
}

impl Losses {
    /// What is minimised: a scalar.
    pub fn new(name: &str, loss: Tensor) -> Self {
        Self {
            parts: vec![(name.to_owned(), loss)],
            weight: None,
        }
    }

    /// Adds a part or a metric: a scalar.
    pub fn with(mut self, name: &str, value: Tensor) -> Self {
        self.parts.push((name.to_owned(), value));
        self
    }

    /// How much the batch counts in the means of an epoch: the number of its examples unless told
    /// otherwise. A mean over the words of a padded batch counts by its words, so that the mean of
    /// an epoch is the one over all words.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = Some(weight);
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
        &self.parts[0].1
    }

    /// How much a batch of that many examples counts.
    pub(super) fn weight_of(&self, examples: usize) -> f64 {
        self.weight.unwrap_or(examples as f64)
    }

    /// The same parts under names that begin with `prefix` and a dot.
    pub(super) fn of(mut self, prefix: &str) -> Self {
        for (name, _) in &mut self.parts {
            *name = format!("{prefix}.{name}");
        }
        self
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
            .parts
            .iter()
            .map(|part| Ok((part.0.as_str(), value(part)?)));
        named.collect()
    }
}
