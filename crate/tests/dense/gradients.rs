//! Every gradient against finite differences in f64, fused and composed, over random shapes.

use candle_core::D;
use cuaderno::candle_core;
use cuaderno::ops::{self, Activation, CrossEntropy, Reduction, check_function, fallback};
use cuaderno::prelude::*;
use proptest::prelude::*;

use crate::{ACTIVATIONS, numbers, targets, weighted};

/// Activations without kinks, which random pre-activations would meet by chance.
const SMOOTH: [Activation; 7] = [
    Activation::Linear,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Sigmoid,
    Activation::BipolarSigmoid,
    Activation::Tanh,
    Activation::Softplus,
];

/// Checks the function fused and composed.
fn assert_right(
    inputs: &[(&str, &Tensor)],
    function: impl Fn(&[Tensor]) -> cuaderno::Result<Tensor>,
) {
    let report = check_function(inputs, &function).unwrap();
    assert!(report.is_right(), "fused:\n{report}");
    let _forced = fallback::force();
    let composed = check_function(inputs, &function).unwrap();
    assert!(composed.is_right(), "composed:\n{composed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn linear(
        leading in prop::collection::vec(0usize..4, 1..3),
        (inputs, outputs) in (1usize..20, 1usize..20),
        activation in prop::sample::select(&SMOOTH[..]),
        seed in any::<u64>(),
    ) {
        let x = numbers(seed, &[&leading[..], &[inputs]].concat());
        let weight = numbers(seed ^ 1, &[outputs, inputs]);
        let bias = numbers(seed ^ 2, &[outputs]);
        assert_right(&[("x", &x), ("weight", &weight), ("bias", &bias)], |t| {
            ops::linear(&t[0], &t[1], Some(&t[2]), activation)
        });
        assert_right(&[("x", &x), ("weight", &weight)], |t| {
            ops::linear(&t[0], &t[1], None, activation)
        });
    }

    #[test]
    fn activations(
        shape in prop::collection::vec(0usize..9, 0..4),
        activation in prop::sample::select(&ACTIVATIONS[..]),
        seed in any::<u64>(),
    ) {
        let x = numbers(seed, &shape);
        assert_right(&[("x", &x)], |t| activation.apply(&t[0]));
    }

    #[test]
    fn prelu(
        (batch, channels, pixels) in (0usize..4, 1usize..5, 1usize..5),
        shared in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let x = numbers(seed, &[batch, channels, pixels]);
        let weight = numbers(seed ^ 1, &[if shared { 1 } else { channels }]);
        assert_right(&[("x", &x), ("weight", &weight)], |t| ops::prelu(&t[0], &t[1]));
    }

    #[test]
    fn softmax_along_any_axis(
        shape in prop::collection::vec(1usize..9, 1..4),
        axis in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let (x, axis) = (numbers(seed, &shape), axis.index(shape.len()));
        assert_right(&[("x", &x)], |t| ops::softmax(&t[0], axis));
        assert_right(&[("x", &x)], |t| ops::log_softmax(&t[0], axis));
    }

    #[test]
    fn bce_and_mse(
        shape in prop::collection::vec(1usize..12, 0..3),
        reduction in prop::sample::select(vec![Reduction::Mean, Reduction::Sum, Reduction::None]),
        seed in any::<u64>(),
    ) {
        let (x, y) = (numbers(seed, &shape), numbers(seed ^ 1, &shape));
        // Targets are differentiated too: a reconstruction may be compared with another.
        assert_right(&[("x", &x), ("y", &y)], |t| ops::bce_with_logits(&t[0], &t[1], reduction));
        assert_right(&[("x", &x), ("y", &y)], |t| ops::mse(&t[0], &t[1], reduction));
    }

    #[test]
    fn absolute_and_weighted_losses(
        shape in prop::collection::vec(1usize..12, 1..3),
        delta in 0.3..3.0,
        reduction in prop::sample::select(vec![Reduction::Mean, Reduction::Sum, Reduction::None]),
        seed in any::<u64>(),
    ) {
        // Differences of one sign or the other, 1e-3 away from the kink at zero.
        let difference = numbers(seed, &shape);
        let target = numbers(seed ^ 1, &shape);
        let prediction = (&target + difference).unwrap();
        let both = [("prediction", &prediction), ("target", &target)];
        assert_right(&both, |t| ops::l1(&t[0], &t[1], reduction));
        assert_right(&both, |t| ops::huber(&t[0], &t[1], delta, reduction));
        let weight = numbers(seed ^ 2, &shape[shape.len() - 1..]).abs().unwrap();
        assert_right(&both, |t| ops::weighted_bce_with_logits(&t[0], &t[1], &weight, reduction));
    }

    #[test]
    fn cross_entropy(
        (batch, classes) in (1usize..5, 2usize..20),
        positions in prop::collection::vec(1usize..4, 0..3),
        (plain, label_smoothing) in (any::<bool>(), prop::sample::select(vec![0.0, 0.2])),
        reduction in prop::sample::select(vec![Reduction::Mean, Reduction::Sum, Reduction::None]),
        seed in any::<u64>(),
    ) {
        let logits = numbers(seed, &[&[batch, classes], &positions[..]].concat());
        let mut targets: Vec<u32> = targets(seed, classes, &[batch * positions.iter().product::<usize>()])
            .to_vec1()
            .unwrap();
        targets[0] = 0; // not ignored
        let targets = Tensor::from_vec(targets, [&[batch], &positions[..]].concat(), &Device::Cpu).unwrap();
        let options = match plain {
            true => CrossEntropy { reduction, ..CrossEntropy::default() },
            false => weighted(classes, reduction),
        };
        let options = CrossEntropy { label_smoothing, ..options };
        assert_right(&[("logits", &logits)], |t| ops::cross_entropy(&t[0], &targets, &options));
    }

    #[test]
    fn dice_and_focal(
        (batch, classes) in (1usize..4, 2usize..6),
        positions in prop::collection::vec(1usize..4, 0..3),
        gamma in prop::sample::select(vec![0.0, 1.0, 2.0, 3.5]),
        ignored in prop::sample::select(vec![None, Some(1)]),
        seed in any::<u64>(),
    ) {
        let logits = numbers(seed, &[&[batch, classes], &positions[..]].concat());
        let mut targets: Vec<u32> = targets(seed, classes, &[batch * positions.iter().product::<usize>()])
            .to_vec1()
            .unwrap();
        targets[0] = 0; // not ignored
        let targets = Tensor::from_vec(targets, [&[batch], &positions[..]].concat(), &Device::Cpu).unwrap();
        assert_right(&[("logits", &logits)], |t| ops::dice(&t[0], &targets, ignored));
        assert_right(&[("logits", &logits)], |t| ops::focal(&t[0], &targets, gamma, ignored));
    }

    #[test]
    fn divergences(
        (batch, variables, len) in (0usize..5, 1usize..4, 1usize..20),
        seed in any::<u64>(),
    ) {
        let (mean, log_variance) = (numbers(seed, &[batch, len]), numbers(seed ^ 1, &[batch, len]));
        assert_right(&[("mean", &mean), ("log-variance", &log_variance)], |t| {
            ops::gaussian_kl(&t[0], &t[1])
        });
        let (x, of_all) = (numbers(seed ^ 2, &[batch, len]), numbers(seed ^ 3, &[len]));
        for log_variance in [&log_variance, &of_all] {
            let inputs = [("x", &x), ("mean", &mean), ("log-variance", log_variance)];
            assert_right(&inputs, |t| ops::gaussian_nll(&t[0], &t[1], &t[2]));
        }
        let logits = numbers(seed, &[batch, variables, len]);
        assert_right(&[("logits", &logits)], |t| ops::categorical_kl(&t[0]));
    }

    #[test]
    fn mutual_information(
        (batch, categories) in (1usize..9, 1usize..12),
        seed in any::<u64>(),
    ) {
        // Far enough from 0, where the slope of the logarithm changes faster than differences follow:
        // the operation's own tests go there.
        let probabilities = |seed| {
            let logits = numbers(seed, &[batch, categories]);
            let probabilities = ops::softmax(&logits, D::Minus1).unwrap();
            probabilities.affine(0.5, 0.5 / categories as f64).unwrap()
        };
        let (p, q) = (probabilities(seed), probabilities(seed ^ 1));
        assert_right(&[("p", &p), ("q", &q)], |t| ops::mutual_information(&t[0], &t[1]));
    }

    #[test]
    fn gumbel_softmax(
        shape in prop::collection::vec(1usize..12, 1..4),
        temperature in 0.3..3.0,
        seed in any::<u64>(),
    ) {
        let logits = numbers(seed, &shape);
        let noise = ops::gumbel_noise(&shape, seed).unwrap();
        let noise = noise.to_dtype(DType::F64).unwrap();
        assert_right(&[("logits", &logits)], |t| {
            ops::gumbel_softmax_with(&noise, &t[0], temperature, false)
        });
    }

    #[test]
    fn crf_loss(
        (batch, time, tags) in (1usize..4, 1usize..6, 2usize..5),
        hidden in prop::collection::vec(any::<bool>(), 3 * 5),
        seed in any::<u64>(),
    ) {
        let (emissions, ends) = (numbers(seed, &[batch, time, tags]), numbers(seed ^ 1, &[2, tags]));
        let transitions = numbers(seed ^ 2, &[tags, tags]);
        let of_tags = targets(seed, tags, &[batch, time]);
        // Steps anywhere may be left out, all of a sequence as well.
        let mask: Vec<u32> = hidden.iter().map(|&hidden| u32::from(!hidden)).collect();
        let mask = Tensor::new(&mask[..batch * time], &Device::Cpu).unwrap();
        let mask = mask.reshape((batch, time)).unwrap();
        let inputs = [("emissions", &emissions), ("transitions", &transitions), ("ends", &ends)];
        assert_right(&inputs, |t| ops::crf_loss(&t[0], &t[1], &t[2], &of_tags, Some(&mask)));
    }
}

#[test]
fn a_view_of_a_tensor_has_the_gradient_of_the_tensor() {
    // Transposed, narrowed and broadcast: none of them is contiguous.
    let x = numbers(1, &[5, 4]);
    assert_right(&[("x", &x)], |t| {
        let view = t[0].t()?.narrow(1, 1, 3)?;
        Activation::Sigmoid.apply(&view)
    });
    let (weight, bias) = (numbers(2, &[4, 3]), numbers(3, &[1]));
    assert_right(&[("x", &x), ("weight", &weight), ("bias", &bias)], |t| {
        let bias = t[2].broadcast_as(3)?;
        ops::linear(&t[0], &t[1].t()?, Some(&bias), Activation::Softplus)
    });
    assert_right(&[("x", &x)], |t| {
        // The gradient that comes back is transposed as well.
        Ok(ops::softmax(&t[0], D::Minus1)?.t()?.contiguous()?)
    });
}

#[test]
fn a_tied_weight_gets_the_sum_of_its_gradients() {
    let (x, weight) = (numbers(1, &[3, 4]), numbers(2, &[4, 4]));
    assert_right(&[("x", &x), ("weight", &weight)], |t| {
        let hidden = ops::linear(&t[0], &t[1], None, Activation::Tanh)?;
        let output = ops::linear(&hidden, &t[1], None, Activation::Linear)?;
        Ok((output + t[1].sum_all()?.broadcast_as((3, 4))?)?)
    });
}

#[test]
fn what_is_frozen_gets_no_gradient() {
    let (x, weight, bias) = (numbers(1, &[3, 4]), numbers(2, &[2, 4]), numbers(3, &[2]));
    let bias = Var::from_tensor(&bias).unwrap();
    let y = ops::linear(&x, &weight, Some(&bias), Activation::Tanh).unwrap();
    let gradients = ops::backward(&y.sum_all().unwrap()).unwrap();
    assert!(gradients.get(&x).is_none() && gradients.get(&weight).is_none());
    assert!(gradients.get(&bias).is_some());
}
