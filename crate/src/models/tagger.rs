//! A tag for each word.

use candle_core::{D, DType, Device, Tensor};

use super::class_losses::{class_losses, with_masked_accuracy};
use super::in_batches::in_masked_batches;
use crate::nn::{Layer, Parameter, Parameters, Pass, Sequential, Summary};
use crate::ops::CrossEntropy;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, ops};

/// A network that outputs a logit for each tag of each word, `[batch, time, tags]`, as a recurrent
/// layer that returns sequences and a dense layer do. It is trained on the cross-entropy with the
/// tags `[batch, time]`, or as a conditional random field; its accuracy is recorded as well.
///
/// Where the mask of a batch is zero, recurrent layers skip the step, and its tag counts neither in
/// the loss nor in the accuracy. In the means of an epoch, such a batch has the weight of its words.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = Sequential::input(&[75])
///     .then("vectors", Embedding::table(8169, 32))
///     .then("lstm", Lstm::units(100).return_sequences())
///     .then("tags", Dense::units(18))
///     .build(6202)?;
/// let model = Tagger::new(network)?;
/// let words = Tensor::zeros((4, 75), DType::U32, &Device::Cpu)?;
/// assert_eq!(model.predict(&words)?.dims(), [4, 75]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tagger {
    network: Sequential,
    chain: Option<Chain>,
    loss: CrossEntropy,
}

/// The parameters of a conditional random field besides the emissions: see [`ops::crf_loss`].
#[derive(Clone, Debug)]
struct Chain {
    transitions: Parameter,
    ends: Parameter,
}

impl Tagger {
    /// A tagger around `network`.
    ///
    /// # Errors
    /// If the network does not output `[time, tags]` for an example.
    pub fn new(network: Sequential) -> Result<Self> {
        let output = network.output_shape(network.input_shape())?;
        if output.len() != 2 {
            return Err(Error::shape(
                "Tagger",
                format!(
                    "the network makes {output:?} of a sentence, but it must be [time, tags]: let \
                     the last recurrent layer return all its states, `.return_sequences()`, and end \
                     with `Dense::units(tags)`."
                ),
            ));
        }
        Ok(Self {
            network,
            chain: None,
            loss: CrossEntropy::default(),
        })
    }

    /// Makes the output a conditional random field (Lafferty, McCallum and Pereira 2001; on a
    /// bidirectional LSTM: Huang, Xu and Yu 2015). It has a score for each pair of tags in a
    /// row, all zero at first, and chooses the best sequence of tags as a whole. Its loss is the
    /// negative log-likelihood of a sentence's tags, divided by its words.
    ///
    /// # Errors
    /// Only if candle cannot make the tensors.
    pub fn with_transitions(mut self) -> Result<Self> {
        let output = self.network.output_shape(self.network.input_shape())?;
        let tags = output[1];
        let zeros = |rows: usize| Tensor::zeros((rows, tags), DType::F32, &Device::Cpu);
        self.chain = Some(Chain {
            transitions: Parameter::new(&zeros(tags)?)?,
            ends: Parameter::new(&zeros(2)?)?,
        });
        Ok(self)
    }

    /// Weights the tags in the cross-entropy by these factors, `[tags]`. A conditional random field
    /// has none.
    pub fn class_weights(mut self, weights: &Tensor) -> Self {
        self.loss.class_weights = Some(weights.clone());
        self
    }

    /// The most probable tags, `[batch, time]` of u32. Steps of padding are read like words.
    ///
    /// # Errors
    /// If the words do not fit the network.
    pub fn predict(&self, words: &Tensor) -> Result<Tensor> {
        self.predict_all(words, None)
    }

    /// The most probable tags of sentences with padding where `mask` `[batch, time]` is zero. The
    /// values there are meaningless; `tags.decode(&predicted, &mask)` of a vocabulary leaves them
    /// out.
    ///
    /// # Errors
    /// If the words or the mask do not fit the network.
    pub fn predict_with_mask(&self, words: &Tensor, mask: &Tensor) -> Result<Tensor> {
        self.predict_all(words, Some(mask))
    }

    fn predict_all(&self, words: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        in_masked_batches(words, mask, |words, mask| {
            let logits = (self.network).apply_with_mask(words, mask, &mut Pass::Evaluate)?;
            self.best(&logits, mask)
        })
    }

    fn best(&self, logits: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        match &self.chain {
            None => Ok(logits.argmax(D::Minus1)?),
            Some(chain) => {
                let (transitions, ends) = (chain.transitions.tensor(), chain.ends.tensor());
                ops::crf_decode(&logits.detach(), &transitions, &ends, mask)
            }
        }
    }

    /// The scores of a tag that follows another, `[from, to]`; `None` without a conditional random
    /// field.
    pub fn transitions(&self) -> Option<Tensor> {
        let chain = self.chain.as_ref()?;
        Some(chain.transitions.tensor().detach())
    }

    /// The network.
    pub fn network(&self) -> &Sequential {
        &self.network
    }

    /// A table of the layers, with output shapes and parameter counts.
    ///
    /// # Errors
    /// If a layer does not take the output of the one before.
    pub fn summary(&self) -> Result<Summary> {
        self.network.summary()
    }
}

impl Model for Tagger {
    fn parameters(&self) -> Parameters {
        let network = self.network.parameters();
        match &self.chain {
            None => network,
            Some(chain) => network.nest(
                "chain",
                Parameters::new()
                    .with("transitions", &chain.transitions)
                    .with("ends", &chain.ends),
            ),
        }
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let (targets, mask) = (&batch.targets, batch.mask.as_ref());
        let logits = self.network.apply_with_mask(&batch.inputs, mask, pass)?;
        let Some(chain) = &self.chain else {
            let logits = logits.transpose(1, 2)?;
            return class_losses(&logits, targets, mask, |targets, ignore_index| {
                let options = CrossEntropy {
                    ignore_index,
                    ..self.loss.clone()
                };
                ops::cross_entropy(&logits, targets, &options)
            });
        };
        let (transitions, ends) = (chain.transitions.tensor(), chain.ends.tensor());
        let losses = ops::crf_loss(&logits, &transitions, &ends, targets, mask)?;
        let predicted = self.best(&logits, mask)?;
        let counts = match mask {
            Some(mask) => mask.ne(&mask.zeros_like()?)?,
            None => targets.ones_like()?.to_dtype(DType::U8)?,
        };
        let words = counts.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
        let loss = (losses.sum_all()? / f64::from(words))?;
        with_masked_accuracy(loss, &predicted, targets, &counts)
    }
}
