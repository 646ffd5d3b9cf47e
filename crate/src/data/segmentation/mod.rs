//! Images with a class for each pixel.

mod camvid;
mod exif;
mod folder;
mod mask;
mod photo;
mod resample;
mod scenes;

use candle_core::{DType, Tensor};

pub use camvid::CamVid;
pub use scenes::scenes;

use super::pairs;
use crate::train::{Batch, Examples};
use crate::{Error, Result, Seed};

/// Images with their masks, which hold the class of each pixel.
///
/// As [`Examples`], the inputs of a batch are the images and its targets the masks. Pixels of an
/// ignored class are masked, so that a [`Classifier`](crate::models::Classifier) leaves them out.
///
/// ```
/// use cuaderno::prelude::*;
/// let images = Tensor::zeros((2, 3, 4, 4), DType::F32, &Device::Cpu)?;
/// let masks = Tensor::ones((2, 4, 4), DType::U32, &Device::Cpu)?;
/// let examples = SegmentedImages::new(images, masks)?.ignoring(1);
/// assert_eq!(examples.len(), 2);
/// let counted = examples.batch(&[0])?.mask.unwrap();
/// assert_eq!(counted.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?, 0.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentedImages {
    /// The images, `[n, channels, height, width]` of f32 in `[0, 1]`.
    pub images: Tensor,
    /// The class of each pixel, `[n, height, width]` of u32.
    pub masks: Tensor,
    /// The class of the pixels that count neither in training nor in scores, if there is one.
    pub ignored: Option<u32>,
}

impl SegmentedImages {
    /// Pairs `images` `[n, channels, height, width]` (f32) with `masks` `[n, height, width]` (u32).
    ///
    /// # Errors
    /// If a tensor has another shape or type, or the sizes differ.
    pub fn new(images: Tensor, masks: Tensor) -> Result<Self> {
        let fit = match (images.dims(), masks.dims()) {
            ([n, _, h, w], mask) => [*n, *h, *w] == *mask,
            _ => false,
        };
        let types = (images.dtype(), masks.dtype());
        if !fit || types != (DType::F32, DType::U32) {
            return Err(Error::shape(
                "SegmentedImages::new",
                format!(
                    "images are [n, channels, height, width] of F32 and masks [n, height, width] of \
                     U32, but got {:?} of {:?} and {:?} of {:?}.",
                    images.dims(),
                    types.0,
                    masks.dims(),
                    types.1
                ),
            ));
        }
        Ok(Self {
            images,
            masks,
            ignored: None,
        })
    }

    /// The same images, with pixels of this class left out of training.
    pub fn ignoring(mut self, class: u32) -> Self {
        self.ignored = Some(class);
        self
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.dims()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` images, or all if there are fewer, without copying them.
    ///
    /// # Errors
    /// If `n` is 0.
    pub fn take(&self, n: usize) -> Result<Self> {
        let (images, masks) = pairs::first(&self.images, &self.masks, n)?;
        Ok(Self {
            images,
            masks,
            ..*self
        })
    }

    /// The images at `indices`, in this order. Only these are copied.
    ///
    /// # Errors
    /// If an index is not below [`SegmentedImages::len`]; in a notebook, if the user has interrupted
    /// the cell.
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        let (images, masks) = pairs::at(&self.images, &self.masks, indices)?;
        Ok(Self {
            images,
            masks,
            ..*self
        })
    }

    /// Splits the images at random into `count` parts of nearly the same size, and returns for each
    /// part the images of the others to train with, and its own to validate with (k-fold
    /// cross-validation). With few images, a single split would say more about luck than about the
    /// network.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let folds = scenes(10, [16, 16], 1)?.folds(5, 6202)?;
    /// let (train, valid) = &folds[0];
    /// assert_eq!((folds.len(), train.len(), valid.len()), (5, 8, 2));
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `count` is below 2 or above the number of images.
    pub fn folds(&self, count: usize, seed: impl Seed) -> Result<Vec<(Self, Self)>> {
        if !(2..=self.len()).contains(&count) {
            return Err(Error::argument(
                "the number of folds",
                count,
                format!("from 2 to {}, the number of images", self.len()),
            ));
        }
        let order = seed.draw(|rng| rng.permutation(self.len()));
        let bounds: Vec<usize> = (0..=count).map(|fold| fold * self.len() / count).collect();
        let fold = |bounds: &[usize]| {
            let valid = bounds[0]..bounds[1];
            let train = [&order[..valid.start], &order[valid.end..]].concat();
            Ok((self.select(&train)?, self.select(&order[valid])?))
        };
        bounds.windows(2).map(fold).collect()
    }

    /// All of them as one batch.
    pub(super) fn into_batch(self) -> Result<Batch> {
        let mask = self.ignored.map(|ignored| self.masks.ne(ignored));
        Ok(Batch {
            inputs: self.images,
            targets: self.masks,
            mask: mask.transpose()?,
        })
    }
}

impl Examples for SegmentedImages {
    fn len(&self) -> usize {
        self.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        self.select(indices)?.into_batch()
    }
}

#[cfg(test)]
mod tests;
