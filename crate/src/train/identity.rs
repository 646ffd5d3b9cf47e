//! The identity of a training, which tells its weights from those of others.

use candle_core::Tensor;
use flate2::Crc;
use safetensors::View;
use serde::Serialize;

use super::game::Game;
use super::play::together;
use super::trainer::Settings;
use super::{Examples, Losses};
use crate::nn::{Parameter, Parameters, no_grad};
use crate::{Result, Rng};

/// The number of examples read at a time for the checksum of a data set.
const CHUNK: usize = 1000;

/// Everything that decides the weights of a training. On one machine, two trainings with the same
/// identity end with the same weights, bit by bit.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Identity {
    version: &'static str,
    model: ModelIdentity,
    training: Settings,
    train: ExamplesIdentity,
    valid: ExamplesIdentity,
}

#[derive(Clone, Debug, Serialize)]
struct ModelIdentity {
    /// The names and shapes of the parameters.
    parameters: Vec<String>,
    /// A checksum of their values before the training, which depend on the seed.
    start: u32,
    /// The losses of the first batch, which depend on everything that the model computes, such as
    /// its activations and the factors of its loss.
    losses: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ExamplesIdentity {
    count: usize,
    checksum: u32,
}

impl Identity {
    /// The identity of a training that has not started. Nothing is changed.
    pub(super) fn of<const PLAYERS: usize>(
        settings: Settings,
        game: &dyn Game<PLAYERS>,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<Self> {
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            model: ModelIdentity::of(game, train, settings.seed)?,
            train: ExamplesIdentity::of(train)?,
            valid: ExamplesIdentity::of(valid)?,
            training: settings,
        })
    }
}

impl ModelIdentity {
    fn of<const PLAYERS: usize>(
        game: &dyn Game<PLAYERS>,
        examples: &dyn Examples,
        seed: u64,
    ) -> Result<Self> {
        let parameters = together(&game.players());
        let mut start = Crc::new();
        for (_, parameter) in parameters.iter() {
            update(&mut start, &parameter.var());
        }
        let shape =
            |(name, parameter): (&str, &Parameter)| format!("{name} {:?}", parameter.dims());
        Ok(Self {
            parameters: parameters.iter().map(shape).collect(),
            start: start.sum(),
            losses: first_losses(game, &parameters, examples, seed)?,
        })
    }
}

/// The losses of all players on the first batch in a training pass. Buffers, which such a pass
/// changes, are restored.
fn first_losses<const PLAYERS: usize>(
    game: &dyn Game<PLAYERS>,
    parameters: &Parameters,
    examples: &dyn Examples,
    seed: u64,
) -> Result<Vec<String>> {
    let first: Vec<u32> = (0..examples.len().min(32) as u32).collect();
    let values = parameters
        .iter()
        .map(|(_, parameter)| parameter.var().copy());
    let values = values.collect::<candle_core::Result<Vec<Tensor>>>()?;
    let rng = &mut Rng::new(seed);
    let batch = examples.training_batch(&first, rng)?;
    let losses: Result<Vec<Losses>> = no_grad(|| {
        (0..PLAYERS)
            .map(|player| game.losses(player, &batch, rng))
            .collect()
    });
    for ((_, parameter), value) in parameters.iter().zip(&values) {
        parameter.set(value)?;
    }
    let mut texts = Vec::new();
    for losses in &losses? {
        let text = |(name, value): (&str, f64)| format!("{name} {value}");
        texts.extend(losses.values()?.into_iter().map(text));
    }
    Ok(texts)
}

impl ExamplesIdentity {
    fn of(examples: &dyn Examples) -> Result<Self> {
        let mut checksum = Crc::new();
        let indices: Vec<u32> = (0..examples.len() as u32).collect();
        for indices in indices.chunks(CHUNK) {
            // What augmentation draws tells which one it is.
            let batch = examples.training_batch(indices, &Rng::new(0))?;
            update(&mut checksum, &batch.inputs);
            update(&mut checksum, &batch.targets);
            if let Some(mask) = &batch.mask {
                update(&mut checksum, mask);
            }
        }
        Ok(Self {
            count: examples.len(),
            checksum: checksum.sum(),
        })
    }
}

/// Adds a tensor's shape and numbers to a checksum.
fn update(checksum: &mut Crc, tensor: &Tensor) {
    checksum.update(format!("{:?} {:?}", tensor.dtype(), tensor.dims()).as_bytes());
    checksum.update(&tensor.data());
}
