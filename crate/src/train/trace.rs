//! Traces of parameters during training.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::DType;

use super::{Callback, Training};
use crate::{Error, Result};

/// A callback that records the mean of one parameter at regular intervals.
///
/// A clone is a second handle on the same record: pass one to the trainer, and read the other
/// afterwards.
///
/// ```
/// use cuaderno::{prelude::*, train::TensorExamples};
/// let images = Rng::new(1).uniform(0.0, 1.0, &[64, 1, 28, 28])?;
/// let examples = TensorExamples::new(images.clone(), images)?;
/// let model = Autoencoder::basic(2, Activation::Relu, 2)?;
/// let bias = Trace::mean_of("decoder.pixels.bias", 1);
/// Trainer::new(RmsProp::new(1e-3)).callback(bias.clone()).fit(&model, &examples, &examples)?;
/// assert_eq!(bias.points().len(), 2);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    parameter: String,
    every: u64,
    points: Arc<Mutex<Vec<(f64, f64)>>>,
}

impl Trace {
    /// Watches the parameter of this name, every `every` steps.
    pub fn mean_of(parameter: &str, every: u64) -> Self {
        Self {
            parameter: parameter.to_owned(),
            every: every.max(1),
            points: Arc::default(),
        }
    }

    /// The recorded steps and means, in the form that [`line_chart`](crate::plot::line_chart)
    /// takes.
    pub fn points(&self) -> Vec<(f64, f64)> {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.clone()
    }
}

impl Callback for Trace {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if !training.step.is_multiple_of(self.every) {
            return Ok(());
        }
        let Some(parameter) = training.parameters.get(&self.parameter) else {
            let names: Vec<&str> = training.parameters.iter().map(|(name, _)| name).collect();
            let expected = format!("one of the model's: {}", names.join(", "));
            return Err(Error::argument(
                "the parameter to trace",
                &self.parameter,
                expected,
            ));
        };
        let mean = parameter
            .tensor()
            .detach()
            .to_dtype(DType::F64)?
            .mean_all()?;
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.push((training.step as f64, mean.to_scalar()?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::models::Autoencoder;
    use crate::nn::Activation;
    use crate::optim::RmsProp;
    use crate::train::{TensorExamples, Trainer};

    #[test]
    fn a_name_that_the_model_does_not_have_is_an_error_with_those_it_has() {
        let images = Rng::new(1).uniform(0.0, 1.0, &[4, 1, 28, 28]).unwrap();
        let examples = TensorExamples::new(images.clone(), images).unwrap();
        let model = Autoencoder::basic(2, Activation::Relu, 2).unwrap();
        let trainer = Trainer::new(RmsProp::new(1e-3)).callback(Trace::mean_of("bias", 1));
        let error = trainer.fit(&model, &examples, &examples).unwrap_err();
        assert!(error.to_string().contains("decoder.pixels.bias"), "{error}");
    }
}
