//! Architectures of the course, one family a file.

mod autoencoder;
mod categorical;
mod classifier;
mod deep_autoencoder;
mod in_batches;
mod mean_image;
mod vae;

pub use autoencoder::Autoencoder;
pub use categorical::{CategoricalVae, JointVae};
pub use classifier::Classifier;
pub use deep_autoencoder::DeepAutoencoder;
pub use vae::{Convolution, GaussianCode, PixelLoss, Vae, VaeArchitecture};

use in_batches::{decode, in_batches};
