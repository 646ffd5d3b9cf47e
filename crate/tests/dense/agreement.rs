//! The SIMD levels, numbers of threads and backward passes against each other.

use cuaderno::ops::Level;
use cuaderno::ops::{self, Activation, CrossEntropy, Reduction, backward};
use cuaderno::prelude::*;

use crate::{ACTIVATIONS, bits, targets};

/// Everything of this room in one objective: its value and the gradients of its variables.
fn objective(activation: Activation) -> Vec<Tensor> {
    let mut rng = Rng::new(6202);
    let mut var =
        |shape: &[usize]| Var::from_tensor(&rng.normal(0.0, 1.0, shape).unwrap()).unwrap();
    let (x, weight, bias) = (var(&[37, 53]), var(&[29, 53]), var(&[29]));
    let hidden = ops::linear(&x, &weight, Some(&bias), activation).unwrap();
    let targets = targets(1, 29, &[37]);
    let parts = [
        ops::bce_with_logits(&hidden, &x.narrow(1, 0, 29).unwrap(), Reduction::Mean).unwrap(),
        ops::mse(&hidden, &x.narrow(1, 3, 29).unwrap(), Reduction::Mean).unwrap(),
        ops::cross_entropy(&hidden, &targets, &CrossEntropy::default()).unwrap(),
        ops::gaussian_kl(&hidden, &x.narrow(1, 9, 29).unwrap())
            .unwrap()
            .mean_all()
            .unwrap(),
        ops::categorical_kl(&hidden).unwrap().mean_all().unwrap(),
        ops::softmax(&hidden, 0)
            .unwrap()
            .sqr()
            .unwrap()
            .sum_all()
            .unwrap(),
        ops::log_softmax(&x, 1)
            .unwrap()
            .sqr()
            .unwrap()
            .mean_all()
            .unwrap(),
    ];
    let loss = Tensor::stack(&parts, 0).unwrap().sum_all().unwrap();
    let gradients = backward(&loss).unwrap();
    let of = |variable: &Var| gradients.get(variable).unwrap().clone();
    vec![loss, hidden, of(&x), of(&weight), of(&bias)]
}

#[test]
fn the_simd_levels_agree() {
    for activation in ACTIVATIONS {
        let on = |level: Level| {
            let _forced = level.force().unwrap();
            objective(activation)
        };
        let best = on(Level::detected());
        for level in Level::available() {
            for (found, right) in on(level).iter().zip(&best) {
                if level >= Level::Avx2 {
                    // The same operations in the same order, on registers of another width.
                    assert_eq!(bits(found), bits(right), "{activation:?} on {level}");
                }
                // Without fused multiply-add: within a few roundings of the largest number.
                let error = (found - right)
                    .unwrap()
                    .abs()
                    .unwrap()
                    .flatten_all()
                    .unwrap();
                let error = error.max(0).unwrap().to_scalar::<f32>().unwrap();
                let scale = right.abs().unwrap().flatten_all().unwrap().max(0).unwrap();
                let scale = scale.to_scalar::<f32>().unwrap();
                assert!(
                    error <= 4e-6 * scale,
                    "{activation:?} on {level}: {error} of {scale}"
                );
            }
        }
    }
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut rng = Rng::new(1);
            let mut var =
                |shape: &[usize]| Var::from_tensor(&rng.normal(0.0, 1.0, shape).unwrap()).unwrap();
            let (x, weight, bias) = (var(&[128, 784]), var(&[400, 784]), var(&[400]));
            let y = ops::linear(&x, &weight, Some(&bias), Activation::Relu).unwrap();
            let gradients = backward(&y.sqr().unwrap().sum_all().unwrap()).unwrap();
            let of = |variable: &Var| bits(gradients.get(variable).unwrap());
            [bits(&y), of(&x), of(&weight), of(&bias)]
        })
    };
    assert!(with(1) == with(2));
}

#[test]
fn our_backward_gives_what_candles_does() {
    let mut rng = Rng::new(1);
    let mut var =
        |shape: &[usize]| Var::from_tensor(&rng.normal(0.0, 1.0, shape).unwrap()).unwrap();
    let (x, weight, bias) = (var(&[5, 6]), var(&[6, 6]), var(&[6]));
    // The weight is used three times: twice by our operation, once by candle's.
    let hidden = ops::linear(&x, &weight, Some(&bias), Activation::Tanh).unwrap();
    let hidden = ops::linear(&hidden, &weight, Some(&bias), Activation::Gelu).unwrap();
    let loss = hidden
        .matmul(&weight)
        .unwrap()
        .sqr()
        .unwrap()
        .mean_all()
        .unwrap();
    let (ours, theirs) = (backward(&loss).unwrap(), loss.backward().unwrap());
    for variable in [&x, &weight, &bias] {
        let difference = (ours.get(variable).unwrap() - theirs.get(variable).unwrap()).unwrap();
        let difference = difference
            .abs()
            .unwrap()
            .flatten_all()
            .unwrap()
            .max(0)
            .unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-6);
    }
    // A second backward pass finds nothing left over from the first.
    let again = backward(&loss).unwrap();
    assert_eq!(
        bits(again.get(&weight).unwrap()),
        bits(ours.get(&weight).unwrap())
    );
}
