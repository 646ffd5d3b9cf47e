//! M2: a variational autoencoder whose code has the label in it.

use candle_core::{DType, Device, Tensor};

use super::categorical::one_hot;
use super::in_batches;
use super::vae::{heads, split};
use crate::nn::{
    Activation, Dense, Initialiser, Layer, Parameter, Parameters, Pass, Sequential, SequentialPlan,
};
use crate::ops::CrossEntropy;
use crate::train::{Batch, Losses, Model};
use crate::{Error, Result, Rng, Seed, ops};

/// The seed of the codes that an evaluation draws.
const EVALUATION: u64 = 0;

/// The generative semi-supervised model M2 (Kingma, Rezende, Mohamed and Welling 2014): an example is
/// made of its label y and a code z of all else, `p(x | y, z)`. Three networks learn together: a
/// classifier q(y|x), an encoder q(z|x, y) and a decoder. A labelled example teaches all three; one
/// without a label is decoded once for each label it may have, and the classifier learns to guess the
/// label that explains it best.
///
/// Examples are `[n, inputs]` of about unit variance: standardised spectra, or the codes of
/// [`M1`](super::M1) or a [`Vae`](super::Vae), which is M1+M2. In a batch, targets are labels and the
/// mask is zero where there is none. It minimises `loss = bound + alpha * cross_entropy`: the mean of
/// [`ops::semi_supervised`] over the examples, with labels that are equally likely at first, and the
/// classifier's cross-entropy on the labelled ones, without which they would teach it nothing.
///
/// ```
/// use cuaderno::{models::M2, prelude::*};
/// let scene = spectral_scene([12, 12], 6202)?;
/// let m2 = M2::dense(96, 4, 16, 2, 6202)?.alpha(10.0)?;
/// let mut labels = scene.labels.clone();
/// labels[20..].fill(None); // most are not known
/// let few = scene.clone().with_labels(labels)?;
/// Trainer::new(Adam::new(1e-3)).quiet().fit(&m2, &few, &few)?;
/// assert_eq!(m2.predict(&scene.spectra)?.dims(), [144]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct M2 {
    classifier: Sequential,
    encoder: Sequential,
    decoder: Sequential,
    log_noise: Parameter,
    classes: usize,
    alpha: f64,
}

impl M2 {
    /// A model of `inputs` numbers an example, `classes` labels and a code of `latent` numbers, with
    /// one hidden layer of `hidden` ReLUs in each network, initialised as in PyTorch.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn dense(
        inputs: usize,
        classes: usize,
        hidden: usize,
        latent: usize,
        seed: impl Seed,
    ) -> Result<Self> {
        let dense = |units| Dense::units(units).initialiser(Initialiser::PyTorch);
        let network = |inputs: usize| -> SequentialPlan {
            Sequential::input(&[inputs]).then("hidden", dense(hidden).activation(Activation::Relu))
        };
        let classifier = network(inputs).then("labels", dense(classes));
        let encoder = network(inputs + classes).then("code", heads(dense(latent)));
        let decoder = network(classes + latent).then("example", dense(inputs));
        let noise = Tensor::zeros(inputs, DType::F32, &Device::Cpu)?;
        seed.draw(|rng| {
            Ok(Self {
                classifier: classifier.build(&mut *rng)?,
                encoder: encoder.build(&mut *rng)?,
                decoder: decoder.build(rng)?,
                log_noise: Parameter::new(&noise)?,
                classes,
                alpha: 1.0,
            })
        })
    }

    /// Sets the weight of the classifier's cross-entropy on the labelled examples, 1 by default.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn alpha(mut self, alpha: f64) -> Result<Self> {
        if !(alpha >= 0.0 && alpha.is_finite()) {
            return Err(Error::argument(
                "alpha",
                alpha,
                "a finite number, zero or above",
            ));
        }
        self.alpha = alpha;
        Ok(self)
    }

    /// The probabilities of the labels q(y|x) of examples `[n, inputs]`, `[n, classes]`.
    ///
    /// # Errors
    /// If the examples do not fit.
    pub fn probabilities(&self, examples: &Tensor) -> Result<Tensor> {
        let logits = in_batches(examples, |x| self.classifier.apply(x, &mut Pass::Evaluate))?;
        ops::softmax(&logits, 1)
    }

    /// The most probable label of each example `[n, inputs]`, `[n]`.
    ///
    /// # Errors
    /// If the examples do not fit.
    pub fn predict(&self, examples: &Tensor) -> Result<Tensor> {
        Ok(self.probabilities(examples)?.argmax(1)?)
    }

    /// The mean examples `[n, inputs]` of labels `[n]` and codes `[n, latent]`.
    ///
    /// # Errors
    /// If labels and codes do not fit, or a label is not below the number of classes.
    pub fn decode(&self, labels: &Tensor, codes: &Tensor) -> Result<Tensor> {
        let one_hot = one_hot(labels, self.classes, codes.dtype())?;
        let both = Tensor::cat(&[&one_hot, codes], 1)?;
        in_batches(&both, |both| self.decoder.apply(both, &mut Pass::Evaluate))
    }

    /// The number of latent dimensions.
    pub fn latent(&self) -> usize {
        self.decoder.input_shape()[0] - self.classes
    }

    /// What each label would cost each example, `[n, classes]`: the bound on `-ln p(x, y)`.
    fn costs(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let n = x.dim(0)?;
        // All examples with label 0, then all with label 1, and so on.
        let labels = (0..self.classes as u32).flat_map(|label| std::iter::repeat_n(label, n));
        let labels = Tensor::from_iter(labels, x.device())?;
        let y = one_hot(&labels, self.classes, x.dtype())?;
        let x = x.repeat((self.classes, 1))?;
        let code = split(&self.encoder.apply(&Tensor::cat(&[&x, &y], 1)?, pass)?)?;
        let z = match pass {
            Pass::Train(rng) => code.sample(rng)?,
            Pass::Evaluate => code.sample(&mut Rng::new(EVALUATION))?,
        };
        let mean = self.decoder.apply(&Tensor::cat(&[&y, &z], 1)?, pass)?;
        let nll = ops::gaussian_nll(&x, &mean, &self.log_noise.tensor())?;
        let costs = (nll + ops::gaussian_kl(&code.mean, &code.log_var)?)?;
        let costs = (costs + (self.classes as f64).ln())?;
        Ok(costs.reshape((self.classes, n))?.t()?.contiguous()?)
    }
}

impl Model for M2 {
    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("classifier", self.classifier.parameters())
            .nest("encoder", self.encoder.parameters())
            .nest("decoder", self.decoder.parameters())
            .with("log_noise", &self.log_noise)
    }

    fn losses(&self, batch: &Batch, pass: &mut Pass) -> Result<Losses> {
        let (x, labels) = (&batch.inputs, &batch.targets);
        let labelled = match &batch.mask {
            Some(mask) => mask.ne(&mask.zeros_like()?)?,
            None => labels.ones_like()?.to_dtype(DType::U8)?,
        };
        let logits = self.classifier.apply(x, pass)?;
        let costs = self.costs(x, pass)?;
        let bound = ops::semi_supervised(&costs, &logits, labels, &labelled)?.mean_all()?;

        const NONE: i64 = -1;
        let options = CrossEntropy {
            ignore_index: Some(NONE),
            reduction: ops::Reduction::Sum,
            ..CrossEntropy::default()
        };
        let labels = labels.to_dtype(DType::I64)?;
        let known = labelled.where_cond(&labels, &(labels.ones_like()? * NONE as f64)?)?;
        let count = labelled
            .to_dtype(DType::F64)?
            .sum_all()?
            .to_scalar::<f64>()?;
        let cross_entropy = ops::cross_entropy(&logits, &known, &options)?;
        let cross_entropy = (cross_entropy / count.max(1.0))?;
        let loss = (&bound + (&cross_entropy * self.alpha)?)?;
        Ok(Losses::new("loss", loss)
            .with("bound", bound)
            .with("cross_entropy", cross_entropy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::accuracy;
    use crate::ops::check_variables;
    use crate::optim::Adam;
    use crate::train::{TensorExamples, Trainer};

    #[test]
    fn gradients_are_slopes_of_the_loss() {
        let m2 = M2::dense(4, 3, 5, 2, 1).unwrap().alpha(2.0).unwrap();
        let parameters = m2.parameters();
        parameters.to_dtype(DType::F64).unwrap();
        let x = Rng::new(2).normal(0.0, 1.0, &[5, 4]).unwrap();
        let x = x.to_dtype(DType::F64).unwrap();
        let labels = Tensor::new(&[0u32, 2, 1, 0, 0], &Device::Cpu).unwrap();
        let mut batch = Batch::new(x, labels);
        batch.mask = Some(Tensor::new(&[1u8, 0, 1, 0, 0], &Device::Cpu).unwrap());
        let names = [
            "classifier.hidden.weight",
            "encoder.code.log_var.weight",
            "encoder.hidden.bias",
            "decoder.example.weight",
            "log_noise",
        ];
        let variables = names.map(|name| (name.to_owned(), parameters.get(name).unwrap().var()));
        let report = check_variables(&variables, || {
            let losses = m2.losses(&batch, &mut Pass::Train(&mut Rng::new(3)))?;
            Ok(losses.minimised().clone())
        });
        let report = report.unwrap();
        assert!(report.is_right(), "{report}");
    }

    /// Two clouds with two labels in all: the rest has to come from the clouds.
    #[test]
    fn unlabelled_examples_teach_it() {
        let n = 200;
        let mut rng = Rng::new(5);
        let noise = rng.normal(0.0, 0.5, &[n, 2]).unwrap();
        let side: Vec<u32> = (0..n as u32).map(|row| row % 2).collect();
        let centres = side
            .iter()
            .flat_map(|&s| [if s == 0 { -1.2f32 } else { 1.2 }, 0.0]);
        let centres = Tensor::from_iter(centres, &Device::Cpu)
            .unwrap()
            .reshape((n, 2))
            .unwrap();
        let x = (noise + centres).unwrap();
        let labels = Tensor::new(&side[..], &Device::Cpu).unwrap();
        let mask = Tensor::from_iter((0..n).map(|row| u8::from(row < 2)), &Device::Cpu).unwrap();
        let examples = TensorExamples::new(x.clone(), labels.clone()).unwrap();
        let few = examples.masked(mask).unwrap();
        let m2 = M2::dense(2, 2, 16, 1, 1).unwrap().alpha(5.0).unwrap();
        let trainer = Trainer::new(Adam::new(1e-2))
            .epochs(60)
            .batch_size(200)
            .seed(1)
            .quiet();
        trainer.fit(&m2, &few, &few).unwrap();
        let found = accuracy(&labels, &m2.predict(&x).unwrap()).unwrap();
        assert!(found > 0.95, "{found}");
    }

    #[test]
    fn decoded_examples_have_their_label_and_wrong_weights_are_refused() {
        let m2 = M2::dense(3, 2, 4, 1, 1).unwrap();
        let codes = Tensor::zeros((2, 1), DType::F32, &Device::Cpu).unwrap();
        let labels = Tensor::new(&[0u32, 1], &Device::Cpu).unwrap();
        let decoded: Vec<Vec<f32>> = m2.decode(&labels, &codes).unwrap().to_vec2().unwrap();
        assert_ne!(decoded[0], decoded[1]);
        assert!(
            m2.decode(&Tensor::new(&[0u32, 2], &Device::Cpu).unwrap(), &codes)
                .is_err()
        );
        assert!(
            m2.alpha(f64::NAN)
                .unwrap_err()
                .to_string()
                .contains("alpha is NaN")
        );
    }
}
