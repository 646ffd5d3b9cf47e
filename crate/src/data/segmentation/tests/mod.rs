//! Tests that need pictures.

mod augmentation;
mod broken;
mod reading;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::safetensors::load;
use proptest::prelude::*;

use super::folder::read;
use super::mask::{Mask, Meaning};
use super::photo::Photo;
use super::*;
use crate::Rng;
use crate::data::Augmentation;

/// Pictures that Pillow wrote, and what it and PyTorch read in them.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures")
}

/// The tensors of a fixture whose names end in `/name`, under the cases' names.
fn cases(fixture: &str, name: &str) -> Vec<(String, Tensor)> {
    let tensors = load(
        pictures().join(format!("{fixture}.safetensors")),
        &Device::Cpu,
    )
    .unwrap();
    let of_case = |(key, tensor): (String, Tensor)| {
        let case = key.strip_suffix(&format!("/{name}"))?;
        Some((case.to_owned(), tensor))
    };
    let mut cases: Vec<_> = tensors.into_iter().filter_map(of_case).collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!cases.is_empty());
    cases
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(pictures().join(name)).unwrap()
}

/// A folder with copies of pictures, as `image/…` and `ground-truth/…`.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["image", "ground-truth"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for (picture, name) in files {
        fs::write(folder.path().join(name), bytes(picture)).unwrap();
    }
    folder
}

fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = SegmentedImages::from_folder(folder.path(), [8, 8]).unwrap_err();
    error
        .to_string()
        .replace(&folder.path().display().to_string(), "data")
}

#[test]
fn folds_use_each_image_once_to_validate() {
    // Images that are their own number.
    let numbers = Tensor::arange(0u32, 11, &Device::Cpu).unwrap();
    let masks = numbers.reshape((11, 1, 1)).unwrap();
    let images = masks.unsqueeze(1).unwrap().to_dtype(DType::F32).unwrap();
    let set = SegmentedImages::new(images, masks).unwrap().ignoring(3);
    let of = |set: &SegmentedImages| set.masks.flatten_all().unwrap().to_vec1::<u32>().unwrap();
    let folds = set.folds(4, 6202).unwrap();
    let mut seen: Vec<u32> = folds.iter().flat_map(|(_, valid)| of(valid)).collect();
    for (train, valid) in &folds {
        assert!((2..=3).contains(&valid.len()) && train.len() + valid.len() == 11);
        assert!(of(train).iter().all(|number| !of(valid).contains(number)));
        assert_eq!(train.ignored, Some(3));
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..11));
    assert!(set.folds(1, 1).is_err() && set.folds(12, 1).is_err());
}

#[test]
fn images_without_their_masks_are_refused() {
    let images = Tensor::zeros((2, 3, 4, 5), DType::F32, &Device::Cpu).unwrap();
    let masks = |dims: &[usize], dtype| Tensor::zeros(dims, dtype, &Device::Cpu).unwrap();
    assert!(SegmentedImages::new(images.clone(), masks(&[2, 4, 5], DType::U32)).is_ok());
    for (dims, dtype) in [
        (&[2, 5, 4][..], DType::U32),
        (&[1, 4, 5], DType::U32),
        (&[2, 1, 4, 5], DType::U32),
        (&[2, 4, 5], DType::F32),
    ] {
        let error = SegmentedImages::new(images.clone(), masks(dims, dtype)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("{dims:?} of {dtype:?}")),
            "{error}"
        );
    }
}
