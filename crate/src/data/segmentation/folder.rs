//! Photographs and masks in two folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::SegmentedImages;
use super::mask::{Mask, Meaning};
use super::photo::Photo;
use super::resample::{nearest, smooth};
use crate::{Error, Result};

impl SegmentedImages {
    /// Reads photographs from the folder `image` of `folder` and black and white masks from its
    /// `ground-truth`, as the benchmark of the course has them, in the order of their names. White
    /// is class 1. All become `[height, width]` pixels: photographs are resized smoothly, masks by
    /// nearest neighbour, and the ratio of their sides is given up.
    ///
    /// # Errors
    /// As [`SegmentedImages::from_folders`].
    pub fn from_folder(folder: impl AsRef<Path>, size: [usize; 2]) -> Result<Self> {
        let folder = folder.as_ref();
        Self::from_folders(folder.join("image"), folder.join("ground-truth"), size)
    }

    /// The same from two folders. A photograph (`.jpg`, `.jpeg` or `.png`) and its mask (`.png`)
    /// have one name but for the ending.
    ///
    /// # Errors
    /// If a folder cannot be read, a photograph has no mask or a mask no photograph, a file cannot
    /// be decoded, a mask is larger or smaller than its photograph, or it has a pixel that is
    /// neither black nor white. The sentence names the file and the place.
    pub fn from_folders(
        images: impl AsRef<Path>,
        masks: impl AsRef<Path>,
        size: [usize; 2],
    ) -> Result<Self> {
        read(
            images.as_ref(),
            masks.as_ref(),
            size,
            Meaning::BlackAndWhite,
        )
    }
}

/// Reads all pairs of two folders.
pub(super) fn read(
    images: &Path,
    masks: &Path,
    size: [usize; 2],
    meaning: Meaning,
) -> Result<SegmentedImages> {
    let [height, width] = size;
    if height * width == 0 {
        let found = format!("{height} x {width}");
        return Err(Error::argument(
            "the size of the images",
            found,
            "at least 1 x 1",
        ));
    }
    let pairs = pairs(images, masks)?;
    let read: Result<Vec<(Vec<f32>, Vec<u32>)>> = pairs
        .par_iter()
        .map(|(photo, mask)| pair(photo, mask, size, meaning))
        .collect();
    let (photos, masks): (Vec<_>, Vec<_>) = read?.into_iter().unzip();
    let n = pairs.len();
    SegmentedImages::new(
        Tensor::from_vec(photos.concat(), (n, 3, height, width), &Device::Cpu)?,
        Tensor::from_vec(masks.concat(), (n, height, width), &Device::Cpu)?,
    )
}

/// Each photograph with its mask, in the order of their names.
fn pairs(images: &Path, masks: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut photos = pictures(images, &["jpg", "jpeg", "png"])?;
    let mut found = pictures(masks, &["png", "jpg", "jpeg"])?;
    check_partners(&photos, &found, "mask", masks)?;
    check_partners(&found, &photos, "photograph", images)?;
    if photos.is_empty() {
        let problem = "there is no picture in this folder (.jpg, .jpeg or .png)";
        return Err(Error::data(images.display(), problem));
    }
    let names: Vec<String> = photos.keys().cloned().collect();
    let pair = |name: String| Some((photos.remove(&name)?, found.remove(&name)?));
    Ok(names.into_iter().filter_map(pair).collect())
}

/// Refuses pictures without a partner, which should be a `what` in `folder`.
fn check_partners(
    pictures: &BTreeMap<String, PathBuf>,
    partners: &BTreeMap<String, PathBuf>,
    what: &str,
    folder: &Path,
) -> Result<()> {
    let mut lonely = pictures
        .iter()
        .filter(|(name, _)| !partners.contains_key(*name));
    let Some((_, first)) = lonely.next() else {
        return Ok(());
    };
    let others = match lonely.count() {
        0 => String::new(),
        n => format!(", nor have {n} others"),
    };
    let problem = format!(
        "it has no {what} of the same name in {}{others}; put it there, or take this file away",
        folder.display()
    );
    Err(Error::data(first.display(), problem))
}

/// The pictures of a folder under their names without the ending. Hidden files are left alone.
fn pictures(folder: &Path, endings: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut pictures = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        let text =
            |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
        let (Some(name), Some(ending)) = (text(path.file_stem()), text(path.extension())) else {
            continue;
        };
        if name.starts_with('.') || !endings.contains(&ending.to_lowercase().as_str()) {
            continue;
        }
        if let Some(other) = pictures.insert(name, path.clone()) {
            let problem = format!(
                "{} has the same name; take one of them away",
                other.display()
            );
            return Err(Error::data(path.display(), problem));
        }
    }
    Ok(pictures)
}

/// The colours of a photograph, plane by plane, and the classes of its mask, in the new size.
fn pair(
    photo_file: &Path,
    mask_file: &Path,
    size: [usize; 2],
    meaning: Meaning,
) -> Result<(Vec<f32>, Vec<u32>)> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| Error::io(path, error));
    let photo = Photo::parse(&photo_file.display().to_string(), &read(photo_file)?)?;
    let mask = Mask::parse(&mask_file.display().to_string(), &read(mask_file)?, meaning)?;
    let (of_photo, of_mask) = ([photo.height, photo.width], [mask.height, mask.width]);
    if of_photo != of_mask {
        return Err(Error::data(
            mask_file.display(),
            format!(
                "the mask has {} x {} pixels (height x width), but its photograph {} has {} x {}; \
                 each pixel needs a class",
                of_mask[0],
                of_mask[1],
                photo_file.display(),
                of_photo[0],
                of_photo[1]
            ),
        ));
    }
    let planes = photo.planes().map(|plane| smooth(&plane, of_photo, size));
    Ok((planes.concat(), nearest(&mask.classes, of_mask, size)))
}
