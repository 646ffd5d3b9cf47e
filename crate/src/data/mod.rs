//! Data sets as tensors, and batches of them.

mod audio;
mod augment;
mod batches;
mod characters;
mod chelsea;
mod cifar10;
mod download;
pub mod idx;
mod images;
mod mnist;
mod pad;
mod pairs;
mod segmentation;
mod spectra;
mod tagged_text;
mod vocabulary;
mod word_vectors;

pub use audio::{
    MelSpectrogram, Sound, SpokenDigits, Transcribed, Utterance, Voice, hz_of_mel, mel_of_hz,
};
pub use augment::{Amount, Augmentation, Augmented};
pub use batches::Batches;
pub use characters::Characters;
pub use chelsea::chelsea;
pub use cifar10::Cifar10;
pub use images::LabelledImages;
pub use mnist::Mnist;
pub use pad::{Padding, pad_sequences};
pub use segmentation::{CamVid, SegmentedImages, scenes};
pub use spectra::{Spectra, spectral_scene};
pub use tagged_text::{ReadingNotes, Sentences, TaggedText, Wnut17};
pub use vocabulary::Vocabulary;
pub use word_vectors::WordVectors;
