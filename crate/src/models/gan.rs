//! Generative adversarial networks (Goodfellow et al. 2014).

use candle_core::Tensor;

use super::in_batches;
use crate::nn::{Activation, Layer, Parameters, Pass, Sequential, Summary, no_grad};
use crate::ops::Reduction;
use crate::optim::Optimiser;
use crate::train::{Adversaries, Batch, Game, Losses, Player, descend};
use crate::{Error, Result, Rng, Seed, ops};

/// A generator that turns codes into examples, and a discriminator that tells them from real ones.
///
/// A code holds independent standard normal numbers, in the shape of the generator's input. The
/// generator outputs logits, which a sigmoid maps to `[0, 1]`; see [`Gan::with_output`] for other
/// activations. The discriminator outputs one logit, that of an example being real. In each step of
/// [`Trainer::adversarial`](crate::train::Trainer::adversarial)
///
/// 1. the discriminator minimises its cross-entropy on the real examples of the batch and on an
///    equal number of generated ones; its accuracy is recorded as well;
/// 2. the generator makes new examples from new codes, and minimises the cross-entropy of the
///    discriminator's answers with the label "real", to which [`Gan::pixel_loss`] can add a
///    comparison with the real examples.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut rng = Rng::new(6202);
/// let generator = Sequential::input(&[16])
///     .then("hidden", Dense::units(64).activation(Activation::Relu))
///     .then("pixels", Dense::units(784))
///     .then("reshape", Reshape::to(&[1, 28, 28]))
///     .build(&mut rng)?;
/// let discriminator = Sequential::input(&[1, 28, 28])
///     .then("flatten", Flatten)
///     .then("hidden", Dense::units(64).activation(Activation::Relu))
///     .then("real", Dense::units(1))
///     .build(&mut rng)?;
/// let gan = Gan::new(generator, discriminator)?.pixel_loss(0.001)?;
/// let images = gan.sample(5, &mut rng)?;
/// assert_eq!(images.dims(), [5, 1, 28, 28]);
/// assert_eq!(gan.discriminate(&images)?.dims(), [5]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gan {
    generator: Sequential,
    discriminator: Sequential,
    output: Activation,
    pixel_weight: f64,
}

impl Gan {
    /// A GAN with these networks. Clones of a network share its weights.
    ///
    /// # Errors
    /// If the discriminator does not take the generator's output, or does not output one logit; the
    /// error names the shapes.
    pub fn new(generator: Sequential, discriminator: Sequential) -> Result<Self> {
        let made = generator.output_shape(generator.input_shape())?;
        let taken = discriminator.input_shape();
        if made != taken {
            return Err(Error::shape(
                "Gan",
                format!(
                    "the generator gives {made:?}, but the discriminator takes {taken:?}; both must be the shape of an example."
                ),
            ));
        }
        let judgement = discriminator.output_shape(taken)?;
        if judgement != [1] {
            return Err(Error::shape(
                "Gan",
                format!(
                    "the discriminator gives {judgement:?}, but it must end in [1], the logit that an example is real."
                ),
            ));
        }
        Ok(Self {
            generator,
            discriminator,
            output: Activation::Sigmoid,
            pixel_weight: 0.0,
        })
    }

    /// Replaces the activation of the generator's output: linear for points, tanh for numbers in
    /// `[-1, 1]`. The weights stay the same.
    pub fn with_output(mut self, activation: Activation) -> Self {
        self.output = activation;
        self
    }

    /// Adds `weight` times a comparison of generated and real examples to the generator's loss: the
    /// mean binary cross-entropy if the output is a sigmoid, otherwise the mean squared error. Each
    /// generated example is compared with the real one at the same place in the batch, of which its
    /// code knows nothing, so this term pulls every output towards the mean of all examples. That
    /// helps at the very beginning of a training, and blurs what the generator makes later.
    ///
    /// # Errors
    /// If the weight is negative or not finite.
    pub fn pixel_loss(mut self, weight: f64) -> Result<Self> {
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::argument(
                "the weight of the pixel loss",
                weight,
                "a finite number, zero or above",
            ));
        }
        self.pixel_weight = weight;
        Ok(self)
    }

    /// Lets one player take the step that a
    /// [`Trainer::adversarial`](crate::train::Trainer::adversarial) lets it take on a batch of real
    /// examples `[n, ..]`, and returns its loss before the step. The other player stays as it is.
    ///
    /// The `n` codes are normal numbers of `rng.child(0)` for the discriminator and of
    /// `rng.child(1)` for the generator, where `rng` is `seed` or the generator it makes; dropout
    /// draws from `rng` itself.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// use cuaderno::train::Player;
    /// let generator = Sequential::input(&[2]).then("g", Dense::units(3)).build(1)?;
    /// let discriminator = Sequential::input(&[3]).then("d", Dense::units(1)).build(2)?;
    /// let gan = Gan::new(generator, discriminator)?;
    /// let (real, mut by) = (Rng::new(3).uniform(0.0, 1.0, &[8, 3])?, Sgd::new(0.5));
    /// let before = gan.train_on_batch(Player::Discriminator, &real, &mut by, 4)?;
    /// let after = gan.train_on_batch(Player::Discriminator, &real, &mut by, 4)?;
    /// assert!(after < before);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the examples have the wrong shape, or the optimiser refuses its arguments.
    pub fn train_on_batch(
        &self,
        player: Player,
        real: &Tensor,
        optimiser: &mut dyn Optimiser,
        seed: impl Seed,
    ) -> Result<f64> {
        let (networks, number) = (self as &dyn Adversaries, player as usize);
        let batch = Batch::new(real.clone(), real.clone());
        let losses = seed.draw(|rng| Game::losses(&networks, number, &batch, rng))?;
        descend(&losses, &networks.players()[number], optimiser, None)?;
        Ok(losses.values()?[0].1)
    }

    /// The examples `[n, ..]` generated from codes `[n, ..]`.
    ///
    /// # Errors
    /// If the codes do not fit the generator.
    pub fn generate(&self, codes: &Tensor) -> Result<Tensor> {
        in_batches(codes, |codes| {
            let logits = self.generator.apply(codes, &mut Pass::Evaluate)?;
            self.output.apply(&logits)
        })
    }

    /// The examples `[n, ..]` generated from `n` codes drawn from the standard normal distribution.
    pub fn sample(&self, n: usize, seed: impl Seed) -> Result<Tensor> {
        let codes = seed.draw(|rng| self.codes(n, rng))?;
        self.generate(&codes)
    }

    /// The discriminator's probability, `[n]`, that each of the examples `[n, ..]` is real.
    ///
    /// # Errors
    /// If the examples have the wrong shape.
    pub fn discriminate(&self, examples: &Tensor) -> Result<Tensor> {
        let probabilities = in_batches(examples, |examples| {
            let logits = self.discriminator.apply(examples, &mut Pass::Evaluate)?;
            Activation::Sigmoid.apply(&logits)
        })?;
        Ok(probabilities.squeeze(1)?)
    }

    /// A table of the layers of the generator and then of the discriminator, with output shapes and
    /// parameter counts.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(self.generator.input_shape());
        summary.add_all(&self.generator)?;
        summary.add_all(&self.discriminator)?;
        Ok(summary)
    }

    /// The two networks by name, as a diagram shows them.
    pub(crate) fn halves(&self) -> [(&'static str, &Sequential); 2] {
        [
            ("generator", &self.generator),
            ("discriminator", &self.discriminator),
        ]
    }

    fn codes(&self, n: usize, rng: &mut Rng) -> Result<Tensor> {
        rng.normal(0.0, 1.0, &[&[n], self.generator.input_shape()].concat())
    }

    fn discriminator_losses(
        &self,
        real: &Tensor,
        made: &Tensor,
        pass: &mut Pass,
    ) -> Result<Losses> {
        let real = self.discriminator.apply(real, pass)?;
        let made = self.discriminator.apply(made, pass)?;
        let (one, zero) = (real.ones_like()?, made.zeros_like()?);
        let loss = (ops::bce_with_logits(&real, &one, Reduction::Mean)?
            + ops::bce_with_logits(&made, &zero, Reduction::Mean)?)?;
        let right = Tensor::cat(&[real.detach().gt(0.0)?, made.detach().le(0.0)?], 0)?;
        let accuracy = right.to_dtype(real.dtype())?.mean_all()?;
        Ok(Losses::new("loss", (loss * 0.5)?).with("accuracy", accuracy))
    }

    fn generator_losses(&self, real: &Tensor, logits: &Tensor, pass: &mut Pass) -> Result<Losses> {
        let made = self.output.apply(logits)?;
        // The discriminator does not move here, so its weights need no gradient.
        let judged = no_grad(|| self.discriminator.apply(&made, pass))?;
        let adversarial = ops::bce_with_logits(&judged, &judged.ones_like()?, Reduction::Mean)?;
        if self.pixel_weight == 0.0 {
            return Ok(Losses::new("loss", adversarial));
        }
        let pixels = match self.output {
            Activation::Sigmoid => ops::bce_with_logits(logits, real, Reduction::Mean)?,
            _ => ops::mse(&made, real, Reduction::Mean)?,
        };
        let loss = (&adversarial + (&pixels * self.pixel_weight)?)?;
        Ok(Losses::new("loss", loss)
            .with("adversarial", adversarial)
            .with("pixels", pixels))
    }
}

impl Adversaries for Gan {
    fn parameters(&self, player: Player) -> Parameters {
        match player {
            Player::Discriminator => self.discriminator.parameters(),
            Player::Generator => self.generator.parameters(),
        }
    }

    fn losses(
        &self,
        player: Player,
        batch: &Batch,
        codes: &mut Rng,
        pass: &mut Pass,
    ) -> Result<Losses> {
        let real = &batch.inputs;
        let codes = self.codes(batch.len(), codes)?.to_dtype(real.dtype())?;
        match player {
            Player::Discriminator => {
                let made = no_grad(|| self.output.apply(&self.generator.apply(&codes, pass)?))?;
                self.discriminator_losses(real, &made, pass)
            }
            Player::Generator => {
                let logits = self.generator.apply(&codes, pass)?;
                self.generator_losses(real, &logits, pass)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, Dropout};
    use crate::ops::check_variables;
    use crate::optim::{Adam, Sgd};
    use crate::train::{ShuffledBatches, TensorExamples, Trainer};
    use candle_core::DType;

    fn dense(sizes: &[usize], seed: u64) -> Sequential {
        let mut plan = Sequential::input(&sizes[..1]);
        for (index, &units) in sizes[1..].iter().enumerate() {
            let tanh = if index + 2 < sizes.len() {
                Activation::Tanh
            } else {
                Activation::Linear
            };
            plan = plan.then(
                &format!("layer{index}"),
                Dense::units(units).activation(tanh),
            );
        }
        plan.build(&mut Rng::new(seed)).unwrap()
    }

    fn gan() -> Gan {
        Gan::new(dense(&[2, 5, 3], 1), dense(&[3, 5, 1], 2)).unwrap()
    }

    fn batch() -> Batch {
        let real = Rng::new(3).uniform(0.0, 1.0, &[4, 3]).unwrap();
        Batch::new(real.clone(), real)
    }

    #[test]
    fn networks_that_do_not_fit_each_other_are_one_sentence() {
        let refused = |generator: &[usize], discriminator: &[usize]| {
            let gan = Gan::new(dense(generator, 1), dense(discriminator, 2));
            gan.unwrap_err().to_string()
        };
        assert_eq!(
            refused(&[2, 4], &[3, 1]),
            "Gan: the generator gives [4], but the discriminator takes [3]; both must be the shape of an example."
        );
        assert_eq!(
            refused(&[2, 3], &[3, 2]),
            "Gan: the discriminator gives [2], but it must end in [1], the logit that an example is real."
        );
        let error = gan().pixel_loss(-1.0).unwrap_err().to_string();
        assert!(
            error.contains("the weight of the pixel loss is -1"),
            "{error}"
        );
    }

    #[test]
    fn the_losses_by_hand() {
        let gan = gan().pixel_loss(0.25).unwrap();
        let batch = batch();
        let made = gan.sample(4, &mut Rng::new(7)).unwrap();
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let real = numbers(&gan.discriminate(&batch.inputs).unwrap());
        let fake = numbers(&gan.discriminate(&made).unwrap());
        let mean = |terms: Vec<f32>| terms.iter().sum::<f32>() / terms.len() as f32;
        let of = |f: fn(f32) -> f32, x: &[f32]| mean(x.iter().map(|&x| f(x)).collect());
        let losses = |player| {
            let losses = gan.losses(player, &batch, &mut Rng::new(7), &mut Pass::Evaluate);
            let losses = losses.unwrap();
            losses
                .values()
                .unwrap()
                .iter()
                .map(|(_, x)| *x as f32)
                .collect::<Vec<_>>()
        };

        let loss = -0.5 * (of(f32::ln, &real) + of(|p| (1.0 - p).ln(), &fake));
        let right =
            real.iter().filter(|&&p| p > 0.5).count() + fake.iter().filter(|&&p| p <= 0.5).count();
        let found = losses(Player::Discriminator);
        assert!((found[0] - loss).abs() < 1e-5, "{found:?} {loss}");
        assert_eq!(found[1], right as f32 / 8.0);

        let adversarial = -of(f32::ln, &fake);
        let pixels = numbers(&made).into_iter().zip(numbers(&batch.inputs));
        let pixels = mean(
            pixels
                .map(|(p, t)| -t * p.ln() - (1.0 - t) * (1.0 - p).ln())
                .collect(),
        );
        let expected = [adversarial + 0.25 * pixels, adversarial, pixels];
        for (found, expected) in losses(Player::Generator).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn each_player_has_the_gradient_of_its_own_loss() {
        let gan = gan().pixel_loss(0.5).unwrap();
        for player in Player::BOTH {
            gan.parameters(player).to_dtype(DType::F64).unwrap();
        }
        let real = batch().inputs.to_dtype(DType::F64).unwrap();
        let batch = Batch::new(real.clone(), real);
        for player in Player::BOTH {
            let parameters = gan.parameters(player);
            let variables: Vec<_> = (parameters.trainable())
                .map(|(name, p)| (name.to_owned(), p.var()))
                .collect();
            let loss = || {
                let losses = gan.losses(player, &batch, &mut Rng::new(7), &mut Pass::Evaluate)?;
                Ok(losses.minimised().clone())
            };
            let report = check_variables(&variables, loss).unwrap();
            assert!(report.is_right(), "{player}: {report}");
            let gradients = ops::backward(&loss().unwrap()).unwrap();
            let other = Player::BOTH[usize::from(player == Player::Discriminator)];
            for (name, parameter) in gan.parameters(other).iter() {
                assert!(
                    gradients.get(&parameter.var()).is_none(),
                    "{player} moves {name}"
                );
            }
        }
    }

    #[test]
    fn a_step_of_each_player_is_a_step_of_the_trainer() {
        let build = || {
            let dropped = Sequential::input(&[3])
                .then("hidden", Dense::units(8))
                .then("dropout", Dropout::rate(0.5))
                .then("real", Dense::units(1));
            Gan::new(dense(&[2, 5, 3], 1), dropped.build(2).unwrap()).unwrap()
        };
        let real = batch().inputs;
        let examples = TensorExamples::new(real.clone(), real).unwrap();
        let (trained, stepped) = (build(), build());
        let trainer = Trainer::adversarial(Sgd::new(0.5), Adam::new(0.1));
        let trainer = trainer.epochs(1).batch_size(4).seed(6).quiet();
        let history = trainer.fit(&trained, &examples, &examples).unwrap();

        let mut batches = ShuffledBatches::of(&examples, 4, 6, 0).unwrap();
        let mut step = batches.next().unwrap().unwrap();
        let optimisers: [&mut dyn Optimiser; 2] = [&mut Sgd::new(0.5), &mut Adam::new(0.1)];
        for (player, optimiser) in Player::BOTH.into_iter().zip(optimisers) {
            let real = &step.batch.inputs;
            let loss = stepped.train_on_batch(player, real, optimiser, &mut step.rng);
            let name = format!("{player}.loss");
            let recorded = history.epochs[0].train.iter().find(|x| x.name == name);
            assert_eq!(Some(loss.unwrap()), recorded.map(|x| x.mean), "{name}");
        }
        for player in Player::BOTH {
            let [one, other] = [&trained, &stepped].map(|gan| gan.parameters(player));
            assert!(one.same_values(&other).unwrap(), "{player}");
            let fresh = build().parameters(player);
            assert!(!one.same_values(&fresh).unwrap(), "{player} stands still");
        }
    }

    #[test]
    fn evaluation_names_the_players_and_draws_from_its_generator() {
        let real = batch().inputs;
        let examples = TensorExamples::new(real.clone(), real).unwrap();
        let evaluate = |seed| gan().evaluate(&examples, &mut Rng::new(seed)).unwrap();
        let names: Vec<_> = evaluate(1)
            .into_iter()
            .map(|measure| measure.name)
            .collect();
        assert_eq!(
            names,
            [
                "discriminator.loss",
                "discriminator.accuracy",
                "generator.loss"
            ]
        );
        assert_eq!(evaluate(1), evaluate(1));
        assert_ne!(evaluate(1), evaluate(2));
    }
}
