//! Stacks of layers.

use std::sync::Arc;

use candle_core::Tensor;

use super::layer::{AnyPlan, Layer, Pass, Plan, check_name, forward_is_evaluation, nested};
use super::{Parameters, Parts, Summary};
use crate::{Error, Result, Rng, Seed};

/// A stack of named layers. A clone shares its weights.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = Sequential::input(&[1, 28, 28])
///     .then("flatten", Flatten)
///     .then("hidden", Dense::units(32).activation(Activation::Relu))
///     .then("digits", Dense::units(10))
///     .build(6202)?;
/// assert_eq!(network.parameters().count(), 784 * 32 + 32 + 32 * 10 + 10);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential {
    input: Vec<usize>,
    steps: Vec<(String, Arc<dyn Layer>)>,
}

/// Configuration of a [`Sequential`] for inputs of a known shape.
#[derive(Clone)]
pub struct SequentialPlan {
    input: Vec<usize>,
    block: BlockPlan,
}

/// Configuration of a [`Sequential`] inside a larger network, which determines the shape of its
/// input.
#[derive(Clone)]
pub struct BlockPlan {
    steps: Vec<(String, AnyPlan)>,
}

impl Sequential {
    /// A stack for inputs of this shape, without the batch dimension: `[1, 28, 28]` for batches
    /// `[n, 1, 28, 28]`.
    pub fn input(shape: &[usize]) -> SequentialPlan {
        SequentialPlan {
            input: shape.to_vec(),
            block: Self::block(),
        }
    }

    /// A stack inside a larger network: a step of another [`Sequential`], the main part of a
    /// [`Residual`](super::Residual) or a branch of a [`Parallel`](super::Parallel).
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let block = Sequential::block()
    ///     .then("conv", Conv2d::filters(8).padding(1))
    ///     .then("pool", MaxPool2d::window(2));
    /// let network = Sequential::input(&[1, 28, 28])
    ///     .then("block1", block.clone())
    ///     .then("block2", block)
    ///     .build(6202)?;
    /// assert_eq!(network.output_shape(&[1, 28, 28])?, [8, 7, 7]);
    /// assert!(network.parameters().get("block2.conv.weight").is_some());
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    pub fn block() -> BlockPlan {
        BlockPlan { steps: Vec::new() }
    }

    /// The shape of an input, without the batch dimension.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// The names and layers, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &dyn Layer)> {
        self.steps
            .iter()
            .map(|(name, layer)| (name.as_str(), layer.as_ref()))
    }

    /// The part before the step of this name, with the same weights: what a trained network has
    /// learned without its last layers, as Keras' `Model(inputs, layer.input)`.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let network = Sequential::input(&[4])
    ///     .then("hidden", Dense::units(3))
    ///     .then("classes", Dense::units(10))
    ///     .build(6202)?;
    /// assert_eq!(network.before("classes")?.output_shape(&[4])?, [3]);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no step has this name; the error lists those there are.
    pub fn before(&self, name: &str) -> Result<Self> {
        let Some(end) = self.steps.iter().position(|(step, _)| step == name) else {
            let names: Vec<_> = self.steps().map(|(step, _)| format!("{step:?}")).collect();
            return Err(Error::argument(
                "the step before which a network ends",
                format!("{name:?}"),
                format!("one of {}", names.join(", ")),
            ));
        };
        Ok(Self {
            input: self.input.clone(),
            steps: self.steps[..end].to_vec(),
        })
    }

    /// A table of the layers, with output shapes and parameter counts.
    ///
    /// # Errors
    /// If a layer does not take the output of the one before.
    pub fn summary(&self) -> Result<Summary> {
        let mut summary = Summary::new(&self.input);
        summary.add_all(self)?;
        Ok(summary)
    }
}

impl SequentialPlan {
    /// Adds a layer. Its parameters are prefixed with its name: `conv1.weight`, `conv1.bias`.
    pub fn then(mut self, name: &str, plan: impl Plan + Send + Sync + 'static) -> Self {
        self.block = self.block.then(name, plan);
        self
    }

    /// Builds each layer for the output shape of the one before. The weights are drawn from a seed,
    /// or from `&mut rng` if a model has several networks.
    ///
    /// # Errors
    /// If a layer does not take its input, or two layers have the same name; the error names the
    /// layer.
    pub fn build(&self, seed: impl Seed) -> Result<Sequential> {
        seed.draw(|rng| self.block.build(&self.input, rng))
    }
}

impl BlockPlan {
    /// Adds a layer. Its parameters are prefixed with its name: `conv1.weight`, `conv1.bias`.
    pub fn then(mut self, name: &str, plan: impl Plan + Send + Sync + 'static) -> Self {
        self.steps.push((name.to_owned(), AnyPlan::new(plan)));
        self
    }
}

impl Plan for BlockPlan {
    type Built = Sequential;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Sequential> {
        let mut steps: Vec<(String, Arc<dyn Layer>)> = Vec::new();
        let mut shape = input.to_vec();
        for (name, plan) in &self.steps {
            check_name("the name of a step", name, &steps)?;
            let layer = plan.build(&shape, rng).map_err(|e| at(name, e))?;
            shape = layer.output_shape(&shape).map_err(|e| at(name, e))?;
            steps.push((name.clone(), layer));
        }
        Ok(Sequential {
            input: input.to_vec(),
            steps,
        })
    }
}

impl Layer for Sequential {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.apply_with_mask(input, None, pass)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let mut output = input.clone();
        for (name, layer) in &self.steps {
            output = (layer.apply_with_mask(&output, mask, pass)).map_err(|e| at(name, e))?;
        }
        Ok(output)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let mut shape = input.to_vec();
        for (name, layer) in &self.steps {
            shape = layer.output_shape(&shape).map_err(|e| at(name, e))?;
        }
        Ok(shape)
    }

    fn parameters(&self) -> Parameters {
        nested(&self.steps)
    }

    fn parts(&self) -> Parts<'_> {
        Parts::Chain(self.steps().collect())
    }

    fn kind(&self) -> String {
        "Sequential".into()
    }
}

fn at(step: &str, error: Error) -> Error {
    error.at(format!("step {step:?}"))
}

forward_is_evaluation!(Sequential);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, Flatten};
    use candle_core::{DType, Device, Module};

    fn network() -> Sequential {
        Sequential::input(&[1, 2, 2])
            .then("flatten", Flatten)
            .then("hidden", Dense::units(3))
            .then("output", Dense::units(2))
            .build(1)
            .unwrap()
    }

    #[test]
    fn shapes_flow_from_step_to_step() {
        let names: Vec<String> = (network().parameters().iter())
            .map(|(name, p)| format!("{name} {:?}", p.dims()))
            .collect();
        assert_eq!(
            names,
            [
                "hidden.weight [3, 4]",
                "hidden.bias [3]",
                "output.weight [2, 3]",
                "output.bias [2]"
            ]
        );
        let x = Tensor::zeros((5, 1, 2, 2), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(network().forward(&x).unwrap().dims(), [5, 2]);
    }

    #[test]
    fn a_built_network_is_a_step_that_keeps_its_weights() {
        let inner = network();
        let outer = Sequential::input(&[1, 2, 2])
            .then("features", inner.clone())
            .then("output", Dense::units(1))
            .build(2)
            .unwrap();
        let all = outer.parameters();
        let shared = all.get("features.hidden.weight").unwrap();
        assert_eq!(
            shared.var().id(),
            inner.parameters().get("hidden.weight").unwrap().var().id()
        );
    }

    #[test]
    fn the_part_before_a_step_shares_its_weights() {
        let (whole, x) = (
            network(),
            Rng::new(2).normal(0.0, 1.0, &[5, 1, 2, 2]).unwrap(),
        );
        let part = whole.before("output").unwrap();
        assert_eq!(part.forward(&x).unwrap().dims(), [5, 3]);
        let [whole, part] = [whole.clone(), part].map(|network| network.parameters());
        let (weight, of_part) = (whole.get("hidden.weight"), part.get("hidden.weight"));
        assert_eq!(weight.unwrap().var().id(), of_part.unwrap().var().id());
        assert!(part.get("output.weight").is_none());
        let error = network().before("fc").unwrap_err().to_string();
        assert!(
            error.contains("one of \"flatten\", \"hidden\", \"output\""),
            "{error}"
        );
    }

    #[test]
    fn an_error_names_its_step() {
        let x = Tensor::zeros((5, 3), DType::F32, &Device::Cpu).unwrap();
        let error = network().forward(&x).unwrap_err().to_string();
        assert_eq!(
            error,
            "step \"hidden\": linear: x [5, 3] does not fit weight [3, 4] and bias [3]; they must be [.., inputs], [outputs, inputs] and [outputs]."
        );
        let twice = Sequential::input(&[4])
            .then("hidden", Dense::units(3))
            .then("hidden", Dense::units(3));
        let error = twice.build(&mut Rng::new(1)).unwrap_err().to_string();
        assert!(error.contains("\"hidden\""), "{error}");
    }
}
