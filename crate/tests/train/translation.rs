//! An encoder-decoder with attention, written from public parts alone: it reverses sequences.

use cuaderno::nn::{AdditiveAttention, Parameters, Recurrent, RecurrentState};
use cuaderno::ops::{self, CrossEntropy};
use cuaderno::prelude::*;
use cuaderno::{Result, candle_core::D};

/// 0 is padding, 1 to 8 are words, and every answer begins after 9.
const PADDING: u32 = 0;
const WORDS: usize = 8;
const START: u32 = 9;
const VOCABULARY: usize = 10;
const TIME: usize = 6;

struct Reverser {
    words: cuaderno::nn::Embedding,
    encoder: Recurrent,
    decoder: Recurrent,
    attention: AdditiveAttention,
    output: Dense,
}

impl Reverser {
    fn new(rng: &mut Rng) -> Result<Self> {
        // Too few units to carry six words in a state: the decoder has to look at the encoder's.
        let (features, units) = (16, 16);
        let gru = Gru::units(units).return_sequences();
        Ok(Self {
            words: Embedding::table(VOCABULARY, features).build(&[TIME], rng)?,
            encoder: gru.build(&[TIME, features], rng)?,
            decoder: gru.build(&[TIME, features], rng)?,
            attention: AdditiveAttention::units(24).build(units, units, rng)?,
            output: Dense::units(VOCABULARY).build(&[TIME, 2 * units], rng)?,
        })
    }

    /// What the encoder made of each word, and where it ends.
    fn read(&self, source: &Tensor, mask: &Tensor) -> Result<(Tensor, RecurrentState)> {
        let words = self.words.apply(source, &mut Pass::Evaluate)?;
        self.encoder.read(&words, None, Some(mask))
    }

    /// Logits `[batch, steps, words]` of the word after each of `before` `[batch, steps]`, and the
    /// state after the last.
    fn go_on(
        &self,
        before: &Tensor,
        state: &RecurrentState,
        memory: &Tensor,
        mask: &Tensor,
    ) -> Result<(Tensor, RecurrentState)> {
        let words = self.words.apply(before, &mut Pass::Evaluate)?;
        let (hidden, state) = self.decoder.read(&words, Some(state), None)?;
        let seen = self.attention.attend(&hidden, memory, Some(mask))?.output;
        let features = Tensor::cat(&[hidden, seen], 2)?;
        Ok((self.output.apply(&features, &mut Pass::Evaluate)?, state))
    }

    /// The likeliest word, one after the other, each of which the next depends on.
    fn answer(&self, source: &Tensor) -> Result<Tensor> {
        let mask = source.ne(PADDING)?;
        let (memory, mut state) = self.read(source, &mask)?;
        let mut words = vec![Tensor::full(START, (source.dim(0)?, 1), &Device::Cpu)?];
        for step in 0..TIME {
            let (logits, after) = self.go_on(&words[step], &state, &memory, &mask)?;
            words.push(logits.argmax(D::Minus1)?);
            state = after;
        }
        Ok(Tensor::cat(&words[1..], 1)?)
    }
}

/// Trained with the right word before each, whatever the network would have said: teacher forcing.
impl Model for Reverser {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("words", self.words.parameters())
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
            .nest("attention", self.attention.parameters())
            .nest("output", self.output.parameters())
    }

    fn losses(&self, batch: &Batch, _: &mut Pass) -> Result<Losses> {
        let mask = batch.mask.as_ref().expect("sentences of several lengths");
        let (memory, state) = self.read(&batch.inputs, mask)?;
        let start = Tensor::full(START, (batch.len(), 1), &Device::Cpu)?;
        let before = Tensor::cat(&[start, batch.targets.narrow(1, 0, TIME - 1)?], 1)?;
        let (logits, _) = self.go_on(&before, &state, &memory, mask)?;
        let options = CrossEntropy {
            ignore_index: Some(i64::from(PADDING)),
            ..CrossEntropy::default()
        };
        let loss = ops::cross_entropy(&logits.transpose(1, 2)?, &batch.targets, &options)?;
        let words = mask.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
        Ok(Losses::new("loss", loss).weight(f64::from(words)))
    }
}

/// Sequences of 3 to 6 words, and the same ones backwards.
fn sequences(n: usize, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let length = 3 + rng.below(TIME - 2);
        let words: Vec<u32> = (0..length).map(|_| 1 + rng.below(WORDS) as u32).collect();
        let padding = std::iter::repeat_n(PADDING, TIME - length);
        there.extend(words.iter().copied().chain(padding.clone()));
        back.extend(words.iter().rev().copied().chain(padding));
    }
    let tensor = |words: Vec<u32>| Tensor::from_vec(words, (n, TIME), &Device::Cpu);
    Ok((tensor(there)?, tensor(back)?))
}

#[test]
fn an_encoder_decoder_with_attention_learns_to_reverse() -> Result<()> {
    let rng = &mut Rng::new(6202);
    let (source, target) = sequences(2000, rng)?;
    let mask = source.ne(PADDING)?;
    let examples = TensorExamples::new(source, target)?.masked(mask)?;
    let (new, expected) = sequences(300, rng)?;
    let new_mask = new.ne(PADDING)?;
    let unseen = TensorExamples::new(new.clone(), expected.clone())?.masked(new_mask.clone())?;

    let model = Reverser::new(rng)?;
    let trainer = Trainer::new(Adam::new(5e-3)).epochs(12).seed(6202).quiet();
    let history = trainer.fit(&model, &examples, &unseen)?;
    let words = |tags: &Tensor| masked_select(tags, &new_mask);
    let accuracy = accuracy(&words(&expected)?, &words(&model.answer(&new)?)?)?;
    println!("{accuracy}\n{history}");
    // It is 1. It is 0.89 without the attention, 0.86 if that does not depend on the decoder's state,
    // and 0.85 if no gradient flows through it.
    assert!(accuracy > 0.95, "{accuracy}\n{history}");
    Ok(())
}
