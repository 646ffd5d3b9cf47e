//! The interface between a trainer and two networks that are trained against each other.

use std::fmt;
use std::path::Path;

use super::evaluate::measure;
use super::game::Game;
use super::play::together;
use super::{Batch, Examples, Losses, Measure};
use crate::nn::{Parameters, Pass};
use crate::{Result, Rng};

/// Two networks, each with its own losses, that
/// [`Trainer::adversarial`](super::Trainer::adversarial) can train. [`Gan`](crate::models::Gan) is
/// one such pair.
///
/// In every step the discriminator moves first, then the generator, each along the gradient of its
/// own loss and with its own optimiser. Parameters and losses are recorded under the name of their
/// player: `generator.output.weight`, `discriminator.loss`.
///
/// ```
/// use cuaderno::nn::Parameters;
/// use cuaderno::prelude::*;
/// use cuaderno::train::{Adversaries, Player};
///
/// /// A discriminator and a generator with the losses of least squares (Mao et al. 2017).
/// struct LeastSquares(Sequential, Sequential);
///
/// impl Adversaries for LeastSquares {
///     fn parameters(&self, player: Player) -> Parameters {
///         match player {
///             Player::Discriminator => self.0.parameters(),
///             Player::Generator => self.1.parameters(),
///         }
///     }
///
///     fn losses(
///         &self,
///         player: Player,
///         batch: &Batch,
///         codes: &mut Rng,
///         pass: &mut Pass,
///     ) -> cuaderno::Result<Losses> {
///         let codes = codes.normal(0.0, 1.0, &[batch.len(), 2])?;
///         let made = self.0.apply(&self.1.apply(&codes, pass)?, pass)?;
///         let loss = match player {
///             Player::Discriminator => {
///                 let real = self.0.apply(&batch.inputs, pass)?;
///                 ((real - 1.0)?.sqr()? + made.sqr()?)?.mean_all()?
///             }
///             Player::Generator => (made - 1.0)?.sqr()?.mean_all()?,
///         };
///         Ok(Losses::new("loss", loss))
///     }
/// }
/// ```
pub trait Adversaries {
    /// The parameters of a player, in a fixed order.
    fn parameters(&self, player: Player) -> Parameters;

    /// The losses of a player on a batch of real examples. The codes for generated examples are
    /// drawn from `codes`, an independent random generator for each player and step.
    ///
    /// # Errors
    /// If the batch's shapes do not fit.
    fn losses(
        &self,
        player: Player,
        batch: &Batch,
        codes: &mut Rng,
        pass: &mut Pass,
    ) -> Result<Losses>;

    /// The losses of both players over all examples, without training. The codes are drawn from
    /// `codes`.
    ///
    /// # Errors
    /// If there are no examples or a player fails on a batch.
    fn evaluate(&self, examples: &dyn Examples, codes: &mut Rng) -> Result<Vec<Measure>> {
        measure(examples, |batch| {
            let losses = |player: Player| {
                let losses = self.losses(player, batch, codes, &mut Pass::Evaluate);
                losses.map(|losses| losses.of(&player.to_string()))
            };
            Player::BOTH.map(losses).into_iter().collect()
        })
    }

    /// The parameters of both players, prefixed with the player's name.
    fn all_parameters(&self) -> Parameters
    where
        Self: Sized,
    {
        let networks: &dyn Adversaries = self;
        together(&networks.players())
    }

    /// Writes the weights of both to a safetensors file.
    ///
    /// # Errors
    /// If the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.all_parameters().save(path)
    }

    /// Loads the weights of both from a file.
    ///
    /// # Errors
    /// If the file cannot be read, or its weights do not fit the networks.
    fn load(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.all_parameters().load(path)
    }
}

/// One of the two networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// Tells real examples from those that the generator makes.
    Discriminator,
    /// Makes examples that the discriminator should take for real.
    Generator,
}

impl Player {
    /// Both players, in the order in which they move.
    pub const BOTH: [Self; 2] = [Self::Discriminator, Self::Generator];
}

impl fmt::Display for Player {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Discriminator => "discriminator",
            Self::Generator => "generator",
        })
    }
}
