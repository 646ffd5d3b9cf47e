//! Models around networks, and the ready-made architectures of the courses.

mod autoencoder;
mod backbone;
mod categorical;
mod class_losses;
mod classifier;
mod codec;
mod efficientnet;
mod fit;
mod gan;
mod in_batches;
mod m1;
mod m2;
mod resnet;
mod segmentation;
mod seq2seq;
mod skip_gram;
mod start_at_mean;
mod tagger;
mod vae;

pub use autoencoder::Autoencoder;
pub use backbone::{Backbone, FeaturesFolder};
pub use categorical::{CategoricalVae, JointVae};
pub use classifier::{ClassLoss, Classifier};
pub use codec::Codec;
pub use efficientnet::efficientnet_lite0;
pub use gan::Gan;
pub use m1::{M1, M1Settings};
pub use m2::M2;
pub use resnet::{resnet18, small_resnet};
pub use segmentation::{fully_convolutional, u_net};
pub use seq2seq::{Score, Seq2Seq, Transcript, Written};
pub use skip_gram::SkipGram;
pub use tagger::Tagger;
pub use vae::{Convolution, GaussianCode, PixelLoss, Vae, VaeArchitecture};

use in_batches::{decode, in_batches};
