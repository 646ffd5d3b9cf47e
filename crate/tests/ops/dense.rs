//! Linear layers, activations and softmax.

use cuaderno::ops::{self, Activation, fallback};

use crate::fixture::{Case, Fixture};

/// Runs the operation on every case, fused and composed.
pub fn on_every_case(fixture: &str, operation: impl Fn(&Case)) {
    let fixture = Fixture::load(fixture);
    fixture.cases().for_each(|case| operation(&case));
    let _forced = fallback::force();
    fixture.cases().for_each(|case| operation(&case));
}

fn activation(case: &Case) -> Activation {
    match case.get::<String>("activation").as_str() {
        "none" => Activation::Linear,
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        "leaky_relu" | "leaky_relu_steep" => Activation::LeakyRelu {
            negative_slope: case.get("negative_slope"),
        },
        "elu" | "elu_soft" => Activation::Elu {
            alpha: case.get("alpha"),
        },
        "selu" => Activation::Selu,
        "gelu" => Activation::Gelu,
        "gelu_tanh" => Activation::GeluTanh,
        "sigmoid" => Activation::Sigmoid,
        "bipolar_sigmoid" => Activation::BipolarSigmoid,
        "tanh" => Activation::Tanh,
        "softplus" => Activation::Softplus,
        other => panic!("{case}: no activation is called {other}"),
    }
}

#[test]
fn linear() {
    on_every_case("dense/linear", |case| {
        let (input, weight) = (case.var("input"), case.var("weight"));
        let bias = case.optional_var("bias");
        let output = ops::linear(&input, &weight, bias.as_deref(), activation(case));
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn activations() {
    on_every_case("dense/activations", |case| {
        let input = case.var("input");
        let output = match case.get::<String>("activation").as_str() {
            "prelu" => ops::prelu(&input, &case.var("weight")),
            _ => activation(case).apply(&input),
        };
        case.check(&[("output", &output.unwrap())]);
    });
}

#[test]
fn softmax() {
    on_every_case("dense/softmax", |case| {
        let (input, dim) = (case.var("input"), case.get::<usize>("dim"));
        let output = match case.get::<String>("operation").as_str() {
            "softmax" => ops::softmax(&input, dim),
            "log_softmax" => ops::log_softmax(&input, dim),
            other => panic!("{case}: {other}"),
        };
        case.check(&[("output", &output.unwrap())]);
    });
}
