//! Labelled images.

use candle_core::{DType, Tensor, WithDType};
use linfa::dataset::{AsSingleTargets, DatasetBase};
use ndarray::{ArrayBase, Data, Ix1, Ix2};

use super::pairs;
use crate::arrays::{from_dataset, to_dataset};
use crate::train::{Batch, Examples};
use crate::{Error, Result, Seed};

/// Images with their classes. [`LabelledImages::new`] checks that there are as many of one as of
/// the other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LabelledImages {
    /// The images, `[n, channels, height, width]` of f32 in `[0, 1]`.
    pub images: Tensor,
    /// The classes, `[n]` of u32.
    pub labels: Tensor,
}

impl LabelledImages {
    /// Pairs `images` `[n, channels, height, width]` (f32) with `labels` `[n]` (u32).
    ///
    /// # Errors
    /// If a tensor has another shape or type, or the numbers of images and labels differ.
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

    /// Takes `images` and `labels` in the forms of other libraries, such as the two fields of a
    /// `candle_datasets::vision::Dataset`. Images are `[n, …]` with as many numbers as an image of
    /// this shape, `[channels, height, width]`; labels are `[n]`, of any integer type.
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
    /// If the images have another number of values, the labels are not integers, or the numbers of
    /// images and labels differ.
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

    /// Copies the images to a linfa data set with a row for each image, of f32 or f64:
    /// `to_linfa::<f64>()?`.
    ///
    /// # Errors
    /// Only if candle cannot read the tensors.
    pub fn to_linfa<F: linfa::Float + WithDType>(&self) -> Result<linfa::Dataset<F, usize, Ix1>> {
        to_dataset(&self.images, &self.labels)
    }

    /// The images in the rows of a linfa data set, each of this shape, `[channels, height, width]`.
    /// Records of f32 in row-major order are not copied.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    ///
    /// let digits = Mnist::sample()?.train;
    /// let dataset = digits.to_linfa::<f32>()?;
    /// assert_eq!((dataset.records.dim(), dataset.targets.len()), ((1500, 784), 1500));
    /// let back = LabelledImages::from_linfa(dataset, [1, 28, 28])?;
    /// assert_eq!(back.images.dims(), digits.images.dims());
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the rows have another length, or a target does not fit into 32 bits.
    pub fn from_linfa<F, S, T>(
        dataset: DatasetBase<ArrayBase<S, Ix2>, T>,
        [channels, height, width]: [usize; 3],
    ) -> Result<Self>
    where
        F: linfa::Float + WithDType,
        S: Data<Elem = F>,
        T: AsSingleTargets<Elem = usize>,
    {
        let (rows, labels) = from_dataset(dataset)?;
        let (n, d) = rows.dims2()?;
        if d != channels * height * width {
            return Err(Error::shape(
                "LabelledImages::from_linfa",
                format!(
                    "an image [{channels}, {height}, {width}] has {} numbers, but the records have \
                     {d}.",
                    channels * height * width
                ),
            ));
        }
        Self::new(rows.reshape((n, channels, height, width))?, labels)
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
        let (images, labels) = pairs::first(&self.images, &self.labels, n)?;
        Ok(Self { images, labels })
    }

    /// The mean of all images, `[1, channels, height, width]`: the best guess of an image about
    /// which nothing is known.
    ///
    /// # Errors
    /// If there are no images.
    pub fn mean_image(&self) -> Result<Tensor> {
        if self.is_empty() {
            return Err(Error::argument("the number of images", 0, "at least 1"));
        }
        Ok(self.images.mean_keepdim(0)?)
    }

    /// The images at `indices`, in this order. Only these are copied.
    ///
    /// # Errors
    /// If an index is not below [`LabelledImages::len`]; in a notebook, if the user has interrupted
    /// the cell.
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        let (images, labels) = pairs::at(&self.images, &self.labels, indices)?;
        Ok(Self { images, labels })
    }

    /// The images of these classes, in their order, with new labels: 0 for the first of `classes`, 1
    /// for the second.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let cats_and_dogs = Cifar10::sample()?.train.of_classes(&[3, 5])?;
    /// assert_eq!(cats_and_dogs.len(), 160);
    /// assert_eq!(cats_and_dogs.labels.max(0)?.to_scalar::<u32>()?, 1);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no class is given, or one twice, or no image is of one of them.
    pub fn of_classes(&self, classes: &[u32]) -> Result<Self> {
        if classes.is_empty() {
            return Err(Error::argument(
                "the number of classes to keep",
                0,
                "1 or more",
            ));
        }
        let labels: Vec<u32> = self.labels.to_vec1()?;
        for (at, class) in classes.iter().enumerate() {
            if classes[..at].contains(class) || !labels.contains(class) {
                return Err(Error::argument(
                    "a class to keep",
                    class,
                    "one that some image has, given once",
                ));
            }
        }
        let (mut indices, mut renamed) = (Vec::new(), Vec::new());
        for (index, label) in (0..).zip(&labels) {
            if let Some(at) = classes.iter().position(|class| class == label) {
                indices.push(index);
                renamed.push(at as u32);
            }
        }
        let images = self.select(&indices)?.images;
        let labels = Tensor::new(renamed, images.device())?;
        Self::new(images, labels)
    }

    /// The first `n` images of each class, in their order.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// assert_eq!(Mnist::sample()?.train.take_of_each(5)?.len(), 50);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `n` is 0.
    pub fn take_of_each(&self, n: usize) -> Result<Self> {
        if n == 0 {
            let name = "the number of images to take of each class";
            return Err(Error::argument(name, n, "1 or more"));
        }
        let mut counts = std::collections::HashMap::new();
        let mut indices = Vec::new();
        for (index, label) in (0..).zip(self.labels.to_vec1::<u32>()?) {
            let count = counts.entry(label).or_insert(0);
            *count += 1;
            if *count <= n {
                indices.push(index);
            }
        }
        self.select(&indices)
    }

    /// Splits the images at random into a `fraction` of them and the rest, for instance into
    /// training and validation: `let (train, valid) = mnist.train.split(0.9, 6202)?`.
    ///
    /// # Errors
    /// If one of the two parts would be empty.
    pub fn split(&self, fraction: f64, seed: impl Seed) -> Result<(Self, Self)> {
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
        let order = seed.draw(|rng| rng.permutation(self.len()));
        Ok((self.select(&order[..first])?, self.select(&order[first..])?))
    }
}

/// The inputs of a batch are the images, its targets the labels.
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
    use candle_core::Device;

    use super::*;

    /// `n` images of 2 x 1 pixels, each with a label of its own.
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
    fn the_mean_image_is_the_mean_of_each_pixel() {
        let mean = numbered(4).mean_image().unwrap();
        assert_eq!(mean.dims(), [1, 1, 2, 1]);
        let pixels: Vec<f32> = mean.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(pixels, [1.5, -1.5]);
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
    fn images_of_chosen_classes_keep_their_own_pixels() {
        let all = numbered(6);
        let two = all.of_classes(&[4, 1]).unwrap();
        assert_eq!(labels(&two), [1, 0]);
        let pixels: Vec<f32> = two.images.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!([pixels[0], pixels[2]], [1.0, 4.0]);
        for classes in [&[7][..], &[1, 1]] {
            assert!(all.of_classes(classes).is_err(), "{classes:?}");
        }
        let labels_of = |set: &LabelledImages| labels(set);
        let twice = Tensor::cat(&[&all.images, &all.images], 0).unwrap();
        let twice_labels = Tensor::cat(&[&all.labels, &all.labels], 0).unwrap();
        let twice = LabelledImages::new(twice, twice_labels).unwrap();
        assert_eq!(
            labels_of(&twice.take_of_each(1).unwrap()),
            [0, 1, 2, 3, 4, 5]
        );
        assert_eq!(twice.take_of_each(9).unwrap().len(), 12);
        assert!(twice.take_of_each(0).is_err());
    }

    #[test]
    fn split_gives_every_image_to_one_part() {
        let (train, valid) = numbered(10).split(0.8, 1).unwrap();
        assert_eq!((train.len(), valid.len()), (8, 2));
        assert_paired(&train);
        assert_paired(&valid);
        let mut all = [labels(&train), labels(&valid)].concat();
        assert_ne!(all, (0..10).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        for fraction in [0.0, 1.0, -0.5, 0.01, f64::NAN] {
            assert!(numbered(10).split(fraction, 1).is_err());
        }
    }
}
