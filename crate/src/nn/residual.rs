//! Shortcuts around a part of a network.

use std::sync::Arc;

use candle_core::Tensor;

use super::layer::{AnyPlan, Layer, Pass, Plan, check_name, forward_is_evaluation};
use super::{Activation, Parameters, Parts};
use crate::{Error, Result, Rng};

/// `activation(main(x) + shortcut(x))`, where the shortcut is `x` itself unless it has a layer (He
/// et al. 2015).
///
/// The parameters of the main part keep their names. Those of a shortcut follow, prefixed with its
/// name; with the name `downsample` they are named as in PyTorch's ResNets.
///
/// ```
/// use cuaderno::{nn::{Plan, Residual}, prelude::*};
/// let main = Sequential::block()
///     .then("conv1", Conv2d::filters(64).stride(2).padding(1).activation(Activation::Relu))
///     .then("conv2", Conv2d::filters(64).padding(1));
/// let block = Residual::around(main)
///     .shortcut("downsample", Conv2d::filters(64).kernel(1).stride(2))
///     .activation(Activation::Relu)
///     .build(&[32, 28, 28], &mut Rng::new(6202))?;
/// assert_eq!(block.output_shape(&[32, 28, 28])?, [64, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Residual {
    main: Arc<dyn Layer>,
    shortcut: Option<(String, Arc<dyn Layer>)>,
    activation: Activation,
}

/// Configuration of a [`Residual`] block.
#[derive(Clone)]
pub struct ResidualPlan {
    main: AnyPlan,
    shortcut: Option<(String, AnyPlan)>,
    activation: Activation,
}

impl Residual {
    /// A block that adds its input to the output of `main`.
    pub fn around(main: impl Plan + Send + Sync + 'static) -> ResidualPlan {
        ResidualPlan {
            main: AnyPlan::new(main),
            shortcut: None,
            activation: Activation::Linear,
        }
    }
}

impl ResidualPlan {
    /// Puts a layer on the shortcut, such as a projection if the main part changes the shape.
    pub fn shortcut(mut self, name: &str, plan: impl Plan + Send + Sync + 'static) -> Self {
        self.shortcut = Some((name.to_owned(), AnyPlan::new(plan)));
        self
    }

    /// Sets the activation, which is applied to the sum.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }
}

impl Plan for ResidualPlan {
    type Built = Residual;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<Residual> {
        let main = self.main.build(input, rng)?;
        let shortcut = match &self.shortcut {
            Some((name, plan)) => {
                let taken: Vec<_> = (main.parameters().iter())
                    .map(|(parameter, _)| (first_word(parameter), ()))
                    .collect();
                check_name("the name of a shortcut", name, &taken)?;
                Some((name.clone(), plan.build(input, rng)?))
            }
            None => None,
        };
        let block = Residual {
            main,
            shortcut,
            activation: self.activation,
        };
        block.output_shape(input)?;
        Ok(block)
    }
}

impl Layer for Residual {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        self.apply_with_mask(input, None, pass)
    }

    fn apply_with_mask(
        &self,
        input: &Tensor,
        mask: Option<&Tensor>,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let shortcut = match &self.shortcut {
            Some((_, layer)) => layer.apply_with_mask(input, mask, pass)?,
            None => input.clone(),
        };
        let main = self.main.apply_with_mask(input, mask, pass)?;
        if main.dims() != shortcut.dims() {
            return Err(sum_error(main.dims(), shortcut.dims()));
        }
        Activation::apply(self.activation, &(main + shortcut)?)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let main = self.main.output_shape(input)?;
        let shortcut = match &self.shortcut {
            Some((_, layer)) => layer.output_shape(input)?,
            None => input.to_vec(),
        };
        if main != shortcut {
            return Err(sum_error(&main, &shortcut));
        }
        Ok(main)
    }

    fn parameters(&self) -> Parameters {
        let main = self.main.parameters();
        match &self.shortcut {
            Some((name, layer)) => main.nest(name, layer.parameters()),
            None => main,
        }
    }

    fn parts(&self) -> Parts<'_> {
        let shortcut = self.shortcut.as_ref();
        Parts::Shortcut(
            self.main.as_ref(),
            shortcut.map(|(_, layer)| layer.as_ref()),
        )
    }

    fn kind(&self) -> String {
        self.activation.after("Residual")
    }
}

fn first_word(dotted: &str) -> String {
    dotted.split('.').next().unwrap_or_default().to_owned()
}

fn sum_error(main: &[usize], shortcut: &[usize]) -> Error {
    Error::shape(
        "Residual",
        format!(
            "the main part gives {main:?} and the shortcut {shortcut:?}, which cannot be added; a layer on the shortcut must give the shape of the main part."
        ),
    )
}

forward_is_evaluation!(Residual);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BatchNorm, Conv2d, Dense, Sequential, check_gradients};
    use candle_core::{Device, Module};

    #[test]
    fn the_input_is_added_before_the_activation() {
        let block = Residual::around(Activation::Tanh).activation(Activation::Relu);
        let block = block.build(&[2], &mut Rng::new(1)).unwrap();
        let x = Tensor::new(&[[-1f32, 2.0]], &Device::Cpu).unwrap();
        let y = block.forward(&x).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(y, [[0.0, 2.0 + 2f32.tanh()]]);
    }

    #[test]
    fn gradients_flow_through_both_ways() {
        let main = Sequential::block()
            .then("conv1", Conv2d::filters(3).stride(2).padding(1))
            .then("bn1", BatchNorm::of_channels());
        let block = Residual::around(main)
            .shortcut("downsample", Conv2d::filters(3).kernel(1).stride(2))
            .activation(Activation::Tanh)
            .build(&[2, 4, 4], &mut Rng::new(1))
            .unwrap();
        let report = check_gradients(&block, &[2, 2, 4, 4]).unwrap();
        assert!(report.is_right(), "{report}");
        let report = report.to_string();
        for name in ["conv1.weight", "bn1.bias", "downsample.weight"] {
            assert!(report.contains(name), "{report}");
        }
    }

    #[test]
    fn parts_that_cannot_be_added_are_refused_when_built() {
        let error = Residual::around(Dense::units(3)).build(&[2], &mut Rng::new(1));
        assert_eq!(
            error.unwrap_err().to_string(),
            "Residual: the main part gives [3] and the shortcut [2], which cannot be added; a layer on the shortcut must give the shape of the main part."
        );
    }

    #[test]
    fn a_shortcut_has_a_name_of_its_own() {
        let block = Residual::around(Dense::units(2)).shortcut("weight", Dense::units(2));
        let error = block.build(&[2], &mut Rng::new(1)).unwrap_err().to_string();
        assert!(error.contains("\"weight\""), "{error}");
    }
}
