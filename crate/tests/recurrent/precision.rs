//! Batch normalisation in f32 far from zero: no digit is lost that f32 could hold.

use cuaderno::ops;
use cuaderno::prelude::*;

use crate::{fused_and_composed, numbers, values};

/// Half the distance between neighbouring numbers of f32 at 100, and a little.
const HALF_ULP: f64 = 3.9e-6;

fn cases() -> [[usize; 4]; 3] {
    [[64, 3, 28, 28], [64, 8, 7, 7], [4096, 8, 1, 1]]
}

#[test]
fn the_mean_of_a_batch_is_right_to_the_last_digit() {
    for shape in cases() {
        let x = numbers(&mut Rng::new(1), 1.0, &shape).to_dtype(DType::F32);
        let x = (x.unwrap() + 100.0).unwrap();
        let [weight, bias] = [1.0, 0.0].map(|value| {
            let values = vec![value as f32; shape[1]];
            Tensor::new(values, &Device::Cpu).unwrap()
        });
        let channels = x.transpose(0, 1).unwrap().flatten_from(1).unwrap();
        let right = values(&channels.to_dtype(DType::F64).unwrap().mean(1).unwrap());
        fused_and_composed(|| {
            let (_, batch) = ops::batch_norm_training(&x, &weight, &bias, 1e-5).unwrap();
            for (found, right) in values(&batch.mean).iter().zip(&right) {
                assert!((found - right).abs() < HALF_ULP, "{found} for {right}");
            }
        });
    }
}

/// PyTorch's mean is rounded to f32 as well, which is all that its gradient of the weight loses.
#[test]
fn the_gradient_of_the_weight_is_as_exact_as_that_of_pytorch() {
    for shape in cases() {
        let mut rng = Rng::new(2);
        let x = (rng.normal(0.0, 1.0, &shape).unwrap() + 100.0).unwrap();
        let factors = rng.normal(0.0, 1.0, &shape).unwrap();
        let gradients = |dtype| {
            let [x, factors] = [&x, &factors].map(|tensor| tensor.to_dtype(dtype).unwrap());
            let weight = Var::ones(shape[1], dtype, &Device::Cpu).unwrap();
            let bias = Var::zeros(shape[1], dtype, &Device::Cpu).unwrap();
            let (y, _) = ops::batch_norm_training(&x, &weight, &bias, 1e-5).unwrap();
            let loss = (y * factors).unwrap().sum_all().unwrap();
            let gradients = ops::backward(&loss).unwrap();
            let of = |variable: &Var| values(gradients.get(variable).unwrap());
            (of(&weight), of(&bias))
        };
        let (right, sums) = gradients(DType::F64);
        let (found, _) = gradients(DType::F32);
        let count = (x.elem_count() / shape[1]) as f64;
        for ((found, right), sum) in found.iter().zip(right).zip(sums) {
            // What half a digit of the mean and the rounding of so many terms come to.
            let bound = HALF_ULP * sum.abs() + 5e-7 * count.sqrt();
            assert!(
                (found - right).abs() < bound,
                "{found} for {right} in {shape:?}"
            );
        }
    }
}
