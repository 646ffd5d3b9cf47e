//! Lab 08 on recordings of people, from the folder that `CUADERNO_FSDD` names: `recordings` of the
//! Free Spoken Digit Dataset, with its official test recordings.
//!
//! ```sh
//! CUADERNO_FSDD=…/free-spoken-digit-dataset/recordings cargo test --test labs recordings -- --ignored --nocapture
//! ```

use cuaderno::prelude::*;

use crate::speech::{listener, transcripts, word_errors};
use crate::{SEED, trainer};

#[test]
#[ignore = "needs the recordings, and takes up to half an hour"]
fn recordings_of_people_are_understood() -> cuaderno::Result<()> {
    let folder = std::env::var("CUADERNO_FSDD").expect("set CUADERNO_FSDD to the recordings");
    let digits = SpokenDigits::from_folder(folder)?;
    let characters = Characters::of(digits.train.iter().map(|said| &said.text));
    let spectrogram = MelSpectrogram::new(8000, 256, 160, 32)?;
    let train = Transcribed::new(&digits.train, &spectrogram, &characters)?;
    let test = Transcribed::new(&digits.test, &spectrogram, &characters)?;
    let model = listener(&characters, 64, Score::Additive(64), SEED)?;
    let epochs = 40;
    let trainer = trainer(Adam::new(2e-3), epochs, SEED)
        .schedule(Schedule::Cosine {
            epochs,
            minimum: 1e-4,
        })
        .clip_norm(1.0);
    let start = Instant::now();
    let history = trainer.fit(&model, &train, &test)?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let errors = word_errors(&transcripts(&model, &test)?, &digits.test)?;
    println!("{history}\nword errors {errors:.4} after {minutes:.1} minutes of training");
    assert!(errors <= 0.05, "{errors}");
    Ok(())
}
