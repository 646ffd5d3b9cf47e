//! Data sets as tensors, and batches of them.

mod audio;
mod augment;
mod batches;
mod characters;
mod chelsea;
pub mod idx;
mod images;
mod mnist;
mod segmentation;

pub use audio::{
    MelSpectrogram, Sound, SpokenDigits, Transcribed, Utterance, Voice, hz_of_mel, mel_of_hz,
};
pub use augment::{Amount, Augmentation, Augmented};
pub use batches::Batches;
pub use characters::Characters;
pub use chelsea::chelsea;
pub use images::LabelledImages;
pub use mnist::Mnist;
pub use segmentation::{CamVid, SegmentedImages, scenes};
