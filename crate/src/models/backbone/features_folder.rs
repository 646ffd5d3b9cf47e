//! Features that are computed once.

use std::path::PathBuf;

use candle_core::Tensor;
use safetensors::View;
use sha2::{Digest, Sha256};

use super::Backbone;
use crate::data::LabelledImages;
use crate::nn::{Layer, tensor_file};
use crate::table::thousands;
use crate::train::TensorExamples;
use crate::{Error, Result};

/// A folder that keeps the features of images, so that a frozen network runs over them once.
///
/// A file's name is a digest of everything that decides its content: the weights and layers of the
/// network, the size and colours that it takes, the pixels of the images, and the version of this
/// crate. Features of other weights or images have another name, so what is found is never out of
/// date; old files may be deleted.
///
/// ```
/// use cuaderno::prelude::*;
/// let folder = std::env::temp_dir().join(format!("doc-features-{}", std::process::id()));
/// let photos = Cifar10::sample()?.train.take(20)?;
/// let kept = FeaturesFolder::at(&folder);
/// let features = kept.features(&Backbone::small()?, &photos)?;
/// assert_eq!(features.all()?.inputs.dims(), [20, 64]);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeaturesFolder {
    folder: PathBuf,
}

impl FeaturesFolder {
    /// The folder at `path`, which is created when the first features are kept.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            folder: path.into(),
        }
    }

    /// The features of all images, `[n, features]`, with their labels: computed by `backbone`, or read
    /// if that has been done before. A printed line says which. A damaged file is computed again.
    ///
    /// # Errors
    /// If the images do not fit the backbone, or the features cannot be written.
    pub fn features(&self, backbone: &Backbone, images: &LabelledImages) -> Result<TensorExamples> {
        let digest = digest(backbone, &images.images)?;
        let path = self.folder.join(format!("{digest}.safetensors"));
        let what = format!(
            "features of {} images by {}",
            thousands(images.len()),
            backbone.name()
        );
        let read = || -> Result<Tensor> {
            let file = tensor_file::read(&path)?;
            let found = file.tensors.get("features");
            found
                .filter(|features| features.dims().first() == Some(&images.len()))
                .cloned()
                .ok_or_else(|| Error::data(path.display(), "it does not hold these features"))
        };
        let features = match read() {
            Ok(features) => {
                println!("{what}: read from {}", path.display());
                features
            }
            Err(error) => {
                if path.exists() {
                    println!("{error} They are computed again.");
                }
                let features = backbone.features(&images.images)?;
                let tensors = [("features".to_owned(), features.clone())];
                tensor_file::write(&path, tensors.into_iter(), String::new())?;
                println!("{what}: computed, and kept in {}", path.display());
                features
            }
        };
        TensorExamples::new(features, images.labels.clone())
    }
}

/// SHA-256 of what decides the features.
fn digest(backbone: &Backbone, images: &Tensor) -> Result<String> {
    let mut hash = Sha256::new();
    let mut text = |text: String| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    text(env!("CARGO_PKG_VERSION").to_owned());
    text(format!("{:?}", backbone.colours));
    // Kinds and sizes of the layers; strides show in the sizes, and what does not in an output.
    text(backbone.network.summary()?.to_string());
    let first = images.narrow(0, 0, 1.min(images.dim(0)?))?;
    tensor(&mut hash, "output", &backbone.features(&first)?)?;
    for (name, parameter) in backbone.network.parameters().iter() {
        tensor(&mut hash, name, &parameter.var())?;
    }
    tensor(&mut hash, "images", images)?;
    let digest = hash.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds a tensor with its name, type and shape.
fn tensor(hash: &mut Sha256, name: &str, tensor: &Tensor) -> Result<()> {
    let description = format!("{name} {:?} {:?}", tensor.dtype(), tensor.dims());
    hash.update((description.len() as u64).to_le_bytes());
    hash.update(description);
    hash.update(tensor.contiguous()?.data());
    Ok(())
}
