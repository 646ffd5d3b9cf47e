//! Spectrograms with the texts that they say, for training.

use candle_core::Tensor;

use super::{MelSpectrogram, Utterance};
use crate::data::{Characters, Padding, pad_sequences};
use crate::train::{Batch, Examples};
use crate::{Error, Result, notebook, ops};

/// Utterances as examples: the inputs are [features](MelSpectrogram::features), `[batch, frames,
/// bands]`, with zeros after the end of shorter ones, where the mask `[batch, frames]` is zero; the
/// targets are the numbers of the texts' characters, `[batch, characters]`, each text followed by
/// [`Characters::END`] and then by [`Characters::PADDING`]. A batch is as long as its longest
/// utterance.
///
/// ```
/// use cuaderno::{data::{Characters, SpokenDigits, Transcribed}, prelude::*};
/// let digits = SpokenDigits::synthetic(20, 10, 6202)?;
/// let characters = Characters::of(digits.train.iter().map(|said| &said.text));
/// let spectrogram = MelSpectrogram::new(8000, 256, 160, 32)?;
/// let train = Transcribed::new(&digits.train, &spectrogram, &characters)?;
/// let batch = train.batch(&[0, 1])?;
/// assert_eq!(batch.inputs.dims()[2], 32);
/// assert!(batch.mask.is_some());
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Transcribed {
    features: Vec<Tensor>,
    targets: Vec<Vec<u32>>,
}

impl Transcribed {
    /// The features and characters of these utterances.
    ///
    /// # Errors
    /// If a sound has another rate than the spectrogram, or a text a character that is not known;
    /// the sentence begins with the number of the utterance.
    pub fn new(
        utterances: &[Utterance],
        spectrogram: &MelSpectrogram,
        characters: &Characters,
    ) -> Result<Self> {
        let mut all = Self {
            features: Vec::with_capacity(utterances.len()),
            targets: Vec::with_capacity(utterances.len()),
        };
        for (number, said) in utterances.iter().enumerate() {
            let at = |error: Error| error.at(format!("utterance {number}"));
            (all.features).push(spectrogram.features(&said.sound).map_err(at)?);
            (all.targets).push(characters.encode(&said.text).map_err(at)?);
        }
        Ok(all)
    }

    /// The features of one utterance alone, `[1, frames, bands]`.
    ///
    /// # Errors
    /// If there is no utterance of this number.
    pub fn features(&self, number: usize) -> Result<Tensor> {
        Ok(self.get(number)?.unsqueeze(0)?)
    }

    fn get(&self, number: usize) -> Result<&Tensor> {
        self.features.get(number).ok_or_else(|| {
            let last = format!("below {}, the number of utterances", self.features.len());
            Error::argument("the number of an utterance", number, last)
        })
    }
}

impl Examples for Transcribed {
    fn len(&self) -> usize {
        self.features.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        notebook::check_stop()?;
        let features: Result<Vec<&Tensor>> = (indices.iter())
            .map(|&number| self.get(number as usize))
            .collect();
        let features = features?;
        let lengths: Vec<usize> = (features.iter())
            .map(|features| features.dims()[0])
            .collect();
        let frames = lengths.iter().copied().max().unwrap_or(0);
        let padded: Result<Vec<Tensor>> = (features.iter().zip(&lengths))
            .map(|(features, length)| Ok(features.pad_with_zeros(0, 0, frames - length)?))
            .collect();
        let of = |&number: &u32| self.targets[number as usize].clone();
        let targets: Vec<Vec<u32>> = indices.iter().map(of).collect();
        let longest = targets.iter().map(Vec::len).max().unwrap_or(0);
        Ok(Batch {
            inputs: Tensor::stack(&padded?, 0)?,
            targets: pad_sequences(&targets, longest, Padding::After)?,
            mask: Some(ops::mask_of_lengths(&lengths, frames)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SpokenDigits;

    #[test]
    fn a_batch_is_as_long_as_its_longest_and_padding_is_masked() {
        let digits = SpokenDigits::synthetic(10, 1, 1).unwrap();
        let characters = Characters::of(digits.train.iter().map(|said| &said.text));
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        let examples = Transcribed::new(&digits.train, &spectrogram, &characters).unwrap();
        let batch = examples.batch(&[3, 4, 7]).unwrap();
        let mask = batch.mask.unwrap().to_vec2::<u8>().unwrap();
        let targets = batch.targets.to_vec2::<u32>().unwrap();
        let mut full = 0;
        for (row, number) in [3usize, 4, 7].into_iter().enumerate() {
            let alone = examples.features(number).unwrap();
            let frames = alone.dims()[1];
            assert!(mask[row][..frames].iter().all(|&on| on == 1));
            assert!(mask[row][frames..].iter().all(|&on| on == 0));
            let found = batch.inputs.get(row).unwrap().narrow(0, 0, frames).unwrap();
            let found = found.to_vec2::<f32>().unwrap();
            assert_eq!(found, alone.get(0).unwrap().to_vec2::<f32>().unwrap());
            assert_eq!(characters.decode(&targets[row]), digits.train[number].text);
            full += usize::from(frames == mask[row].len());
        }
        assert!(full >= 1);
        assert_eq!(*targets[1].last().unwrap(), Characters::PADDING);
        let error = examples.batch(&[10]).unwrap_err().to_string();
        assert!(
            error.contains("10") && error.contains("below 10"),
            "{error}"
        );
    }

    #[test]
    fn an_utterance_that_does_not_fit_is_named_by_its_number() {
        let digits = SpokenDigits::synthetic(3, 1, 1).unwrap();
        let characters = Characters::of(["zero", "one"]);
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        let error = Transcribed::new(&digits.train, &spectrogram, &characters);
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("utterance 2: a character is 't'"),
            "{error}"
        );
    }
}
