//! Two recurrent layers, one for each direction of reading.

use candle_core::{D, Tensor};

use super::Parameters;
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::recurrent::{RecurrentPlan, check_input, in_depth};
use super::recurrent_level::{Level, suffix};
use super::recurrent_state::RecurrentState;
use crate::ops::Direction;
use crate::{Result, Rng};

/// The way in which the outputs of the two directions are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// Concatenation, which doubles the features. Keras' and PyTorch's default.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Multiply,
    /// Their mean.
    Average,
}

/// Two recurrent layers, one reading forwards and one backwards. In a stack, each layer reads the
/// merged output of the two directions below, as with PyTorch's `num_layers` and
/// `bidirectional=True`.
///
/// ```
/// use cuaderno::{nn::{Bidirectional, Lstm, Merge, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let sentences = rng.normal(0.0, 1.0, &[4, 75, 32])?;
/// let plan = Bidirectional::of(Lstm::units(100).return_sequences());
/// let layer = plan.build(&[75, 32], &mut rng)?;
/// assert_eq!(layer.forward(&sentences)?.dims(), [4, 75, 200]);
/// let layer = plan.merge(Merge::Average).build(&[75, 32], &mut rng)?;
/// assert_eq!(layer.forward(&sentences)?.dims(), [4, 75, 100]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bidirectional {
    levels: Vec<[Level; 2]>,
    sequences: bool,
    merge: Merge,
}

/// Configuration of a [`Bidirectional`] layer.
#[derive(Clone, Copy, Debug)]
pub struct BidirectionalPlan {
    layer: RecurrentPlan,
    merge: Merge,
}

impl Bidirectional {
    /// Two layers with this configuration, each with its own weights.
    pub fn of(layer: RecurrentPlan) -> BidirectionalPlan {
        BidirectionalPlan {
            layer,
            merge: Merge::Concat,
        }
    }

    /// Reads sequences `[batch, time, features]` like [`Recurrent::read`](super::Recurrent::read):
    /// from `initial` if it is given, and skipping the steps where `mask` `[batch, time]` is zero.
    /// Returns the merged hidden states after all steps, `[batch, time, ..]`, and the final states
    /// of both directions, `[2 layers, batch, units]`. The backward direction ends at the first
    /// step.
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
        for level in &self.levels {
            let mut outputs = Vec::new();
            for direction in level {
                let initial = initial.map(|state| state.at(ends.len(), 2 * self.levels.len()));
                let (output, end) =
                    direction.read(&sequence, initial.transpose()?.as_ref(), mask)?;
                outputs.push(output);
                ends.push(end);
            }
            sequence = self.merge.apply(&outputs[0], &outputs[1])?;
        }
        Ok((sequence, RecurrentState::stacked(&ends)?))
    }
}

impl Merge {
    fn apply(self, forward: &Tensor, backward: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Concat => Tensor::cat(&[forward, backward], D::Minus1)?,
            Self::Sum => (forward + backward)?,
            Self::Multiply => (forward * backward)?,
            Self::Average => ((forward + backward)? * 0.5)?,
        })
    }

    /// The number of output features of two layers with this many units.
    fn features(self, units: usize) -> usize {
        match self {
            Self::Concat => 2 * units,
            Self::Sum | Self::Multiply | Self::Average => units,
        }
    }
}

impl BidirectionalPlan {
    /// Sets the way in which the two outputs are merged.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }
}

impl Plan for BidirectionalPlan {
    type Built = Bidirectional;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Bidirectional> {
        let mut features = self.layer.features(input)?;
        let mut levels = Vec::new();
        let forwards = self.layer.levels(Direction::Forward);
        for (forward, backward) in forwards.zip(self.layer.levels(Direction::Reverse)) {
            levels.push([
                forward.build(features, rng)?,
                backward.build(features, rng)?,
            ]);
            features = self.merge.features(forward.units);
        }
        Ok(Bidirectional {
            levels,
            sequences: self.layer.returns_sequences(),
            merge: self.merge,
        })
    }
}

impl Layer for Bidirectional {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.apply_with_mask(input, None, pass)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        _: &mut Pass,
    ) -> Result<Tensor> {
        let (sequence, ends) = self.read(input, None, mask)?;
        if self.sequences {
            return Ok(sequence);
        }
        let count = 2 * self.levels.len();
        let [forward, backward] = [ends.at(count - 2, count)?, ends.at(count - 1, count)?];
        self.merge.apply(&forward.hidden, &backward.hidden)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [bottom, _] = &self.levels[0];
        let time = check_input(bottom, input)?;
        let features = self.merge.features(bottom.units());
        Ok(if self.sequences {
            vec![time, features]
        } else {
            vec![features]
        })
    }

    fn parameters(&self) -> Parameters {
        let of = |direction: usize| {
            let levels = self.levels.iter().enumerate();
            levels.fold(Parameters::new(), |all, (index, level)| {
                all.and(level[direction].parameters(&suffix(index, self.levels.len())))
            })
        };
        Parameters::new()
            .nest("forward", of(0))
            .nest("backward", of(1))
    }

    fn kind(&self) -> String {
        let name = format!("Bidirectional {}", self.levels[0][0].cell.name());
        in_depth(name, self.levels.len())
    }
}

forward_is_evaluation!(Bidirectional);
