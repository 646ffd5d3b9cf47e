//! A function as a layer.

use std::fmt;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::layer::{Layer, Pass, forward_is_evaluation};
use crate::{Error, Result};

type Function = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// A named function of the whole batch, without parameters, like Keras' `Lambda`.
///
/// Its output shape is found by applying it to zeros.
///
/// ```
/// use cuaderno::{nn::Lambda, prelude::*};
/// let network = Sequential::input(&[1, 28, 28])
///     .then("centre", Lambda::named("x - 0.5", |x| x - 0.5))
///     .then("rows", Lambda::named("mean of each row", |x| x.mean(3)))
///     .build(6202)?;
/// assert_eq!(network.output_shape(&[1, 28, 28])?, [1, 28]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone)]
pub struct Lambda {
    name: String,
    function: Arc<Function>,
}

impl Lambda {
    /// A layer that applies `function` and has this name in a summary. Gradients flow through it as
    /// through any operation on tensors.
    pub fn named<F, E>(name: &str, function: F) -> Self
    where
        F: Fn(&Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
        E: Into<Error>,
    {
        Self {
            name: name.to_owned(),
            function: Arc::new(move |input| function(input).map_err(Into::into)),
        }
    }
}

impl Layer for Lambda {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        (self.function)(input).map_err(|e| e.at(format!("Lambda {:?}", self.name)))
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        // Two examples, because with one a function that joins examples would pass.
        let trial = Tensor::zeros([&[2], input].concat(), DType::F32, &Device::Cpu)?;
        let output = self.apply(&trial, &mut Pass::Evaluate)?;
        match output.dims() {
            [2, example @ ..] => Ok(example.to_vec()),
            other => Err(Error::shape(
                "Lambda",
                format!(
                    "{:?} makes {other:?} of a batch {:?}; its output must have the same first dimension, one entry an example.",
                    self.name,
                    trial.dims()
                ),
            )),
        }
    }

    fn kind(&self) -> String {
        format!("Lambda {:?}", self.name)
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_tuple("Lambda").field(&self.name).finish()
    }
}

forward_is_evaluation!(Lambda);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check_gradients;
    use crate::ops;

    #[test]
    fn gradients_flow_through_a_function() {
        let cube = Lambda::named("cube", |x| x * x.sqr()?);
        let report = check_gradients(&cube, &[2, 3]).unwrap();
        assert!(report.is_right(), "{report}");
    }

    #[test]
    fn functions_of_this_crate_and_of_candle_are_taken_as_they_are() {
        let softmax = Lambda::named("softmax", |x| ops::softmax(x, 1));
        assert_eq!(softmax.output_shape(&[5]).unwrap(), [5]);
        let mean = Lambda::named("mean", |x| x.mean(2));
        assert_eq!(mean.output_shape(&[5, 4]).unwrap(), [5]);
    }

    #[test]
    fn a_function_that_loses_the_batch_is_refused() {
        let total = Lambda::named("total", Tensor::sum_all);
        let error = total.output_shape(&[3]).unwrap_err().to_string();
        assert_eq!(
            error,
            "Lambda: \"total\" makes [] of a batch [2, 3]; its output must have the same first dimension, one entry an example."
        );
        let missing = Lambda::named("rows", |x| x.mean(3));
        let error = missing.output_shape(&[3]).unwrap_err().to_string();
        assert!(error.starts_with("Lambda \"rows\": "), "{error}");
    }
}
