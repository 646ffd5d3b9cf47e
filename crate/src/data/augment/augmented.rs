//! A data set whose images are different in every epoch.

use candle_core::Tensor;

use super::Augmentation;
use crate::data::{LabelledImages, SegmentedImages};
use crate::train::{Batch, Examples};
use crate::{Error, Result, Rng};

/// Images for training, changed anew by an [`Augmentation`] each time they are drawn. Made by
/// [`LabelledImages::augmented`] and [`SegmentedImages::augmented`].
///
/// Outside of training ([`evaluate`](crate::train::evaluate), [`Examples::all`]) the images are the
/// original ones.
#[derive(Clone, Debug)]
pub struct Augmented<T = LabelledImages> {
    examples: T,
    augmentation: Augmentation,
}

impl LabelledImages {
    /// These images for training, changed anew by `augmentation` in each epoch, with their labels.
    /// What an image draws depends on the seed of the training, the epoch and the place of the image
    /// in this data set, but not on its batch, so a resumed training draws the same as an
    /// uninterrupted one.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mnist = Mnist::sample()?;
    /// let augmentation = Augmentation::new().rotate(-10.0..=10.0).shift(-2.0..=2.0, -2.0..=2.0);
    /// let train = mnist.train.take(100)?.augmented(&augmentation)?;
    /// let network = Sequential::input(&[1, 28, 28]).then("flatten", Flatten)
    ///     .then("digits", Dense::units(10)).build(6202)?;
    /// Trainer::new(Adam::new(1e-3)).quiet().fit(&Classifier::new(network), &train, &mnist.test)?;
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If an argument of the augmentation is out of its range, or the augmentation changes the size of
    /// the images, which a network would not take.
    pub fn augmented(&self, augmentation: &Augmentation) -> Result<Augmented> {
        check_size(augmentation, &self.images)?;
        Ok(Augmented {
            examples: self.clone(),
            augmentation: augmentation.clone(),
        })
    }
}

impl SegmentedImages {
    /// These images for training, changed anew by `augmentation` in each epoch, and each mask with
    /// its image. Pixels that come in from outside are of the ignored class, or else of class 0.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let augmentation = Augmentation::new().flip_horizontally(0.5).rotate(-10.0..=10.0);
    /// let train = scenes(4, [32, 32], 6202)?.augmented(&augmentation)?;
    /// assert_eq!(train.training_batch(&[2], &Rng::new(1))?.targets.dims(), [1, 32, 32]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LabelledImages::augmented`].
    pub fn augmented(&self, augmentation: &Augmentation) -> Result<Augmented<Self>> {
        check_size(augmentation, &self.images)?;
        Ok(Augmented {
            examples: self.clone(),
            augmentation: augmentation.clone(),
        })
    }
}

/// Refuses an augmentation that changes the size of the images.
fn check_size(augmentation: &Augmentation, images: &Tensor) -> Result<()> {
    let [old, new] = augmentation.sizes(images)?;
    if old != new {
        return Err(Error::shape(
            "augmented",
            format!(
                "the augmentation makes images of {} x {} pixels {} x {}, but a network takes \
                 one size; end it with `.crop([{}, {}])` or `.resize([{}, {}])`.",
                old[0], old[1], new[0], new[1], old[0], old[1], old[0], old[1]
            ),
        ));
    }
    Ok(())
}

impl Examples for Augmented {
    fn len(&self) -> usize {
        self.examples.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        self.examples.batch(indices)
    }

    fn training_batch(&self, indices: &[u32], rng: &Rng) -> Result<Batch> {
        let LabelledImages { images, labels } = self.examples.select(indices)?;
        let draws = |place: usize| rng.child(u64::from(indices[place]));
        let (images, _) = self.augmentation.of_each(&images, None, draws)?;
        Ok(Batch::new(images, labels))
    }
}

impl Examples for Augmented<SegmentedImages> {
    fn len(&self) -> usize {
        self.examples.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        self.examples.batch(indices)
    }

    fn training_batch(&self, indices: &[u32], rng: &Rng) -> Result<Batch> {
        let SegmentedImages {
            images,
            masks,
            ignored,
        } = self.examples.select(indices)?;
        let draws = |place: usize| rng.child(u64::from(indices[place]));
        let outside = ignored.unwrap_or(0);
        let (images, masks) = (self.augmentation).of_pairs(&images, &masks, outside, draws)?;
        let changed = SegmentedImages {
            images,
            masks,
            ignored,
        };
        changed.into_batch()
    }
}
