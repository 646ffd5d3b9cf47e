//! Sounds: reading and resampling them, their spectrograms, and spoken digits.

mod mel;
mod sound;
mod spoken_digits;
mod transcribed;
mod voice;
mod wav;

pub use mel::{MelSpectrogram, hz_of_mel, mel_of_hz};
pub use sound::Sound;
pub use spoken_digits::{SpokenDigits, Utterance};
pub use transcribed::Transcribed;
pub use voice::Voice;
