//! Gradient checks: does `backward` compute the slope of `forward`?

use std::fmt;

use candle_core::{DType, Device, Tensor, Var};

use super::backward;
use crate::notebook::{Contents, show_as_value};
use crate::{Error, Result, Rng};

/// The step of the differences: small enough for curved functions, large enough for the digits of
/// f64.
const STEP: f64 = 1e-5;

/// The accepted error, as a fraction of the largest slope of the tensor.
const TOLERANCE: f64 = 1e-6;

/// Compares the gradients that `backward` gives for `function` with the slopes
/// `(f(x + h) - f(x - h)) / 2h`, number by number, in f64. The report prints as a table.
///
/// The function is given the inputs as variables, in order, and may return any shape: the check
/// differentiates the sum of its outputs, each times a fixed random weight. Every call must compute
/// the same function, so draw any noise beforehand. Differences are meaningless across a kink, such
/// as an input of ReLU within 1e-5 of zero.
///
/// The function runs twice for every number in the inputs, so keep them small.
///
/// ```
/// use cuaderno::{ops::{check_function, Activation}, prelude::*};
///
/// let x = Rng::new(1).normal(0.0, 1.0, &[2, 3])?;
/// let report = check_function(&[("x", &x)], |inputs| Activation::Tanh.apply(&inputs[0]))?;
/// println!("{report}");
/// assert!(report.is_right());
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the function fails, or does not return f64 numbers.
pub fn check_function(
    inputs: &[(&str, &Tensor)],
    function: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<GradientCheck> {
    let variables: Vec<(String, Var)> = inputs
        .iter()
        .map(|(name, input)| {
            let values = input.detach().to_dtype(DType::F64)?;
            Ok((name.to_string(), Var::from_tensor(&values)?))
        })
        .collect::<Result<_>>()?;
    let tensors: Vec<Tensor> = variables
        .iter()
        .map(|(_, variable)| variable.as_tensor().clone())
        .collect();
    check_variables(&variables, || function(&tensors))
}

/// The same for variables that `function` has access to itself. They have their old values
/// afterwards.
///
/// # Errors
/// If the function fails, or a tensor is not f64.
pub fn check_variables(
    variables: &[(String, Var)],
    function: impl Fn() -> Result<Tensor>,
) -> Result<GradientCheck> {
    let output = function()?;
    if let Some((name, other)) = variables
        .iter()
        .map(|(name, variable)| (name.as_str(), variable.as_tensor()))
        .chain([("output", &output)])
        .find(|(_, tensor)| tensor.dtype() != DType::F64)
    {
        return Err(Error::argument(
            "the element type in a gradient check",
            format!("{:?} ({name})", other.dtype()),
            "f64: finite differences in f32 have only three digits",
        ));
    }
    let weights = Rng::new(0).normal(0.0, 1.0, output.dims())?;
    let weights = weights.to_dtype(DType::F64)?.to_device(output.device())?;
    let objective = |output: &Tensor| -> Result<Tensor> { Ok((output * &weights)?.sum_all()?) };

    let gradients = backward(&objective(&output)?)?;
    let rows = variables
        .iter()
        .map(|(name, variable)| {
            let slopes = differences(
                variable,
                || Ok(objective(&function()?)?.to_scalar::<f64>()?),
            )?;
            let gradient = match gradients.get(variable) {
                Some(gradient) => gradient.flatten_all()?.to_vec1()?,
                None => vec![0.0; slopes.len()],
            };
            Ok(Row::new(name, variable.dims(), &gradient, &slopes))
        })
        .collect::<Result<_>>()?;
    Ok(GradientCheck { rows })
}

/// The slope of `objective` with respect to each number of `variable`.
fn differences(variable: &Var, objective: impl Fn() -> Result<f64>) -> Result<Vec<f64>> {
    let values: Vec<f64> = variable.flatten_all()?.to_vec1()?;
    let set = |values: &[f64]| {
        let values = Tensor::from_slice(values, variable.shape(), &Device::Cpu)?;
        variable.set(&values.to_device(variable.device())?)
    };
    let at = |index: usize, value: f64| -> Result<f64> {
        let mut moved = values.clone();
        moved[index] = value;
        set(&moved)?;
        objective()
    };
    let slopes = (0..values.len())
        .map(|index| {
            let step = STEP * values[index].abs().max(1.0);
            let (above, below) = (values[index] + step, values[index] - step);
            Ok((at(index, above)? - at(index, below)?) / (above - below))
        })
        .collect::<Result<_>>();
    set(&values)?;
    slopes
}

/// The result of [`check_function`], with a row for every input and parameter. It prints as a
/// table, and a notebook shows it as one.
#[derive(Clone, Debug)]
pub struct GradientCheck {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    shape: Vec<usize>,
    /// The largest difference between gradient and slope.
    error: f64,
    /// The largest slope.
    scale: f64,
}

impl Row {
    fn new(name: &str, shape: &[usize], gradient: &[f64], slopes: &[f64]) -> Self {
        // `f64::max` would forget a NaN.
        let largest = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
        let errors = gradient.iter().zip(slopes).map(|(g, s)| (g - s).abs());
        Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            error: errors.fold(0.0, largest),
            scale: slopes.iter().map(|s| s.abs()).fold(0.0, largest),
        }
    }

    /// The error as a fraction of the largest slope, or the error itself if the function is flat.
    fn relative(&self) -> f64 {
        if self.scale > STEP {
            self.error / self.scale
        } else {
            self.error
        }
    }

    fn is_right(&self) -> bool {
        self.relative() <= TOLERANCE // not so for NaN
    }
}

impl GradientCheck {
    /// Whether every gradient is within 1e-6 of its slope, relative to the largest slope of the
    /// tensor.
    pub fn is_right(&self) -> bool {
        self.rows.iter().all(Row::is_right)
    }

    /// Shows the table in a notebook.
    pub fn evcxr_display(&self) {
        show_as_value(Contents::text(self.to_string()));
    }
}

impl fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let shape = |row: &Row| format!("{:?}", row.shape);
        let width = |text: fn(&Row) -> String, heading: &str| {
            let lengths = self.rows.iter().map(|row| text(row).chars().count());
            lengths.chain([heading.len()]).max().unwrap_or(0)
        };
        let name_width = width(|row| row.name.clone(), "Gradient of");
        let shape_width = width(shape, "Shape");
        write!(
            f,
            "{:name_width$}  {:shape_width$}  {:>9}  {:>9}  ",
            "Gradient of", "Shape", "Error", "Relative"
        )?;
        for row in &self.rows {
            write!(
                f,
                "\n{:name_width$}  {:shape_width$}  {:>9.1e}  {:>9.1e}  {}",
                row.name,
                shape(row),
                row.error,
                row.relative(),
                if row.is_right() { "ok" } else { "WRONG" }
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{CpuStorage, CustomOp1, Layout, Shape};

    /// `x²` with the alleged gradient `factor * x`.
    struct Square(f64);

    impl CustomOp1 for Square {
        fn name(&self) -> &'static str {
            "square"
        }
        fn cpu_fwd(
            &self,
            x: &CpuStorage,
            layout: &Layout,
        ) -> candle_core::Result<(CpuStorage, Shape)> {
            let x: &[f64] = crate::numerics::storage::elements(x, layout)?;
            let squares = x.iter().map(|x| x * x).collect();
            Ok((CpuStorage::F64(squares), layout.shape().clone()))
        }
        fn bwd(
            &self,
            x: &Tensor,
            _: &Tensor,
            gradient: &Tensor,
        ) -> candle_core::Result<Option<Tensor>> {
            Ok(Some(((x * self.0)? * gradient)?))
        }
    }

    fn check(factor: f64) -> GradientCheck {
        let x = Rng::new(3).normal(0.0, 1.0, &[2, 3]).unwrap();
        check_function(&[("x", &x)], |inputs| {
            Ok(inputs[0].apply_op1(Square(factor))?)
        })
        .unwrap()
    }

    #[test]
    fn a_right_gradient_passes_and_a_slightly_wrong_one_does_not() {
        assert!(check(2.0).is_right(), "{}", check(2.0));
        assert!(!check(2.00001).is_right());
        assert!(!check(f64::NAN).is_right());
    }

    #[test]
    fn a_missing_gradient_is_wrong() {
        let x = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let report = check_function(&[("x", &x)], |x| Ok(x[0].detach().sqr()?)).unwrap();
        assert!(!report.is_right());
    }

    #[test]
    fn the_report_is_a_table() {
        let table = check(4.0).to_string();
        let mut lines = table.lines();
        assert_eq!(
            lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
            ["Gradient", "of", "Shape", "Error", "Relative"]
        );
        let row = lines.next().unwrap();
        assert!(row.starts_with("x            [2, 3]  "), "{row}");
        assert!(row.ends_with("1.0e0  WRONG"), "{row}");
    }

    #[test]
    fn the_variables_are_as_before() {
        let x = Var::new(&[1f64, 2.0], &Device::Cpu).unwrap();
        check_variables(&[("x".into(), x.clone())], || Ok(x.sqr()?)).unwrap();
        assert_eq!(x.to_vec1::<f64>().unwrap(), [1.0, 2.0]);
    }
}
