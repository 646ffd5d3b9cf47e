//! Linear layers, activations, softmax and losses: gradients against finite differences, extreme
//! inputs, the SIMD levels, threads and the composed versions against each other.

mod agreement;
mod extremes;
mod gradients;
mod regressions;
mod shapes;

use cuaderno::ops::{Activation, CrossEntropy, Level, Reduction, fallback};
use cuaderno::prelude::*;

pub const ACTIVATIONS: [Activation; 14] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu {
        negative_slope: 0.3,
    },
    Activation::LeakyRelu {
        negative_slope: 0.0,
    },
    Activation::Elu { alpha: 0.7 },
    Activation::Selu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Sigmoid,
    Activation::BipolarSigmoid,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Step,
];

/// Gaussian numbers in f64, none of them within 1e-3 of zero, where activations have kinks.
pub fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    let normal = Rng::new(seed).normal(0.0, 1.5, shape).unwrap();
    let normal = normal.to_dtype(DType::F64).unwrap();
    let nudge = normal.ge(0.0).unwrap().to_dtype(DType::F64).unwrap();
    let nudge = nudge.affine(2e-3, -1e-3).unwrap();
    (normal + nudge).unwrap()
}

/// Class numbers below `classes`, on the CPU.
pub fn targets(seed: u64, classes: usize, shape: &[usize]) -> Tensor {
    let mut rng = Rng::new(seed);
    let count = shape.iter().product();
    let targets: Vec<u32> = (0..count).map(|_| rng.below(classes) as u32).collect();
    Tensor::from_vec(targets, shape, &Device::Cpu).unwrap()
}

/// Options with a weight for each class and one class ignored.
pub fn weighted(classes: usize, reduction: Reduction) -> CrossEntropy {
    let weights: Vec<f64> = (0..classes).map(|class| 0.5 + class as f64).collect();
    CrossEntropy {
        class_weights: Some(Tensor::new(weights, &Device::Cpu).unwrap()),
        ignore_index: Some(1),
        label_smoothing: 0.0,
        reduction,
    }
}

pub fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// Runs a test on the fused operations, then on the composed ones.
pub fn fused_and_composed(test: impl Fn()) {
    test();
    let _forced = fallback::force();
    test();
}

/// Runs a test on the fused operations of each SIMD level, then on the composed ones.
pub fn on_every_level_and_composed(test: impl Fn()) {
    for level in Level::available() {
        let _forced = level.force().unwrap();
        test();
    }
    let _forced = fallback::force();
    test();
}
