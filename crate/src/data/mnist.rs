//! MNIST: 70,000 images of handwritten digits (LeCun, Bottou, Bengio and Haffner 1998).

use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor};
use flate2::read::GzDecoder;
use rayon::prelude::*;

use crate::data::LabelledImages;
use crate::data::download::downloaded;
use crate::data::idx::Idx;
use crate::table::thousands;
use crate::{Error, Result};

/// The side of an image, in pixels.
const SIDE: usize = 28;
const CLASSES: u8 = 10;

/// Handwritten digits: images `[n, 1, 28, 28]` in `[0, 1]` (0 is the background) and labels `[n]`
/// from 0 to 9.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let mnist = Mnist::sample()?;
/// assert_eq!(mnist.train.images.dims(), [1500, 1, 28, 28]);
/// assert_eq!(mnist.test.len(), 500);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mnist {
    /// 60,000 images for training (1,500 in the sample).
    pub train: LabelledImages,
    /// 10,000 images for testing (500 in the sample).
    pub test: LabelledImages,
}

impl Mnist {
    /// Loads all of MNIST, which takes about 0.2 s from the cache. Missing files are downloaded
    /// first (11 to 12 MB, with progress on standard output), and every file is verified.
    ///
    /// # Errors
    /// If a file is missing and no source has it, or the cache cannot be written. The error names
    /// each source that was tried and says what to do.
    pub fn load() -> Result<Self> {
        let mnist = Self::from_folder(downloaded("mnist")?)?;
        println!(
            "MNIST: {} training and {} test images (complete)",
            thousands(mnist.train.len()),
            thousands(mnist.test.len())
        );
        Ok(mnist)
    }

    /// Loads the sample of real images that ships with Cuaderno: 150 of each digit for training and
    /// 50 of each for testing. It needs no network.
    ///
    /// # Errors
    /// Only if candle cannot make the tensors.
    pub fn sample() -> Result<Self> {
        let mnist = Self::from_shipped()?;
        println!(
            "MNIST: a sample of {} real images shipped with Cuaderno (`Mnist::load()` has all \
             70,000)",
            mnist.counts()
        );
        Ok(mnist)
    }

    /// Loads all of MNIST, or the sample if the full data set is not available. In that case a line
    /// on standard output, which begins with `NOTE: `, says so and gives the reason.
    ///
    /// # Errors
    /// As for [`Mnist::sample`].
    pub fn load_or_sample() -> Result<Self> {
        match Self::load() {
            Err(Error::Dataset(reason)) => {
                let mnist = Self::from_shipped()?;
                println!(
                    "NOTE: all of MNIST cannot be had, so this goes on with the sample of {} real \
                     images; results will be worse.\n{reason}",
                    mnist.counts()
                );
                Ok(mnist)
            }
            loaded => loaded,
        }
    }

    /// The numbers of images, such as `1,500 + 500`.
    fn counts(&self) -> String {
        format!(
            "{} + {}",
            thousands(self.train.len()),
            thousands(self.test.len())
        )
    }

    /// The four files of MNIST, unpacked, from a folder of one's own, or those of another data set of the
    /// same form and names, such as Fashion-MNIST.
    ///
    /// # Errors
    /// If a file is missing or is not what its name says; the sentence names the file and the place.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        Self::from_files(|name| Idx::read(&folder.join(name)))
    }

    fn from_shipped() -> Result<Self> {
        Self::from_files(|name| {
            let file = format!("the shipped sample {name}.gz");
            let mut bytes = Vec::new();
            GzDecoder::new(shipped(name))
                .read_to_end(&mut bytes)
                .map_err(|error| Error::io(&file, error))?;
            Idx::parse(&file, bytes)
        })
    }

    fn from_files(open: impl Fn(&str) -> Result<Idx>) -> Result<Self> {
        let part = |images: &str, labels: &str| -> Result<LabelledImages> {
            LabelledImages::new(
                to_images(images, &open(images)?)?,
                to_labels(labels, &open(labels)?)?,
            )
        };
        Ok(Self {
            train: part("train-images-idx3-ubyte", "train-labels-idx1-ubyte")?,
            test: part("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")?,
        })
    }
}

/// Converts grey levels from 0 to 255 to f32 in `[0, 1]`, `[n, 1, 28, 28]`.
fn to_images(file: &str, idx: &Idx) -> Result<Tensor> {
    let &[count, SIDE, SIDE] = idx.dims() else {
        return Err(Error::data(
            file,
            format!(
                "images of MNIST are [n, {SIDE}, {SIDE}], but these are {:?}",
                idx.dims()
            ),
        ));
    };
    let pixels: Vec<f32> = idx
        .values()
        .par_iter()
        .with_min_len(1 << 16)
        .map(|&grey| f32::from(grey) / 255.0)
        .collect();
    Ok(Tensor::from_vec(
        pixels,
        (count, 1, SIDE, SIDE),
        &Device::Cpu,
    )?)
}

/// Converts digits to u32, `[n]`.
fn to_labels(file: &str, idx: &Idx) -> Result<Tensor> {
    let &[count] = idx.dims() else {
        return Err(Error::data(
            file,
            format!("labels of MNIST are [n], but these are {:?}", idx.dims()),
        ));
    };
    if let Some(place) = idx.values().iter().position(|&label| label >= CLASSES) {
        return Err(Error::data(
            file,
            format!(
                "label {place} is {}, but a digit is 0 to {}",
                idx.values()[place],
                CLASSES - 1
            ),
        ));
    }
    let labels: Vec<u32> = idx.values().iter().map(|&label| label.into()).collect();
    Ok(Tensor::from_vec(labels, count, &Device::Cpu)?)
}

/// A file of the sample, which is part of this library so that a notebook finds it wherever it
/// runs.
fn shipped(name: &str) -> &'static [u8] {
    macro_rules! sample {
        ($name:literal) => {
            include_bytes!(concat!("../../../datasets/mnist/", $name, ".gz"))
        };
    }
    match name {
        "train-images-idx3-ubyte" => sample!("train-images-idx3-ubyte"),
        "train-labels-idx1-ubyte" => sample!("train-labels-idx1-ubyte"),
        "t10k-images-idx3-ubyte" => sample!("t10k-images-idx3-ubyte"),
        _ => sample!("t10k-labels-idx1-ubyte"),
    }
}

#[cfg(test)]
mod tests;
