//! A data set of which every epoch sees other pictures.

use super::Augmentation;
use crate::data::LabelledImages;
use crate::train::{Batch, Examples};
use crate::{Error, Result, Rng};

/// Labelled images to train on, changed anew by an [`Augmentation`] each time they are drawn:
/// [`LabelledImages::augmented`].
///
/// Where nothing is trained ([`evaluate`](crate::train::evaluate), [`Examples::all`]) the images are
/// what they are.
#[derive(Clone, Debug)]
pub struct Augmented {
    examples: LabelledImages,
    augmentation: Augmentation,
}

impl LabelledImages {
    /// These images for training, each epoch changed anew by `augmentation`; their labels are kept.
    /// What an image draws depends on the training's seed, the epoch and the image's place in this
    /// data set, not on its batch: a training that is resumed draws what an uninterrupted one does.
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
    /// If an argument of the augmentation is out of its range, or the images come out with another
    /// size, which a network would not take.
    pub fn augmented(&self, augmentation: &Augmentation) -> Result<Augmented> {
        let [old, new] = augmentation.sizes(&self.images)?;
        if old != new {
            return Err(Error::shape(
                "LabelledImages::augmented",
                format!(
                    "the augmentation makes images of {} x {} pixels {} x {}, but a network takes \
                     one size; end it with `.crop([{}, {}])` or `.resize([{}, {}])`.",
                    old[0], old[1], new[0], new[1], old[0], old[1], old[0], old[1]
                ),
            ));
        }
        Ok(Augmented {
            examples: self.clone(),
            augmentation: augmentation.clone(),
        })
    }
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
        Ok(Batch::new(
            self.augmentation.of_each(&images, draws)?,
            labels,
        ))
    }
}
