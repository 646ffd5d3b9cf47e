//! Optimisers against PyTorch's, step by step, fused and composed.

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use cuaderno::candle_core;
use cuaderno::nn::{Parameter, Parameters};
use cuaderno::ops::fallback;
use cuaderno::optim::{Adadelta, Adam, AdamW, Optimiser, RmsProp, Sgd, clip_by_norm};

use crate::fixture::{Case, Fixture};

/// The cases of the fixture whose optimisers and options there are.
const FOLLOWED: usize = 19;

const NAMES: [&str; 2] = ["weight", "bias"];

fn optimiser(case: &Case) -> Option<Box<dyn Optimiser>> {
    let rate = case.get("lr");
    let betas = || case.get::<(f64, f64)>("betas");
    Some(match case.name {
        "sgd" => Box::new(Sgd::new(rate)),
        "sgd_momentum" => Box::new(Sgd::new(rate).momentum(case.get("momentum"))),
        "sgd_nesterov" => Box::new(Sgd::new(rate).momentum(case.get("momentum")).nesterov()),
        "sgd_nesterov_weight_decay" => Box::new(
            Sgd::new(rate)
                .momentum(case.get("momentum"))
                .weight_decay(case.get("weight_decay"))
                .nesterov(),
        ),
        "sgd_weight_decay" => Box::new(Sgd::new(rate).weight_decay(case.get("weight_decay"))),
        "sgd_momentum_weight_decay" => Box::new(
            Sgd::new(rate)
                .momentum(case.get("momentum"))
                .weight_decay(case.get("weight_decay")),
        ),
        "rmsprop_pytorch" | "rmsprop_pytorch_large_epsilon" => Box::new(
            RmsProp::new(rate)
                .rho(case.get("alpha"))
                .epsilon(case.get("eps")),
        ),
        "rmsprop_pytorch_momentum" => Box::new(
            RmsProp::new(rate)
                .rho(case.get("alpha"))
                .epsilon(case.get("eps"))
                .momentum(case.get("momentum")),
        ),
        "rmsprop_weight_decay" => Box::new(
            RmsProp::new(rate)
                .rho(case.get("alpha"))
                .epsilon(case.get("eps"))
                .weight_decay(case.get("weight_decay")),
        ),
        "rmsprop_momentum_weight_decay" => Box::new(
            RmsProp::new(rate)
                .rho(case.get("alpha"))
                .epsilon(case.get("eps"))
                .momentum(case.get("momentum"))
                .weight_decay(case.get("weight_decay")),
        ),
        "adam_weight_decay" => Box::new(
            Adam::new(rate)
                .betas(betas().0, betas().1)
                .epsilon(case.get("eps"))
                .weight_decay(case.get("weight_decay")),
        ),
        "adam" | "adam_other_betas" => Box::new(
            Adam::new(rate)
                .betas(betas().0, betas().1)
                .epsilon(case.get("eps")),
        ),
        "adamw" | "adamw_strong_decay" => Box::new(
            AdamW::new(rate)
                .betas(betas().0, betas().1)
                .epsilon(case.get("eps"))
                .weight_decay(case.get("weight_decay")),
        ),
        "adadelta" | "adadelta_keras_defaults" => Box::new(
            Adadelta::new(rate)
                .rho(case.get("rho"))
                .epsilon(case.get("eps")),
        ),
        "adadelta_weight_decay" => Box::new(
            Adadelta::new(rate)
                .rho(case.get("rho"))
                .epsilon(case.get("eps"))
                .weight_decay(case.get("weight_decay")),
        ),
        // Keras' formulas of RMSprop, which are not ours.
        _ => return None,
    })
}

fn parameters(case: &Case) -> Parameters {
    NAMES.iter().fold(Parameters::new(), |all, name| {
        all.with(name, &Parameter::new(&case.tensor(name)).unwrap())
    })
}

/// Gradients that are exactly the given ones: those of `sum(parameter * gradient)`.
fn gradients(parameters: &Parameters, given: impl Fn(&str) -> Tensor) -> GradStore {
    let terms: Vec<Tensor> = (parameters.iter())
        .map(|(name, p)| (p.tensor() * given(name)).unwrap().sum_all().unwrap())
        .collect();
    let sum = Tensor::stack(&terms, 0).unwrap().sum_all().unwrap();
    sum.backward().unwrap()
}

fn follow_the_trajectories() -> usize {
    let fixture = Fixture::load("training/optimisers");
    let mut followed = 0;
    for case in fixture.cases() {
        let Some(mut optimiser) = optimiser(&case) else {
            continue;
        };
        let parameters = parameters(&case);
        let mut trajectories = [Vec::new(), Vec::new()];
        for step in 0..10 {
            let gradient =
                |name: &str| (case.tensor(&format!("{name}_gradients")).get(step)).unwrap();
            let gradients = gradients(&parameters, gradient);
            optimiser.step(&parameters, &gradients).unwrap();
            for (trajectory, (_, p)) in trajectories.iter_mut().zip(parameters.iter()) {
                trajectory.push(p.tensor().copy().unwrap());
            }
        }
        for (name, trajectory) in NAMES.iter().zip(&trajectories) {
            let found = Tensor::stack(trajectory, 0).unwrap();
            case.compare(&format!("{name}_trajectory"), &found);
        }
        followed += 1;
    }
    followed
}

#[test]
fn fused_updates_follow_pytorch() {
    assert_eq!(follow_the_trajectories(), 2 * FOLLOWED);
}

#[test]
fn composed_updates_follow_pytorch() {
    let _forced = fallback::force();
    assert_eq!(follow_the_trajectories(), 2 * FOLLOWED);
}

#[test]
fn clipping_scales_all_gradients_together() {
    for case in Fixture::load("training/clip_norm").cases() {
        let parameters = Parameters::new();
        let parameters = NAMES.iter().fold(parameters, |all, name| {
            let zeros = case.tensor(&format!("{name}_gradient")).zeros_like();
            all.with(name, &Parameter::new(&zeros.unwrap()).unwrap())
        });
        let mut gradients = gradients(&parameters, |name| case.tensor(&format!("{name}_gradient")));
        let norm = clip_by_norm(&parameters, &mut gradients, case.get("max_norm")).unwrap();
        let norm = Tensor::new(norm, &candle_core::Device::Cpu).unwrap();
        case.compare("norm", &norm.to_dtype(case.dtype).unwrap());
        for (name, p) in parameters.iter() {
            case.compare(&format!("{name}_clipped"), gradients.get(&p.var()).unwrap());
        }
    }
}

#[test]
fn a_state_goes_to_its_own_kind_only() {
    let fixture = Fixture::load("training/optimisers");
    let case = fixture.cases().next().unwrap();
    let parameters = parameters(&case);
    let gradients = gradients(&parameters, |name| case.tensor(name));
    let mut adam = Adam::new(1e-3);
    adam.step(&parameters, &gradients).unwrap();
    assert!(AdamW::new(1e-3).restore(&adam.state()).is_ok());
    let error = RmsProp::new(1e-3).restore(&adam.state()).unwrap_err();
    assert!(error.to_string().contains("another optimiser's"), "{error}");
    let mut with_momentum = RmsProp::new(1e-3).momentum(0.9);
    with_momentum.step(&parameters, &gradients).unwrap();
    let mut other = RmsProp::new(1e-3).momentum(0.5);
    other.restore(&with_momentum.state()).unwrap();
    let names: Vec<String> = other.state().averages.into_iter().map(|(n, _)| n).collect();
    let expected = [
        "bias.mean_square",
        "bias.velocity",
        "weight.mean_square",
        "weight.velocity",
    ];
    assert_eq!(names, expected);
    assert!(RmsProp::new(1e-3).restore(&with_momentum.state()).is_err());
}
