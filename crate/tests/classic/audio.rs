//! Mel spectrograms against librosa, error rates of texts against jiwer.

use cuaderno::prelude::*;

use crate::on_every_case;

#[test]
fn mel_spectrograms() {
    on_every_case("audio/mel", |case| {
        let samples: Vec<f32> = case.tensor("sound").to_vec1().unwrap();
        let rate: u32 = case.get("rate");
        let [window, hop, bands] = ["window", "hop", "bands"].map(|name| case.get(name));
        let spectrogram = MelSpectrogram::new(rate, window, hop, bands).unwrap();
        let levels = spectrogram
            .levels(&Sound::new(samples, rate).unwrap())
            .unwrap();
        case.compare("levels", &levels);
    });
}

#[test]
fn error_rates() {
    on_every_case("audio/edits", |case| {
        let (truth, found): (Vec<String>, Vec<String>) = (case.get("truth"), case.get("found"));
        let words = word_error_rate(&truth, &found).unwrap();
        let characters = character_error_rate(&truth, &found).unwrap();
        assert!(
            (words - case.get::<f64>("words")).abs() < 1e-12,
            "{case}: {words}"
        );
        let expected: f64 = case.get("characters");
        assert!(
            (characters - expected).abs() < 1e-12,
            "{case}: {characters}"
        );
    });
}
