//! Augmentation: images changed at random in ways that keep their label.

mod amount;
mod augmented;
mod elastic;
mod movement;
mod picture;
mod step;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

pub use amount::Amount;
pub use augmented::Augmented;

use self::picture::{Mask, Picture};
use self::step::{Step, in_turn};
use crate::numerics::storage::Elements;
use crate::{Error, Result, Rng, Seed};

/// A list of changes that are applied to each image in order, like torchvision's `Compose`.
///
/// An [`Amount`] is a number, the same for all images, or a range like `-10.0..=10.0`, from which each
/// image draws its own. What an image draws depends only on the seed and on its number, so the bits
/// are the same with any number of threads.
///
/// Consecutive rotations, shifts, zooms and flips are combined into one movement: pixels are
/// interpolated once, bilinearly, and a part that one of them moves out of the image can come back
/// with the next. Whatever comes in from outside is 0, which is black where pixels are in `[0, 1]`.
///
/// Where each pixel has a class, its mask is moved together with the image, by
/// [`Augmentation::apply_with_masks`]: each pixel gets the class of the nearest old one.
///
/// ```
/// use cuaderno::prelude::*;
/// let digits = Mnist::sample()?.train.take(10)?.images;
/// let augmentation = Augmentation::new()
///     .rotate(-15.0..=15.0)
///     .zoom(0.9..=1.1)
///     .pad(2)
///     .crop([28, 28])
///     .brightness(0.8..=1.2);
/// assert_eq!(augmentation.apply(&digits, 6202)?.dims(), digits.dims());
///
/// let turned = Augmentation::new().rotate(90.0).apply(&digits, 6202)?; // the same for all
/// let pixel = |image: &Tensor, row, column| image.i((0, 0, row, column))?.to_scalar::<f32>();
/// assert_eq!(pixel(&turned, 0, 5)?, pixel(&digits, 5, 27)?);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Augmentation {
    steps: Vec<Step>,
}

impl Augmentation {
    /// An augmentation that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rotates by this angle in degrees about the centre, counter-clockwise.
    pub fn rotate(self, degrees: impl Into<Amount>) -> Self {
        self.then(Step::Rotate(degrees.into()))
    }

    /// Shifts by this many pixels, a whole number or not.
    pub fn shift(self, right: impl Into<Amount>, down: impl Into<Amount>) -> Self {
        let (right, down) = (right.into(), down.into());
        self.then(Step::Shift { right, down })
    }

    /// Zooms by this factor, 0.01 or above, about the centre, without changing the size of the image:
    /// above 1 the border is cut off, below 1 it is black.
    pub fn zoom(self, factor: impl Into<Amount>) -> Self {
        self.then(Step::Zoom(factor.into()))
    }

    /// Flips left to right with this probability.
    pub fn flip_horizontally(self, probability: f64) -> Self {
        self.then(Step::FlipHorizontally(probability))
    }

    /// Flips upside down with this probability.
    pub fn flip_vertically(self, probability: f64) -> Self {
        self.then(Step::FlipVertically(probability))
    }

    /// Adds a border of zeros, this many pixels wide, on each side.
    pub fn pad(self, border: usize) -> Self {
        self.then(Step::Pad(border))
    }

    /// Cuts out a window of `[height, width]` pixels at a random place.
    pub fn crop(self, size: [usize; 2]) -> Self {
        self.then(Step::Crop(size))
    }

    /// Resizes to `[height, width]` pixels by bilinear interpolation, as PyTorch's `interpolate` with
    /// `mode="bilinear"` does. Pixels at the border are repeated, so no black comes in.
    pub fn resize(self, size: [usize; 2]) -> Self {
        self.then(Step::Resize(size))
    }

    /// Multiplies all pixels, which must be in `[0, 1]`, by this factor, 0 or above, and clips the
    /// result at 1.
    pub fn brightness(self, factor: impl Into<Amount>) -> Self {
        self.then(Step::Brightness(factor.into()))
    }

    /// Multiplies the distance of each pixel, in `[0, 1]`, from the mean grey level of the image by
    /// this factor, 0 or above, and clips the result to `[0, 1]`. Red, green and blue have
    /// torchvision's weights in the grey level.
    pub fn contrast(self, factor: impl Into<Amount>) -> Self {
        self.then(Step::Contrast(factor.into()))
    }

    /// Multiplies the distance of each colour, in `[0, 1]`, from the grey level of its pixel by this
    /// factor, 0 or above, and clips the result to `[0, 1]`: 0 leaves a grey picture. Images that
    /// are not red, green and blue stay as they are.
    pub fn saturation(self, factor: impl Into<Amount>) -> Self {
        self.then(Step::Saturation(factor.into()))
    }

    /// Bends the image as if it were rubber: moves the nodes of a coarse grid by up to this many
    /// pixels in each direction, and what lies between them smoothly along. At the border, pixels
    /// are repeated. Source: O. Ronneberger, P. Fischer and T. Brox, *U-Net*, MICCAI 2015.
    pub fn elastic(self, pixels: impl Into<Amount>) -> Self {
        self.then(Step::Elastic(pixels.into()))
    }

    /// Sets each number of the image to 0 with this probability, each channel of a pixel for
    /// itself. A mask stays as it is: the network has to find the class from what is left.
    pub fn drop_pixels(self, probability: impl Into<Amount>) -> Self {
        self.then(Step::DropPixels(probability.into()))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The changed images `[n, channels, height, width]`, in their own float type but computed in f32.
    /// Image `i` draws from the `i`-th child of the seed.
    ///
    /// # Errors
    /// If the images have another shape or type, an argument is out of its range, or the brightness,
    /// contrast or saturation of a pixel outside `[0, 1]` would have to change.
    pub fn apply(&self, images: &Tensor, seed: impl Seed) -> Result<Tensor> {
        let rng = seed.draw(Rng::split);
        Ok(self
            .of_each(images, None, |place| rng.child(place as u64))?
            .0)
    }

    /// The changed images with their changed masks. `masks` are class numbers `[n, height, width]`
    /// of u32; what moves an image moves its mask, and pixels that come in from outside are of the
    /// class `outside`, the background or one that is ignored. The images are those that
    /// [`Augmentation::apply`] makes with this seed.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let scenes = scenes(2, [32, 32], 1)?;
    /// let augmentation = Augmentation::new().flip_horizontally(1.0);
    /// let (images, masks) = augmentation.apply_with_masks(&scenes.images, &scenes.masks, 0, 2)?;
    /// let old = scenes.masks.i((0, 5, 3))?.to_scalar::<u32>()?;
    /// assert_eq!(masks.i((0, 5, 28))?.to_scalar::<u32>()?, old);
    /// # assert_eq!(images.dims(), [2, 3, 32, 32]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Augmentation::apply`], and if the masks have another shape or type.
    pub fn apply_with_masks(
        &self,
        images: &Tensor,
        masks: &Tensor,
        outside: u32,
        seed: impl Seed,
    ) -> Result<(Tensor, Tensor)> {
        let rng = seed.draw(Rng::split);
        self.of_pairs(images, masks, outside, |place| rng.child(place as u64))
    }

    /// The same, with the generator of each image given.
    fn of_pairs(
        &self,
        images: &Tensor,
        masks: &Tensor,
        outside: u32,
        draws: impl Fn(usize) -> Rng + Sync,
    ) -> Result<(Tensor, Tensor)> {
        let fit = match (images.dims(), masks.dims()) {
            ([n, _, height, width], mask) => [*n, *height, *width] == *mask,
            _ => false,
        };
        if !fit || masks.dtype() != DType::U32 {
            return Err(Error::shape(
                "Augmentation",
                format!(
                    "masks are [n, height, width] of U32, with the sizes of the images {:?}, but got \
                     {:?} of {:?}.",
                    images.dims(),
                    masks.dims(),
                    masks.dtype()
                ),
            ));
        }
        let (images, masks) = self.of_each(images, Some((masks, outside)), draws)?;
        let [n, _, height, width] = images.dims()[..] else {
            return Err(refused(&images));
        };
        let masks = Tensor::from_vec(masks, (n, height, width), images.device())?;
        Ok((images, masks))
    }

    /// The changed images and the classes of their masks, if there are masks.
    fn of_each(
        &self,
        images: &Tensor,
        masks: Option<(&Tensor, u32)>,
        draws: impl Fn(usize) -> Rng + Sync,
    ) -> Result<(Tensor, Vec<u32>)> {
        let [[height, width], size] = self.sizes(images)?;
        let (n, channels) = (images.dims()[0], images.dims()[1]);
        let on_cpu = images
            .to_dtype(DType::F32)?
            .to_device(&Device::Cpu)?
            .contiguous()?;
        let pixels = Elements::<f32>::of(&on_cpu)?;
        self.check_range(&pixels)?;
        let classes = masks.map(|(masks, outside)| {
            Ok::<_, Error>((masks.flatten_all()?.to_vec1::<u32>()?, outside))
        });
        let classes = classes.transpose()?;

        let (old, new) = (channels * height * width, channels * size[0] * size[1]);
        let (area, new_area) = (height * width, size[0] * size[1]);
        let changed: Vec<Picture> = (0..n)
            .into_par_iter()
            .map(|place| {
                let mask = classes.as_ref().map(|(classes, outside)| Mask {
                    classes: classes[place * area..][..area].to_vec(),
                    outside: *outside,
                });
                let picture = Picture {
                    height,
                    width,
                    pixels: pixels[place * old..][..old].to_vec(),
                    mask,
                };
                in_turn(&self.steps, picture, &mut draws(place))
            })
            .collect();
        let mut pixels = Vec::with_capacity(n * new);
        let mut classes = Vec::with_capacity(if masks.is_some() { n * new_area } else { 0 });
        for picture in changed {
            pixels.extend_from_slice(&picture.pixels);
            classes.extend(picture.mask.into_iter().flat_map(|mask| mask.classes));
        }
        let shape = (n, channels, size[0], size[1]);
        let changed = Tensor::from_vec(pixels, shape, &Device::Cpu)?;
        let changed = changed
            .to_dtype(images.dtype())?
            .to_device(images.device())?;
        Ok((changed, classes))
    }

    /// Height and width before and after.
    fn sizes(&self, images: &Tensor) -> Result<[[usize; 2]; 2]> {
        let old = match *images.dims() {
            [_, channels, height, width] if channels * height * width > 0 => [height, width],
            _ => return Err(refused(images)),
        };
        if !images.dtype().is_float() {
            return Err(refused(images));
        }
        let new = (self.steps.iter()).try_fold(old, |size, step| step.size(size))?;
        Ok([old, new])
    }

    /// Brightness, contrast and saturation would cut off without a word what is outside `[0, 1]`.
    fn check_range(&self, pixels: &[f32]) -> Result<()> {
        if !self.steps.iter().any(Step::is_of_light) {
            return Ok(());
        }
        match pixels.iter().find(|pixel| !(0.0..=1.0).contains(*pixel)) {
            None => Ok(()),
            Some(pixel) => Err(Error::argument(
                "a pixel whose brightness, contrast or saturation is to change",
                pixel,
                "between 0 and 1; standardise images after that",
            )),
        }
    }
}

fn refused(images: &Tensor) -> Error {
    let (dims, dtype) = (images.dims(), images.dtype());
    Error::shape(
        "Augmentation",
        format!(
            "images are [n, channels, height, width] of a float type, but got {dims:?} of {dtype:?}."
        ),
    )
}

#[cfg(test)]
mod tests;
