//! Empty and single batches, and what is said about shapes and arguments that do not fit.

use cuaderno::ops::{self, Activation, CrossEntropy, Reduction};
use cuaderno::prelude::*;

use crate::{ACTIVATIONS, fused_and_composed};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

fn classes(targets: &[u32]) -> Tensor {
    Tensor::new(targets, &Device::Cpu).unwrap()
}

fn message(result: cuaderno::Result<Tensor>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_empty_batch_has_empty_outputs() {
    fused_and_composed(|| {
        for activation in ACTIVATIONS {
            let y = ops::linear(
                &zeros(&[0, 4]),
                &zeros(&[3, 4]),
                Some(&zeros(&[3])),
                activation,
            );
            assert_eq!(y.unwrap().dims(), [0, 3]);
        }
        assert_eq!(
            ops::gaussian_kl(&zeros(&[0, 2]), &zeros(&[0, 2]))
                .unwrap()
                .dims(),
            [0]
        );
        assert_eq!(ops::categorical_kl(&zeros(&[0, 2])).unwrap().dims(), [0]);
    });
    assert_eq!(ops::softmax(&zeros(&[0, 3]), 1).unwrap().dims(), [0, 3]);
    assert_eq!(ops::log_softmax(&zeros(&[3, 0]), 1).unwrap().dims(), [3, 0]);
}

#[test]
fn the_mean_loss_of_an_empty_batch_is_an_error_and_the_sum_is_zero() {
    let none = zeros(&[0, 3]);
    assert_eq!(
        message(ops::mse(&none, &none, Reduction::Mean)),
        "mse: there is no element to take the mean of; give a batch of one or more examples."
    );
    assert!(ops::bce_with_logits(&none, &none, Reduction::Mean).is_err());
    let sum = ops::bce_with_logits(&none, &none, Reduction::Sum).unwrap();
    assert_eq!(sum.to_scalar::<f32>().unwrap(), 0.0);
    let error = message(ops::cross_entropy(
        &none,
        &classes(&[]),
        &CrossEntropy::default(),
    ));
    assert!(error.contains("nothing to take the mean of"), "{error}");
}

#[test]
fn a_batch_of_padding_only_is_an_error() {
    let options = CrossEntropy {
        ignore_index: Some(0),
        ..CrossEntropy::default()
    };
    let error = message(ops::cross_entropy(
        &zeros(&[2, 3]),
        &classes(&[0, 0]),
        &options,
    ));
    assert!(error.contains("every target is ignored"), "{error}");
}

#[test]
fn an_ignored_target_need_not_be_a_class() {
    let options = CrossEntropy {
        ignore_index: Some(255),
        ..CrossEntropy::default()
    };
    fused_and_composed(|| {
        let loss = ops::cross_entropy(&zeros(&[2, 3]), &classes(&[255, 1]), &options).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - 3f32.ln()).abs() < 1e-6);
    });
}

#[test]
fn a_target_that_is_no_class_is_named() {
    assert_eq!(
        message(ops::cross_entropy(
            &zeros(&[2, 3]),
            &classes(&[0, 3]),
            &CrossEntropy::default()
        )),
        "a target of cross_entropy is 3 (position 1), but it must be a class: at least 0 and below 3."
    );
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let run = |x: &[usize], weight: &[usize], bias: &[usize]| {
        message(ops::linear(
            &zeros(x),
            &zeros(weight),
            Some(&zeros(bias)),
            Activation::Linear,
        ))
    };
    assert_eq!(
        run(&[2, 5], &[3, 4], &[3]),
        "linear: x [2, 5] does not fit weight [3, 4] and bias [3]; they must be [.., inputs], [outputs, inputs] and [outputs]."
    );
    assert!(run(&[2, 4], &[3, 4], &[4]).contains("bias [4]"));
    assert!(run(&[4], &[3, 4], &[3]).contains("x [4]"));
    assert_eq!(
        message(ops::mse(&zeros(&[2, 3]), &zeros(&[2]), Reduction::Mean)),
        "mse: the prediction [2, 3] and the target [2] must have one shape."
    );
    let error = message(ops::cross_entropy(
        &zeros(&[2, 3]),
        &classes(&[0]),
        &CrossEntropy::default(),
    ));
    assert!(
        error.contains("logits [2, 3] do not fit the targets [1]"),
        "{error}"
    );
    assert!(message(ops::prelu(&zeros(&[2, 3]), &zeros(&[2]))).contains("[2]"));
    assert!(message(ops::categorical_kl(&zeros(&[3]))).contains("[3]"));
    assert!(message(ops::softmax(&zeros(&[3]), 1)).contains('1'));
}

#[test]
fn element_types_that_do_not_fit_are_named() {
    let double = zeros(&[3, 4]).to_dtype(DType::F64).unwrap();
    let error = message(ops::linear(
        &zeros(&[2, 4]),
        &double,
        None,
        Activation::Linear,
    ));
    assert!(error.contains("F64") && error.contains("F32"), "{error}");
    let error = message(ops::mse(&zeros(&[3, 4]), &double, Reduction::Mean));
    assert!(error.contains("F64") && error.contains("F32"), "{error}");
    let error = message(ops::cross_entropy(
        &zeros(&[2, 3]),
        &zeros(&[2]),
        &CrossEntropy::default(),
    ));
    assert!(error.contains("class numbers"), "{error}");
}

#[test]
fn parameters_out_of_range_are_refused() {
    let steep = Activation::LeakyRelu {
        negative_slope: -0.1,
    };
    assert_eq!(
        message(steep.apply(&zeros(&[1]))),
        "the negative slope is -0.1, but it must be a finite number, zero or above."
    );
    assert!(
        Activation::Elu { alpha: f64::NAN }
            .apply(&zeros(&[1]))
            .is_err()
    );
}

#[test]
fn options_of_losses_out_of_range_are_named() {
    let (x, y) = (zeros(&[2, 3]), zeros(&[2, 3]));
    assert_eq!(
        message(ops::huber(&x, &y, 0.0, Reduction::Mean)),
        "delta of the Huber loss is 0, but it must be above zero."
    );
    assert_eq!(
        message(ops::weighted_bce_with_logits(
            &x,
            &y,
            &zeros(&[2]),
            Reduction::Mean
        )),
        "weighted_bce_with_logits: the pos_weight [2] does not fit the logits [2, 3]; it must be their last dimensions, such as [labels] for [batch, labels]."
    );
    let options = CrossEntropy {
        label_smoothing: 1.5,
        ..CrossEntropy::default()
    };
    assert_eq!(
        message(ops::cross_entropy(&x, &classes(&[0, 1]), &options)),
        "label_smoothing is 1.5, but it must be from 0 to 1."
    );
    assert!(message(ops::l1(&x, &zeros(&[2]), Reduction::None)).contains("[2, 3]"));
}
