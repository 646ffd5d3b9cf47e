//! Lab 08: spoken digits to words, on synthetic voices that no training has heard.

use cuaderno::prelude::*;

use crate::{SEED, trainer};

/// A network for spectrograms of 32 bands.
pub fn listener(
    characters: &Characters,
    units: usize,
    score: Score,
    seed: u64,
) -> cuaderno::Result<Seq2Seq> {
    let mut rng = Rng::new(seed);
    let encoder = Sequential::input(&[100, 32])
        .then(
            "read",
            Bidirectional::of(Gru::units(units).return_sequences()),
        )
        .then("dropout", Dropout::rate(0.2))
        .build(&mut rng)?;
    Seq2Seq::new(encoder, characters, 2 * units, score, &mut rng)
}

/// What the network writes for all examples.
pub fn transcripts(model: &Seq2Seq, examples: &Transcribed) -> cuaderno::Result<Vec<Transcript>> {
    let mut all = Vec::new();
    for start in (0..examples.len() as u32).step_by(100) {
        let numbers: Vec<u32> = (start..examples.len() as u32).take(100).collect();
        let batch = examples.batch(&numbers)?;
        all.extend(model.transcribe(&batch.inputs, batch.mask.as_ref())?);
    }
    Ok(all)
}

pub fn word_errors(said: &[Transcript], utterances: &[Utterance]) -> cuaderno::Result<f64> {
    let truth: Vec<&str> = utterances.iter().map(|said| said.text.as_str()).collect();
    let found: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    word_error_rate(&truth, &found)
}

#[test]
fn unknown_voices_are_understood_and_attention_moves_forward() -> cuaderno::Result<()> {
    let digits = SpokenDigits::synthetic(600, 200, SEED)?;
    let said = SpokenDigits::sequences(&digits.train, 600, 1..=3, SEED)?;
    let test_said = SpokenDigits::sequences(&digits.test, 100, 3..=3, SEED)?;
    let characters = Characters::of(said.iter().map(|said| &said.text));
    let spectrogram = MelSpectrogram::new(8000, 256, 160, 32)?;
    let train = Transcribed::new(&said, &spectrogram, &characters)?;
    let test = Transcribed::new(&test_said, &spectrogram, &characters)?;
    let model = listener(&characters, 32, Score::Additive(32), SEED)?;
    let trainer = trainer(Adam::new(4e-3), 10, SEED).clip_norm(1.0);
    let history = trainer.fit(&model, &train, &test)?;
    let texts = transcripts(&model, &test)?;
    let errors = word_errors(&texts, &test_said)?;
    let forward = forward(&texts)?;
    println!("{history}\nword errors {errors:.3}, attention forward {forward:.3}");
    assert!(errors < 0.1, "{errors}\n{history}");
    // Chance is 0.5.
    assert!(forward > 0.95, "{forward}");
    Ok(())
}

/// How steadily attention moves forward from word to word, over texts of several words.
pub fn forward(texts: &[Transcript]) -> cuaderno::Result<f64> {
    let mut ways = Vec::new();
    for text in texts.iter().filter(|text| text.text.contains(' ')) {
        ways.push(monotonicity(&text.words()?)?);
    }
    Ok(ways.iter().sum::<f64>() / ways.len() as f64)
}
