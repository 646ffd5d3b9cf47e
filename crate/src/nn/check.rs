//! The gradient check of a layer.

use candle_core::{DType, Tensor, Var};

use super::{Layer, Pass};
use crate::ops::{GradientCheck, check_variables};
use crate::{Error, Result, Rng};

/// Compares the gradients of a layer's input and parameters with finite differences, in f64, on a
/// random input of this shape (including the batch dimension): see
/// [`check_function`](crate::ops::check_function). The layer runs in training mode, with the same
/// random numbers every time. Afterwards its parameters and buffers are as before.
///
/// ```
/// use cuaderno::{nn::{Activation, Dense, Plan, check_gradients}, prelude::*};
///
/// let layer = Dense::units(4).activation(Activation::Tanh).build(&[3], &mut Rng::new(1))?;
/// let report = check_gradients(&layer, &[2, 3])?;
/// println!("{report}");
/// assert!(report.is_right());
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the layer does not take that shape.
pub fn check_gradients(layer: &dyn Layer, input_shape: &[usize]) -> Result<GradientCheck> {
    if input_shape.contains(&0) {
        return Err(Error::argument(
            "the input shape",
            format!("{input_shape:?}"),
            "the shape of a batch with one number or more, such as [2, 1, 8, 8]",
        ));
    }
    let parameters = layer.parameters();
    let before: Vec<Tensor> = parameters
        .iter()
        .map(|(_, parameter)| parameter.var().as_tensor().copy())
        .collect::<candle_core::Result<_>>()?;

    let checked = parameters.to_dtype(DType::F64).and_then(|()| {
        // Not the seed of the output weights in `check_variables`: a normalised input weighted by
        // itself has no slope.
        let input = Rng::new(2).normal(0.0, 1.0, input_shape)?;
        let input = Var::from_tensor(&input.to_dtype(DType::F64)?)?;
        let mut variables = vec![("input".to_owned(), input.clone())];
        let trainable = parameters.trainable();
        variables.extend(trainable.map(|(name, p)| (name.to_owned(), p.var())));
        check_variables(&variables, || {
            layer.apply(&input, &mut Pass::Train(&mut Rng::new(1)))
        })
    });

    // A training pass also moves running statistics.
    parameters.to_dtype(DType::F32)?;
    for ((_, parameter), values) in parameters.iter().zip(&before) {
        parameter.set(values)?;
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Dense, Plan};

    #[test]
    fn a_layer_is_checked_and_left_as_it_was() {
        let dense = Dense::units(4).activation(Activation::Elu { alpha: 1.0 });
        let layer = dense.build(&[3], &mut Rng::new(1)).unwrap();
        let weight = || layer.weight().tensor().to_vec2::<f32>().unwrap();
        let before = weight();
        let report = check_gradients(&layer, &[2, 3]).unwrap();
        assert!(report.is_right(), "{report}");
        let table = report.to_string();
        for name in ["input", "weight", "bias"] {
            assert!(table.contains(name), "{table}");
        }
        assert_eq!(weight(), before);
    }

    #[test]
    fn a_wrong_shape_is_an_error_and_leaves_the_layer_in_f32() {
        let layer = Dense::units(4).build(&[3], &mut Rng::new(1)).unwrap();
        assert!(check_gradients(&layer, &[2, 5]).is_err());
        assert_eq!(layer.weight().tensor().dtype(), DType::F32);
    }
}
