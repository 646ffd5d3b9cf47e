//! What candle 0.11 gets wrong and this crate must not: one test a defect.

use candle_core::D;
use cuaderno::candle_core;
use cuaderno::ops::{self, Activation, Reduction, backward};
use cuaderno::prelude::*;

use crate::{ACTIVATIONS, fused_and_composed, on_every_level_and_composed};

/// The value and the gradient of a scalar function of a few numbers.
pub fn value_and_gradient(
    x: &[f32],
    function: impl Fn(&Tensor) -> cuaderno::Result<Tensor>,
) -> (f32, Vec<f32>) {
    let x = Var::new(x, &Device::Cpu).unwrap();
    let value = function(&x).unwrap();
    let gradients = backward(&value).unwrap();
    let gradient = gradients.get(&x).expect("no gradient");
    (value.to_scalar().unwrap(), gradient.to_vec1().unwrap())
}

#[test]
fn bce_at_a_logit_of_minus_120_is_finite() {
    let check = |logit: f32| {
        let targets = Tensor::new(&[1f32, 0.0, 0.0, 1.0], &Device::Cpu).unwrap();
        let (loss, gradient) = value_and_gradient(&[-logit, -logit, logit, logit], |x| {
            ops::bce_with_logits(x, &targets, Reduction::Mean)
        });
        // Wrong by `logit` in the first and third, right in the others.
        assert_eq!(loss, logit / 2.0);
        assert_eq!(gradient, [-0.25, 0.0, 0.25, 0.0]);
    };
    fused_and_composed(|| [120.0, 1e4, 1e30].into_iter().for_each(check));
    check(f32::MAX);
}

#[test]
fn the_derivative_of_relu_at_zero_is_zero() {
    fused_and_composed(|| {
        let (_, gradient) = value_and_gradient(&[-1.0, -0.0, 0.0, 1.0], |x| {
            Ok(Activation::Relu.apply(x)?.sum_all()?)
        });
        assert_eq!(gradient, [0.0, 0.0, 0.0, 1.0]);
    });
}

#[test]
fn softmax_on_the_last_dimension_has_a_gradient() {
    fused_and_composed(|| {
        let (_, gradient) =
            value_and_gradient(&[0.0, 0.0], |x| Ok(ops::softmax(x, D::Minus1)?.get(0)?));
        assert_eq!(gradient, [0.25, -0.25]);
    });
}

#[test]
fn activations_and_their_derivatives_are_finite_at_extreme_inputs() {
    let check = |x: f32| {
        for activation in ACTIVATIONS {
            let (y, gradient) = value_and_gradient(&[x], |x| Ok(activation.apply(x)?.sum_all()?));
            // SELU of the largest number is larger than it.
            let overflows = activation == Activation::Selu && x == f32::MAX;
            assert!(y.is_finite() || overflows, "{activation:?}({x}) = {y}");
            assert!(
                gradient[0].is_finite(),
                "{activation:?}'({x}) = {gradient:?}"
            );
        }
    };
    fused_and_composed(|| [-1e4, -120.0, 120.0, 1e4].into_iter().for_each(check));
    [-f32::MAX, -1e30, 1e30, f32::MAX]
        .into_iter()
        .for_each(check);
}

#[test]
fn not_a_number_is_passed_on() {
    fused_and_composed(|| {
        for activation in ACTIVATIONS {
            if activation != Activation::Step {
                let y = activation
                    .apply(&Tensor::new(f32::NAN, &Device::Cpu).unwrap())
                    .unwrap();
                assert!(y.to_scalar::<f32>().unwrap().is_nan(), "{activation:?}");
            }
        }
        let x = Tensor::new(&[f32::NAN, 1.0], &Device::Cpu).unwrap();
        let y = ops::softmax(&x, 0).unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| y.is_nan()));
        let loss = ops::bce_with_logits(&x, &x, Reduction::Mean).unwrap();
        assert!(loss.to_scalar::<f32>().unwrap().is_nan());
    });
}

/// What PyTorch 2.15 gives: ReLU passes on the gradient where its input is no number, leaky ReLU
/// and PReLU have their slope there.
#[test]
fn relu_passes_the_gradient_of_what_is_not_a_number() {
    // More than the widest register holds, and a few.
    const NANS: [f32; 37] = [f32::NAN; 37];
    let leaky = Activation::LeakyRelu {
        negative_slope: 0.25,
    };
    let check = || {
        for (activation, slope) in [(Activation::Relu, 1.0), (leaky, 0.25)] {
            let apply = |x: &Tensor| Ok(activation.apply(x)?.sum_all()?);
            let (_, gradient) = value_and_gradient(&NANS, apply);
            assert_eq!(gradient, [slope; 37], "{activation:?}");
            let (_, gradient) = value_and_gradient(&NANS, |x| {
                let x = x.unsqueeze(1)?;
                let weight = Tensor::new(&[[2f32]], &Device::Cpu)?;
                Ok(ops::linear(&x, &weight, None, activation)?.sum_all()?)
            });
            assert_eq!(gradient, [2.0 * slope; 37], "linear, {activation:?}");
        }
        let (_, gradient) = value_and_gradient(&NANS, |x| {
            let slope = Tensor::new(&[0.25f32], &Device::Cpu)?;
            Ok(ops::prelu(x, &slope)?.sum_all()?)
        });
        assert_eq!(gradient, [0.25; 37]);
    };
    on_every_level_and_composed(check);
}

#[test]
fn the_step_function_has_a_gradient_of_zeros() {
    fused_and_composed(|| {
        let x = Var::new(&[-1f32, 0.0, 2.0], &Device::Cpu).unwrap();
        let y = Activation::Step.apply(&x).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap(), [0.0, 1.0, 1.0]);
        let gradients = backward(&y.sum_all().unwrap()).unwrap();
        let gradient = gradients.get(&x).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0; 3]);
    });
}
