//! Sounds, as samples in memory.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction};

use super::wav;
use crate::notebook::{Contents, show_as_value};
use crate::{Error, Result};

/// The largest number of samples a second that a sound may have; studios use 192,000.
const MOST_SAMPLES_A_SECOND: u32 = 384_000;

/// A sound of one channel: its samples, the pressure of the air from -1 to 1, and how many of them
/// there are in a second. As the value of a cell it is a player.
///
/// ```
/// use cuaderno::data::Sound;
/// // A second of the tone A4.
/// let wave = |n: u32| (std::f32::consts::TAU * 440.0 * n as f32 / 8000.0).sin();
/// let tone = Sound::new((0..8000).map(wave).collect(), 8000)?;
/// assert_eq!(tone.seconds(), 1.0);
/// assert_eq!(tone.resampled(16_000)?.samples().len(), 16_000);
/// assert_eq!(Sound::parse("tone.wav", &tone.to_wav()?)?.rate(), 8000);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Sound {
    samples: Vec<f32>,
    rate: u32,
}

impl Sound {
    /// A sound of these samples, `rate` of them a second.
    ///
    /// # Errors
    /// If there are no samples, one is not finite, or the rate is 0 or above 384,000.
    pub fn new(samples: Vec<f32>, rate: u32) -> Result<Self> {
        check_rate(rate)?;
        if samples.is_empty() {
            let expected = "1 or more";
            return Err(Error::argument(
                "the number of samples of a sound",
                0,
                expected,
            ));
        }
        if let Some(place) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::argument(
                "a sample of a sound",
                format!("{} (number {place})", samples[place]),
                "a finite number, usually from -1 to 1",
            ));
        }
        Ok(Self { samples, rate })
    }

    /// Reads a WAV file of whole numbers of 8 to 32 bits or of 32-bit floats. Several channels
    /// become one, their mean.
    ///
    /// # Errors
    /// If the file cannot be read, is not a WAV file of that kind, ends before the number of
    /// samples that it announces, or has none; the sentence names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    /// Interprets the `bytes` of a whole WAV file; `file` names it in errors.
    ///
    /// # Errors
    /// As for [`Sound::read`].
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        let (samples, rate) = wav::decode(file, bytes)?;
        Self::new(samples, rate).map_err(|error| error.at(file))
    }

    /// The bytes of a WAV file of 16 bits a sample. What is beyond -1 and 1 is cut off.
    ///
    /// # Errors
    /// If the sound is too long for a WAV file, which holds 4 GB.
    pub fn to_wav(&self) -> Result<Vec<u8>> {
        wav::encode(&self.samples, self.rate)
    }

    /// The same sound with another number of samples a second. What the new rate cannot carry,
    /// frequencies above half of it, is filtered out before. It may begin up to two of the new samples
    /// earlier.
    ///
    /// # Errors
    /// If the rate is 0 or above 384,000.
    pub fn resampled(&self, rate: u32) -> Result<Self> {
        check_rate(rate)?;
        if rate == self.rate {
            return Ok(self.clone());
        }
        let wrong = |error: &dyn fmt::Display| {
            Error::argument(
                "the resampling of a sound",
                format!("{} to {rate} Hz ({error})", self.rate),
                "between rates that are less than a factor of 256 apart",
            )
        };
        let count = self.samples.len();
        let input = InterleavedOwned::new_from(self.samples.clone(), 1, count);
        let input = input.map_err(|error| wrong(&error))?;
        let filter = SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2);
        let ratio = f64::from(rate) / f64::from(self.rate);
        let resampler = Async::<f32>::new_sinc(ratio, 1.0, &filter, 1024, 1, FixedAsync::Input);
        let mut resampler = resampler.map_err(|error| wrong(&error))?;
        let output = resampler.process_all(&input, count, None);
        Self::new(output.map_err(|error| wrong(&error))?.take_data(), rate)
    }

    /// One sound after the other, with silence of `pause` seconds between them.
    ///
    /// # Errors
    /// If there are no sounds, their rates differ, or the pause is negative or above a minute.
    pub fn joined(sounds: &[Sound], pause: f64) -> Result<Self> {
        if !(0.0..=60.0).contains(&pause) {
            let expected = "0 to 60 seconds";
            return Err(Error::argument("the pause between sounds", pause, expected));
        }
        let rate = sounds.first().map_or(1, |sound| sound.rate);
        if let Some(other) = sounds.iter().find(|sound| sound.rate != rate) {
            return Err(Error::argument(
                "the rate of a sound to join",
                format!("{} Hz", other.rate),
                format!("{rate} Hz, as of the first; `resampled({rate})` gives it that"),
            ));
        }
        let silence = vec![0.0; (pause * f64::from(rate)).round() as usize];
        let parts: Vec<&[f32]> = sounds.iter().map(Sound::samples).collect();
        Self::new(parts.join(&silence[..]), rate)
    }

    /// The samples, from -1 to 1.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The number of samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How long it takes.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }

    /// Shows a player in a notebook, and where there is none a line of text.
    pub fn evcxr_display(&self) {
        let text = Contents::text(format!("{self:?}"));
        show_as_value(match self.to_wav() {
            Ok(wav) => text.with(
                "text/html",
                format!(
                    "<audio controls src=\"data:audio/wav;base64,{}\">{self:?}</audio>",
                    STANDARD.encode(wav)
                ),
            ),
            Err(_) => text,
        });
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (seconds, count, rate) = (self.seconds(), self.samples.len(), self.rate);
        write!(f, "Sound of {seconds:.2} s, {count} samples at {rate} Hz")
    }
}

fn check_rate(rate: u32) -> Result<()> {
    if (1..=MOST_SAMPLES_A_SECOND).contains(&rate) {
        return Ok(());
    }
    Err(Error::argument(
        "the rate of a sound",
        format!("{rate} Hz"),
        "1 to 384,000 samples a second",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a sine.
    fn tone(frequency: f64, rate: u32) -> Sound {
        let angle = |n: u32| std::f64::consts::TAU * frequency * f64::from(n) / f64::from(rate);
        let samples = (0..rate).map(|n| (0.5 * angle(n).sin()) as f32).collect();
        Sound::new(samples, rate).unwrap()
    }

    /// Amplitude of the sine of this frequency in the middle half second, where the ends are not
    /// felt, and the largest sample of what is left without it.
    fn sine(sound: &Sound, frequency: f64) -> (f64, f64) {
        let rate = sound.rate as usize;
        let angle = |n: usize| std::f64::consts::TAU * frequency * n as f64 / rate as f64;
        let middle = || (rate / 4..3 * rate / 4).map(|n| (angle(n), f64::from(sound.samples[n])));
        let mean = |part: &dyn Fn(f64) -> f64| {
            middle()
                .map(|(angle, x)| 4.0 * x * part(angle))
                .sum::<f64>()
                / rate as f64
        };
        let (a, b) = (mean(&f64::sin), mean(&f64::cos));
        let rest = middle().map(|(angle, x)| (x - a * angle.sin() - b * angle.cos()).abs());
        (a.hypot(b), rest.fold(0.0, f64::max))
    }

    #[test]
    fn a_tone_stays_a_tone_at_another_rate() {
        for (from, to) in [(16_000, 8_000), (8_000, 16_000), (44_100, 8_000)] {
            let resampled = tone(440.0, from).resampled(to).unwrap();
            assert_eq!(resampled.samples.len(), to as usize);
            let (amplitude, rest) = sine(&resampled, 440.0);
            assert!(
                (amplitude - 0.5).abs() < 1e-3,
                "{from} to {to}: {amplitude}"
            );
            assert!(rest < 1e-3, "{from} to {to}: {rest}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_carry_is_gone_and_no_other_tone() {
        // Left out samples alone would make 2 kHz of 6 kHz.
        let resampled = tone(6000.0, 16_000).resampled(8000).unwrap();
        let (amplitude, rest) = sine(&resampled, 2000.0);
        assert!(amplitude < 1e-3 && rest < 1e-3, "{amplitude} {rest}");
    }

    #[test]
    fn sounds_are_joined_with_silence_between() {
        let one = Sound::new(vec![0.5, 0.25], 10).unwrap();
        let joined = Sound::joined(&[one.clone(), one.clone()], 0.2).unwrap();
        assert_eq!(joined.samples(), [0.5, 0.25, 0.0, 0.0, 0.5, 0.25]);
        let error = Sound::joined(&[one, tone(1.0, 8)], 0.0).unwrap_err();
        assert!(error.to_string().contains("`resampled(10)`"), "{error}");
        assert!(Sound::joined(&[], 0.0).is_err());
    }

    #[test]
    fn what_is_no_sound_is_one_sentence() {
        let error =
            |samples: &[f32], rate| Sound::new(samples.to_vec(), rate).unwrap_err().to_string();
        assert!(error(&[], 8000).contains("number of samples"));
        assert!(error(&[0.0, f32::NAN], 8000).contains("NaN (number 1)"));
        assert!(error(&[0.0], 0).contains("0 Hz"));
        assert!(tone(1.0, 8).resampled(0).is_err());
    }
}
