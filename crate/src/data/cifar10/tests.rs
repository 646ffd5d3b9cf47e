use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Levels of one image that tell position and colour.
fn level(image: usize, colour: usize, pixel: usize) -> u8 {
    (image * 71 + colour * 50 + pixel) as u8
}

/// A record of the binary version.
fn record(image: usize, label: u8) -> Vec<u8> {
    let mut bytes = vec![label];
    for colour in 0..3 {
        bytes.extend((0..PIXELS).map(|pixel| level(image, colour, pixel)));
    }
    bytes
}

fn png(width: u32, height: u32, colour: png::ColorType, levels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(levels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A picture with an image in each row.
fn picture(images: std::ops::Range<usize>) -> Vec<u8> {
    let count = images.len() as u32;
    let levels: Vec<u8> = images
        .flat_map(|image| (0..NUMBERS).map(move |at| level(image, at % 3, at / 3)))
        .collect();
    png(PIXELS as u32, count, png::ColorType::Rgb, &levels)
}

/// A tiny CIFAR-10 in the binary version: an image in each file.
fn binary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (image, name) in TRAIN.iter().chain(&TEST).enumerate() {
        let path = folder.path().join(format!("{name}.bin"));
        fs::write(path, record(image, image as u8)).unwrap();
    }
    folder
}

/// The same as pictures.
fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (image, name) in TRAIN.iter().chain(&TEST).enumerate() {
        let path = folder.path().join(format!("{name}.png"));
        fs::write(path, picture(image..image + 1)).unwrap();
    }
    fs::write(folder.path().join("train_lables.json"), "[0,1,2,3,4]").unwrap();
    fs::write(folder.path().join("test_lables.json"), "[5]").unwrap();
    folder
}

#[test]
fn both_layouts_give_the_same_images_and_labels() {
    for folder in [binary(), pictures()] {
        let cifar = Cifar10::from_folder(folder.path()).unwrap();
        assert_eq!(cifar.train.images.dims(), [5, 3, 32, 32]);
        assert_eq!(
            cifar.train.labels.to_vec1::<u32>().unwrap(),
            [0, 1, 2, 3, 4]
        );
        assert_eq!(cifar.test.labels.to_vec1::<u32>().unwrap(), [5]);
        let numbers: Vec<f32> = cifar.train.images.flatten_all().unwrap().to_vec1().unwrap();
        for (at, &number) in numbers.iter().enumerate() {
            let (image, colour, pixel) = (at / NUMBERS, at / PIXELS % 3, at % PIXELS);
            assert_eq!(number, f32::from(level(image, colour, pixel)) / 255.0);
        }
    }
}

#[test]
fn each_defect_of_a_file_is_one_sentence() {
    let bad = |image: usize| [record(0, 0), record(1, 11)].concat()[..image].to_vec();
    let grey = png(1024, 1, png::ColorType::Grayscale, &[0; 1024]);
    let narrow = png(31, 31, png::ColorType::Rgb, &[0; 31 * 31 * 3]);
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let text = |text: &str| text.as_bytes().to_vec();
    type Case = (
        fn() -> tempfile::TempDir,
        &'static str,
        Vec<u8>,
        &'static str,
    );
    let cases: [Case; 13] = [
        (
            binary,
            "data_batch_2.bin",
            vec![],
            "has 0 bytes, which is no whole number of records",
        ),
        (binary, "data_batch_2.bin", bad(4000), "has 4000 bytes"),
        (
            binary,
            "data_batch_2.bin",
            [record(1, 1), record(1, 1)].concat(),
            "the file has 2 images, but",
        ),
        (
            binary,
            "test_batch.bin",
            bad(6146),
            "record 1, at byte 3073, has the label 11",
        ),
        (
            binary,
            "test_batch.bin",
            vec![0x1f, 0x8b, 8],
            "still compressed",
        ),
        (
            pictures,
            "data_batch_3.png",
            text("GIF89a"),
            "the PNG cannot be decoded",
        ),
        (
            pictures,
            "data_batch_3.png",
            cut(picture(0..1)),
            "the PNG cannot be decoded",
        ),
        (
            pictures,
            "data_batch_3.png",
            grey,
            "holds Grayscale of Eight bits",
        ),
        (pictures, "data_batch_3.png", narrow, "has 31 x 31 pixels"),
        (
            pictures,
            "data_batch_3.png",
            picture(0..2),
            "there are 5 labels, but 6 images in",
        ),
        (
            pictures,
            "train_lables.json",
            text("[0,1,2,3,10]"),
            "image 4 has the label 10",
        ),
        (
            pictures,
            "train_lables.json",
            text("[0,1"),
            "no JSON list of labels",
        ),
        (
            pictures,
            "test_lables.json",
            text("[-1]"),
            "no JSON list of labels",
        ),
    ];
    for (folder, name, bytes, expected) in cases {
        let folder = folder();
        fs::write(folder.path().join(name), bytes).unwrap();
        let error = Cifar10::from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(name.split('_').next().unwrap()), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = Cifar10::from_folder(Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().contains("data_batch_1.bin"), "{error}");
    let folder = pictures();
    fs::remove_file(folder.path().join("test_lables.json")).unwrap();
    let error = Cifar10::from_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("test_lables.json"), "{error}");
}

#[test]
fn the_sample_is_real_and_balanced() {
    let cifar = Cifar10::sample().unwrap();
    for (part, each) in [(&cifar.train, 80), (&cifar.test, 40)] {
        let mut counts = [0; 10];
        for label in part.labels.to_vec1::<u32>().unwrap() {
            counts[label as usize] += 1;
        }
        assert_eq!(counts, [each; 10]);
        // All of CIFAR-10 has these means of red, green and blue.
        let means = part
            .images
            .mean((0, 2, 3))
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        for (mean, all) in means.into_iter().zip([0.491, 0.482, 0.447]) {
            assert!((mean - all).abs() < 0.02, "{mean} {all}");
        }
    }
}

proptest! {
    /// Bytes of any kind are images or an error, never a panic.
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        repeats in 0usize..40,
    ) {
        let bytes = bytes.repeat(repeats);
        let _ = binary::parse(&[("x".to_owned(), bytes.clone())]);
        let _ = sheet::labels("x", &bytes);
        let _ = sheet::levels("x", &bytes);
    }

    /// A damaged picture is an error or images of the same number.
    #[test]
    fn a_damaged_picture_never_panics(
        place in any::<prop::sample::Index>(),
        bit in 0u8..8,
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = picture(0..2);
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(levels) = sheet::levels("x", &bytes) {
            prop_assert_eq!(levels.len() % NUMBERS, 0);
        }
    }

    #[test]
    fn labels_are_those_of_the_list(labels in prop::collection::vec(0u32..12, 0..20)) {
        let text = serde_json::to_string(&labels).unwrap();
        let read = sheet::labels("x", text.as_bytes());
        match labels.iter().position(|&label| label > 9) {
            None => prop_assert_eq!(read.unwrap(), labels),
            Some(at) => {
                let error = read.unwrap_err().to_string();
                prop_assert!(error.contains(&format!("image {at} has the label")), "{}", error);
            }
        }
    }
}
