//! Losses from logits, divergences, Gumbel-softmax.

use candle_core::Tensor;
use cuaderno::candle_core;
use cuaderno::ops::{self, CrossEntropy, Reduction, fallback};

use crate::{dense::on_every_case, fixture::Case};

fn reduction(case: &Case) -> Reduction {
    match case.get::<String>("reduction").as_str() {
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        "none" => Reduction::None,
        other => panic!("{case}: no reduction is called {other}"),
    }
}

#[test]
fn bce_with_logits() {
    on_every_case("losses/bce_with_logits", |case| {
        let (logits, targets) = (case.var("logits"), case.tensor("targets"));
        let output = ops::bce_with_logits(&logits, &targets, reduction(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn cross_entropy() {
    on_every_case("losses/cross_entropy", |case| {
        let options = CrossEntropy {
            class_weights: case.optional("class_weights"),
            ignore_index: case.get("ignored"),
            label_smoothing: case.get("label_smoothing"),
            reduction: reduction(case),
        };
        let (logits, targets) = (case.var("logits"), case.tensor("targets"));
        let output = ops::cross_entropy(&logits, &targets, &options);
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn mse() {
    on_every_case("losses/mse", |case| {
        let output = ops::mse(&case.var("input"), &case.var("target"), reduction(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn l1() {
    on_every_case("losses/l1", |case| {
        let output = ops::l1(&case.var("input"), &case.var("target"), reduction(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn huber() {
    on_every_case("losses/huber", |case| {
        let (input, target) = (case.var("input"), case.var("target"));
        let output = ops::huber(&input, &target, case.get("delta"), reduction(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn weighted_bce_with_logits() {
    on_every_case("losses/weighted_bce_with_logits", |case| {
        let (logits, targets) = (case.var("logits"), case.tensor("targets"));
        let weight = case.tensor("pos_weight");
        let output = ops::weighted_bce_with_logits(&logits, &targets, &weight, reduction(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn gaussian_nll() {
    on_every_case("losses/gaussian_nll", |case| {
        let log_variance = case.var("log_variance");
        let output = ops::gaussian_nll(&case.var("x"), &case.var("mean"), &log_variance);
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn semi_supervised() {
    on_every_case("losses/semi_supervised", |case| {
        let (costs, logits) = (case.var("costs"), case.var("logits"));
        let (labels, labelled) = (case.tensor("labels"), case.tensor("labelled"));
        let output = ops::semi_supervised(&costs, &logits, &labels, &labelled).unwrap();
        case.check(&[("output", &output)]);
    });
}

#[test]
fn gaussian_kl() {
    on_every_case("losses/gaussian_kl", |case| {
        let output = ops::gaussian_kl(&case.var("mean"), &case.var("log_variance")).unwrap();
        let output = match case.name {
            "batch_mean" => output.mean(0).unwrap(),
            _ => output,
        };
        case.check(&[("output", &output)]);
    });
}

#[test]
fn categorical_kl() {
    on_every_case("losses/categorical_kl", |case| {
        let output = ops::categorical_kl(&case.var("logits")).unwrap();
        let output = match case.name {
            "batch_mean" => output.mean(0).unwrap(),
            _ => output,
        };
        case.check(&[("output", &output)]);
    });
}

#[test]
fn gumbel_softmax() {
    on_every_case("losses/gumbel_softmax", |case| {
        let logits = case.var("logits");
        if case.name == "cold" && !fallback::fused(&logits) {
            return; // composed in f32, the gradient is a difference of rounded numbers
        }
        let output = ops::gumbel_softmax_with(
            &case.tensor("noise"),
            &logits,
            case.get("temperature"),
            case.get("hard"),
        );
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn mutual_information() {
    on_every_case("losses/mutual_information", |case| {
        let output = ops::mutual_information(&case.var("p"), &case.var("q"));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn dice() {
    on_every_case("losses/dice", |case| {
        let (logits, targets) = (case.var("logits"), case.tensor("targets"));
        let output = ops::dice(&logits, &targets, case.get("ignored"));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn focal() {
    on_every_case("losses/focal", |case| {
        let (logits, targets) = (case.var("logits"), case.tensor("targets"));
        let output = ops::focal(&logits, &targets, case.get("gamma"), case.get("ignored"));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn crf() {
    on_every_case("losses/crf", |case| {
        let (emissions, transitions) = (case.var("emissions"), case.var("transitions"));
        let (ends, mask) = (case.var("ends"), case.tensor("mask"));
        let targets = case.tensor("targets");
        let loss = ops::crf_loss(&emissions, &transitions, &ends, &targets, Some(&mask));
        case.check(&[("output", &loss.unwrap())]);
        let best = ops::crf_decode(&emissions, &transitions, &ends, Some(&mask)).unwrap();
        let rows = |tensor: &Tensor| tensor.to_vec2::<u32>().unwrap();
        assert_eq!(rows(&best), rows(&case.tensor("best")), "{case}");
    });
}
