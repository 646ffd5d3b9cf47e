//! Two recurrent layers, one for each direction of reading.

use candle_core::{D, Tensor};

use super::Parameters;
use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::recurrent::{Recurrent, RecurrentPlan};
use crate::{Result, Rng};

/// How the outputs of the two directions become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// One after the other: twice as many features. Keras' and PyTorch's default.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Multiply,
    /// Their mean.
    Average,
}

/// A recurrent layer that reads forwards and another that reads backwards.
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
    forward: Recurrent,
    backward: Recurrent,
    merge: Merge,
}

/// A [`Bidirectional`] layer to be.
#[derive(Clone, Copy, Debug)]
pub struct BidirectionalPlan {
    layer: RecurrentPlan,
    merge: Merge,
}

impl Bidirectional {
    /// Two such layers, each with weights of its own.
    pub fn of(layer: RecurrentPlan) -> BidirectionalPlan {
        BidirectionalPlan {
            layer,
            merge: Merge::Concat,
        }
    }

    /// The output for sequences `[batch, time, features]` whose padding is where `mask`
    /// `[batch, time]` is zero.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn read(&self, input: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let forward = self.forward.apply_masked(input, mask)?;
        let backward = self.backward.apply_masked(input, mask)?;
        Ok(match self.merge {
            Merge::Concat => Tensor::cat(&[forward, backward], D::Minus1)?,
            Merge::Sum => (forward + backward)?,
            Merge::Multiply => (forward * backward)?,
            Merge::Average => ((forward + backward)? * 0.5)?,
        })
    }
}

impl BidirectionalPlan {
    /// How the two outputs become one.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }
}

impl Plan for BidirectionalPlan {
    type Built = Bidirectional;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Bidirectional> {
        Ok(Bidirectional {
            forward: self.layer.build(input, rng)?,
            backward: self.layer.reversed().build(input, rng)?,
            merge: self.merge,
        })
    }
}

impl Layer for Bidirectional {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        self.read(input, None)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        _: &mut Pass,
    ) -> Result<Tensor> {
        self.read(input, mask)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let mut shape = self.forward.output_shape(input)?;
        if let (Merge::Concat, Some(features)) = (self.merge, shape.last_mut()) {
            *features *= 2;
        }
        Ok(shape)
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("forward", self.forward.parameters())
            .nest("backward", self.backward.parameters())
    }

    fn kind(&self) -> String {
        format!("Bidirectional {}", self.forward.kind())
    }
}

forward_is_evaluation!(Bidirectional);
