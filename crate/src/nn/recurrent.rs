//! Layers that read a sequence step by step: simple RNN, LSTM, GRU.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::recurrent_level::{Cell, Level, LevelPlan, suffix};
use super::recurrent_state::RecurrentState;
use super::{Initialiser, Parameters};
use crate::ops::{Direction, RnnActivation};
use crate::{Error, Result, Rng};

/// The simple (Elman) recurrent layer: see [`ops::rnn`](crate::ops::rnn).
#[derive(Clone, Copy, Debug)]
pub enum SimpleRnn {}

/// The long short-term memory: see [`ops::lstm`](crate::ops::lstm).
///
/// ```
/// use cuaderno::{nn::{Lstm, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let sentences = rng.normal(0.0, 1.0, &[4, 75, 32])?; // [batch, time, features]
/// let layer = Lstm::units(100).build(&[75, 32], &mut rng)?;
/// assert_eq!(layer.forward(&sentences)?.dims(), [4, 100]);
/// let layer = Lstm::units(100).return_sequences().build(&[75, 32], &mut rng)?;
/// assert_eq!(layer.forward(&sentences)?.dims(), [4, 75, 100]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Lstm {}

/// The gated recurrent unit: see [`ops::gru`](crate::ops::gru).
#[derive(Clone, Copy, Debug)]
pub enum Gru {}

/// A recurrent layer over sequences `[batch, time, features]`, or a stack of such layers in which
/// each reads the hidden states of the one below. It returns the hidden state after the last step,
/// `[batch, units]`, or after every step, `[batch, time, units]`; for a stack, these are the ones
/// of the top layer.
///
/// Its parameters are those of PyTorch: `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`, with the
/// gates stacked in PyTorch's order. In a stack the names end in `_l0`, `_l1` and so on.
#[derive(Clone, Debug)]
pub struct Recurrent {
    levels: Vec<Level>,
    sequences: bool,
}

/// Configuration of a [`Recurrent`] layer. The weights are initialised as in Keras: Glorot-uniform
/// for the input, orthogonal for the state, and zero biases except for the forget gate of an LSTM,
/// whose bias is 1.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentPlan {
    level: LevelPlan,
    layers: usize,
    sequences: bool,
}

impl Cell {
    fn plan(self, units: usize) -> RecurrentPlan {
        RecurrentPlan {
            level: LevelPlan {
                cell: self,
                units,
                direction: Direction::Forward,
                bias: true,
                initialiser: None,
            },
            layers: 1,
            sequences: false,
        }
    }
}

impl SimpleRnn {
    /// A layer with this many hidden units and a tanh.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Rnn(RnnActivation::Tanh).plan(units)
    }

    /// A layer with this many hidden units and a ReLU.
    pub fn relu_units(units: usize) -> RecurrentPlan {
        Cell::Rnn(RnnActivation::Relu).plan(units)
    }
}

impl Lstm {
    /// A layer with this many hidden units.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Lstm.plan(units)
    }
}

impl Gru {
    /// A layer with this many hidden units.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Gru.plan(units)
    }
}

impl RecurrentPlan {
    /// Returns the hidden state after every step, for another layer that reads sequences.
    pub fn return_sequences(mut self) -> Self {
        self.sequences = true;
        self
    }

    /// Reads from the last step to the first. The output for step t is still at position t.
    pub fn reversed(mut self) -> Self {
        self.level.direction = Direction::Reverse;
        self
    }

    /// Sets how all weights are initialised. [`Initialiser::PyTorch`] also draws the biases as
    /// PyTorch does, within `±1 / √units` like the weights.
    pub fn initialiser(mut self, initialiser: Initialiser) -> Self {
        self.level.initialiser = Some(initialiser);
        self
    }

    /// Makes it a stack of this many layers, each of which reads the hidden states of the one
    /// below, like PyTorch's `num_layers`.
    pub fn num_layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Omits the biases.
    pub fn without_bias(mut self) -> Self {
        self.level.bias = false;
        self
    }

    pub(super) fn returns_sequences(&self) -> bool {
        self.sequences
    }

    /// The plan of each level, from the bottom up.
    pub(super) fn levels(&self, direction: Direction) -> impl Iterator<Item = LevelPlan> {
        let level = LevelPlan {
            direction,
            ..self.level
        };
        std::iter::repeat_n(level, self.layers)
    }

    /// The number of features in a step of the input.
    pub(super) fn features(&self, input: &[usize]) -> Result<usize> {
        let [_, features] = sequence(self.level.cell.name(), input)?;
        let (units, layers) = (self.level.units, self.layers);
        if units == 0 || features == 0 || layers == 0 {
            return Err(Error::argument(
                "the size of a recurrent layer",
                format!("{features} features, {units} units and {layers} layer(s)"),
                "at least 1 each",
            ));
        }
        Ok(features)
    }
}

impl Plan for RecurrentPlan {
    type Built = Recurrent;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Recurrent> {
        let mut features = self.features(input)?;
        let mut levels = Vec::new();
        for plan in self.levels(self.level.direction) {
            levels.push(plan.build(features, rng)?);
            features = plan.units;
        }
        Ok(Recurrent {
            levels,
            sequences: self.sequences,
        })
    }
}

impl Recurrent {
    /// Reads sequences `[batch, time, features]`, starting from `initial` or, if it is `None`, from
    /// zeros, and skipping the steps where `mask` `[batch, time]` is zero (padding). Returns the
    /// hidden states after all steps, `[batch, time, units]`, and the final state.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn read(
        &self,
        input: &Tensor,
        initial: Option<&RecurrentState>,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, RecurrentState)> {
        let mut sequence = input.clone();
        let mut ends = Vec::new();
        for (index, level) in self.levels.iter().enumerate() {
            let initial = initial.map(|state| state.at(index, self.levels.len()));
            let (output, end) = level.read(&sequence, initial.transpose()?.as_ref(), mask)?;
            sequence = output;
            ends.push(end);
        }
        Ok((sequence, RecurrentState::stacked(&ends)?))
    }
}

impl Layer for Recurrent {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.apply_with_mask(input, None, pass)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        _: &mut Pass,
    ) -> Result<Tensor> {
        let (sequence, end) = self.read(input, None, mask)?;
        if self.sequences {
            return Ok(sequence);
        }
        let top = self.levels.len() - 1;
        Ok(end.at(top, self.levels.len())?.hidden)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let bottom = &self.levels[0];
        let time = check_input(bottom, input)?;
        let units = bottom.units();
        Ok(if self.sequences {
            vec![time, units]
        } else {
            vec![units]
        })
    }

    fn parameters(&self) -> Parameters {
        let levels = self.levels.iter().enumerate();
        levels.fold(Parameters::new(), |all, (index, level)| {
            all.and(level.parameters(&suffix(index, self.levels.len())))
        })
    }

    fn kind(&self) -> String {
        let bottom = &self.levels[0];
        let name = match bottom.direction {
            Direction::Forward => bottom.cell.name().into(),
            Direction::Reverse => format!("{} reversed", bottom.cell.name()),
        };
        in_depth(name, self.levels.len())
    }
}

/// The name of a stack of layers.
pub(super) fn in_depth(name: String, layers: usize) -> String {
    match layers {
        1 => name,
        _ => format!("{name}, {layers} layers"),
    }
}

/// The number of steps of an input to the bottom of a stack.
pub(super) fn check_input(bottom: &Level, input: &[usize]) -> Result<usize> {
    let name = bottom.cell.name();
    let [time, features] = sequence(name, input)?;
    let weight = bottom.weight_ih.dims();
    if features != weight[1] {
        return Err(Error::shape(
            name,
            format!(
                "an example is {input:?}, but the weight {weight:?} takes {} features a step.",
                weight[1]
            ),
        ));
    }
    Ok(time)
}

fn sequence(layer: &'static str, input: &[usize]) -> Result<[usize; 2]> {
    input.try_into().map_err(|_| {
        Error::shape(
            layer,
            format!("an example is {input:?}, but it must be a sequence, [time, features]."),
        )
    })
}

forward_is_evaluation!(Recurrent);
