//! Classification with any network.

use candle_core::Tensor;

use super::class_losses::class_losses;
use super::in_batches::in_masked_batches;
use crate::nn::{Layer, Parameters, Pass, Sequential, Summary};
use crate::ops::CrossEntropy;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, ops};

/// A network that outputs a logit for each class, trained on the cross-entropy with the labels or
/// another [`ClassLoss`]; its accuracy is recorded as well. The logits have the shape `[batch,
/// classes]`, `[batch, classes, height, width]` to classify each pixel, or `[batch, classes, time]`
/// to classify each word. A single logit in place of the classes is that of class 1 of two: its
/// sigmoid is the probability of class 1, and the cross-entropy is the binary one.
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
    loss: ClassLoss,
    options: CrossEntropy,
}

/// What a [`Classifier`] minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ClassLoss {
    /// The cross-entropy: every label counts the same.
    #[default]
    CrossEntropy,
    /// [`ops::focal`] with this gamma, 2 in the paper: labels that are hard count more.
    Focal(f64),
    /// [`ops::dice`]: every class counts the same, however rare.
    Dice,
    /// The sum of the cross-entropy and the Dice loss.
    CrossEntropyAndDice,
}

impl Classifier {
    /// A classifier around `network`.
    pub fn new(network: Sequential) -> Self {
        Self {
            network,
            loss: ClassLoss::default(),
            options: CrossEntropy::default(),
        }
    }

    /// Sets the loss, by default the cross-entropy.
    pub fn loss(mut self, loss: ClassLoss) -> Self {
        self.loss = loss;
        self
    }

    /// Weights the classes in the cross-entropy by these factors, `[classes]`. The focal loss and
    /// the Dice loss have no such weights.
    pub fn class_weights(mut self, weights: &Tensor) -> Self {
        self.options.class_weights = Some(weights.clone());
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
            self.apply(inputs, mask, &mut Pass::Evaluate)
        })
    }

    /// A logit for each class.
    fn apply(&self, inputs: &Tensor, mask: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let logits = self.network.apply_with_mask(inputs, mask, pass)?;
        match logits.dims() {
            // softmax(0, x) is 1 - sigmoid(x), sigmoid(x).
            [_, 1, ..] => Ok(Tensor::cat(&[&logits.zeros_like()?, &logits], 1)?),
            _ => Ok(logits),
        }
    }

    /// The loss to minimise.
    fn loss_of(&self, logits: &Tensor, targets: &Tensor, ignored: Option<i64>) -> Result<Tensor> {
        let options = CrossEntropy {
            ignore_index: ignored,
            ..self.options.clone()
        };
        let cross_entropy = || ops::cross_entropy(logits, targets, &options);
        match self.loss {
            ClassLoss::CrossEntropy => cross_entropy(),
            ClassLoss::CrossEntropyAndDice => {
                Ok((cross_entropy()? + ops::dice(logits, targets, ignored)?)?)
            }
            _ if options.class_weights.is_some() => Err(Error::argument(
                "the loss of a classifier with class weights",
                format!("{:?}", self.loss),
                "`CrossEntropy` or `CrossEntropyAndDice`, which have them",
            )),
            ClassLoss::Focal(gamma) => ops::focal(logits, targets, gamma, ignored),
            ClassLoss::Dice => ops::dice(logits, targets, ignored),
        }
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
        let logits = self.apply(&batch.inputs, mask, pass)?;
        class_losses(&logits, &batch.targets, mask, |targets, ignored| {
            self.loss_of(&logits, targets, ignored)
        })
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

    #[test]
    fn one_logit_stands_for_two_classes() -> Result<()> {
        let mut rng = Rng::new(6202);
        let network = Sequential::input(&[3]).then("logit", Dense::units(1));
        let model = Classifier::new(network.build(&mut rng)?);
        let inputs = rng.normal(0.0, 2.0, &[40, 3])?;
        let labels = inputs
            .narrow(1, 0, 1)?
            .squeeze(1)?
            .gt(0.0)?
            .to_dtype(DType::U32)?;
        let logits = model
            .network()
            .apply(&inputs, &mut Pass::Evaluate)?
            .squeeze(1)?;

        let probability = model.probabilities(&inputs)?.narrow(1, 1, 1)?.squeeze(1)?;
        let expected = Activation::Sigmoid.apply(&logits)?;
        for (p, q) in probability
            .to_vec1::<f32>()?
            .iter()
            .zip(expected.to_vec1::<f32>()?)
        {
            assert!((p - q).abs() < 1e-6, "{p} {q}");
        }
        let batch = Batch::new(inputs, labels.clone());
        let loss = model.losses(&batch, &mut Pass::Evaluate)?.value("loss")?;
        let targets = labels.to_dtype(DType::F32)?;
        let expected = ops::bce_with_logits(&logits, &targets, ops::Reduction::Mean)?;
        assert!((loss - f64::from(expected.to_scalar::<f32>()?)).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn each_loss_learns_and_weights_without_use_are_refused() -> Result<()> {
        let mut rng = Rng::new(6202);
        let points = rng.uniform(-1.0, 1.0, &[200, 2])?;
        let right = points
            .narrow(1, 0, 1)?
            .squeeze(1)?
            .gt(0.3)?
            .to_dtype(DType::U32)?;
        let examples = TensorExamples::new(points, right)?;
        for loss in [
            ClassLoss::Focal(2.0),
            ClassLoss::Dice,
            ClassLoss::CrossEntropyAndDice,
        ] {
            let network = Sequential::input(&[2])
                .then("logit", Dense::units(1))
                .build(1)?;
            let model = Classifier::new(network).loss(loss);
            let trainer = Trainer::new(Adam::new(0.05)).epochs(30).quiet();
            let history = trainer.fit(&model, &examples, &examples)?;
            let accuracy = history.final_valid("accuracy")?;
            assert!(accuracy > 0.95, "{loss:?}: {accuracy}");
        }
        let network = Sequential::input(&[2])
            .then("logits", Dense::units(2))
            .build(1)?;
        let weights = Tensor::new(&[1f32, 2.0], &candle_core::Device::Cpu)?;
        let model = Classifier::new(network)
            .loss(ClassLoss::Dice)
            .class_weights(&weights);
        let error = model.evaluate(&examples).unwrap_err().to_string();
        assert!(
            error.contains("is Dice, but it must be `CrossEntropy`"),
            "{error}"
        );
        Ok(())
    }
}
