//! What a training is, so that its weights are taken for no other's.

use candle_core::Tensor;
use flate2::Crc;
use safetensors::View;
use serde::Serialize;

use super::trainer::Settings;
use super::{Examples, Model};
use crate::nn::{Parameter, Parameters, Pass, no_grad};
use crate::{Result, Rng};

/// Examples that are read at once to tell data sets apart.
const CHUNK: usize = 1000;

/// Two trainings with equal identities end with the same weights, to the bit, on one machine.
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
    /// Names and shapes.
    parameters: Vec<String>,
    /// A checksum of what they are before the training, which depends on their seed.
    start: u32,
    /// The losses of the first batch: what a model computes from its parameters, activations and
    /// factors of its loss included.
    losses: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ExamplesIdentity {
    count: usize,
    checksum: u32,
}

impl Identity {
    /// That of a training which has not begun. Nothing changes.
    pub(super) fn of(
        settings: Settings,
        model: &dyn Model,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<Self> {
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            model: ModelIdentity::of(model, train, settings.seed)?,
            train: ExamplesIdentity::of(train)?,
            valid: ExamplesIdentity::of(valid)?,
            training: settings,
        })
    }
}

impl ModelIdentity {
    fn of(model: &dyn Model, examples: &dyn Examples, seed: u64) -> Result<Self> {
        let parameters = model.parameters();
        let mut start = Crc::new();
        for (_, parameter) in parameters.iter() {
            update(&mut start, &parameter.var());
        }
        let shape =
            |(name, parameter): (&str, &Parameter)| format!("{name} {:?}", parameter.dims());
        Ok(Self {
            parameters: parameters.iter().map(shape).collect(),
            start: start.sum(),
            losses: first_losses(model, &parameters, examples, seed)?,
        })
    }
}

/// The losses of the first batch, as in training. Buffers, which a pass of training changes, are put
/// back.
fn first_losses(
    model: &dyn Model,
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
    let losses = no_grad(|| model.losses(&batch, &mut Pass::Train(rng)));
    for ((_, parameter), value) in parameters.iter().zip(&values) {
        parameter.set(value)?;
    }
    let losses = losses?;
    let text = |(name, value): (&str, f64)| format!("{name} {value}");
    Ok(losses.values()?.into_iter().map(text).collect())
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
