use candle_core::IndexOp;
use proptest::prelude::*;

use super::*;
use crate::Rng;
use crate::data::LabelledImages;
use crate::train::Examples;

/// Six images of two channels, 5 x 7.
fn images() -> Tensor {
    Rng::new(1).uniform(0.0, 1.0, &[6, 2, 5, 7]).unwrap()
}

/// Everything, at random.
fn everything() -> Augmentation {
    Augmentation::new()
        .rotate(-20.0..=20.0)
        .flip_horizontally(0.5)
        .shift(-2.0..=2.0, -1.0..=1.0)
        .zoom(0.8..=1.3)
        .flip_vertically(0.5)
        .pad(2)
        .crop([6, 6])
        .contrast(0.5..=1.5)
        .resize([5, 7])
        .brightness(0.5..=1.5)
}

fn numbers(images: &Tensor) -> Vec<f32> {
    images.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_bits_are_the_same_with_any_number_of_threads() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| numbers(&everything().apply(&images(), 6202).unwrap()))
    };
    let one = with(1);
    assert!(one.iter().any(|&x| x > 0.0));
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn the_seed_decides_and_each_image_draws_for_itself() {
    let image = images().i(0..1).unwrap();
    let same = Tensor::cat(&[&image, &image, &image], 0).unwrap();
    let draw = |seed: u64| numbers(&everything().apply(&same, seed).unwrap());
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let all = draw(1);
    let (first, rest) = all.split_at(all.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    assert!(first != second && second != third);
    // A generator goes on.
    let mut rng = Rng::new(3);
    let mut next = || numbers(&everything().apply(&same, &mut rng).unwrap());
    assert_ne!(next(), next());
}

#[test]
fn a_training_batch_draws_the_same_however_examples_are_split() {
    let labels = Tensor::new(&[5u32, 4, 3, 2, 1, 0], &Device::Cpu).unwrap();
    let set = LabelledImages::new(images(), labels).unwrap();
    let augmented = set.augmented(&everything()).unwrap();
    let rng = Rng::new(9);
    let drawn = |indices: &[u32]| {
        let batch = augmented.training_batch(indices, &rng).unwrap();
        (
            numbers(&batch.inputs),
            batch.targets.to_vec1::<u32>().unwrap(),
        )
    };
    let (whole, labels) = drawn(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(labels, [5, 4, 3, 2, 1, 0]);
    let (one, some_labels) = drawn(&[4]);
    assert_eq!(some_labels, [1]);
    assert_eq!(one, whole[4 * 70..5 * 70]);
    let (other_way, _) = drawn(&[5, 1, 0]);
    assert_eq!(other_way[70..140], whole[70..140]);
    // Outside training they are what they are.
    assert_eq!(
        numbers(&augmented.all().unwrap().inputs),
        numbers(&images())
    );
}

#[test]
fn exact_changes_of_a_batch() {
    let x = images();
    let changed = |augmentation: Augmentation| augmentation.apply(&x, 1).unwrap();
    let flipped = changed(Augmentation::new().flip_horizontally(1.0));
    assert_eq!(
        numbers(&flipped.i((3, 1, 2, 0)).unwrap()),
        numbers(&x.i((3, 1, 2, 6)).unwrap())
    );
    let upside = changed(Augmentation::new().flip_vertically(1.0));
    assert_eq!(
        numbers(&upside.i((3, 1, 0)).unwrap()),
        numbers(&x.i((3, 1, 4)).unwrap())
    );
    let twice = changed(
        Augmentation::new()
            .flip_vertically(1.0)
            .flip_vertically(1.0),
    );
    assert_eq!(numbers(&twice), numbers(&x));
    let never = changed(
        Augmentation::new()
            .flip_vertically(0.0)
            .rotate(0.0)
            .zoom(1.0),
    );
    assert_eq!(numbers(&never), numbers(&x));
    let padded = changed(Augmentation::new().pad(3));
    assert_eq!(padded.dims(), [6, 2, 11, 13]);
    assert_eq!(
        numbers(&padded.i((.., .., 3..8, 3..10)).unwrap()),
        numbers(&x)
    );
    let half = changed(Augmentation::new().brightness(0.5));
    assert_eq!(numbers(&half), numbers(&(&x * 0.5).unwrap()));
}

#[test]
fn a_crop_is_a_window_of_the_picture_and_takes_each_place() {
    // Pixels that say where they are.
    let places = Tensor::arange(0f32, 16.0, &Device::Cpu).unwrap();
    let pictures = (places.reshape((1, 1, 4, 4)).unwrap())
        .broadcast_as((200, 1, 4, 4))
        .unwrap();
    let crops = Augmentation::new()
        .crop([3, 2])
        .apply(&pictures, 4)
        .unwrap();
    let mut corners = std::collections::BTreeSet::new();
    for crop in crops.flatten_from(1).unwrap().to_vec2::<f32>().unwrap() {
        let offsets: Vec<f32> = crop.iter().map(|pixel| pixel - crop[0]).collect();
        assert_eq!(offsets, [0., 1., 4., 5., 8., 9.]);
        corners.insert(crop[0] as u32);
    }
    assert!(corners.into_iter().eq([0, 1, 2, 4, 5, 6]));
}

#[test]
fn draws_stay_in_their_range_and_fill_it() {
    let bright = Tensor::full(0.5f32, (500, 1, 1, 1), &Device::Cpu).unwrap();
    let found = Augmentation::new()
        .brightness(0.6..=1.4)
        .apply(&bright, 5)
        .unwrap();
    let found = numbers(&found);
    let least = found.iter().copied().fold(1.0, f32::min);
    let most = found.iter().copied().fold(0.0, f32::max);
    assert!(
        (0.3..0.31).contains(&least) && (0.69..=0.7).contains(&most),
        "{least} {most}"
    );
}

#[test]
fn what_cannot_be_done_is_one_sentence() {
    let refused = |augmentation: Augmentation| {
        let error = augmentation.apply(&images(), 1).unwrap_err();
        error.to_string()
    };
    let new = Augmentation::new;
    assert_eq!(
        refused(new().rotate(15.0..=-15.0)),
        "the angle of a rotation is 15 to -15, but it must be a finite number, or a range with the \
         lower one first."
    );
    assert_eq!(
        refused(new().zoom(0.0)),
        "the factor of a zoom is 0, but it must be 0.01 or above, or a range with the lower number \
         first."
    );
    assert!(refused(new().shift(f64::NAN, 0.0)).starts_with("the shift to the right is NaN"));
    assert!(refused(new().shift(0.0, f64::INFINITY)).starts_with("the shift down is inf"));
    assert!(refused(new().flip_vertically(1.5)).contains("1.5, but it must be between 0 and 1"));
    assert!(refused(new().contrast(-0.1..=1.0)).contains("-0.1 to 1, but it must be 0 or above"));
    assert!(refused(new().resize([0, 7])).contains("0 x 7, but it must be at least 1 x 1"));
    let crop = refused(new().crop([6, 6]));
    assert!(crop.contains("6 x 6") && crop.contains("at most 5 x 7") && crop.contains("`.pad(4)`"));
    assert!(new().pad(1).crop([6, 6]).apply(&images(), 1).is_ok());

    let standardised = (images() * 3.0).unwrap();
    let error = new()
        .contrast(1.0)
        .apply(&standardised, 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("between 0 and 1; standardise images after that"),
        "{error}"
    );
    assert!(new().rotate(3.0).apply(&standardised, 1).is_ok());
    let flat = images().flatten_from(2).unwrap();
    let error = new().apply(&flat, 1).unwrap_err().to_string();
    assert!(error.contains("[6, 2, 35] of F32"), "{error}");
    let labels = Tensor::zeros(6, DType::U32, &Device::Cpu).unwrap();
    let set = LabelledImages::new(images(), labels).unwrap();
    let error = set.augmented(&new().pad(1)).unwrap_err().to_string();
    assert!(
        error.contains("5 x 7 pixels 7 x 9") && error.contains("`.crop([5, 7])`"),
        "{error}"
    );
}

proptest! {
    /// Interpolation makes no new extremes, and a picture of one grey level stays one where
    /// nothing comes in from outside.
    #[test]
    fn pixels_stay_between_the_darkest_and_the_lightest(
        degrees in -180.0..180.0, right in -3.0..3.0, factor in 0.5..2.0, seed in any::<u64>(),
    ) {
        let moved = Augmentation::new().rotate(degrees).shift(right, 0.5).zoom(factor);
        for pixel in numbers(&moved.apply(&images(), seed).unwrap()) {
            prop_assert!((0.0..=1.0 + 1e-6).contains(&pixel));
        }
        let grey = Tensor::full(0.25f32, (1, 1, 9, 9), &Device::Cpu).unwrap();
        let inner = Augmentation::new().rotate(degrees).zoom(2.0).apply(&grey, seed).unwrap();
        for pixel in numbers(&inner) {
            prop_assert!((pixel - 0.25).abs() < 1e-6);
        }
    }
}
