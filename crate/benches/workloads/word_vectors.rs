//! Skip-gram with negative sampling on generated sentences.

use std::collections::HashMap;
use std::path::Path;

use cuaderno::candle_core::safetensors;
use cuaderno::prelude::*;
use cuaderno::{Error, Result};

use crate::Task;

/// The name, as `compare.py` knows it.
pub const NAME: &str = "skip_gram";

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

pub struct WordsAround {
    text: TaggedText,
}

pub fn build() -> Result<WordsAround> {
    let text = TaggedText::generated(10_000, 6202)?;
    Ok(WordsAround { text })
}

impl Task for WordsAround {
    fn least_steps(&self) -> usize {
        1
    }

    /// Five epochs. The figure is the share of weekdays among the six nearest words of each weekday.
    fn step(&mut self) -> Result<f64> {
        let skip_gram = SkipGram::dimensions(32).window(5).min_count(3).seed(6202);
        let vectors = skip_gram.fit(&self.text.lemmas)?;
        let mut days = 0;
        for day in DAYS {
            let nearest = vectors.nearest(day, 6)?;
            days += nearest
                .iter()
                .filter(|(word, _)| DAYS.contains(&&**word))
                .count();
        }
        Ok(days as f64 / 42.0)
    }

    /// The words, one after the other, and the lengths of the sentences.
    fn export(&self, path: &Path) -> Result<()> {
        let words: Vec<&str> = self
            .text
            .lemmas
            .iter()
            .flatten()
            .map(AsRef::as_ref)
            .collect();
        let words = words.join(" ").into_bytes();
        let lengths: Vec<u32> = self
            .text
            .lemmas
            .iter()
            .map(|words| words.len() as u32)
            .collect();
        let tensors = HashMap::from([
            ("words", Tensor::new(words, &Device::Cpu)?),
            ("lengths", Tensor::new(lengths, &Device::Cpu)?),
        ]);
        safetensors::save(&tensors, path).map_err(Error::from)
    }
}
