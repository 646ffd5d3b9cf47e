//! Writing without a teacher: the likeliest character each time, or a beam of texts.

use candle_core::{D, DType, Device, IndexOp, Tensor};

use super::Seq2Seq;
use crate::data::Characters;
use crate::nn::{Pass, RecurrentState, no_grad};
use crate::{Error, Result, ops};

/// The number of sequences that are read at once.
const BATCH: usize = 100;

/// A text that a [`Seq2Seq`] has written.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The text.
    pub text: String,
    /// The logarithm of its probability, the end included: the sum over its characters.
    pub log_probability: f64,
    /// The weight of each step of the memory for each character, `[characters, steps]`. The last row
    /// is that of the end, if the text has ended.
    pub weights: Tensor,
}

impl Transcript {
    /// The weights of each word, `[words, steps]`: the means of those of its characters.
    ///
    /// # Errors
    /// If the text has no words.
    pub fn words(&self) -> Result<Tensor> {
        let mut words = Vec::new();
        let mut place = 0;
        for word in self.text.split(' ') {
            let length = word.chars().count();
            if length > 0 {
                let rows = self.weights.narrow(0, place, length)?;
                words.push(rows.mean_keepdim(0)?);
            }
            place += length + 1;
        }
        if words.is_empty() {
            return Err(Error::argument(
                "the text of a transcript",
                format!("{:?}", self.text),
                "one with words",
            ));
        }
        Ok(Tensor::cat(&words, 0)?)
    }
}

/// A text in the making.
#[derive(Clone)]
struct Hypothesis {
    ids: Vec<u32>,
    log_probability: f64,
    /// A row for each character, `[1, steps]`.
    weights: Vec<Tensor>,
}

impl Hypothesis {
    fn new() -> Self {
        Self {
            ids: Vec::new(),
            log_probability: 0.0,
            weights: Vec::new(),
        }
    }

    fn has_ended(&self) -> bool {
        self.ids.last() == Some(&Characters::END)
    }

    fn last(&self) -> u32 {
        *self.ids.last().unwrap_or(&Characters::START)
    }

    fn with(&self, id: u32, log_probability: f64, weights: &Tensor) -> Self {
        let mut longer = self.clone();
        longer.ids.push(id);
        longer.log_probability += log_probability;
        longer.weights.push(weights.clone());
        longer
    }

    fn finished(&self, characters: &Characters) -> Result<Transcript> {
        Ok(Transcript {
            text: characters.decode(&self.ids),
            log_probability: self.log_probability,
            weights: Tensor::cat(&self.weights, 0)?,
        })
    }
}

impl Seq2Seq {
    /// Writes what each sequence `[batch, steps, features]` says, taking the likeliest character each
    /// time (*greedy* decoding). Where the mask `[batch, steps]` is zero there is padding. A text
    /// ends where the network says so, at the latest when it has as many characters as there are
    /// steps.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn transcribe(&self, inputs: &Tensor, mask: Option<&Tensor>) -> Result<Vec<Transcript>> {
        let mut all = Vec::new();
        let count = inputs.dims().first().copied().unwrap_or(0);
        for start in (0..count).step_by(BATCH) {
            let rows = |tensor: &Tensor| tensor.narrow(0, start, BATCH.min(count - start));
            let (inputs, mask) = (rows(inputs)?, mask.map(rows).transpose()?);
            all.extend(no_grad(|| self.greedy(&inputs, mask.as_ref()))?);
        }
        Ok(all)
    }

    fn greedy(&self, inputs: &Tensor, mask: Option<&Tensor>) -> Result<Vec<Transcript>> {
        let memory = self.read(inputs, mask, &mut Pass::Evaluate)?;
        let (batch, steps, _) = memory.dims3()?;
        let mut texts = vec![Hypothesis::new(); batch];
        let mut state = None;
        for _ in 0..steps {
            let last: Vec<u32> = texts.iter().map(Hypothesis::last).collect();
            let (scores, weights, after) = self.next(&memory, mask, &last, state.as_ref())?;
            for (row, text) in texts.iter_mut().enumerate() {
                if !text.has_ended() {
                    let (id, log_probability) = best(&scores[row], 1)[0];
                    *text = text.with(id, log_probability, &weights.i(row)?);
                }
            }
            if texts.iter().all(Hypothesis::has_ended) {
                break;
            }
            state = Some(after);
        }
        let characters = self.characters();
        texts.iter().map(|text| text.finished(characters)).collect()
    }

    /// The likeliest texts that a *beam search* finds for one sequence `[1, steps, features]`, the
    /// best first: it goes on with the `width` likeliest beginnings at a time, where greedy decoding
    /// goes on with one. The probabilities of texts are compared as they are, and as every character
    /// makes a text less likely, so longer ones are at a disadvantage.
    ///
    /// # Errors
    /// If the width is 0, the input is not a single sequence, or the shapes do not fit.
    pub fn beam_search(&self, input: &Tensor, width: usize) -> Result<Vec<Transcript>> {
        if width == 0 || input.dims().first() != Some(&1) {
            return Err(Error::argument(
                "what a beam search takes",
                format!("a beam of {width} and an input {:?}", input.dims()),
                "a beam of 1 or more and one sequence, [1, steps, features]",
            ));
        }
        no_grad(|| self.beam(input, width))
    }

    fn beam(&self, input: &Tensor, width: usize) -> Result<Vec<Transcript>> {
        let memory = self.read(input, None, &mut Pass::Evaluate)?;
        let (mut open, mut ended) = (vec![Hypothesis::new()], Vec::new());
        let mut state: Option<RecurrentState> = None;
        for _ in 0..memory.dim(1)? {
            let last: Vec<u32> = open.iter().map(Hypothesis::last).collect();
            let copies = memory.repeat((open.len(), 1, 1))?;
            let (scores, weights, after) = self.next(&copies, None, &last, state.as_ref())?;
            let mut longer = Vec::new();
            for (row, text) in open.iter().enumerate() {
                for (id, log_probability) in best(&scores[row], width) {
                    longer.push((row, text.with(id, log_probability, &weights.i(row)?)));
                }
            }
            likeliest_first(&mut longer, |(_, text)| text.log_probability);
            longer.truncate(width);
            let (done, going_on): (Vec<_>, Vec<_>) =
                longer.into_iter().partition(|(_, text)| text.has_ended());
            ended.extend(done.into_iter().map(|(_, text)| text));
            likeliest_first(&mut ended, |text: &Hypothesis| text.log_probability);
            ended.truncate(width);
            // No open text can become likelier than it is.
            let hopeful = |text: &Hypothesis| {
                ended.len() < width || text.log_probability > ended[width - 1].log_probability
            };
            let going_on: Vec<_> = (going_on.into_iter())
                .filter(|(_, text)| hopeful(text))
                .collect();
            if going_on.is_empty() {
                open.clear();
                break;
            }
            let rows: Vec<u32> = going_on.iter().map(|&(row, _)| row as u32).collect();
            let rows = Tensor::new(rows, &Device::Cpu)?;
            state = Some(RecurrentState {
                hidden: after.hidden.index_select(&rows, 0)?,
                cell: None,
            });
            open = going_on.into_iter().map(|(_, text)| text).collect();
        }
        ended.extend(open);
        likeliest_first(&mut ended, |text| text.log_probability);
        ended.truncate(width);
        let characters = self.characters();
        ended.iter().map(|text| text.finished(characters)).collect()
    }

    /// The logarithms of the probabilities of the next character, `[batch][kinds]`, the weights of
    /// the attention, `[batch, 1, steps]`, and the next state.
    fn next(
        &self,
        memory: &Tensor,
        mask: Option<&Tensor>,
        last: &[u32],
        state: Option<&RecurrentState>,
    ) -> Result<(Vec<Vec<f32>>, Tensor, RecurrentState)> {
        let last = Tensor::new(last, &Device::Cpu)?.unsqueeze(1)?;
        let written = self.write(memory, mask, &last, state)?;
        let scores = ops::log_softmax(&written.logits.squeeze(1)?, D::Minus1)?;
        let scores = scores.to_dtype(DType::F32)?.to_vec2()?;
        Ok((scores, written.weights, written.state))
    }
}

/// The `count` likeliest characters and the logarithms of their probabilities. What is no character
/// is never written: padding and the start.
fn best(scores: &[f32], count: usize) -> Vec<(u32, f64)> {
    let scores = (0u32..).zip(scores.iter().map(|&score| f64::from(score)));
    let mut scores: Vec<_> = scores
        .filter(|(id, _)| ![Characters::PADDING, Characters::START].contains(id))
        .collect();
    likeliest_first(&mut scores, |&(_, score)| score);
    scores.truncate(count);
    scores
}

/// Sorts from the largest; equal ones keep their order.
fn likeliest_first<T>(list: &mut [T], log_probability: impl Fn(&T) -> f64) {
    list.sort_by(|a, b| log_probability(b).total_cmp(&log_probability(a)));
}
