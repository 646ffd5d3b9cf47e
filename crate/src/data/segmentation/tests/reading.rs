//! Photographs, masks and folders of them, against what Pillow and PyTorch make of them.

use super::*;

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
