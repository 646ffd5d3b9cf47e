//! The two ways in which a decoder's state and a step of the memory are compared.

use candle_core::Tensor;

use crate::nn::{
    AdditiveAttention, Attended, Dense, Layer, Parameters, Pass, Plan, scaled_dot_product_attention,
};
use crate::{Result, Rng};

/// How a decoder scores the steps of the memory, with the number of units in which it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// By a small network, `v · tanh(W state + U step)` (Bahdanau et al. 2014): see
    /// [`AdditiveAttention`].
    Additive(usize),
    /// By an inner product, `(W state) · (U step) / √units` (Luong et al. 2015, scaled as in Vaswani
    /// et al. 2017): see [`scaled_dot_product_attention`].
    DotProduct(usize),
}

/// A [`Score`] with its weights.
#[derive(Clone, Debug)]
pub(super) enum Scorer {
    Additive(AdditiveAttention),
    DotProduct { query: Dense, key: Dense },
}

impl Score {
    pub(super) fn build(self, state: usize, features: usize, rng: &mut Rng) -> Result<Scorer> {
        Ok(match self {
            Self::Additive(units) => {
                Scorer::Additive(AdditiveAttention::units(units).build(state, features, rng)?)
            }
            Self::DotProduct(units) => {
                let dense = Dense::units(units).without_bias();
                Scorer::DotProduct {
                    query: dense.build(&[state], rng)?,
                    key: dense.build(&[features], rng)?,
                }
            }
        })
    }
}

impl Scorer {
    /// The mean of the memory's steps for each state, weighted by the scores.
    pub(super) fn attend(
        &self,
        states: &Tensor,
        memory: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<Attended> {
        match self {
            Self::Additive(attention) => attention.attend(states, memory, mask),
            Self::DotProduct { query, key } => {
                let query = query.apply(states, &mut Pass::Evaluate)?;
                let key = key.apply(memory, &mut Pass::Evaluate)?;
                scaled_dot_product_attention(&query, &key, memory, mask)
            }
        }
    }

    pub(super) fn parameters(&self) -> Parameters {
        match self {
            Self::Additive(attention) => attention.parameters(),
            Self::DotProduct { query, key } => Parameters::new()
                .nest("query", query.parameters())
                .nest("key", key.parameters()),
        }
    }
}
