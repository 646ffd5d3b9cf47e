//! Layers, and the plans from which they are built.

use std::sync::Arc;

use candle_core::Tensor;

use super::{Parameters, Parts};
use crate::{Error, Result, Rng};

/// Whether a layer runs for evaluation or for training; dropout and batch norm behave differently in
/// the two. Gradients flow in both, as in PyTorch's `eval` and `train` modes: see
/// [`no_grad`](super::no_grad) for a pass without them.
#[derive(Debug)]
pub enum Pass<'a> {
    /// Evaluation: no dropout, running statistics.
    Evaluate,
    /// Training, with the generator that dropout and sampling draw from.
    Train(&'a mut Rng),
}

impl Pass<'_> {
    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        matches!(self, Pass::Train(_))
    }
}

/// A step of a network: a function of a batch, with its own parameters.
///
/// Shapes given to and returned by [`Layer::output_shape`] leave out the batch dimension:
/// `[1, 28, 28]` for a batch `[n, 1, 28, 28]`.
pub trait Layer: std::fmt::Debug + Send + Sync {
    /// The layer's output for a batch.
    ///
    /// # Errors
    /// If the input's shape does not fit.
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor>;

    /// The layer's output for a batch of sequences with padding where `mask` `[batch, time]` is
    /// zero. Recurrent layers skip the padding, and containers pass the mask on. Other layers treat
    /// padding like any other step.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let _ = mask;
        self.apply(input, pass)
    }

    /// The shape of the output for an input of this shape, both without the batch dimension.
    ///
    /// # Errors
    /// If the input's shape does not fit.
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>>;

    /// The layer's parameters and buffers. By default there are none.
    fn parameters(&self) -> Parameters {
        Parameters::new()
    }

    /// The layers that this one is made of; none by default.
    fn parts(&self) -> Parts<'_> {
        Parts::Whole
    }

    /// The layer's name in a summary, such as `Dense` or `Conv2d`.
    fn kind(&self) -> String;
}

/// Configuration of a layer, from which it is built once the shape of its input is known. A finished
/// layer is a plan too: it builds a handle on itself, with its weights.
pub trait Plan {
    /// The type of the layer.
    type Built: Layer + 'static;

    /// Builds the layer for inputs of this shape (without the batch dimension), with weights drawn
    /// from `rng`.
    ///
    /// # Errors
    /// If the layer cannot take such an input.
    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Self::Built>;
}

impl<L: Layer + Clone + 'static> Plan for L {
    type Built = L;

    fn build(&self, input: &[usize], _: &mut Rng) -> Result<L> {
        self.output_shape(input)?;
        Ok(self.clone())
    }
}

type Build = dyn Fn(&[usize], &mut Rng) -> Result<Arc<dyn Layer>> + Send + Sync;

/// A [`Plan`] of any type, which containers keep for their parts until they are built.
#[derive(Clone)]
pub(super) struct AnyPlan(Arc<Build>);

impl AnyPlan {
    pub(super) fn new(plan: impl Plan + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |input, rng| {
            Ok(Arc::new(plan.build(input, rng)?))
        }))
    }

    pub(super) fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Arc<dyn Layer>> {
        (self.0)(input, rng)
    }
}

/// Rejects a name that would make the dotted names of parameters ambiguous.
pub(super) fn check_name<T>(what: &'static str, name: &str, others: &[(String, T)]) -> Result<()> {
    if name.is_empty() || name.contains('.') || others.iter().any(|(other, _)| other == name) {
        return Err(Error::argument(
            what,
            format!("{name:?}"),
            "a word without dots that no other one has",
        ));
    }
    Ok(())
}

/// The parameters of named layers, prefixed with the names.
pub(super) fn nested(layers: &[(String, Arc<dyn Layer>)]) -> Parameters {
    (layers.iter()).fold(Parameters::new(), |all, (name, layer)| {
        all.nest(name, layer.parameters())
    })
}

/// Makes a layer callable as a candle `Module`: `layer.forward(&x)?` runs it for evaluation.
macro_rules! forward_is_evaluation {
    ($layer:ty) => {
        impl candle_core::Module for $layer {
            fn forward(
                &self,
                input: &candle_core::Tensor,
            ) -> candle_core::Result<candle_core::Tensor> {
                Ok($crate::nn::Layer::apply(
                    self,
                    input,
                    &mut $crate::nn::Pass::Evaluate,
                )?)
            }
        }
    };
}
pub(crate) use forward_is_evaluation;
