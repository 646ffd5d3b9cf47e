//! Layers that read a sequence step by step: simple RNN, LSTM, GRU.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Initialiser, Parameter, Parameters};
use crate::ops::{Direction, LstmState, RecurrentWeights, RnnActivation, Sweep};
use crate::{Error, Result, Rng, ops};

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

/// A recurrent layer over sequences `[batch, time, features]`. It returns the hidden state after
/// the last step, `[batch, units]`, or after every step, `[batch, time, units]`.
///
/// Its parameters are PyTorch's: `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`, with the gates
/// below each other in PyTorch's order.
#[derive(Clone, Debug)]
pub struct Recurrent {
    cell: Cell,
    weight_ih: Parameter,
    weight_hh: Parameter,
    bias_ih: Parameter,
    bias_hh: Parameter,
    direction: Direction,
    sequences: bool,
}

/// A [`Recurrent`] layer to be. The weights start as in Keras: Glorot-uniform for the input,
/// orthogonal for the state, and zero biases but for an LSTM's forget gate, which starts open at 1.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentPlan {
    cell: Cell,
    units: usize,
    direction: Direction,
    sequences: bool,
    initialiser: Option<Initialiser>,
}

/// What a recurrent layer remembers after a sequence: where the next part of it, or a decoder,
/// starts.
#[derive(Clone, Debug)]
pub struct RecurrentState {
    /// `[batch, units]`.
    pub hidden: Tensor,
    /// An LSTM's cell, `[batch, units]`.
    pub cell: Option<Tensor>,
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    Rnn(RnnActivation),
    Lstm,
    Gru,
}

impl Cell {
    fn name(self) -> &'static str {
        match self {
            Self::Rnn(_) => "SimpleRnn",
            Self::Lstm => "Lstm",
            Self::Gru => "Gru",
        }
    }

    fn gates(self) -> usize {
        match self {
            Self::Rnn(_) => 1,
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }

    fn plan(self, units: usize) -> RecurrentPlan {
        RecurrentPlan {
            cell: self,
            units,
            direction: Direction::Forward,
            sequences: false,
            initialiser: None,
        }
    }
}

impl SimpleRnn {
    /// A layer with that many hidden units and a tanh.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Rnn(RnnActivation::Tanh).plan(units)
    }

    /// A layer with that many hidden units and a ReLU.
    pub fn relu_units(units: usize) -> RecurrentPlan {
        Cell::Rnn(RnnActivation::Relu).plan(units)
    }
}

impl Lstm {
    /// A layer with that many hidden units.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Lstm.plan(units)
    }
}

impl Gru {
    /// A layer with that many hidden units.
    pub fn units(units: usize) -> RecurrentPlan {
        Cell::Gru.plan(units)
    }
}

impl RecurrentPlan {
    /// Returns the hidden state after every step, for a layer that reads sequences in its turn.
    pub fn return_sequences(mut self) -> Self {
        self.sequences = true;
        self
    }

    /// Reads from the last step to the first. The output of step t still stands at place t.
    pub fn reversed(mut self) -> Self {
        self.direction = Direction::Reverse;
        self
    }

    /// Where all weights start. [`Initialiser::PyTorch`] also draws the biases as PyTorch does,
    /// within `±1 / √units` like everything else.
    pub fn initialiser(mut self, initialiser: Initialiser) -> Self {
        self.initialiser = Some(initialiser);
        self
    }

    fn draw(&self, features: usize, rng: &mut Rng) -> Result<[Tensor; 4]> {
        let rows = self.cell.gates() * self.units;
        let weights = [[rows, features], [rows, self.units]];
        if self.initialiser == Some(Initialiser::PyTorch) {
            let bound = Initialiser::Uniform(1.0 / (self.units as f32).sqrt());
            let mut draw = |shape: &[usize]| bound.draw(shape, rng);
            return Ok([
                draw(&weights[0])?,
                draw(&weights[1])?,
                draw(&[rows])?,
                draw(&[rows])?,
            ]);
        }
        let input = self.initialiser.unwrap_or(Initialiser::GlorotUniform);
        let state = self.initialiser.unwrap_or(Initialiser::Orthogonal);
        let zeros = Initialiser::Zeros.draw(&[rows], rng)?;
        let bias = match self.cell {
            // The gates are i, f, g, o.
            Cell::Lstm => {
                let gate = zeros.narrow(0, 0, self.units)?;
                Tensor::cat(&[&gate, &(&gate + 1.0)?, &gate, &gate], 0)?
            }
            _ => zeros.clone(),
        };
        Ok([
            input.draw(&weights[0], rng)?,
            state.draw(&weights[1], rng)?,
            bias,
            zeros,
        ])
    }
}

impl Plan for RecurrentPlan {
    type Built = Recurrent;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Recurrent> {
        let [_, features] = sequence(self.cell.name(), input)?;
        if self.units == 0 || features == 0 {
            return Err(Error::argument(
                "the size of a recurrent layer",
                format!("{features} features and {} units", self.units),
                "at least 1 feature and 1 unit",
            ));
        }
        let [weight_ih, weight_hh, bias_ih, bias_hh] = self.draw(features, rng)?;
        Ok(Recurrent {
            cell: self.cell,
            weight_ih: Parameter::new(&weight_ih)?,
            weight_hh: Parameter::new(&weight_hh)?,
            bias_ih: Parameter::new(&bias_ih)?,
            bias_hh: Parameter::new(&bias_hh)?,
            direction: self.direction,
            sequences: self.sequences,
        })
    }
}

impl Recurrent {
    /// Reads sequences `[batch, time, features]`, from a state if one is given, else from zero, and
    /// skips the steps where `mask` `[batch, time]` is zero: padding. Returns the hidden states
    /// after all steps, `[batch, time, units]`, and the state at the end.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn read(
        &self,
        input: &Tensor,
        initial: Option<&RecurrentState>,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, RecurrentState)> {
        let weights = RecurrentWeights {
            weight_ih: self.weight_ih.tensor(),
            weight_hh: self.weight_hh.tensor(),
            bias_ih: self.bias_ih.tensor(),
            bias_hh: self.bias_hh.tensor(),
        };
        let sweep = Sweep {
            direction: self.direction,
            mask: mask.cloned(),
        };
        let hidden = initial.map(|state| &state.hidden);
        let output = match self.cell {
            Cell::Rnn(activation) => ops::rnn(input, &weights, activation, hidden, &sweep)?,
            Cell::Gru => ops::gru(input, &weights, hidden, &sweep)?,
            Cell::Lstm => {
                let initial = initial.map(LstmState::try_from).transpose()?;
                let output = ops::lstm(input, &weights, initial.as_ref(), &sweep)?;
                let state = RecurrentState {
                    hidden: output.state.hidden,
                    cell: Some(output.state.cell),
                };
                return Ok((output.sequence, state));
            }
        };
        let state = RecurrentState {
            hidden: output.hidden,
            cell: None,
        };
        Ok((output.sequence, state))
    }

    /// What [`Layer::apply`] returns, with a mask as in [`Recurrent::read`].
    pub(super) fn apply_masked(&self, input: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (sequence, state) = self.read(input, None, mask)?;
        Ok(if self.sequences {
            sequence
        } else {
            state.hidden
        })
    }
}

impl TryFrom<&RecurrentState> for LstmState {
    type Error = Error;

    fn try_from(state: &RecurrentState) -> Result<Self> {
        let cell = state.cell.clone().ok_or_else(|| {
            Error::argument(
                "the initial state of an Lstm",
                "a hidden state alone",
                "a hidden state and a cell, as an Lstm leaves them",
            )
        })?;
        Ok(Self {
            hidden: state.hidden.clone(),
            cell,
        })
    }
}

impl Layer for Recurrent {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        self.apply_masked(input, None)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        _: &mut Pass,
    ) -> Result<Tensor> {
        self.apply_masked(input, mask)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [time, features] = sequence(self.cell.name(), input)?;
        let weight = self.weight_ih.dims();
        if features != weight[1] {
            return Err(Error::shape(
                self.cell.name(),
                format!(
                    "an example is {input:?}, but the weight {weight:?} takes {} features a step.",
                    weight[1]
                ),
            ));
        }
        let units = self.weight_hh.dims()[1];
        Ok(if self.sequences {
            vec![time, units]
        } else {
            vec![units]
        })
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("weight_ih", &self.weight_ih)
            .with("weight_hh", &self.weight_hh)
            .with("bias_ih", &self.bias_ih)
            .with("bias_hh", &self.bias_hh)
    }

    fn kind(&self) -> String {
        match self.direction {
            Direction::Forward => self.cell.name().into(),
            Direction::Reverse => format!("{} reversed", self.cell.name()),
        }
    }
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
