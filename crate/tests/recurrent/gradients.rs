//! Every gradient against finite differences in f64, fused and composed, over random shapes.

use cuaderno::ops::{
    self, ChannelStatistics, Direction, RnnActivation, Sweep, check_function, fallback,
};
use cuaderno::{Rng, prelude::*};
use proptest::prelude::*;

use crate::{KINDS, Kind, Result, joined, numbers, random_mask};

/// Checks the function fused and composed.
fn assert_right(inputs: &[(&str, &Tensor)], function: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let report = check_function(inputs, &function).unwrap();
    assert!(report.is_right(), "fused:\n{report}");
    let _forced = fallback::force();
    let composed = check_function(inputs, &function).unwrap();
    assert!(composed.is_right(), "composed:\n{composed}");
}

/// Without ReLU: a step would cross its kink, in one seed or another.
const SMOOTH: [Kind; 3] = [Kind::Rnn(RnnActivation::Tanh), Kind::Gru, Kind::Lstm];

const NAMES: [&str; 6] = [
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "initial hidden",
    "initial cell",
];

/// Checks the gradients through the sequence and the states at once.
fn assert_recurrent(kind: Kind, sizes: [usize; 4], sweep: &Sweep, initial: bool, seed: u64) {
    let [batch, time, features, hidden] = sizes;
    let input = numbers(&mut Rng::new(seed ^ 1), 1.0, &[batch, time, features]);
    let parameters = kind.parameters(seed, batch, features, hidden);
    let wanted = if initial { parameters.len() } else { 4 };
    let mut inputs = vec![("input", &input)];
    inputs.extend(NAMES.into_iter().zip(&parameters[..wanted]));
    assert_right(&inputs, |t| joined(&kind.run(&t[0], &t[1..], sweep)?));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn recurrent(
        kind in prop::sample::select(&SMOOTH[..]),
        (batch, time, features, hidden) in (0usize..6, 1usize..5, 1usize..4, 1usize..6),
        (masked, reverse, initial) in any::<(bool, bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let sweep = Sweep {
            direction: if reverse { Direction::Reverse } else { Direction::Forward },
            mask: masked.then(|| random_mask(seed, batch, time)),
        };
        assert_recurrent(kind, [batch, time, features, hidden], &sweep, initial, seed);
    }

    #[test]
    fn layer_norm(
        leading in prop::collection::vec(0usize..4, 0..3),
        normalised in prop::collection::vec(2usize..6, 1..3),
        seed in any::<u64>(),
    ) {
        let mut rng = Rng::new(seed);
        let x = numbers(&mut rng, 1.5, &[&leading[..], &normalised].concat());
        let weight = numbers(&mut rng, 1.0, &normalised);
        let bias = numbers(&mut rng, 1.0, &normalised);
        assert_right(&[("x", &x), ("weight", &weight), ("bias", &bias)], |t| {
            ops::layer_norm(&t[0], &t[1], &t[2], 1e-2)
        });
    }

    #[test]
    fn batch_norm(
        (batch, channels) in (1usize..5, 1usize..5),
        rest in prop::collection::vec(1usize..4, 0..3),
        training in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut rng = Rng::new(seed);
        let x = numbers(&mut rng, 1.5, &[&[batch, channels][..], &rest].concat());
        let [weight, bias, mean] = [(); 3].map(|()| numbers(&mut rng, 1.0, &[channels]));
        let statistics = ChannelStatistics { variance: (mean.sqr().unwrap() + 0.1).unwrap(), mean };
        prop_assume!(!training || x.elem_count() > channels);
        assert_right(&[("x", &x), ("weight", &weight), ("bias", &bias)], |t| {
            if training {
                Ok(ops::batch_norm_training(&t[0], &t[1], &t[2], 1e-2)?.0)
            } else {
                ops::batch_norm(&t[0], &t[1], &t[2], &statistics, 1e-2)
            }
        });
    }

    #[test]
    fn embedding(
        ids in prop::collection::vec(0u32..5, 0..12),
        dimensions in 1usize..5,
        seed in any::<u64>(),
    ) {
        let ids = Tensor::new(ids, &Device::Cpu).unwrap();
        let table = numbers(&mut Rng::new(seed), 1.0, &[5, dimensions]);
        assert_right(&[("table", &table)], |t| ops::embedding(&ids, &t[0], None));
    }

    #[test]
    fn dropout(
        shape in prop::collection::vec(0usize..6, 0..4),
        probability in 0.0..0.9f64,
        seed in any::<u64>(),
    ) {
        let x = numbers(&mut Rng::new(seed), 1.0, &shape);
        assert_right(&[("x", &x)], |t| ops::dropout(&t[0], probability, &mut Rng::new(seed)));
    }
}

/// With seeds in which no step crosses the kink.
#[test]
fn of_a_relu_network() {
    for seed in 0..6 {
        for direction in [Direction::Forward, Direction::Reverse] {
            let mask = (seed % 2 == 1).then(|| random_mask(seed, 3, 4));
            let sweep = Sweep { direction, mask };
            let kind = Kind::Rnn(RnnActivation::Relu);
            assert_recurrent(kind, [3, 4, 2, 5], &sweep, true, seed);
        }
    }
}

#[test]
fn the_final_states_alone_have_a_gradient() {
    for kind in KINDS {
        let input = numbers(&mut Rng::new(1), 1.0, &[3, 4, 2]);
        let parameters = kind.parameters(2, 3, 2, 5);
        let mut inputs = vec![("input", &input)];
        inputs.extend(NAMES.into_iter().zip(&parameters));
        let states = parameters.len() - 4;
        for state in 1..=states {
            assert_right(&inputs, |t| {
                Ok(kind
                    .run(&t[0], &t[1..], &Sweep::default())?
                    .swap_remove(state))
            });
        }
    }
}

#[test]
fn the_row_of_the_padding_id_has_a_gradient_of_zero() {
    crate::fused_and_composed(|| {
        let table = Var::ones((3, 2), DType::F64, &Device::Cpu).unwrap();
        let ids = Tensor::new(&[[0u32, 2], [2, 2]], &Device::Cpu).unwrap();
        let of = |padding| {
            let vectors = ops::embedding(&ids, &table, padding).unwrap();
            let gradients = ops::backward(&vectors.sum_all().unwrap()).unwrap();
            gradients.get(&table).unwrap().to_vec2::<f64>().unwrap()
        };
        assert_eq!(of(None), [[1.0, 1.0], [0.0, 0.0], [3.0, 3.0]]);
        assert_eq!(of(Some(2)), [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]);
    });
}

#[test]
fn what_is_not_tracked_gets_no_gradient() {
    let input = Var::from_tensor(&numbers(&mut Rng::new(1), 1.0, &[2, 3, 4])).unwrap();
    for kind in KINDS {
        let frozen = kind.parameters(1, 2, 4, 5);
        let output = kind.run(&input, &frozen, &Sweep::default()).unwrap();
        let gradients = ops::backward(&output[0].sum_all().unwrap()).unwrap();
        assert_eq!(gradients.get(&input).unwrap().dims(), [2, 3, 4]);
        assert!(frozen.iter().all(|weight| gradients.get(weight).is_none()));
    }
}
