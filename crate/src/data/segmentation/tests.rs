use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::safetensors::load;
use proptest::prelude::*;

use super::folder::read;
use super::mask::{Mask, Meaning};
use super::photo::Photo;
use super::*;
use crate::Rng;
use crate::data::Augmentation;
use crate::metrics::segmentation_report;

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
fn every_kind_of_photograph_has_pillow_s_colours() {
    for (name, expected) in cases("photographs", "rgb") {
        let photo = Photo::parse(&name, &bytes(&name)).unwrap();
        assert_eq!([photo.height, photo.width, 3], *expected.dims(), "{name}");
        let expected: Vec<u32> = expected.flatten_all().unwrap().to_vec1().unwrap();
        // Decoders of JPEG round differently.
        let tolerance = if name.to_lowercase().ends_with(".png") {
            0
        } else {
            3
        };
        let coarse = name == "capitals.JPG"; // its colours have half the resolution
        for (place, (&found, &expected)) in photo.rgb.iter().zip(&expected).enumerate() {
            let difference = u32::from(found).abs_diff(expected);
            let allowed = if coarse { 60 } else { tolerance };
            assert!(
                difference <= allowed,
                "{name}, {place}: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn every_kind_of_mask_has_its_classes() {
    for (name, expected) in cases("masks", "classes") {
        let meaning = match name.starts_with("classes") {
            true => Meaning::Classes(12),
            false => Meaning::BlackAndWhite,
        };
        let mask = Mask::parse(&name, &bytes(&name), meaning).unwrap();
        assert_eq!([mask.height, mask.width], *expected.dims(), "{name}");
        let expected: Vec<u32> = expected.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(mask.classes, expected, "{name}");
    }
}

#[test]
fn photographs_are_resized_as_pytorch_does_it_smoothly() {
    for (name, expected) in cases("resized", "output") {
        let photo = Photo::parse(&name, &bytes(&format!("resized_{name}.png"))).unwrap();
        let size = [expected.dims()[1], expected.dims()[2]];
        let resized = photo
            .planes()
            .map(|plane| resample::smooth(&plane, [photo.height, photo.width], size));
        let expected: Vec<f32> = expected.flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in resized.concat().iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 2e-6,
                "{name}: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn pairs_are_read_in_the_order_of_their_names() {
    let folder = folder(&[
        ("rgb.png", "image/b.2.png"),
        ("mask.png", "ground-truth/b.2.png"),
        ("turned_3.jpg", "image/a.jpg"),
        ("mask_one_bit.png", "ground-truth/a.png"),
        ("classes.png", "ground-truth/.hidden.png"),
    ]);
    fs::write(folder.path().join("image/notes.txt"), "not a picture").unwrap();
    let set = SegmentedImages::from_folder(folder.path(), [16, 24]).unwrap();
    assert_eq!(
        (set.images.dims(), set.masks.dims()),
        (&[2, 3, 16, 24][..], &[2, 16, 24][..])
    );
    let alone = Photo::parse("rgb.png", &bytes("rgb.png"))
        .unwrap()
        .planes()
        .concat();
    let second: Vec<f32> = set
        .images
        .get(1)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    assert_eq!(
        second, alone,
        "b.2 comes second, and the same size is the same picture"
    );
    let half = SegmentedImages::from_folder(folder.path(), [8, 12]).unwrap();
    assert_eq!(half.masks.dims(), [2, 8, 12]);
}

#[test]
fn what_is_wrong_with_a_pair_is_one_sentence() {
    let photo = ("rgb.png", "image/a.png");
    assert_eq!(
        refused(&[
            photo,
            ("rgb.jpg", "image/b.jpg"),
            ("mask.png", "ground-truth/a.png")
        ]),
        "data/image/b.jpg: it has no mask of the same name in data/ground-truth; put it there, or \
         take this file away."
    );
    let error = refused(&[
        ("mask.png", "ground-truth/a.png"),
        ("mask.png", "ground-truth/b.png"),
    ]);
    assert!(
        error.starts_with("data/ground-truth/a.png: it has no photograph"),
        "{error}"
    );
    assert!(error.contains(", nor have 1 others"), "{error}");
    assert_eq!(
        refused(&[]),
        "data/image: there is no picture in this folder (.jpg, .jpeg or .png)."
    );
    let error = refused(&[
        photo,
        ("rgb.jpg", "image/a.jpg"),
        ("mask.png", "ground-truth/a.png"),
    ]);
    assert!(
        error.contains("has the same name; take one of them away"),
        "{error}"
    );
    assert_eq!(
        refused(&[photo, ("resized_half.png", "ground-truth/a.png")]),
        "data/ground-truth/a.png: the pixel in row 0, column 0 is [PIXEL], but a mask has 0 or 255 \
         (black or white), or 0 or 1; a resized mask has grey borders if it was not resized by \
         nearest neighbour, so take the original one."
            .replace("[PIXEL]", &first_pixel("resized_half.png"))
    );
    let error = refused(&[photo, ("classes.png", "ground-truth/a.png")]);
    assert!(
        error.contains("row 0, column 14 is [2], but a mask has 0 or 255"),
        "{error}"
    );
    let error = refused(&[
        ("turned_6.jpg", "image/a.jpg"),
        ("mask.png", "ground-truth/a.png"),
    ]);
    assert!(
        error.contains(
            "16 x 24 pixels (height x width), but its photograph data/image/a.jpg has 24 x 16"
        ),
        "{error}"
    );
    let error = refused(&[photo, ("rgb.jpg", "ground-truth/a.jpg")]);
    assert!(error.contains("a mask must not be a JPEG"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = SegmentedImages::from_folder(empty.path(), [8, 8])
        .unwrap_err()
        .to_string();
    assert!(error.contains("image: No such file"), "{error}");
    let error = SegmentedImages::from_folder(empty.path(), [0, 8])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("0 x 8, but it must be at least 1 x 1"),
        "{error}"
    );
}

fn first_pixel(name: &str) -> String {
    let photo = Photo::parse(name, &bytes(name)).unwrap();
    format!("{:?}", &photo.rgb[..3])
}

#[test]
fn a_class_that_there_is_not_is_named() {
    let folder = folder(&[
        ("rgb.png", "image/a.png"),
        ("classes.png", "ground-truth/a.png"),
    ]);
    let path = |part: &str| folder.path().join(part);
    let read = |classes| {
        read(
            &path("image"),
            &path("ground-truth"),
            [16, 24],
            Meaning::Classes(classes),
        )
    };
    assert_eq!(
        read(12)
            .unwrap()
            .masks
            .max_all()
            .unwrap()
            .to_scalar::<u32>()
            .unwrap(),
        11
    );
    let error = read(11).unwrap_err().to_string();
    assert!(
        error.contains("row 3, column 5 is [11], but a mask has the number of one of 11"),
        "{error}"
    );
}

#[test]
fn camvid_has_its_layout_and_ignores_what_is_unlabelled() {
    let folder = tempfile::tempdir().unwrap();
    for (part, file) in [
        ("train", "rgb.png"),
        ("trainannot", "classes.png"),
        ("val", "rgb.png"),
        ("valannot", "classes.png"),
    ] {
        fs::create_dir(folder.path().join(part)).unwrap();
        fs::write(
            folder.path().join(part).join("0001TP_006690.png"),
            bytes(file),
        )
        .unwrap();
    }
    let camvid = CamVid::from_folder(folder.path(), [8, 12]).unwrap();
    assert_eq!((camvid.train.len(), camvid.valid.ignored), (1, Some(11)));
    let error = CamVid::from_folder(folder.path().join("train"), [8, 12])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("there is no folder `train` in it"),
        "{error}"
    );
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

/// The best threshold on the brightness, or the best of two sides of it, finds little.
#[test]
fn brightness_does_not_tell_what_is_striped() {
    let set = scenes(30, [64, 64], 6202).unwrap();
    let brightness = set.images.mean(1).unwrap();
    let nothing = set.masks.zeros_like().unwrap();
    let iou = |predicted: &Tensor| {
        segmentation_report(&set.masks, predicted, None)
            .unwrap()
            .classes[1]
            .iou
    };
    let share = set.masks.to_dtype(DType::F32).unwrap().mean_all().unwrap();
    let share: f32 = share.to_scalar().unwrap();
    assert!((0.1..0.45).contains(&share), "{share}");
    assert_eq!(iou(&nothing), 0.0);
    for step in 1..20 {
        let level = f64::from(step) / 20.0;
        let light = brightness.ge(level).unwrap().to_dtype(DType::U32).unwrap();
        let dark = brightness.lt(level).unwrap().to_dtype(DType::U32).unwrap();
        // To call everything striped finds `share`.
        assert!(
            iou(&light).max(iou(&dark)) < f64::from(share) + 0.06,
            "{level}"
        );
    }
}

#[test]
fn scenes_are_the_same_with_any_number_of_threads() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let set = pool.install(|| scenes(5, [20, 24], 6202)).unwrap();
        set.images.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(with(1), with(3));
    assert!(scenes(1, [4, 8], 1).is_err() && scenes(0, [8, 8], 1).is_err());
}

/// An image whose pixels are its mask's classes stays one, whatever moves both.
#[test]
fn masks_move_with_their_images() {
    let set = scenes(8, [24, 32], 6202).unwrap();
    let as_image = set
        .masks
        .unsqueeze(1)
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap();
    let exact = Augmentation::new()
        .flip_horizontally(0.5)
        .flip_vertically(0.5)
        .pad(3)
        .crop([24, 32]);
    let (images, masks) = exact.apply_with_masks(&as_image, &set.masks, 0, 7).unwrap();
    let classes = |masks: &Tensor| masks.flatten_all().unwrap().to_vec1::<u32>().unwrap();
    let again = images.squeeze(1).unwrap().to_dtype(DType::U32).unwrap();
    assert_eq!(classes(&again), classes(&masks));
    assert_ne!(classes(&masks), classes(&set.masks));
    assert_eq!(
        images.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        exact
            .apply(&as_image, 7)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap(),
        "with and without masks, a seed draws the same"
    );

    // The nearest of the four pixels that a new one is mixed of has at least a quarter of its weight.
    for smooth in [
        Augmentation::new().rotate(-30.0..=30.0).zoom(0.8..=1.3),
        Augmentation::new().elastic(4.0),
    ] {
        let (images, masks) = smooth
            .apply_with_masks(&as_image, &set.masks, 0, 7)
            .unwrap();
        let pixels = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let masks = classes(&masks);
        assert_ne!(masks, classes(&set.masks));
        for (pixel, class) in pixels.iter().zip(masks) {
            assert!((pixel - class as f32).abs() < 0.751, "{pixel} {class}");
        }
    }

    // What comes in from outside is of the given class, and light leaves a mask alone.
    let away = Augmentation::new()
        .shift(100.0, 0.0)
        .brightness(0.5)
        .drop_pixels(0.5);
    let (_, masks) = away
        .apply_with_masks(&set.images, &set.masks, 9, 7)
        .unwrap();
    assert!(classes(&masks).iter().all(|class| *class == 9));
    let lit = Augmentation::new()
        .contrast(0.5)
        .saturation(0.2)
        .drop_pixels(0.6);
    let (images, masks) = lit.apply_with_masks(&set.images, &set.masks, 9, 7).unwrap();
    assert_eq!(classes(&masks), classes(&set.masks));
    let pixels = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let dropped = pixels.iter().filter(|pixel| **pixel == 0.0).count() as f64 / pixels.len() as f64;
    assert!((dropped - 0.6).abs() < 0.02, "{dropped}");
    let error = lit
        .apply_with_masks(&set.images, &as_image, 0, 7)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("masks are [n, height, width] of U32"),
        "{error}"
    );
}

#[test]
fn augmented_batches_ignore_what_came_in() {
    let set = scenes(4, [16, 16], 1).unwrap().ignoring(5);
    let train = set.augmented(&Augmentation::new().shift(4.0, 0.0)).unwrap();
    let batch = train.training_batch(&[2, 0], &Rng::new(3)).unwrap();
    let counted = batch
        .mask
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .mean_all()
        .unwrap();
    assert_eq!(counted.to_scalar::<f32>().unwrap(), 0.75);
    assert!(train.all().unwrap().mask.is_some());
    assert!(set.augmented(&Augmentation::new().pad(1)).is_err());
}

/// Reads pictures with wrong bytes in them, and cut off ones: each is read or refused.
fn mutilate(seed: u64, files: &HashMap<String, Vec<u8>>) {
    let mut rng = Rng::new(seed);
    let mut names: Vec<&String> = files.keys().collect();
    names.sort();
    let name = names[rng.below(names.len())];
    let mut bytes = files[name].clone();
    for _ in 0..rng.below(6) {
        let place = rng.below(bytes.len());
        bytes[place] = rng.below(256) as u8;
    }
    if rng.below(3) == 0 {
        bytes.truncate(rng.below(bytes.len()));
    }
    let _ = Photo::parse(name, &bytes);
    let _ = Mask::parse(name, &bytes, Meaning::BlackAndWhite);
    let _ = Mask::parse(name, &bytes, Meaning::Classes(12));
}

fn files() -> HashMap<String, Vec<u8>> {
    let entries = fs::read_dir(pictures())
        .unwrap()
        .map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.map(|name| (name.clone(), bytes(&name))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn broken_pictures_never_panic(seed in any::<u64>()) {
        mutilate(seed, &files());
    }
}

/// `cargo test --lib broken_pictures_for_minutes -- --ignored`, for ten minutes.
#[test]
#[ignore = "takes ten minutes"]
fn broken_pictures_for_minutes() {
    let (start, files) = (std::time::Instant::now(), files());
    let mut seed = 0;
    while start.elapsed().as_secs() < 600 {
        mutilate(seed, &files);
        seed += 1;
    }
    println!("{seed} broken pictures");
}
