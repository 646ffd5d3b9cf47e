//! A small synthesiser that speaks English digits.

use std::f64::consts::{PI, TAU};

use super::Sound;
use crate::{Result, Rng, Seed};

/// The samples a second of a synthetic voice.
pub(super) const RATE: u32 = 8000;
/// The widths of the three resonances of the throat and of the hiss, in hertz.
const WIDTHS: [f64; 4] = [90.0, 110.0, 170.0, 900.0];
/// How much of each resonance is heard.
const SHARES: [f64; 3] = [1.0, 0.6, 0.35];
/// The seconds in which the throat follows the next phone.
const GLIDE: f64 = 0.015;

/// A part of a word: its seconds, the three resonances of the throat in hertz, how much of it the
/// vocal cords sound and how much it hisses, and the frequency of the hiss.
type Phone = (f64, [f64; 3], f64, f64, f64);

/// The vowels' resonances are those of Peterson and Barney 1952, the rest is made up to be told apart.
const DIGITS: [&[Phone]; 10] = [
    // z, ee, r, oh
    &[
        (0.08, [300.0, 1800.0, 2500.0], 0.3, 0.6, 3400.0),
        (0.08, [300.0, 2250.0, 3000.0], 1.0, 0.0, 3400.0),
        (0.06, [400.0, 1150.0, 1600.0], 0.7, 0.0, 2000.0),
        (0.15, [480.0, 850.0, 2400.0], 1.0, 0.0, 2000.0),
    ],
    // w, u, n
    &[
        (0.07, [310.0, 650.0, 2200.0], 0.7, 0.0, 1000.0),
        (0.14, [640.0, 1190.0, 2390.0], 1.0, 0.0, 1000.0),
        (0.12, [270.0, 1500.0, 2500.0], 0.35, 0.0, 1000.0),
    ],
    // t, oo
    &[
        (0.02, [400.0, 1600.0, 2600.0], 0.0, 0.0, 3600.0),
        (0.04, [400.0, 1600.0, 2600.0], 0.0, 1.0, 3600.0),
        (0.22, [310.0, 900.0, 2240.0], 1.0, 0.0, 3600.0),
    ],
    // th, r, ee
    &[
        (0.08, [400.0, 1400.0, 2500.0], 0.0, 0.25, 2600.0),
        (0.07, [400.0, 1100.0, 1600.0], 0.7, 0.0, 2600.0),
        (0.18, [280.0, 2290.0, 3010.0], 1.0, 0.0, 2600.0),
    ],
    // f, or
    &[
        (0.10, [400.0, 1000.0, 2300.0], 0.0, 0.35, 1500.0),
        (0.18, [570.0, 840.0, 2410.0], 1.0, 0.0, 1500.0),
        (0.08, [480.0, 1200.0, 1700.0], 0.6, 0.0, 1500.0),
    ],
    // f, ah, ee, v
    &[
        (0.09, [400.0, 1000.0, 2300.0], 0.0, 0.35, 1500.0),
        (0.12, [730.0, 1090.0, 2440.0], 1.0, 0.0, 1500.0),
        (0.09, [390.0, 1990.0, 2550.0], 0.9, 0.0, 1500.0),
        (0.07, [300.0, 1000.0, 2300.0], 0.3, 0.2, 1500.0),
    ],
    // s, i, k, s
    &[
        (0.11, [400.0, 1700.0, 2600.0], 0.0, 0.9, 3700.0),
        (0.08, [390.0, 1990.0, 2550.0], 1.0, 0.0, 3700.0),
        (0.05, [390.0, 1990.0, 2550.0], 0.0, 0.0, 3700.0),
        (0.13, [400.0, 1700.0, 2600.0], 0.0, 0.9, 3700.0),
    ],
    // s, e, v, e, n
    &[
        (0.10, [400.0, 1700.0, 2600.0], 0.0, 0.9, 3700.0),
        (0.09, [530.0, 1840.0, 2480.0], 1.0, 0.0, 3700.0),
        (0.05, [300.0, 1000.0, 2300.0], 0.3, 0.2, 1500.0),
        (0.07, [500.0, 1350.0, 2400.0], 0.8, 0.0, 1500.0),
        (0.10, [270.0, 1500.0, 2500.0], 0.35, 0.0, 1500.0),
    ],
    // e, ee, t
    &[
        (0.10, [530.0, 1840.0, 2480.0], 1.0, 0.0, 3600.0),
        (0.10, [330.0, 2200.0, 2900.0], 0.9, 0.0, 3600.0),
        (0.06, [330.0, 2000.0, 2800.0], 0.0, 0.0, 3600.0),
        (0.05, [400.0, 1600.0, 2600.0], 0.0, 0.8, 3600.0),
    ],
    // n, ah, ee, n
    &[
        (0.09, [270.0, 1500.0, 2500.0], 0.35, 0.0, 1000.0),
        (0.12, [730.0, 1090.0, 2440.0], 1.0, 0.0, 1000.0),
        (0.08, [390.0, 1990.0, 2550.0], 0.9, 0.0, 1000.0),
        (0.09, [270.0, 1500.0, 2500.0], 0.35, 0.0, 1000.0),
    ],
];

/// A synthetic speaker of English digits, who differs from others in pitch, in the length of the
/// throat, in speed and in noise. It sounds like a machine: pulses of the vocal cords and noise go
/// through three resonances and a fourth for hisses, which glide from phone to phone, as in
/// D. Klatt's synthesiser of 1980, much simplified.
#[derive(Clone, Debug)]
pub struct Voice {
    pitch: f64,
    throat: f64,
    speed: f64,
    noise: f64,
}

impl Voice {
    /// A speaker at random.
    pub fn draw(seed: impl Seed) -> Self {
        seed.draw(|rng| Self {
            pitch: rng.between(90.0, 240.0),
            throat: rng.between(0.9, 1.15),
            speed: rng.between(0.8, 1.25),
            noise: rng.between(0.002, 0.02),
        })
    }

    /// Speaks the digits, at 8,000 samples a second, with pauses of 30 to 150 ms between them. The
    /// seed decides how: no two sevens of one speaker are the same.
    ///
    /// # Errors
    /// If there are no digits, or one is above 9.
    pub fn say(&self, digits: &[usize], seed: impl Seed) -> Result<Sound> {
        seed.draw(|rng| {
            let mut samples = Vec::new();
            for (place, &digit) in digits.iter().enumerate() {
                let phones = DIGITS
                    .get(digit)
                    .ok_or_else(|| crate::Error::argument("a digit to say", digit, "0 to 9"))?;
                if place > 0 {
                    let pause = rng.between(0.03, 0.15) * f64::from(RATE);
                    samples.resize(samples.len() + pause as usize, 0.0);
                }
                samples.extend(self.word(phones, rng));
            }
            let noisy = samples
                .iter()
                .map(|x| (x + self.noise * around_zero(rng)) as f32);
            Sound::new(noisy.collect(), RATE)
        })
    }

    fn word(&self, phones: &[Phone], rng: &mut Rng) -> Vec<f64> {
        let rate = f64::from(RATE);
        let speed = self.speed * rng.between(0.85, 1.15);
        let pitch = self.pitch * rng.between(0.93, 1.07);
        let lengths: Vec<usize> = (phones.iter())
            .map(|phone| (phone.0 / speed * rng.between(0.85, 1.15) * rate) as usize)
            .collect();
        let count: usize = lengths.iter().sum();
        let mut throat = Throat::of(&phones[0], self.throat);
        let mut resonances = WIDTHS.map(Resonance::new);
        let (mut phase, mut samples) = (0.0, Vec::with_capacity(count));
        for (phone, &length) in phones.iter().zip(&lengths) {
            let towards = Throat::of(phone, self.throat);
            for _ in 0..length {
                throat.glide(&towards);
                // The pitch falls towards the end of a word.
                phase += pitch * (1.08 - 0.2 * samples.len() as f64 / count as f64) / rate;
                let pulse = if phase >= 1.0 { 6.0 } else { 0.0 };
                phase %= 1.0;
                let breath = around_zero(rng);
                let voiced = throat.voice * (pulse + 0.05 * breath);
                let mut sample = 0.0;
                for (place, share) in SHARES.iter().enumerate() {
                    sample += share * resonances[place].step(voiced, throat.at[place]);
                }
                sample += resonances[3].step(throat.hiss * breath, throat.at[3]);
                samples.push(sample);
            }
        }
        let loudest = samples.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
        let volume = rng.between(0.4, 0.8) / loudest;
        samples.iter().map(|sample| volume * sample).collect()
    }
}

/// A number from -1 to 1.
fn around_zero(rng: &mut Rng) -> f64 {
    rng.between(-1.0, 1.0)
}

/// What the throat does at a moment: the frequencies of the resonances and of the hiss, and how
/// loud voice and hiss are.
struct Throat {
    at: [f64; 4],
    voice: f64,
    hiss: f64,
}

impl Throat {
    fn of(&(_, [first, second, third], voice, hiss, hiss_at): &Phone, factor: f64) -> Self {
        let at = [factor * first, factor * second, factor * third, hiss_at];
        Self {
            at: at.map(|hz| hz.min(0.48 * f64::from(RATE))),
            voice,
            hiss,
        }
    }

    fn glide(&mut self, towards: &Self) {
        let part = 1.0 / (GLIDE * f64::from(RATE));
        for (at, towards) in self.at.iter_mut().zip(&towards.at) {
            *at += part * (towards - *at);
        }
        self.voice += 2.0 * part * (towards.voice - self.voice);
        self.hiss += 2.0 * part * (towards.hiss - self.hiss);
    }
}

/// A filter of two poles, which lets frequencies near one of them pass.
struct Resonance {
    radius: f64,
    last: [f64; 2],
}

impl Resonance {
    fn new(width: f64) -> Self {
        Self {
            radius: (-PI * width / f64::from(RATE)).exp(),
            last: [0.0; 2],
        }
    }

    fn step(&mut self, input: f64, hz: f64) -> f64 {
        let turn = 2.0 * self.radius * (TAU * hz / f64::from(RATE)).cos();
        let [one, two] = self.last;
        let output = (1.0 - self.radius) * input + turn * one - self.radius.powi(2) * two;
        self.last = [output, one];
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::MelSpectrogram;

    #[test]
    fn the_seed_decides_voice_and_words() {
        let voice = Voice::draw(1);
        let say = |seed: u64| voice.say(&[1, 9], seed).unwrap();
        assert_eq!(say(5), say(5));
        assert_ne!(say(5), say(6));
        assert_ne!(Voice::draw(2).say(&[1, 9], 5).unwrap(), say(5));
        assert!(voice.say(&[10], 1).is_err() && voice.say(&[], 1).is_err());
    }

    #[test]
    fn samples_stay_within_their_range() {
        for digit in 0..10 {
            let sound = Voice::draw(digit as u64).say(&[digit], 1).unwrap();
            assert!(sound.samples().iter().all(|x| x.abs() < 1.0));
            assert!((0.15..0.9).contains(&sound.seconds()), "{digit}: {sound:?}");
        }
    }

    /// The mean level of the upper bands less that of the lower ones, from frame to frame.
    fn brightness(digit: usize) -> Vec<f32> {
        let sound = Voice::draw(3).say(&[digit], 4).unwrap();
        let spectrogram = MelSpectrogram::new(8000, 256, 160, 32).unwrap();
        let levels = spectrogram
            .levels(&sound)
            .unwrap()
            .to_vec2::<f32>()
            .unwrap();
        let mean = |bands: &[f32]| bands.iter().sum::<f32>() / bands.len() as f32;
        levels
            .iter()
            .map(|frame| mean(&frame[24..]) - mean(&frame[..12]))
            .collect()
    }

    #[test]
    fn six_hisses_at_both_ends_and_seven_at_its_beginning() {
        let ends = |digit| {
            let brightness = brightness(digit);
            [brightness[1], brightness[brightness.len() - 2]]
        };
        let ([six_begins, six_ends], [seven_begins, seven_ends]) = (ends(6), ends(7));
        assert!(six_begins > 1.0 && six_ends > 1.0 && seven_begins > 1.0);
        assert!(seven_ends < 0.0, "{seven_ends}");
    }
}
