//! Spoken digits and the words they say.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tar::Archive;

use super::Sound;
use super::voice::{RATE, Voice};
use crate::data::download::downloaded;
use crate::table::thousands;
use crate::{Error, Result, Seed};

/// The words of the digits.
const WORDS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
/// How many of the synthetic voices speak for training, and how many others for testing.
const VOICES: [usize; 2] = [60, 20];
/// The recordings of each digit and speaker with a number below this are for testing.
const TEST: usize = 5;
/// The file of the catalogue's data set, and how many bytes of it are unpacked at most.
const ARCHIVE: &str = "v1.0.9.tar.gz";
const UNPACKED: u64 = 256 << 20;

/// A sound and what it says.
#[derive(Clone, Debug)]
pub struct Utterance {
    /// The sound.
    pub sound: Sound,
    /// What is said, in words: `seven two`.
    pub text: String,
    /// Who says it.
    pub speaker: String,
}

/// Spoken digits at 8,000 samples a second, one in each utterance.
///
/// ```
/// use cuaderno::data::SpokenDigits;
/// let digits = SpokenDigits::synthetic(100, 20, 6202)?;
/// assert_eq!(digits.train[7].text, "seven");
/// let rows = SpokenDigits::sequences(&digits.train, 50, 2..=4, 1)?;
/// assert!((2..=4).contains(&rows[0].text.split(' ').count()));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpokenDigits {
    /// The utterances for training.
    pub train: Vec<Utterance>,
    /// The utterances for testing.
    pub test: Vec<Utterance>,
}

impl SpokenDigits {
    /// Digits of [synthetic voices](Voice), `train` of them for training and `test` for testing, each
    /// digit equally often. Sixty voices speak for training and twenty others for testing. It needs no network,
    /// and it is easier than what people say: each digit has one pronunciation.
    ///
    /// # Errors
    /// Only if a sound cannot be made.
    pub fn synthetic(train: usize, test: usize, seed: impl Seed) -> Result<Self> {
        seed.draw(|rng| {
            let mut part = |name: &str, count: usize, voices: usize| -> Result<Vec<Utterance>> {
                let rng = rng.split();
                let say = |number: usize| {
                    let (digit, speaker) = (number % 10, number / 10 % voices);
                    let voice = Voice::draw(&mut rng.child(speaker as u64));
                    let how = &mut rng.child((voices + number) as u64);
                    Ok(Utterance {
                        sound: voice.say(&[digit], how)?,
                        text: WORDS[digit].to_owned(),
                        speaker: format!("{name} {speaker}"),
                    })
                };
                (0..count).map(say).collect()
            };
            let digits = Self {
                train: part("voice", train, VOICES[0])?,
                test: part("test voice", test, VOICES[1])?,
            };
            println!("Spoken digits: {} of a synthesiser", digits.counts());
            Ok(digits)
        })
    }

    /// Loads the Free Spoken Digit Dataset (Z. Jackson and others, CC BY-SA 4.0), version 1.0.9: 2,500
    /// recordings of five speakers. Missing files are downloaded first (12 MB, with progress on
    /// standard output) and verified. A newer version has a sixth speaker:
    /// [`SpokenDigits::from_folder`] reads it.
    ///
    /// # Errors
    /// If the file is missing and no source has it, or the cache cannot be written. The error names
    /// each source that was tried and says what to do.
    pub fn load() -> Result<Self> {
        Self::from_archive(&downloaded("fsdd")?.join(ARCHIVE))
    }

    /// The digits of a folder with recordings named `{digit}_{speaker}_{number}.wav`, such as
    /// `recordings` of the Free Spoken Digit Dataset as `git clone
    /// https://github.com/Jakobovski/free-spoken-digit-dataset` brings it; commit 26eb9aaf, with
    /// 3,000 recordings of six speakers, was tested. Numbers below 5 are for testing, as that data
    /// set has it. Recordings at another rate are resampled.
    ///
    /// # Errors
    /// If the folder cannot be read or has no recordings, a WAV file has another name, one of them
    /// cannot be read, or nothing is left for training or testing; the sentence names the file.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
        let files: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut files = files.map_err(|error| Error::io(folder, error))?;
        files.retain(|file| is_wav(file));
        // The order in which a folder lists its files differs from machine to machine.
        files.sort();
        let read = |file: PathBuf| match std::fs::read(&file) {
            Ok(bytes) => Ok((file, bytes)),
            Err(error) => Err(Error::io(&file, error)),
        };
        Self::from_recordings(folder, files.into_iter().map(read))
    }

    /// The same of a gzipped tar whose folder `recordings` has them.
    fn from_archive(archive: &Path) -> Result<Self> {
        let unreadable = |error| Error::io(archive, error);
        let file = std::fs::File::open(archive).map_err(unreadable)?;
        let mut recordings = BTreeMap::new();
        let mut members = Archive::new(GzDecoder::new(file).take(UNPACKED));
        for member in members.entries().map_err(unreadable)? {
            let mut member = member.map_err(unreadable)?;
            let path = member.path().map_err(unreadable)?.into_owned();
            let folder = path.parent().and_then(Path::file_name);
            if is_wav(&path) && folder.is_some_and(|name| name == "recordings") {
                let mut bytes = Vec::new();
                member.read_to_end(&mut bytes).map_err(unreadable)?;
                recordings.insert(path, bytes);
            }
        }
        Self::from_recordings(archive, recordings.into_iter().map(Ok))
    }

    /// Of WAV files with their names, in the order in which they are to be, from `place`.
    fn from_recordings(
        place: &Path,
        files: impl Iterator<Item = Result<(PathBuf, Vec<u8>)>>,
    ) -> Result<Self> {
        let mut digits = Self {
            train: Vec::new(),
            test: Vec::new(),
        };
        for file in files {
            let (file, bytes) = file?;
            let (digit, speaker, number) = named(&file)?;
            let said = Utterance {
                sound: Sound::parse(&file.display().to_string(), &bytes)?.resampled(RATE)?,
                text: WORDS[digit].to_owned(),
                speaker,
            };
            if number < TEST {
                digits.test.push(said);
            } else {
                digits.train.push(said);
            }
        }
        if digits.train.is_empty() || digits.test.is_empty() {
            return Err(Error::data(
                place.display(),
                format!(
                    "it has {} recordings, but some with numbers from 0 to {} for testing and some from {TEST} on for training are expected, such as 7_jackson_32.wav",
                    digits.counts(),
                    TEST - 1
                ),
            ));
        }
        println!("Spoken digits: {} recordings", digits.counts());
        Ok(digits)
    }

    /// `count` utterances of several digits each: `lengths` digits of one speaker, drawn from
    /// `utterances`, with pauses of 30 to 150 ms.
    ///
    /// # Errors
    /// If there are no utterances, or the lengths are empty or begin at 0.
    pub fn sequences(
        utterances: &[Utterance],
        count: usize,
        lengths: RangeInclusive<usize>,
        seed: impl Seed,
    ) -> Result<Vec<Utterance>> {
        if utterances.is_empty() || lengths.is_empty() || *lengths.start() == 0 {
            return Err(Error::argument(
                "the choice for sequences",
                format!("{lengths:?} of {} utterances", utterances.len()),
                "one or more of one utterance or more",
            ));
        }
        seed.draw(|rng| {
            let join = |_| {
                let first = &utterances[rng.below(utterances.len())];
                let of_speaker = |said: &&Utterance| said.speaker == first.speaker;
                let own: Vec<&Utterance> = utterances.iter().filter(of_speaker).collect();
                let digits = lengths.start() + rng.below(lengths.end() - lengths.start() + 1);
                let mut chosen = vec![first];
                chosen.extend((1..digits).map(|_| own[rng.below(own.len())]));
                let sounds: Vec<Sound> = chosen.iter().map(|said| said.sound.clone()).collect();
                let words: Vec<&str> = chosen.iter().map(|said| said.text.as_str()).collect();
                Ok(Utterance {
                    sound: Sound::joined(&sounds, rng.between(0.03, 0.15))?,
                    text: words.join(" "),
                    speaker: first.speaker.clone(),
                })
            };
            (0..count).map(join).collect()
        })
    }

    /// The numbers of utterances, such as `2,700 + 300`.
    fn counts(&self) -> String {
        let [train, test] = [&self.train, &self.test].map(|part| thousands(part.len()));
        format!("{train} + {test}")
    }
}

fn is_wav(file: &Path) -> bool {
    let end = file.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| end.eq_ignore_ascii_case("wav"))
}

/// Digit, speaker and number of a recording, from the name of its file.
fn named(file: &Path) -> Result<(usize, String, usize)> {
    let parts = || {
        let name = file.file_stem()?.to_str()?;
        let (digit, rest) = name.split_once('_')?;
        let (speaker, number) = rest.rsplit_once('_')?;
        let digit = digit
            .parse()
            .ok()
            .filter(|&digit: &usize| digit < WORDS.len())?;
        Some((digit, speaker.to_owned(), number.parse().ok()?))
    };
    parts().ok_or_else(|| {
        Error::data(
            file.display(),
            "the name of a recording is {digit}_{speaker}_{number}.wav, such as 7_jackson_32.wav; rename the file or take it out of the folder",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn wav(rate: u32) -> Vec<u8> {
        let sound = Sound::new(vec![0.1; 400], rate).unwrap();
        sound.to_wav().unwrap()
    }

    #[test]
    fn a_folder_is_split_by_the_numbers_of_its_recordings() {
        let folder = folder(&[
            ("7_jackson_32.wav", wav(8000)),
            ("0_theo_smith_5.WAV", wav(16_000)),
            ("9_theo_4.wav", wav(8000)),
            ("README.md", b"about".to_vec()),
        ]);
        let digits = SpokenDigits::from_folder(folder.path()).unwrap();
        let texts = |part: &[Utterance]| -> Vec<String> {
            part.iter()
                .map(|said| format!("{}: {}", said.speaker, said.text))
                .collect()
        };
        assert_eq!(texts(&digits.train), ["theo_smith: zero", "jackson: seven"]);
        assert_eq!(texts(&digits.test), ["theo: nine"]);
        assert_eq!(digits.train[0].sound.rate(), 8000);
        assert_eq!(digits.train[0].sound.samples().len(), 200);
    }

    #[test]
    fn an_archive_gives_what_its_folder_gives() {
        let recordings = [("9_theo_4.wav", wav(8000)), ("7_jackson_32.wav", wav(8000))];
        let mut archive = tar::Builder::new(Vec::new());
        let mut add = |path: String, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes).unwrap();
        };
        for (name, bytes) in &recordings {
            add(format!("digits-1.0.9/recordings/{name}"), bytes);
        }
        add("digits-1.0.9/examples/silence.wav".into(), b"no sound");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &archive.into_inner().unwrap()).unwrap();
        let packed = packed.finish().unwrap();
        let place = folder(&[
            (ARCHIVE, packed.clone()),
            ("cut.tar.gz", packed[..90].into()),
        ]);
        let unpacked = folder(&recordings);

        let digits = SpokenDigits::from_archive(&place.path().join(ARCHIVE)).unwrap();
        let same = SpokenDigits::from_folder(unpacked.path()).unwrap();
        assert_eq!(digits.counts(), "1 + 1");
        assert_eq!(digits.train[0].sound, same.train[0].sound);
        assert_eq!(digits.test[0].speaker, "theo");
        let error = SpokenDigits::from_archive(&place.path().join("cut.tar.gz")).unwrap_err();
        assert!(error.to_string().contains("cut.tar.gz"), "{error}");
    }

    #[test]
    fn every_defect_is_one_sentence_that_names_the_file() {
        let sentence = |files: &[(&str, Vec<u8>)]| {
            let folder = folder(files);
            SpokenDigits::from_folder(folder.path())
                .unwrap_err()
                .to_string()
        };
        for name in [
            "seven_jackson_32.wav",
            "17_jackson_32.wav",
            "7_jackson.wav",
            "7_jackson_x.wav",
        ] {
            let found = sentence(&[(name, wav(8000))]);
            assert!(
                found.contains(name) && found.contains("such as 7_jackson_32.wav"),
                "{found}"
            );
        }
        let cut = sentence(&[("7_jackson_32.wav", wav(8000)[..60].to_vec())]);
        assert!(
            cut.contains("7_jackson_32.wav") && cut.contains("truncated"),
            "{cut}"
        );
        let none = sentence(&[("README.md", b"about".to_vec())]);
        assert!(none.contains("it has 0 + 0 recordings"), "{none}");
        let one = sentence(&[("7_jackson_32.wav", wav(8000))]);
        assert!(one.contains("it has 1 + 0 recordings"), "{one}");
        assert!(SpokenDigits::from_folder("/nowhere").is_err());
    }

    #[test]
    fn sequences_keep_their_speaker_and_their_order() {
        let digits = SpokenDigits::synthetic(1200, 10, 1).unwrap();
        let rows = SpokenDigits::sequences(&digits.train, 40, 2..=4, 3).unwrap();
        let again = SpokenDigits::sequences(&digits.train, 40, 2..=4, 3).unwrap();
        for (row, same) in rows.iter().zip(&again) {
            assert_eq!((&row.text, &row.sound), (&same.text, &same.sound));
            let words = row.text.split(' ').count();
            assert!((2..=4).contains(&words));
            assert!(row.sound.seconds() > 0.2 * words as f64);
            // The first word's sound stands at the beginning.
            let first = row.text.split(' ').next().unwrap();
            let begins = |said: &&Utterance| {
                said.speaker == row.speaker && row.sound.samples().starts_with(said.sound.samples())
            };
            assert_eq!(digits.train.iter().find(begins).unwrap().text, first);
        }
        let (none, rng) = (RangeInclusive::new(2, 1), &mut Rng::new(1));
        assert!(SpokenDigits::sequences(&digits.train, 1, none, rng).is_err());
        assert!(SpokenDigits::sequences(&[], 1, 1..=2, 1).is_err());
    }

    #[test]
    fn the_test_voices_are_others() {
        let digits = SpokenDigits::synthetic(20, 20, 1).unwrap();
        assert!(
            (digits.train.iter())
                .all(|said| digits.test.iter().all(|test| test.sound != said.sound))
        );
        assert_eq!(digits.test[13].text, "three");
    }
}
