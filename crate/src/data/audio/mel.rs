//! Spectrograms on the mel scale.

use std::f64::consts::TAU;

use candle_core::{Device, Tensor};
use realfft::RealFftPlanner;

use super::Sound;
use crate::{Error, Result};

/// What is added to a power before its logarithm is taken, so that silence is a number.
const FLOOR: f64 = 1e-6;

/// A frequency in hertz on the mel scale, on which steps of equal size sound equally large: `2595
/// log10(1 + f / 700)` (O'Shaughnessy 1987; HTK's and torchaudio's).
pub fn mel_of_hz(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

/// The frequency in hertz of a place on the mel scale; see [`mel_of_hz`].
pub fn hz_of_mel(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// Log-mel spectrograms of sounds: how loud each band of frequencies is in each frame of time.
///
/// A frame is `window` samples, each `hop` samples after the one before, faded in and out by a Hann
/// window. The squared magnitudes of its Fourier transform are added up in `bands` triangles, whose
/// corners lie at equal distances on the mel scale from 0 to half the rate; the natural logarithm is
/// taken of each sum plus a millionth. It is what torchaudio's `MelSpectrogram(center=False)` gives.
///
/// ```
/// use cuaderno::prelude::*;
/// let spectrogram = MelSpectrogram::new(8000, 256, 160, 32)?; // frames of 32 ms, 50 a second
/// let seven = Voice::draw(6202).say(&[7], 1)?;
/// let levels = spectrogram.levels(&seven)?;
/// assert_eq!(levels.dims()[1], 32);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MelSpectrogram {
    rate: u32,
    window: usize,
    hop: usize,
    /// `[bands][window / 2 + 1]`
    filters: Vec<Vec<f64>>,
}

impl MelSpectrogram {
    /// Spectrograms of sounds with `rate` samples a second.
    ///
    /// # Errors
    /// If a number is 0, the window is odd or longer than a second, or there are so many bands that
    /// one of them holds no frequency of the Fourier transform.
    pub fn new(rate: u32, window: usize, hop: usize, bands: usize) -> Result<Self> {
        if window == 0 || window % 2 == 1 || window > rate as usize {
            return Err(Error::argument(
                "the window of a MelSpectrogram",
                format!("{window} samples at {rate} a second"),
                "an even number of samples, at most those of a second",
            ));
        }
        if hop == 0 || bands == 0 {
            return Err(Error::argument(
                "the hop or the number of bands of a MelSpectrogram",
                0,
                "1 or more",
            ));
        }
        let step = f64::from(rate) / window as f64;
        let filters: Vec<Vec<f64>> = (0..bands)
            .map(|band| {
                let corner = |place: usize| corner(rate, bands, band + place);
                let (low, centre, high) = (corner(0), corner(1), corner(2));
                let weight = |bin: usize| {
                    let hz = step * bin as f64;
                    let (up, down) = ((hz - low) / (centre - low), (high - hz) / (high - centre));
                    up.min(down).max(0.0)
                };
                (0..=window / 2).map(weight).collect()
            })
            .collect();
        let is_empty = |filter: &Vec<f64>| filter.iter().all(|&weight| weight == 0.0);
        if let Some(band) = filters.iter().position(is_empty) {
            return Err(Error::argument(
                "the number of bands of a MelSpectrogram",
                format!("{bands}, of which number {band} holds no frequency"),
                "smaller, or the window longer: it tells frequencies apart by the rate over its length",
            ));
        }
        Ok(Self {
            rate,
            window,
            hop,
            filters,
        })
    }

    /// The log-mel spectrogram of a sound, `[frames, bands]`. A sound that is shorter than a window
    /// is taken as if silence followed it.
    ///
    /// # Errors
    /// If the sound has another rate.
    pub fn levels(&self, sound: &Sound) -> Result<Tensor> {
        let powers = self.powers(sound)?;
        let mut levels = Vec::with_capacity(powers.len() * self.bands());
        for power in &powers {
            for filter in &self.filters {
                let sum: f64 = filter.iter().zip(power).map(|(w, p)| w * p).sum();
                levels.push((sum + FLOOR).ln() as f32);
            }
        }
        let shape = (powers.len(), self.bands());
        Ok(Tensor::from_vec(levels, shape, &Device::Cpu)?)
    }

    /// The levels as a network reads them, `[frames, bands]`: less their mean and divided by their
    /// standard deviation over the whole sound, so that its volume makes no difference.
    ///
    /// # Errors
    /// As for [`MelSpectrogram::levels`].
    pub fn features(&self, sound: &Sound) -> Result<Tensor> {
        let levels = self.levels(sound)?;
        let centred = levels.broadcast_sub(&levels.mean_all()?)?;
        let deviation = (centred.sqr()?.mean_all()?.sqrt()? + 1e-5)?;
        Ok(centred.broadcast_div(&deviation)?)
    }

    /// The squared magnitudes of the Fourier transform of each frame, `[frames][window / 2 + 1]`.
    fn powers(&self, sound: &Sound) -> Result<Vec<Vec<f64>>> {
        if sound.rate() != self.rate {
            return Err(Error::argument(
                "the rate of the sound",
                format!("{} Hz", sound.rate()),
                format!(
                    "{} Hz, as the MelSpectrogram was made for; `resampled({})` gives it that",
                    self.rate, self.rate
                ),
            ));
        }
        let hann = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / self.window as f64).cos();
        let hann: Vec<f64> = (0..self.window).map(hann).collect();
        let transform = RealFftPlanner::<f64>::new().plan_fft_forward(self.window);
        let mut samples = sound.samples().to_vec();
        samples.resize(samples.len().max(self.window), 0.0);
        let mut spectrum = transform.make_output_vec();
        let mut powers = Vec::new();
        for frame in samples.windows(self.window).step_by(self.hop) {
            let mut faded: Vec<f64> = frame
                .iter()
                .zip(&hann)
                .map(|(x, w)| f64::from(*x) * w)
                .collect();
            (transform.process(&mut faded, &mut spectrum)).map_err(|error| {
                Error::argument("the window of a MelSpectrogram", error, "even")
            })?;
            powers.push(spectrum.iter().map(|value| value.norm_sqr()).collect());
        }
        Ok(powers)
    }

    /// The number of bands.
    pub fn bands(&self) -> usize {
        self.filters.len()
    }

    /// The time from one frame to the next.
    pub fn seconds(&self) -> f64 {
        self.hop as f64 / f64::from(self.rate)
    }

    /// The frequency in the middle of each band, in hertz.
    pub fn frequencies(&self) -> Vec<f64> {
        let bands = self.bands();
        (1..=bands)
            .map(|place| corner(self.rate, bands, place))
            .collect()
    }
}

/// The frequency of a corner of the triangles; there are `bands + 2` of them.
fn corner(rate: u32, bands: usize, place: usize) -> f64 {
    let highest = mel_of_hz(f64::from(rate) / 2.0);
    hz_of_mel(highest * place as f64 / (bands + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::D;

    fn tone(frequency: f64, rate: u32) -> Sound {
        let angle = |n: u32| TAU * frequency * f64::from(n) / f64::from(rate);
        Sound::new((0..rate).map(|n| angle(n).sin() as f32).collect(), rate).unwrap()
    }

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        for band in [3, 10, 25] {
            let sound = tone(spectrogram.frequencies()[band], 8000);
            let levels = spectrogram.levels(&sound).unwrap();
            assert_eq!(levels.dims(), [(8000 - 256) / 160 + 1, 32]);
            let loudest = levels.argmax(D::Minus1).unwrap().to_vec1::<u32>().unwrap();
            assert!(
                loudest.iter().all(|&found| found as usize == band),
                "{loudest:?}"
            );
        }
    }

    #[test]
    fn volume_makes_no_difference_to_the_features() {
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        let loud = crate::data::Voice::draw(1).say(&[3], 2).unwrap();
        let quiet = loud.samples().iter().map(|x| 0.5 * x).collect();
        let quiet = Sound::new(quiet, 8000).unwrap();
        let [one, other] = [loud, quiet].map(|sound| spectrogram.features(&sound).unwrap());
        let apart = (&one - &other).unwrap().abs().unwrap().max_all().unwrap();
        assert!(apart.to_scalar::<f32>().unwrap() < 0.05);
        assert!(one.mean_all().unwrap().to_scalar::<f32>().unwrap().abs() < 1e-5);
    }

    #[test]
    fn mel_and_hertz_turn_each_other_round() {
        assert!((mel_of_hz(1000.0) - 1000.0).abs() < 0.1);
        for hz in [0.0, 60.0, 3999.0] {
            assert!((hz_of_mel(mel_of_hz(hz)) - hz).abs() < 1e-9);
        }
    }

    #[test]
    fn what_does_not_fit_is_one_sentence() {
        let error = |window, hop, bands| {
            let made = MelSpectrogram::new(8000, window, hop, bands);
            made.unwrap_err().to_string()
        };
        assert!(error(255, 160, 32).contains("255 samples"));
        assert!(error(256, 0, 32).contains("hop"));
        assert!(error(256, 160, 128).contains("holds no frequency"));
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        let error = spectrogram
            .levels(&tone(440.0, 16_000))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("16000 Hz") && error.contains("`resampled(8000)`"),
            "{error}"
        );
        let short = Sound::new(vec![0.1; 10], 8000).unwrap();
        assert_eq!(spectrogram.levels(&short).unwrap().dims(), [1, 32]);
    }
}
