//! The interface between a trainer and a model.

use std::path::Path;

use candle_core::Tensor;

use super::evaluate::measure;
use super::{Batch, Examples, Measure};
use crate::nn::{Parameters, Pass};
use crate::{Error, Result};

/// A model that can be trained: it has parameters and a loss to minimise.
pub trait Model {
    /// The parameters, in a fixed order.
    fn parameters(&self) -> Parameters;

    /// The losses of a batch, each a mean over its examples.
    ///
    /// # Errors
    /// If the batch's shapes do not fit.
    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses>;

    /// The losses over all examples, without training: see [`evaluate`](super::evaluate).
    ///
    /// # Errors
    /// If there are no examples or the model fails on a batch.
    fn evaluate(&self, examples: &dyn Examples) -> Result<Vec<Measure>> {
        measure(examples, |batch| {
            Ok(vec![self.losses(batch, &mut Pass::Evaluate)?])
        })
    }

    /// Writes the weights to a safetensors file: see [`Parameters::save`].
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

    /// Loads the weights from a file: see [`Parameters::load`]. The model must have been built in
    /// the same way as the saved one.
    ///
    /// # Errors
    /// If the file cannot be read, or its weights do not fit this model.
    fn load(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.parameters().load(path)
    }
}

/// Named numbers that a model computes on a batch. Training minimises the first; the others, such
/// as its parts or metrics, are shown and recorded under their names.
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
    /// Losses with the one to minimise, a scalar.
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

    /// Sets the weight of the batch in the means of an epoch, which by default is the number of its
    /// examples. For losses that are means over the words of a padded batch, give the number of
    /// words; the mean of an epoch is then the mean over all words.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The number with this name.
    ///
    /// # Errors
    /// If there is no such part (the error names those there are), or it is not a single number.
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

    /// The first part, which training minimises.
    pub fn minimised(&self) -> &Tensor {
        &self.parts[0].1
    }

    /// The weight of a batch of `examples` examples.
    pub(super) fn weight_of(&self, examples: usize) -> f64 {
        self.weight.unwrap_or(examples as f64)
    }

    /// The same parts, with `prefix` and a dot before their names.
    pub(super) fn of(mut self, prefix: &str) -> Self {
        for (name, _) in &mut self.parts {
            *name = format!("{prefix}.{name}");
        }
        self
    }

    /// Names and values, in order.
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
