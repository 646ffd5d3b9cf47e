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

/// Without gradients the averages shrink, and subnormal ones would make all further steps slow.
#[test]
fn averages_of_weights_that_have_died_reach_zero() {
    let weight = Tensor::new(&[0.5f32, -2.0], &candle_core::Device::Cpu).unwrap();
    let parameters = Parameters::new().with("weight", &Parameter::new(&weight).unwrap());
    let optimisers: [Box<dyn Optimiser>; 3] = [
        Box::new(RmsProp::new(1e-3)),
        Box::new(Adam::new(1e-3).betas(0.9, 0.9)),
        Box::new(Sgd::new(1e-3).momentum(0.9)),
    ];
    for mut optimiser in optimisers {
        for step in 0..1000 {
            let gradient = if step == 0 { 1.0 } else { 0.0 };
            let gradients = gradients(&parameters, |_| {
                (weight.ones_like().unwrap() * gradient).unwrap()
            });
            optimiser.step(&parameters, &gradients).unwrap();
        }
        for (name, average) in optimiser.state().averages {
            assert_eq!(average.to_vec1::<f32>().unwrap(), [0.0, 0.0], "{name}");
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

#[test]
fn arguments_out_of_their_range_are_named_at_the_first_step() {
    let none = Parameters::new();
    let no_gradients = gradients_of_nothing();
    let refused = |mut optimiser: Box<dyn Optimiser>, start: &str| {
        let error = optimiser.step(&none, &no_gradients).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(start), "{error}");
    };
    for rate in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        let start = format!("the learning rate is {rate}, but it must be a finite number above 0.");
        refused(Box::new(Sgd::new(rate)), &start);
        refused(Box::new(RmsProp::new(rate)), &start);
        refused(Box::new(Adam::new(rate)), &start);
        refused(Box::new(AdamW::new(rate)), &start);
        refused(Box::new(Adadelta::new(rate)), &start);
    }
    for below in [-0.1, f64::NAN, f64::INFINITY] {
        let start = |name| format!("{name} is {below}, but it must be a finite number, 0 or above");
        let (sgd, adam_w) = (Sgd::new(0.1), AdamW::new(0.1));
        refused(
            Box::new(sgd.clone().momentum(below)),
            &start("the momentum"),
        );
        refused(
            Box::new(sgd.weight_decay(below)),
            &start("the weight decay"),
        );
        refused(
            Box::new(adam_w.weight_decay(below)),
            &start("the weight decay"),
        );
        refused(
            Box::new(RmsProp::new(0.1).epsilon(below)),
            &start("epsilon"),
        );
        refused(Box::new(Adam::new(0.1).epsilon(below)), &start("epsilon"));
        refused(Box::new(AdamW::new(0.1).epsilon(below)), &start("epsilon"));
        refused(
            Box::new(Adadelta::new(0.1).epsilon(below)),
            &start("epsilon"),
        );
    }
    for beta in [-0.1, 1.0, 1.5, f64::NAN] {
        let start = |name| format!("{name} is {beta}, but it must be at least 0 and below 1.");
        refused(Box::new(Adam::new(0.1).betas(beta, 0.9)), &start("beta1"));
        refused(Box::new(AdamW::new(0.1).betas(0.9, beta)), &start("beta2"));
    }
    for rho in [-0.1, 1.1, f64::NAN] {
        let start = format!("rho is {rho}, but it must be between 0 and 1.");
        refused(Box::new(RmsProp::new(0.1).rho(rho)), &start);
        refused(Box::new(Adadelta::new(0.1).rho(rho)), &start);
    }
}

fn gradients_of_nothing() -> GradStore {
    let one = Tensor::new(1.0, &candle_core::Device::Cpu).unwrap();
    one.backward().unwrap()
}

#[test]
fn a_schedule_may_bring_the_rate_down_to_zero_and_not_below() {
    let parameters = Parameters::new().with("weight", &number());
    let gradients = gradients(&parameters, |_| number().tensor());
    let mut adam = Adam::new(0.1);
    adam.step(&parameters, &gradients).unwrap();
    let before = values(&parameters);
    adam.set_learning_rate(0.0);
    adam.step(&parameters, &gradients).unwrap();
    assert_eq!(values(&parameters), before);
    adam.set_learning_rate(-0.1);
    assert!(adam.step(&parameters, &gradients).is_err());
}

fn number() -> Parameter {
    Parameter::new(&Tensor::new(&[1f32], &candle_core::Device::Cpu).unwrap()).unwrap()
}

fn values(parameters: &Parameters) -> Vec<f32> {
    let value = |p: &Parameter| p.tensor().to_vec1::<f32>().unwrap();
    parameters.iter().flat_map(|(_, p)| value(p)).collect()
}

/// One parameter that has a gradient at every step, and one that has its first at step 13.
#[test]
fn adam_counts_the_steps_of_each_parameter() {
    let all = Parameters::new()
        .with("early", &number())
        .with("late", &number());
    let early = Parameters::new().with("early", all.get("early").unwrap());
    let gradient = |_: &str| Tensor::new(&[0.25f32], &candle_core::Device::Cpu).unwrap();
    for mut optimiser in [
        Box::new(Adam::new(1e-3)) as Box<dyn Optimiser>,
        Box::new(AdamW::new(1e-3).weight_decay(0.0)),
    ] {
        all.iter()
            .for_each(|(_, p)| p.set(&number().tensor()).unwrap());
        for _ in 0..12 {
            optimiser.step(&all, &gradients(&early, gradient)).unwrap();
        }
        // A state that is restored counts on for each parameter as well.
        let mut restored = Adam::new(1e-3);
        restored.restore(&optimiser.state()).unwrap();
        restored.step(&all, &gradients(&all, gradient)).unwrap();
        let [early, late] = values(&all)[..] else {
            panic!("two numbers")
        };
        // A constant gradient moves a weight by the rate at each step.
        assert!((1.0 - late - 1e-3).abs() < 1e-6, "late is {late}");
        assert!((1.0 - early - 13e-3).abs() < 1e-6, "early is {early}");
        let steps = restored.state().steps;
        assert_eq!((steps["early"], steps["late"]), (13, 1));
    }
}
