//! Masks stay with their images.

use super::*;

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
