//! Data sets as tensors, and batches of them.

mod augment;
mod batches;
mod chelsea;
pub mod idx;
mod images;
mod mnist;
mod pad;
mod tagged_text;
mod vocabulary;
mod word_vectors;

pub use augment::{Amount, Augmentation, Augmented};
pub use batches::Batches;
pub use chelsea::chelsea;
pub use images::LabelledImages;
pub use mnist::Mnist;
pub use pad::{Padding, pad_sequences};
pub use tagged_text::{ReadingNotes, Sentences, TaggedText};
pub use vocabulary::Vocabulary;
pub use word_vectors::WordVectors;
