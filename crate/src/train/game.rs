//! The common form of training one model and training two adversaries.

use super::evaluate::evaluate;
use super::{Adversaries, Batch, Examples, Losses, Measure, Model, Player};
use crate::nn::{Parameters, Pass};
use crate::{Result, Rng};

/// The child of the seed that validation draws its codes from. No epoch uses it, so the codes are
/// the same after each epoch.
const VALIDATION: u64 = u64::MAX;

/// `N` players that move in turn, each down the gradient of its own loss.
pub(crate) trait Game<const N: usize> {
    /// The parameters of each player.
    fn players(&self) -> [Parameters; N];

    /// The losses of a player in a training step.
    fn losses(&self, player: usize, batch: &Batch, rng: &mut Rng) -> Result<Losses>;

    /// The losses of all players on the validation examples.
    fn validate(&self, examples: &dyn Examples, seed: u64) -> Result<Vec<Measure>>;
}

impl Game<1> for &dyn Model {
    fn players(&self) -> [Parameters; 1] {
        [self.parameters()]
    }

    fn losses(&self, _: usize, batch: &Batch, rng: &mut Rng) -> Result<Losses> {
        Model::losses(*self, batch, &mut Pass::Train(rng))
    }

    fn validate(&self, examples: &dyn Examples, _: u64) -> Result<Vec<Measure>> {
        evaluate(*self, examples)
    }
}

impl Game<2> for &dyn Adversaries {
    fn players(&self) -> [Parameters; 2] {
        Player::BOTH.map(|player| {
            let parameters = self.parameters(player);
            Parameters::new().nest(&player.to_string(), parameters)
        })
    }

    fn losses(&self, player: usize, batch: &Batch, rng: &mut Rng) -> Result<Losses> {
        let mut codes = rng.child(player as u64);
        let player = Player::BOTH[player];
        let losses = Adversaries::losses(*self, player, batch, &mut codes, &mut Pass::Train(rng))?;
        Ok(losses.of(&player.to_string()))
    }

    fn validate(&self, examples: &dyn Examples, seed: u64) -> Result<Vec<Measure>> {
        self.evaluate(examples, &mut Rng::new(seed).child(VALIDATION))
    }
}
