//! Classification with any network.

use candle_core::Tensor;

use super::class_losses::class_losses;
use super::in_batches::in_masked_batches;
use crate::nn::{Layer, Parameters, Pass, Sequential, Summary};
use crate::ops::CrossEntropy;
use crate::train::{Batch, Losses, Model};
use crate::{Result, ops};

/// A network that outputs a logit for each class, trained on the cross-entropy with the labels; its
/// accuracy is recorded as well. The logits have the shape `[batch, classes]`, `[batch, classes,
/// height, width]` to classify each pixel, or `[batch, classes, time]` to classify each word.
///
/// Where the mask of a batch is zero, recurrent layers skip the step, and its label counts neither
/// in the loss nor in the accuracy. In the means of an epoch, such a batch has the weight of the
/// labels that count.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = Sequential::input(&[1, 28, 28])
///     .then("flatten", Flatten)
///     .then("digits", Dense::units(10))
///     .build(6202)?;
/// let model = Classifier::new(network);
/// let images = Rng::new(1).uniform(0.0, 1.0, &[4, 1, 28, 28])?;
/// assert_eq!(model.predict(&images)?.dims(), [4]);
/// assert_eq!(model.probabilities(&images)?.dims(), [4, 10]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Classifier {
    network: Sequential,
    loss: CrossEntropy,
}

impl Classifier {
    /// A classifier around `network`.
    pub fn new(network: Sequential) -> Self {
        Self {
            network,
            loss: CrossEntropy::default(),
        }
    }

    /// Weights the classes in the loss by these factors, `[classes]`.
    pub fn class_weights(mut self, weights: &Tensor) -> Self {
        self.loss.class_weights = Some(weights.clone());
        self
    }

    /// The class probabilities `[batch, classes]` of each example, or `[batch, classes, ..]` of
    /// each pixel or word.
    ///
    /// # Errors
    /// If the inputs do not fit the network.
    pub fn probabilities(&self, inputs: &Tensor) -> Result<Tensor> {
        ops::softmax(&self.logits(inputs, None)?, 1)
    }

    /// Like [`Classifier::probabilities`], for sequences with padding where `mask` `[batch, time]`
    /// is zero. The values at padded places are meaningless.
    ///
    /// # Errors
    /// If the inputs or the mask do not fit the network.
    pub fn probabilities_with_mask(&self, inputs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        ops::softmax(&self.logits(inputs, Some(mask))?, 1)
    }

    /// The most probable class of each example, `[batch]`, or of each pixel or word, `[batch, ..]`.
    ///
    /// # Errors
    /// If the inputs do not fit the network.
    pub fn predict(&self, inputs: &Tensor) -> Result<Tensor> {
        Ok(self.logits(inputs, None)?.argmax(1)?)
    }

    /// Like [`Classifier::predict`], for sequences with padding where `mask` `[batch, time]` is
    /// zero. The values at padded places are meaningless;
    /// [`masked_select`](crate::metrics::masked_select) drops them before a metric is computed.
    ///
    /// # Errors
    /// If the inputs or the mask do not fit the network.
    pub fn predict_with_mask(&self, inputs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        Ok(self.logits(inputs, Some(mask))?.argmax(1)?)
    }

    fn logits(&self, inputs: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        in_masked_batches(inputs, mask, |inputs, mask| {
            (self.network).apply_with_mask(inputs, mask, &mut Pass::Evaluate)
        })
    }

    /// The network.
    pub fn network(&self) -> &Sequential {
        &self.network
    }

    /// A table of the layers, with output shapes and parameter counts.
    pub fn summary(&self) -> Result<Summary> {
        self.network.summary()
    }
}

impl Model for Classifier {
    fn parameters(&self) -> Parameters {
        self.network.parameters()
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let mask = batch.mask.as_ref();
        let logits = self.network.apply_with_mask(&batch.inputs, mask, pass)?;
        class_losses(&logits, &batch.targets, mask, &self.loss)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::Rng;
    use crate::nn::{Activation, Dense};
    use crate::optim::Adam;
    use crate::train::{TensorExamples, Trainer};

    #[test]
    fn it_learns_which_side_of_a_circle_a_point_is_on() {
        let mut rng = Rng::new(6202);
        let points = rng.uniform(-1.0, 1.0, &[400, 2]).unwrap();
        let radius = points.sqr().unwrap().sum(1).unwrap();
        let inside = radius.lt(0.6).unwrap().to_dtype(DType::U32).unwrap();
        let examples = TensorExamples::new(points, inside).unwrap();
        let plan = Sequential::input(&[2])
            .then("hidden", Dense::units(16).activation(Activation::Tanh))
            .then("sides", Dense::units(2));
        let model = Classifier::new(plan.build(&mut rng).unwrap());
        let trainer = Trainer::new(Adam::new(0.02)).epochs(30).quiet();
        let history = trainer.fit(&model, &examples, &examples).unwrap();
        let accuracy = history.last().unwrap().valid("accuracy").unwrap().mean;
        assert!(accuracy > 0.95, "{accuracy}");

        let points = Tensor::new(&[[0.1f32, 0.1], [0.9, -0.9]], &candle_core::Device::Cpu).unwrap();
        let classes = model.predict(&points).unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(classes, [1, 0]);
        let sums = model.probabilities(&points).unwrap().sum(1).unwrap();
        for sum in sums.to_vec1::<f32>().unwrap() {
            assert!((sum - 1.0).abs() < 1e-6);
        }
    }
}
