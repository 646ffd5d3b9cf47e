//! The WAV format, read and written by `hound`.

use std::io::Cursor;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::{Error, Result};

/// The samples of a WAV file, from -1 to 1, the mean over its channels, and its rate.
pub(super) fn decode(file: &str, bytes: &[u8]) -> Result<(Vec<f32>, u32)> {
    let wrong = |error: hound::Error| {
        Error::data(
            file,
            format!(
                "it is not a WAV file that can be read ({error}); WAV with whole numbers or 32-bit floats is expected"
            ),
        )
    };
    let reader = WavReader::new(Cursor::new(bytes)).map_err(wrong)?;
    let (spec, announced) = (reader.spec(), reader.duration());
    let values: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => reader.into_samples::<f32>().collect(),
        SampleFormat::Int => {
            let largest = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            let samples = reader.into_samples::<i32>();
            samples.map(|sample| Ok(sample? as f32 / largest)).collect()
        }
    };
    let values = values.map_err(|error| match error {
        hound::Error::IoError(_) => Error::data(
            file,
            format!(
                "its header announces {announced} samples, but the file ends before them: it is truncated"
            ),
        ),
        error => wrong(error),
    })?;
    let channels = usize::from(spec.channels);
    let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
    Ok((
        values.chunks_exact(channels).map(mean).collect(),
        spec.sample_rate,
    ))
}

/// A WAV file of 16 bits a sample.
pub(super) fn encode(samples: &[f32], rate: u32) -> Result<Vec<u8>> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut write = || {
        let mut writer = WavWriter::new(&mut bytes, spec)?;
        for sample in samples {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
        }
        writer.finalize()
    };
    write().map_err(|error: hound::Error| Error::data("a sound as a WAV file", error))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use crate::data::Sound;
    use proptest::prelude::*;

    fn sentence(bytes: &[u8]) -> String {
        let sentence = Sound::parse("seven.wav", bytes).unwrap_err().to_string();
        assert!(sentence.starts_with("seven.wav: "), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
        sentence
    }

    /// A file of `channels` with these values, written by hand.
    fn file(format: u16, bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + data.len() as u32).to_le_bytes());
        bytes.extend(b"WAVEfmt \x10\0\0\0");
        bytes.extend([format.to_le_bytes(), channels.to_le_bytes()].concat());
        bytes.extend(8000u32.to_le_bytes());
        bytes.extend((8000 * u32::from(block)).to_le_bytes());
        bytes.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        bytes.extend(b"data");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn every_kind_of_sample_is_read() {
        let samples = |bytes: &[u8]| Sound::parse("x", bytes).unwrap().samples().to_vec();
        assert_eq!(samples(&file(1, 8, 1, &[128, 0, 192])), [0.0, -1.0, 0.5]);
        let short = [i16::MIN, 0, 16_384].map(i16::to_le_bytes).concat();
        assert_eq!(samples(&file(1, 16, 1, &short)), [-1.0, 0.0, 0.5]);
        assert_eq!(samples(&file(1, 24, 1, &[0, 0, 0x40])), [0.5]);
        let floats = [0.25f32, -0.75].map(f32::to_le_bytes).concat();
        assert_eq!(samples(&file(3, 32, 1, &floats)), [0.25, -0.75]);
        // Two channels become their mean.
        assert_eq!(samples(&file(3, 32, 2, &floats)), [-0.25]);
    }

    #[test]
    fn a_sound_that_was_written_is_read() {
        let sound = Sound::new(vec![0.5, -1.5, 0.0], 8000).unwrap();
        let read = Sound::parse("x", &sound.to_wav().unwrap()).unwrap();
        let expected = [0.5, -1.0, 0.0];
        for (found, expected) in read.samples().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found}");
        }
    }

    #[test]
    fn every_defect_is_one_sentence_that_names_the_file() {
        let good = Sound::new(vec![0.5; 10], 8000).unwrap().to_wav().unwrap();
        assert!(sentence(b"").contains("not a WAV file"));
        assert!(sentence(b"ID3\x03 and an MP3 file behind it").contains("not a WAV file"));
        assert!(sentence(&good[..20]).contains("not a WAV file"));
        let cut = sentence(&good[..good.len() - 5]);
        assert!(
            cut.contains("announces 10 samples") && cut.contains("truncated"),
            "{cut}"
        );
        assert!(sentence(&file(1, 16, 1, &[])).contains("number of samples of a sound is 0"));
        let nan = f32::NAN.to_le_bytes();
        assert!(sentence(&file(3, 32, 1, &nan)).contains("NaN (number 0)"));
        // A codec that is no list of samples.
        assert!(sentence(&file(85, 16, 1, &[0, 0])).contains("not a WAV file"));
        assert!(sentence(&file(1, 16, 0, &[0, 0])).contains("not a WAV file"));
        let error = Sound::read("/nowhere/seven.wav").unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/seven.wav: "), "{error}");
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(
            count in 0usize..40,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = file(1, 16, 2, &vec![7; 4 * count]);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let end = cut.index(2 * bytes.len());
            bytes.truncate(end);
            let _ = Sound::parse("x", &bytes);
        }
    }
}
