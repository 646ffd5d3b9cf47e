//! Layers and losses of infinite numbers, of nothing, and of targets that are no class.

use cuaderno::ops::{self, Activation, CrossEntropy, backward};
use cuaderno::prelude::*;

use crate::{fused_and_composed, on_every_level_and_composed, regressions::value_and_gradient};

#[test]
fn a_logit_of_minus_infinity_is_a_probability_of_zero() {
    const NEVER: f32 = f32::NEG_INFINITY;
    fused_and_composed(|| {
        let one_in_three = [NEVER, 0.0, 0.0];
        let (divergence, gradient) = value_and_gradient(&one_in_three, |x| {
            Ok(ops::categorical_kl(&x.unsqueeze(0)?)?.get(0)?)
        });
        assert!((divergence - 1.5f32.ln()).abs() < 1e-6, "{divergence}");
        assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");

        // The second row is ignored, whatever its logits are.
        let logits = [NEVER, 0.0, 0.0, NEVER, 0.0, 0.0];
        let targets = Tensor::new(&[1u32, 7], &Device::Cpu).unwrap();
        let options = CrossEntropy {
            ignore_index: Some(7),
            ..CrossEntropy::default()
        };
        let (loss, gradient) = value_and_gradient(&logits, |x| {
            ops::cross_entropy(&x.reshape((2, 3))?, &targets, &options)
        });
        assert!((loss - 2f32.ln()).abs() < 1e-6, "{loss}");
        assert_eq!(gradient, [0.0, -0.5, 0.5, 0.0, 0.0, 0.0]);
    });
}

#[test]
fn a_linear_layer_without_features_gives_its_bias() {
    fused_and_composed(|| {
        let zeros = |shape: &[usize]| Var::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let (x, weight) = (zeros(&[3, 2, 0]), zeros(&[2, 0]));
        let bias = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let y = ops::linear(&x, &weight, Some(&bias), Activation::Linear).unwrap();
        assert_eq!(y.to_vec3::<f32>().unwrap(), [[[1.0, 2.0]; 2]; 3]);
        let gradients = backward(&y.sum_all().unwrap()).unwrap();
        let gradient = gradients.get(&bias).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [6.0, 6.0]);
        let y = ops::linear(&x, &weight, None, Activation::Relu).unwrap();
        assert_eq!(y.to_vec3::<f32>().unwrap(), [[[0.0; 2]; 2]; 3]);
    });
}

#[test]
fn a_target_is_never_cast_to_a_class() {
    fused_and_composed(|| {
        let logits = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
        for target in [4_294_967_297, -100, -1, 3, i64::MIN] {
            let targets = Tensor::new(&[0, target], &Device::Cpu).unwrap();
            let error = ops::cross_entropy(&logits, &targets, &CrossEntropy::default());
            assert_eq!(
                error.unwrap_err().to_string(),
                format!(
                    "a target of cross_entropy is {target} (position 1), but it must be a class: at least 0 and below 3."
                )
            );
        }
    });
}

#[test]
fn an_ignored_target_may_be_negative() {
    let options = CrossEntropy {
        ignore_index: Some(-100),
        ..CrossEntropy::default()
    };
    on_every_level_and_composed(|| {
        let targets = Tensor::new(&[-100i64, 1], &Device::Cpu).unwrap();
        let (loss, gradient) = value_and_gradient(&[9.0, 0.0, 0.0, 0.0], |x| {
            ops::cross_entropy(&x.reshape((2, 2))?, &targets, &options)
        });
        assert!((loss - 2f32.ln()).abs() < 1e-6, "{loss}");
        assert_eq!(gradient, [0.0, 0.0, 0.5, -0.5]);
    });
}

#[test]
fn class_weights_whose_sum_is_no_divisor_are_named() {
    let error = |weights: [f64; 2]| {
        let logits = Tensor::zeros((2, 2), DType::F64, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[0u32, 1], &Device::Cpu).unwrap();
        let options = CrossEntropy {
            class_weights: Some(Tensor::new(&weights, &Device::Cpu).unwrap()),
            ..CrossEntropy::default()
        };
        let loss = ops::cross_entropy(&logits, &targets, &options);
        loss.unwrap_err().to_string()
    };
    let name = "the sum of the class weights of all targets is";
    let negative = error([1.0, -3.0]);
    assert!(negative.starts_with(&format!("{name} -2,")), "{negative}");
    let nan = error([1.0, f64::NAN]);
    assert!(nan.starts_with(&format!("{name} NaN,")), "{nan}");
    assert!(error([0.0, 0.0]).contains("has weight 0"));
}
