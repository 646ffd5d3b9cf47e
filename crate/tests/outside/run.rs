//! One way to run a sample, and the comparison with PyTorch.

use std::{fmt, result};

use cuaderno::{
    Result, candle_core,
    ops::{self, Activation, Level, fallback},
    prelude::*,
};
use serde::Deserialize;

use crate::{operation::Call, sample::Sample};

#[derive(Clone, Copy, Debug)]
pub struct Run {
    dtype: DType,
    path: Path,
    layout: Layout,
}

/// Which code computes.
#[derive(Clone, Copy, Debug)]
enum Path {
    Fused(Level),
    Composed,
}

/// How the inputs lie in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Contiguous,
    /// Every second number of a buffer whose others are NaN: PyTorch's `noncontiguous_like`.
    Strided,
}

impl Run {
    /// Every combination.
    pub fn all() -> impl Iterator<Item = Self> {
        let paths = || Level::available().map(Path::Fused).chain([Path::Composed]);
        [DType::F32, DType::F64].into_iter().flat_map(move |dtype| {
            paths().flat_map(move |path| {
                [Layout::Contiguous, Layout::Strided].map(|layout| Self {
                    dtype,
                    path,
                    layout,
                })
            })
        })
    }

    /// Says what differs from PyTorch, in the outputs first, then in the gradients.
    pub fn check(self, sample: &Sample) -> result::Result<(), String> {
        let (outputs, gradients) = match self.path {
            Path::Fused(level) => {
                let _forced = level.force().unwrap();
                self.results(sample)
            }
            Path::Composed => {
                let _forced = fallback::force();
                self.results(sample)
            }
        }
        .map_err(|error| error.to_string())?;
        let elementwise = matches!(sample.operation.as_str(), "activation" | "prelu");
        let activation = Activation::deserialize(&sample.config["activation"]);
        let is_elu = matches!(activation, Ok(Activation::Elu { .. } | Activation::Selu));
        for ((name, expected), found) in sample.outputs.iter().zip(&outputs) {
            self.compare(expected, found, elementwise, 1.0, |_| true)
                .map_err(|difference| format!("{name}: {difference}"))?;
        }
        // A normalisation divides by as little as the root of epsilon, rounding errors too.
        let smallest = match sample.config["epsilon"].as_f64() {
            Some(epsilon) => epsilon.sqrt().recip().max(1.0),
            None => 1.0,
        };
        let expected = sample.inputs.iter().zip(&sample.gradients);
        for (((name, input), expected), found) in expected.zip(&gradients) {
            // PyTorch's ELU has one slope at NaN in whole registers and another in what is left.
            let input = values(input);
            let counts = |index: usize| !(is_elu && input[index].is_nan());
            self.compare(expected, found, elementwise, smallest, counts)
                .map_err(|difference| format!("gradient of {name}: {difference}"))?;
        }
        Ok(())
    }

    /// The outputs, and the gradient of each input.
    fn results(self, sample: &Sample) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let (mut variables, mut inputs) = (Vec::new(), Vec::new());
        for (_, input) in &sample.inputs {
            let variable = Var::from_tensor(&input.to_dtype(self.dtype)?)?;
            inputs.push(self.layout.of(&variable)?);
            variables.push(variable);
        }
        let outputs = Call::new(sample, &inputs).run()?;
        let mut objective = Tensor::zeros((), self.dtype, &Device::Cpu)?;
        for ((name, _), output) in sample.outputs.iter().zip(&outputs) {
            if sample.differentiable.contains(name) {
                let weighting = weighting(output.dims())?.to_dtype(self.dtype)?;
                objective = (objective + (output * weighting)?.sum_all()?)?;
            }
        }
        let of = ops::backward(&objective)?;
        let mut gradients = Vec::new();
        for variable in &variables {
            gradients.push(match of.get(variable) {
                Some(gradient) => gradient.clone(),
                None => variable.zeros_like()?,
            });
        }
        Ok((outputs, gradients))
    }

    /// Compares the numbers at those indices that `counts` accepts. A sum has the rounding errors of
    /// its summands, which are as large as the largest result, or as `smallest` where the summands
    /// cancel out; of a function of one number only that number's own count.
    fn compare(
        self,
        expected: &Tensor,
        found: &Tensor,
        elementwise: bool,
        smallest: f64,
        counts: impl Fn(usize) -> bool,
    ) -> result::Result<(), String> {
        if found.dims() != expected.dims() || found.dtype() != self.dtype {
            return Err(format!("found {found:?} instead of {expected:?}"));
        }
        // What is too large for f32 is infinite there.
        let expected = values(&expected.to_dtype(self.dtype).unwrap());
        let finite = expected.iter().filter(|value| value.is_finite());
        let largest = finite.fold(smallest, |largest, value| largest.max(value.abs()));
        for (index, (&expected, found)) in expected.iter().zip(values(found)).enumerate() {
            let scale = match elementwise {
                true => expected.abs().max(smallest),
                false => largest,
            };
            let right = expected == found
                || expected.is_nan() && found.is_nan()
                || (expected - found).abs() <= self.tolerance() * scale;
            if counts(index) && !right {
                return Err(format!(
                    "found {found:e} instead of {expected:e} at {index}"
                ));
            }
        }
        Ok(())
    }

    /// What an error may be, as a part of the scale: two roundings of the element type for each of
    /// some thirty steps that follow each other, as in the longest samples, recurrent ones.
    fn tolerance(self) -> f64 {
        64.0 * match self.dtype {
            DType::F32 => f64::from(f32::EPSILON),
            _ => f64::EPSILON,
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path {
            Path::Fused(level) => write!(f, "{} on {level}", self.dtype.as_str())?,
            Path::Composed => write!(f, "{} composed", self.dtype.as_str())?,
        }
        match self.layout {
            Layout::Contiguous => Ok(()),
            Layout::Strided => f.write_str(", strided"),
        }
    }
}

impl Layout {
    /// The same numbers, with x in their graph.
    fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Contiguous => Ok(x.clone()),
            Self::Strided => {
                let between = Tensor::full(f64::NAN, x.shape(), x.device())?.to_dtype(x.dtype())?;
                let both = Tensor::stack(&[x, &between], x.rank())?;
                Ok(both.narrow(x.rank(), 0, 1)?.squeeze(x.rank())?)
            }
        }
    }
}

/// What each number of an output counts in the objective: multiples of 1/32 between -1 and 1, the
/// same in `make_samples.py`.
fn weighting(shape: &[usize]) -> candle_core::Result<Tensor> {
    let count = shape.iter().product::<usize>();
    let weights = (0..count).map(|i| ((i * 37 % 64) as f64 - 31.0) / 32.0);
    Tensor::from_iter(weights, &Device::Cpu)?.reshape(shape)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}
