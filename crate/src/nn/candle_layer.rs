//! Modules written for candle as layers of a network.

use std::fmt;
use std::sync::Arc;

use candle_core::{DType, Device, ModuleT, Tensor};
use candle_nn::VarBuilder;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Parameters, SeededVarMap, no_grad};
use crate::{Result, Rng};

/// A module written for candle as a step of a [`Sequential`](super::Sequential). `build` makes the
/// module with a `VarBuilder`; its variables are f32 on the CPU, drawn from the [`Rng`] of the
/// network.
///
/// ```
/// use cuaderno::{candle_nn, nn::candle_layer, prelude::*};
/// let network = Sequential::input(&[1, 28, 28])
///     .then("flatten", Flatten)
///     .then("hidden", candle_layer(|vb| candle_nn::linear(784, 32, vb)))
///     .then("gelu", candle_layer(|_| Ok(candle_nn::Activation::Gelu)))
///     .then("digits", Dense::units(10))
///     .build(6202)?;
/// assert!(network.parameters().get("hidden.weight").is_some());
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// The module must be `Send` and `Sync`. `candle_nn::Sequential` is not, so add each of its layers
/// as a step. `candle_nn::Dropout` draws from a generator that cannot be seeded; use
/// [`Dropout`](super::Dropout) instead.
pub fn candle_layer<M, B>(build: B) -> CandleLayerPlan<B>
where
    M: ModuleT + Send + Sync + 'static,
    B: Fn(VarBuilder<'static>) -> candle_core::Result<M>,
{
    CandleLayerPlan(build)
}

/// Configuration of a [`CandleLayer`], made by [`candle_layer`].
pub struct CandleLayerPlan<B>(B);

/// A module written for candle, with its parameters. A clone shares its weights.
#[derive(Clone)]
pub struct CandleLayer {
    module: Arc<dyn ModuleT + Send + Sync>,
    parameters: Parameters,
    kind: &'static str,
}

impl<M, B> Plan for CandleLayerPlan<B>
where
    M: ModuleT + Send + Sync + 'static,
    B: Fn(VarBuilder<'static>) -> candle_core::Result<M>,
{
    type Built = CandleLayer;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<CandleLayer> {
        let variables = SeededVarMap::new(rng.split());
        let module = (self.0)(variables.builder(DType::F32, &Device::Cpu))?;
        let layer = CandleLayer {
            module: Arc::new(module),
            parameters: variables.parameters(),
            kind: short_name(std::any::type_name::<M>()),
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

impl Layer for CandleLayer {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        Ok(self.module.forward_t(input, pass.is_training())?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        // A module does not tell its output shape, so it is tried on a batch of one.
        let dims: Vec<usize> = std::iter::once(1).chain(input.iter().copied()).collect();
        let batch = Tensor::zeros(dims, DType::F32, &Device::Cpu)?;
        let output = no_grad(|| self.apply(&batch, &mut Pass::Evaluate))?;
        Ok(output.dims().iter().skip(1).copied().collect())
    }

    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn kind(&self) -> String {
        self.kind.to_owned()
    }
}

impl fmt::Debug for CandleLayer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct(self.kind)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

forward_is_evaluation!(CandleLayer);

/// The last part of a type's name: `Linear` for `candle_nn::linear::Linear`.
fn short_name(path: &'static str) -> &'static str {
    let path = path.split('<').next().unwrap_or(path);
    match path.rsplit("::").next() {
        Some("{{closure}}") | None => "Function",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Module;

    use super::*;
    use crate::nn::{Dense, Sequential};

    fn network(seed: u64) -> Result<Sequential> {
        Sequential::input(&[2, 6, 6])
            .then(
                "conv",
                candle_layer(|vb| candle_nn::conv2d(2, 3, 3, Default::default(), vb)),
            )
            .then(
                "norm",
                candle_layer(|vb| candle_nn::batch_norm(3, 1e-5, vb)),
            )
            .then(
                "flatten",
                candle_layer(|_| Ok(|x: &Tensor| x.flatten_from(1))),
            )
            .then("output", Dense::units(2))
            .build(seed)
    }

    #[test]
    fn modules_stand_among_our_layers_with_names_shapes_and_a_seed() {
        let network = network(1).unwrap();
        let names: Vec<String> = (network.parameters().iter())
            .map(|(name, p)| format!("{name} {:?}", p.dims()))
            .collect();
        assert_eq!(names[0], "conv.weight [3, 2, 3, 3]");
        assert_eq!(names[6], "output.weight [2, 48]");
        let kinds: Vec<String> = network.steps().map(|(_, layer)| layer.kind()).collect();
        assert_eq!(kinds, ["Conv2d", "BatchNorm", "Function", "Dense"]);

        let x = Rng::new(2).normal(0.0, 1.0, &[4, 2, 6, 6]).unwrap();
        let output = |seed| {
            let output = super::tests::network(seed).unwrap().forward(&x).unwrap();
            output.to_vec2::<f32>().unwrap()
        };
        assert_eq!(output(1), output(1));
        assert_ne!(output(1), output(2));
    }

    #[test]
    fn a_training_pass_is_one_for_candle_too() {
        let network = network(1).unwrap();
        let parameters = network.parameters();
        let mean = || {
            let mean = parameters.get("norm.running_mean").unwrap().tensor();
            mean.to_vec1::<f32>().unwrap()
        };
        let x = Rng::new(2).normal(3.0, 1.0, &[4, 2, 6, 6]).unwrap();
        network.apply(&x, &mut Pass::Evaluate).unwrap();
        assert_eq!(mean(), [0.0; 3]);
        network
            .apply(&x, &mut Pass::Train(&mut Rng::new(1)))
            .unwrap();
        assert_ne!(mean(), [0.0; 3]);
    }

    #[test]
    fn a_module_that_does_not_fit_is_refused_at_its_step() {
        let plan =
            Sequential::input(&[5]).then("hidden", candle_layer(|vb| candle_nn::linear(4, 3, vb)));
        let error = plan.build(&mut Rng::new(1)).unwrap_err().to_string();
        assert!(error.starts_with("step \"hidden\": "), "{error}");
    }
}
