//! Several layers with the same input.

use std::sync::Arc;

use candle_core::Tensor;

use super::Parameters;
use super::layer::{AnyPlan, Layer, Pass, Plan, check_name, forward_is_evaluation, nested};
use super::parts::{Join, Parts};
use crate::{Error, Result, Rng};

/// Named branches that all read the same input. Their outputs are concatenated (as in the Inception
/// block of Szegedy et al. 2015) or added.
///
/// ```
/// use cuaderno::{nn::{Parallel, Plan}, prelude::*};
/// let inception = Parallel::concat(1) // the channels of [batch, channels, height, width]
///     .branch("one", Conv2d::filters(8).kernel(1))
///     .branch("three", Conv2d::filters(16).kernel(3).padding(1))
///     .build(&[4, 28, 28], &mut Rng::new(6202))?;
/// assert_eq!(inception.output_shape(&[4, 28, 28])?, [24, 28, 28]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parallel {
    branches: Vec<(String, Arc<dyn Layer>)>,
    join: Join,
}

/// Configuration of [`Parallel`] branches.
#[derive(Clone)]
pub struct ParallelPlan {
    branches: Vec<(String, AnyPlan)>,
    join: Join,
}

impl Parallel {
    /// Branches whose outputs are concatenated along dimension `dim` of the batch: 1 for the
    /// channels of images or the features of `[batch, features]`, 2 for the features of sequences
    /// `[batch, time, features]`.
    pub fn concat(dim: usize) -> ParallelPlan {
        Self::joined(Join::Concat(dim))
    }

    /// Branches whose outputs, all of the same shape, are added.
    pub fn sum() -> ParallelPlan {
        Self::joined(Join::Sum)
    }

    fn joined(join: Join) -> ParallelPlan {
        ParallelPlan {
            branches: Vec::new(),
            join,
        }
    }
}

impl ParallelPlan {
    /// Adds a branch. Its parameters are named after it: `three.weight`, `three.bias`.
    pub fn branch(mut self, name: &str, plan: impl Plan + Send + Sync + 'static) -> Self {
        self.branches.push((name.to_owned(), AnyPlan::new(plan)));
        self
    }
}

impl Plan for ParallelPlan {
    type Built = Parallel;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Parallel> {
        let mut branches: Vec<(String, Arc<dyn Layer>)> = Vec::new();
        for (name, plan) in &self.branches {
            check_name("the name of a branch", name, &branches)?;
            let layer = plan.build(input, rng).map_err(|e| at(name, e))?;
            branches.push((name.clone(), layer));
        }
        let layer = Parallel {
            branches,
            join: self.join,
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for Parallel {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.apply_with_mask(input, None, pass)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let outputs = (self.branches.iter())
            .map(|(name, layer)| {
                (layer.apply_with_mask(input, mask, pass)).map_err(|e| at(name, e))
            })
            .collect::<Result<Vec<_>>>()?;
        match self.join {
            Join::Concat(dim) => Ok(Tensor::cat(&outputs, dim)?),
            Join::Sum => {
                let mut sum = outputs[0].clone();
                for output in &outputs[1..] {
                    sum = (sum + output)?;
                }
                Ok(sum)
            }
        }
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let shapes = (self.branches.iter())
            .map(|(name, layer)| layer.output_shape(input).map_err(|e| at(name, e)))
            .collect::<Result<Vec<_>>>()?;
        let fit = match self.join {
            Join::Concat(dim) => concatenated(&shapes, dim),
            Join::Sum => (shapes.first())
                .filter(|first| shapes.iter().all(|shape| shape == *first))
                .cloned(),
        };
        fit.ok_or_else(|| {
            let expected = match self.join {
                Join::Concat(dim) => {
                    format!("differ in dimension {dim} alone, the batch being dimension 0")
                }
                Join::Sum => "be the same".to_owned(),
            };
            Error::shape(
                "Parallel",
                format!(
                    "the branches give {shapes:?} for an example {input:?}; there must be at least one, and their shapes must {expected}."
                ),
            )
        })
    }

    fn parameters(&self) -> Parameters {
        nested(&self.branches)
    }

    fn parts(&self) -> Parts<'_> {
        let named = self.branches.iter();
        let branches = named.map(|(name, layer)| (name.as_str(), layer.as_ref()));
        Parts::Branches(branches.collect(), self.join)
    }

    fn kind(&self) -> String {
        match self.join {
            Join::Concat(_) => "Parallel, joined".into(),
            Join::Sum => "Parallel, added".into(),
        }
    }
}

/// The shape of examples of these shapes concatenated, if they fit.
fn concatenated(shapes: &[Vec<usize>], dim: usize) -> Option<Vec<usize>> {
    let axis = dim.checked_sub(1)?;
    let mut joined = shapes.first()?.clone();
    *joined.get_mut(axis)? = 0;
    for shape in shapes {
        let mut rest = shape.clone();
        let size = std::mem::replace(rest.get_mut(axis)?, joined[axis]);
        if rest != joined {
            return None;
        }
        joined[axis] += size;
    }
    Some(joined)
}

fn at(branch: &str, error: Error) -> Error {
    error.at(format!("branch {branch:?}"))
}

forward_is_evaluation!(Parallel);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Conv2d, Dense, Flatten, Reshape, check_gradients};
    use candle_core::{Device, Module};

    fn build(plan: &ParallelPlan, input: &[usize]) -> Result<Parallel> {
        plan.build(input, &mut Rng::new(1))
    }

    #[test]
    fn branches_stand_in_the_order_in_which_they_were_added() {
        let x = Tensor::new(&[[-1f32, 2.0]], &Device::Cpu).unwrap();
        let forward = |plan: ParallelPlan| {
            let plan = plan
                .branch("same", Activation::Linear)
                .branch("positive", Activation::Relu);
            let output = build(&plan, &[2]).unwrap().forward(&x).unwrap();
            output.to_vec2::<f32>().unwrap().concat()
        };
        assert_eq!(forward(Parallel::concat(1)), [-1.0, 2.0, 0.0, 2.0]);
        assert_eq!(forward(Parallel::sum()), [-1.0, 4.0]);
    }

    #[test]
    fn the_gradients_of_all_branches_are_right() {
        let inception = Parallel::concat(1)
            .branch("one", Conv2d::filters(1).kernel(1))
            .branch("three", Conv2d::filters(2).padding(1));
        let sum = Parallel::sum()
            .branch("left", Dense::units(3).activation(Activation::Tanh))
            .branch("right", Dense::units(3));
        for (plan, input) in [(inception, &[2, 4, 4][..]), (sum, &[5])] {
            let layer = build(&plan, input).unwrap();
            let report = check_gradients(&layer, &[&[2], input].concat()).unwrap();
            assert!(report.is_right(), "{report}");
            assert_eq!(layer.parameters().len(), 4);
        }
    }

    #[test]
    fn sequences_are_joined_along_their_features() {
        let plan = Parallel::concat(2)
            .branch("a", Dense::units(3))
            .branch("b", Dense::units(4));
        let layer = build(&plan, &[7, 2]).unwrap();
        assert_eq!(layer.output_shape(&[7, 2]).unwrap(), [7, 7]);
    }

    #[test]
    fn branches_that_do_not_fit_are_refused_when_built() {
        let error = |plan: ParallelPlan| build(&plan, &[2, 3]).unwrap_err().to_string();
        let different =
            |plan: ParallelPlan| plan.branch("a", Flatten).branch("b", Reshape::to(&[3, 2]));
        assert_eq!(
            error(different(Parallel::sum())),
            "Parallel: the branches give [[6], [3, 2]] for an example [2, 3]; there must be at least one, and their shapes must be the same."
        );
        for plan in [
            different(Parallel::concat(1)),
            Parallel::concat(0).branch("a", Flatten),
            Parallel::concat(2).branch("a", Flatten),
            Parallel::sum(),
        ] {
            assert!(error(plan).contains("at least one"));
        }
        let twice = Parallel::sum().branch("a", Flatten).branch("a", Flatten);
        assert!(error(twice).contains("\"a\""));
    }
}
