//! What candle 0.11 gets wrong and this crate must not: one test a defect.

use cuaderno::ops::{self, RnnActivation, Sweep};
use cuaderno::prelude::*;

use crate::{Kind, fused_and_composed, numbers, values};

#[test]
fn layer_norm_has_a_gradient_on_contiguous_input() {
    fused_and_composed(|| {
        let x = Var::new(&[[1f64, 2.0, 4.0]], &Device::Cpu).unwrap();
        let ones = Tensor::ones(3, DType::F64, &Device::Cpu).unwrap();
        let y = ops::layer_norm(&x, &ones, &ones.zeros_like().unwrap(), 0.0).unwrap();
        let gradients = ops::backward(&y.i((0, 0)).unwrap()).unwrap();
        let gradient = values(gradients.get(&x).expect("no gradient"));
        // The slope of (x0 - mean) / deviation, by hand.
        let deviation = (14.0f64 / 9.0).sqrt();
        let normalised = [-4.0 / 3.0, -1.0 / 3.0, 5.0 / 3.0].map(|x: f64| x / deviation);
        for (i, found) in gradient.iter().enumerate() {
            let one = if i == 0 { 1.0 } else { 0.0 };
            let right = (one - (1.0 + normalised[0] * normalised[i]) / 3.0) / deviation;
            assert!((found - right).abs() < 1e-12, "{found} for {right}");
        }
    });
}

#[test]
fn gru_returns_batch_time_hidden() {
    fused_and_composed(|| {
        let input = numbers(&mut Rng::new(1), 1.0, &[2, 3, 4]);
        let parameters = Kind::Gru.parameters(1, 2, 4, 5);
        let outputs = Kind::Gru
            .run(&input, &parameters, &Sweep::default())
            .unwrap();
        assert_eq!(outputs[0].dims(), [2, 3, 5]);
        assert_eq!(
            values(&outputs[0].i((.., 2)).unwrap()),
            values(&outputs[1]),
            "the last step is the final state"
        );
    });
}

#[test]
fn dropout_depends_on_its_seed_alone() {
    fused_and_composed(|| {
        let x = Tensor::ones((40, 50), DType::F32, &Device::Cpu).unwrap();
        let drop = |seed| values(&ops::dropout(&x, 0.2, &mut Rng::new(seed)).unwrap());
        assert_eq!(drop(1), drop(1));
        assert_ne!(drop(1), drop(2));
        let kept = drop(1).iter().filter(|&&y| y == 1.25).count();
        let dropped = drop(1).iter().filter(|&&y| y == 0.0).count();
        assert_eq!(kept + dropped, 2000);
        // Four standard deviations.
        assert!((1530..1670).contains(&kept), "{kept}");
    });
}

#[test]
fn dropping_an_infinite_number_gives_zero_not_nan() {
    fused_and_composed(|| {
        let x = Tensor::full(f32::INFINITY, 100, &Device::Cpu).unwrap();
        let y = values(&ops::dropout(&x, 0.5, &mut Rng::new(1)).unwrap());
        assert!(y.iter().all(|&y| y == 0.0 || y == f64::INFINITY));
    });
}

/// What PyTorch 2.15 gives: where a sum is no number, its gradient passes.
#[test]
fn a_relu_network_passes_the_gradient_of_what_is_not_a_number() {
    fused_and_composed(|| {
        let kind = Kind::Rnn(RnnActivation::Relu);
        let mut parameters = kind.parameters(1, 2, 3, 17);
        // No initial states.
        parameters.truncate(4);
        let bias = Var::from_tensor(&parameters[2]).unwrap();
        parameters[2] = bias.as_tensor().clone();
        let input = Tensor::full(f64::NAN, (2, 1, 3), &Device::Cpu).unwrap();
        let outputs = kind.run(&input, &parameters, &Sweep::default()).unwrap();
        let gradients = ops::backward(&outputs[0].sum_all().unwrap()).unwrap();
        assert_eq!(values(gradients.get(&bias).unwrap()), [2.0; 17]);
    });
}
