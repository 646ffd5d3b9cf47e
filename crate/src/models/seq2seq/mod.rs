//! Sequence to sequence: an encoder reads, a decoder with attention writes.

mod decoding;
mod score;

use candle_core::{D, Tensor};

pub use decoding::Transcript;
pub use score::Score;

use score::Scorer;

use super::class_losses::with_masked_accuracy;
use crate::data::Characters;
use crate::nn::{
    Activation, Dense, Embedding, Gru, Layer, Parameters, Pass, Plan, Recurrent, RecurrentState,
    Sequential,
};
use crate::ops::{self, CrossEntropy};
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Seed};

/// The dimensions of the vectors of characters.
const DIMENSIONS: usize = 16;

/// A network that reads a sequence of vectors, such as the frames of a spectrogram, and writes a
/// text, character by character.
///
/// The encoder makes a *memory* of the sequence, a vector for each step. The decoder is a GRU over
/// the characters so far, which starts from zeros; each of its states attends to the memory, and the
/// next character is predicted from both, `softmax(output · tanh(join · [state, seen]))`, as in Luong et
/// al. 2015. So all that the decoder knows of the sequence comes through the attention, and it can
/// be trained on all characters of a text at once.
///
/// It is trained by *teacher forcing*: before each character the right ones are given, whatever the
/// network would have written. Its losses are the mean cross-entropy of a character, `loss`, and the
/// share of characters that are right, `accuracy`; where a target is [`Characters::PADDING`] it
/// counts in neither.
///
/// ```
/// use cuaderno::{data::Characters, models::{Score, Seq2Seq}, prelude::*};
/// let characters = Characters::of(["one", "two"]);
/// let mut rng = Rng::new(6202);
/// let encoder = Sequential::input(&[50, 32])
///     .then("read", Bidirectional::of(Gru::units(24).return_sequences()))
///     .build(&mut rng)?;
/// let model = Seq2Seq::new(encoder, &characters, 32, Score::Additive(16), &mut rng)?;
/// let sound = rng.normal(0.0, 1.0, &[1, 50, 32])?;
/// let said = model.transcribe(&sound, None)?;
/// assert_eq!(said[0].weights.dims()[1], 50); // for each character, a weight for each step
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Seq2Seq {
    characters: Characters,
    encoder: Sequential,
    embedding: Embedding,
    decoder: Recurrent,
    score: Scorer,
    join: Dense,
    output: Dense,
}

/// What the decoder makes of some characters.
#[derive(Clone, Debug)]
pub struct Written {
    /// The logits of the character after each, `[batch, characters, kinds of characters]`.
    pub logits: Tensor,
    /// The weight of each step of the memory for each character, `[batch, characters, steps]`.
    pub weights: Tensor,
    /// The state of the decoder after the last character.
    pub state: RecurrentState,
}

impl Seq2Seq {
    /// A network of this encoder, which must return sequences, and a decoder of `units` hidden units
    /// that writes `characters`.
    ///
    /// # Errors
    /// If the encoder's output is no sequence `[steps, features]`, or a size is 0.
    pub fn new(
        encoder: Sequential,
        characters: &Characters,
        units: usize,
        score: Score,
        seed: impl Seed,
    ) -> Result<Self> {
        let output = encoder.output_shape(encoder.input_shape())?;
        let &[_, features] = &output[..] else {
            return Err(Error::shape(
                "Seq2Seq",
                format!(
                    "the encoder gives {output:?}, but it must give a sequence, [steps, features]; a recurrent layer does so with `return_sequences()`."
                ),
            ));
        };
        seed.draw(|rng| {
            let kinds = characters.count();
            let gru = Gru::units(units).return_sequences();
            let join = Dense::units(units).activation(Activation::Tanh);
            Ok(Self {
                characters: characters.clone(),
                embedding: Embedding::table(kinds, DIMENSIONS).build(&[1], rng)?,
                decoder: gru.build(&[1, DIMENSIONS], rng)?,
                score: score.build(units, features, rng)?,
                join: join.build(&[units + features], rng)?,
                output: Dense::units(kinds).build(&[units], rng)?,
                encoder,
            })
        })
    }

    /// The memory of a batch of sequences, `[batch, steps, features]`. Where the mask `[batch,
    /// steps]` is zero there is padding.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn read(&self, inputs: &Tensor, mask: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        self.encoder.apply_with_mask(inputs, mask, pass)
    }

    /// What the decoder says after each of the characters `[batch, characters]`, when it has written
    /// those before. It goes on from `state`, or begins.
    ///
    /// # Errors
    /// If the shapes do not fit, or a character has no number.
    pub fn write(
        &self,
        memory: &Tensor,
        mask: Option<&Tensor>,
        characters: &Tensor,
        state: Option<&RecurrentState>,
    ) -> Result<Written> {
        let pass = &mut Pass::Evaluate;
        let vectors = self.embedding.apply(characters, pass)?;
        let (hidden, state) = self.decoder.read(&vectors, state, None)?;
        let seen = self.score.attend(&hidden, memory, mask)?;
        let both = Tensor::cat(&[&hidden, &seen.output], D::Minus1)?;
        let logits = self.output.apply(&self.join.apply(&both, pass)?, pass)?;
        Ok(Written {
            logits,
            weights: seen.weights,
            state,
        })
    }

    /// The characters that it writes.
    pub fn characters(&self) -> &Characters {
        &self.characters
    }

    /// The encoder.
    pub fn encoder(&self) -> &Sequential {
        &self.encoder
    }
}

impl Model for Seq2Seq {
    /// Those of `encoder`, `embedding`, `decoder`, `score`, `join` and `output`.
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("encoder", self.encoder.parameters())
            .nest("embedding", self.embedding.parameters())
            .nest("decoder", self.decoder.parameters())
            .nest("score", self.score.parameters())
            .nest("join", self.join.parameters())
            .nest("output", self.output.parameters())
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let (targets, mask) = (&batch.targets, batch.mask.as_ref());
        let memory = self.read(&batch.inputs, mask, pass)?;
        let length = targets.dim(D::Minus1)?;
        let start = Tensor::full(Characters::START, (batch.len(), 1), targets.device())?;
        let before = match length {
            1 => start,
            _ => Tensor::cat(&[&start, &targets.narrow(1, 0, length - 1)?], 1)?,
        };
        let logits = self.write(&memory, mask, &before, None)?.logits;
        let options = CrossEntropy {
            ignore_index: Some(i64::from(Characters::PADDING)),
            ..CrossEntropy::default()
        };
        let loss = ops::cross_entropy(&logits.transpose(1, 2)?.contiguous()?, targets, &options)?;
        let predicted = logits.detach().argmax(D::Minus1)?;
        with_masked_accuracy(loss, &predicted, targets, &targets.ne(Characters::PADDING)?)
    }
}

#[cfg(test)]
mod tests;
