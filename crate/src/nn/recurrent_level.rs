//! One level of a stack of recurrent layers: its weights, and a sweep over a sequence.

use candle_core::Tensor;

use super::recurrent_state::RecurrentState;
use super::{Initialiser, Parameter, Parameters};
use crate::ops::{Direction, LstmState, RecurrentWeights, RnnActivation, Sweep};
use crate::{Result, Rng, ops};

#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    Rnn(RnnActivation),
    Lstm,
    Gru,
}

impl Cell {
    pub(super) fn name(self) -> &'static str {
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
}

/// Configuration of a [`Level`].
#[derive(Clone, Copy, Debug)]
pub(super) struct LevelPlan {
    pub(super) cell: Cell,
    pub(super) units: usize,
    pub(super) direction: Direction,
    pub(super) bias: bool,
    pub(super) initialiser: Option<Initialiser>,
}

impl LevelPlan {
    /// Builds the level for steps with this many features.
    pub(super) fn build(&self, features: usize, rng: &mut Rng) -> Result<Level> {
        let [weight_ih, weight_hh, bias_ih, bias_hh] = self.draw(features, rng)?;
        let biases = || -> Result<_> { Ok([Parameter::new(&bias_ih)?, Parameter::new(&bias_hh)?]) };
        Ok(Level {
            cell: self.cell,
            weight_ih: Parameter::new(&weight_ih)?,
            weight_hh: Parameter::new(&weight_hh)?,
            biases: self.bias.then(biases).transpose()?,
            direction: self.direction,
        })
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

/// The weights of one level and direction, as in PyTorch.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) cell: Cell,
    pub(super) weight_ih: Parameter,
    weight_hh: Parameter,
    biases: Option<[Parameter; 2]>,
    pub(super) direction: Direction,
}

impl Level {
    pub(super) fn units(&self) -> usize {
        self.weight_hh.dims()[1]
    }

    /// Names as in PyTorch, with the number of the level if there are several.
    pub(super) fn parameters(&self, suffix: &str) -> Parameters {
        let [bias_ih, bias_hh] = match &self.biases {
            Some([bias_ih, bias_hh]) => [Some(bias_ih), Some(bias_hh)],
            None => [None, None],
        };
        Parameters::new()
            .with(&format!("weight_ih{suffix}"), &self.weight_ih)
            .with(&format!("weight_hh{suffix}"), &self.weight_hh)
            .with_optional(&format!("bias_ih{suffix}"), bias_ih)
            .with_optional(&format!("bias_hh{suffix}"), bias_hh)
    }

    /// The hidden states after all steps, `[batch, time, units]`, and the final state.
    pub(super) fn read(
        &self,
        input: &Tensor,
        initial: Option<&RecurrentState>,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, RecurrentState)> {
        let weight_ih = self.weight_ih.tensor();
        let [bias_ih, bias_hh] = match &self.biases {
            Some(biases) => biases.each_ref().map(Parameter::tensor),
            None => {
                let rows = weight_ih.dim(0)?;
                let zeros = Tensor::zeros(rows, weight_ih.dtype(), weight_ih.device())?;
                [zeros.clone(), zeros]
            }
        };
        let weights = RecurrentWeights {
            weight_ih,
            weight_hh: self.weight_hh.tensor(),
            bias_ih,
            bias_hh,
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
}

/// The suffix of the names of a level's parameters.
pub(super) fn suffix(level: usize, levels: usize) -> String {
    match levels {
        1 => String::new(),
        _ => format!("_l{level}"),
    }
}
