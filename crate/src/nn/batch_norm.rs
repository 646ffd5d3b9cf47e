//! Batch normalisation.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Initialiser, Parameter, Parameters};
use crate::ops::ChannelStatistics;
use crate::{Error, Result, Rng, ops};

/// Normalises each channel (the dimension after the batch) to mean 0 and variance 1, then scales
/// and shifts it (Ioffe & Szegedy 2015). Training uses the statistics of the batch and updates
/// running statistics with them; evaluation uses the running statistics.
///
/// Its parameters and buffers are those of PyTorch: `weight`, `bias`, `running_mean`,
/// `running_var`. As in Keras, a frozen layer uses its running statistics in training too, and does
/// not update them. A layer without weight and bias has nothing to freeze.
///
/// ```
/// use cuaderno::{nn::{BatchNorm, Plan}, prelude::*};
/// let mut rng = Rng::new(6202);
/// let layer = BatchNorm::of_channels().build(&[8, 14, 14], &mut rng)?;
/// assert_eq!(layer.forward(&rng.normal(3.0, 2.0, &[4, 8, 14, 14])?)?.dims(), [4, 8, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// The weight and the bias.
    affine: Option<[Parameter; 2]>,
    running_mean: Parameter,
    running_var: Parameter,
    momentum: f64,
    epsilon: f64,
}

/// Configuration of a [`BatchNorm`] layer. The defaults are PyTorch's: momentum 0.1, epsilon 1e-5.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormPlan {
    affine: bool,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    /// A layer over all channels of its input.
    pub fn of_channels() -> BatchNormPlan {
        BatchNormPlan {
            affine: true,
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }
}

impl BatchNormPlan {
    /// Sets the weight of the statistics of a batch in the new running ones. Keras specifies the
    /// weight of the old ones: its default of 0.99 corresponds to 0.01 here.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the small number added to the variance, which is 1e-3 by default in Keras.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Omits weight and bias, so that the outputs have mean 0 and variance 1 (PyTorch's
    /// `affine=False`, Keras' `center=False, scale=False`).
    pub fn without_affine(mut self) -> Self {
        self.affine = false;
        self
    }
}

impl Plan for BatchNormPlan {
    type Built = BatchNorm;

    fn build(&self, input: &[usize], rng: &mut Rng) -> Result<BatchNorm> {
        let Some(&channels) = input.first() else {
            return Err(Error::shape("BatchNorm", "the input has no channels."));
        };
        let ones = Initialiser::Ones.draw(&[channels], rng)?;
        let zeros = Initialiser::Zeros.draw(&[channels], rng)?;
        let affine = || -> Result<_> { Ok([Parameter::new(&ones)?, Parameter::new(&zeros)?]) };
        Ok(BatchNorm {
            affine: self.affine.then(affine).transpose()?,
            running_mean: Parameter::buffer(&zeros)?,
            running_var: Parameter::buffer(&ones)?,
            momentum: self.momentum,
            epsilon: self.epsilon,
        })
    }
}

impl Layer for BatchNorm {
    fn apply(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let running = ChannelStatistics {
            mean: self.running_mean.tensor(),
            variance: self.running_var.tensor(),
        };
        let [weight, bias] = match &self.affine {
            Some(affine) => affine.each_ref().map(Parameter::tensor),
            None => [running.mean.ones_like()?, running.mean.zeros_like()?],
        };
        let frozen = (self.affine.as_ref()).is_some_and(|[weight, _]| !weight.is_trainable());
        if !pass.is_training() || frozen {
            return ops::batch_norm(input, &weight, &bias, &running, self.epsilon);
        }
        let (output, batch) = ops::batch_norm_training(input, &weight, &bias, self.epsilon)?;
        let running = running.moved_towards(&batch, self.momentum)?;
        self.running_mean.set(&running.mean)?;
        self.running_var.set(&running.variance)?;
        Ok(output)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let channels = self.running_mean.dims();
        if !input.starts_with(&channels) {
            return Err(Error::shape(
                "BatchNorm",
                format!(
                    "an example is {input:?}, but there are statistics of {} channels.",
                    channels[0]
                ),
            ));
        }
        Ok(input.to_vec())
    }

    fn parameters(&self) -> Parameters {
        let [weight, bias] = match &self.affine {
            Some([weight, bias]) => [Some(weight), Some(bias)],
            None => [None, None],
        };
        Parameters::new()
            .with_optional("weight", weight)
            .with_optional("bias", bias)
            .with("running_mean", &self.running_mean)
            .with("running_var", &self.running_var)
    }

    fn kind(&self) -> String {
        "BatchNorm".into()
    }
}

forward_is_evaluation!(BatchNorm);
