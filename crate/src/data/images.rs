//! Images with one label each.

use candle_core::{DType, Device, Tensor};

use crate::train::{Batch, Examples};
use crate::{Error, Result, Rng};

/// Images and the class of each.
#[derive(Clone, Debug)]
pub struct LabelledImages {
    /// `[n, channels, height, width]`, f32 in `[0, 1]`.
    pub images: Tensor,
    /// `[n]`, u32.
    pub labels: Tensor,
}

impl LabelledImages {
    /// Pairs `images` `[n, channels, height, width]` (f32) with `labels` `[n]` (u32).
    ///
    /// # Errors
    /// If a shape or a type is another one, or the numbers of images and labels differ.
    pub fn new(images: Tensor, labels: Tensor) -> Result<Self> {
        let refuse = |problem: String| Err(Error::shape("LabelledImages::new", problem));
        if images.rank() != 4 || images.dtype() != DType::F32 {
            return refuse(format!(
                "images are [n, channels, height, width] of F32, but got {:?} of {:?}.",
                images.dims(),
                images.dtype()
            ));
        }
        if labels.rank() != 1 || labels.dtype() != DType::U32 {
            return refuse(format!(
                "labels are [n] of U32, but got {:?} of {:?}.",
                labels.dims(),
                labels.dtype()
            ));
        }
        if images.dims()[0] != labels.dims()[0] {
            return refuse(format!(
                "there are {} images but {} labels; each image needs one.",
                images.dims()[0],
                labels.dims()[0]
            ));
        }
        Ok(Self { images, labels })
    }

    /// Takes `images` as other libraries have them, `[n, …]` with the numbers of an image of
    /// `[channels, height, width]`, and `labels` `[n]` of any type of whole numbers: the two fields of
    /// a `candle_datasets::vision::Dataset`, for instance.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let flat = Tensor::zeros((2, 784), DType::F32, &Device::Cpu)?;
    /// let labels = Tensor::new(&[7u8, 3], &Device::Cpu)?;
    /// let digits = LabelledImages::from_tensors(&flat, &labels, [1, 28, 28])?;
    /// assert_eq!(digits.images.dims(), [2, 1, 28, 28]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the images have not as many numbers, the labels are no whole numbers, or there are not as
    /// many labels as images.
    pub fn from_tensors(images: &Tensor, labels: &Tensor, size: [usize; 3]) -> Result<Self> {
        let [channels, height, width] = size;
        let numbers: usize = images.dims().iter().skip(1).product();
        if images.rank() < 2 || numbers != channels * height * width {
            return Err(Error::shape(
                "LabelledImages::from_tensors",
                format!(
                    "images of {size:?} are [n, {}], but got {:?}.",
                    channels * height * width,
                    images.dims()
                ),
            ));
        }
        if !labels.dtype().is_int() {
            return Err(Error::shape(
                "LabelledImages::from_tensors",
                format!("labels are whole numbers, but got {:?}.", labels.dtype()),
            ));
        }
        let n = images.dims()[0];
        let images = images.to_dtype(DType::F32)?;
        Self::new(
            images.reshape((n, channels, height, width))?,
            labels.to_dtype(DType::U32)?,
        )
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.dims()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` images, or all if there are fewer. Nothing is copied.
    ///
    /// # Errors
    /// If `n` is 0.
    pub fn take(&self, n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::argument(
                "the number of images to take",
                n,
                "1 or more",
            ));
        }
        let n = n.min(self.len());
        Ok(Self {
            images: self.images.narrow(0, 0, n)?,
            labels: self.labels.narrow(0, 0, n)?,
        })
    }

    /// Copies the images at `indices`, in that order, and nothing else.
    ///
    /// # Errors
    /// If an index is not below [`LabelledImages::len`].
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        if let Some(index) = indices.iter().find(|&&index| index as usize >= self.len()) {
            return Err(Error::argument(
                "the index of an image",
                index,
                format!("below {}, the number of images", self.len()),
            ));
        }
        let indices = Tensor::new(indices, &Device::Cpu)?.to_device(self.images.device())?;
        Ok(Self {
            images: self.images.index_select(&indices, 0)?,
            labels: self.labels.index_select(&indices, 0)?,
        })
    }

    /// Splits them at random into a part of `fraction` of them and the rest, for instance into
    /// training and validation: `let (train, valid) = mnist.train.split(0.9, &mut rng)?`.
    ///
    /// # Errors
    /// If one of the two parts would be empty.
    pub fn split(&self, fraction: f64, rng: &mut Rng) -> Result<(Self, Self)> {
        let first = (fraction * self.len() as f64).round() as usize;
        if !(fraction > 0.0 && (1..self.len()).contains(&first)) {
            return Err(Error::argument(
                "the fraction of a split",
                fraction,
                format!(
                    "between 0 and 1, with at least one of the {} images in each part",
                    self.len()
                ),
            ));
        }
        let order = rng.permutation(self.len());
        Ok((self.select(&order[..first])?, self.select(&order[first..])?))
    }
}

/// Inputs are the images, targets the labels.
impl Examples for LabelledImages {
    fn len(&self) -> usize {
        self.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        let Self { images, labels } = self.select(indices)?;
        Ok(Batch::new(images, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` images of 2 x 1 pixels that are told apart by their label.
    fn numbered(n: u32) -> LabelledImages {
        let pixels: Vec<f32> = (0..n).flat_map(|i| [i as f32, -(i as f32)]).collect();
        LabelledImages::new(
            Tensor::from_vec(pixels, (n as usize, 1, 2, 1), &Device::Cpu).unwrap(),
            Tensor::from_vec((0..n).collect(), n as usize, &Device::Cpu).unwrap(),
        )
        .unwrap()
    }

    fn assert_paired(set: &LabelledImages) {
        let pixels: Vec<f32> = set.images.flatten_all().unwrap().to_vec1().unwrap();
        for (pair, label) in pixels.chunks(2).zip(labels(set)) {
            assert_eq!(pair, [label as f32, -(label as f32)]);
        }
    }

    fn labels(set: &LabelledImages) -> Vec<u32> {
        set.labels.to_vec1().unwrap()
    }

    #[test]
    fn images_without_their_labels_are_refused() {
        let zeros = |dims: &[usize], dtype| Tensor::zeros(dims, dtype, &Device::Cpu).unwrap();
        let images = zeros(&[3, 1, 2, 2], DType::F32);
        for (images, labels, expected) in [
            (
                images.clone(),
                zeros(&[2], DType::U32),
                "3 images but 2 labels",
            ),
            (images.clone(), zeros(&[3, 1], DType::U32), "labels are [n]"),
            (
                images.clone(),
                zeros(&[3], DType::F32),
                "labels are [n] of U32",
            ),
            (
                zeros(&[3, 4], DType::F32),
                zeros(&[3], DType::U32),
                "but got [3, 4]",
            ),
        ] {
            let error = LabelledImages::new(images, labels).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn images_of_another_library_keep_their_pixels_and_labels() {
        let ours = numbered(3);
        let labels = ours.labels.to_dtype(DType::U8).unwrap();
        let flat = ours.images.flatten_from(1).unwrap();
        for images in [&flat, &ours.images] {
            let again = LabelledImages::from_tensors(images, &labels, [1, 2, 1]).unwrap();
            assert_eq!(again.images.dims(), ours.images.dims());
            assert_paired(&again);
        }
        let refused = |images: &Tensor, labels: &Tensor| {
            let error = LabelledImages::from_tensors(images, labels, [1, 2, 2]).unwrap_err();
            error.to_string()
        };
        assert!(refused(&flat, &labels).contains("are [n, 4], but got [3, 2]"));
        let four = Tensor::zeros((3, 4), DType::F32, &Device::Cpu).unwrap();
        assert!(refused(&four, &flat).contains("whole numbers, but got F32"));
    }

    #[test]
    fn take_gives_the_first_ones() {
        let first = numbered(5).take(2).unwrap();
        assert_eq!(labels(&first), [0, 1]);
        assert_paired(&first);
        assert_eq!(numbered(5).take(9).unwrap().len(), 5);
        assert!(numbered(5).take(0).is_err());
        // Selecting from a view into the middle of a buffer.
        assert_eq!(labels(&first.select(&[1]).unwrap()), [1]);
    }

    #[test]
    fn select_keeps_order_and_pairs() {
        let chosen = numbered(6).select(&[4, 0, 4]).unwrap();
        assert_eq!(labels(&chosen), [4, 0, 4]);
        assert_paired(&chosen);
        let error = numbered(6).select(&[6]).unwrap_err().to_string();
        assert!(error.contains("is 6, but it must be below 6"), "{error}");
    }

    #[test]
    fn a_batch_pairs_images_with_labels() {
        let batch = Examples::batch(&numbered(6), &[5, 2]).unwrap();
        assert_eq!(batch.inputs.dims(), [2, 1, 2, 1]);
        assert_eq!(batch.targets.to_vec1::<u32>().unwrap(), [5, 2]);
    }

    #[test]
    fn split_gives_every_image_to_one_part() {
        let (train, valid) = numbered(10).split(0.8, &mut Rng::new(1)).unwrap();
        assert_eq!((train.len(), valid.len()), (8, 2));
        assert_paired(&train);
        assert_paired(&valid);
        let mut all = [labels(&train), labels(&valid)].concat();
        assert_ne!(all, (0..10).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        for fraction in [0.0, 1.0, -0.5, 0.01, f64::NAN] {
            assert!(numbered(10).split(fraction, &mut Rng::new(1)).is_err());
        }
    }
}
