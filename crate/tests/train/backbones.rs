//! ResNet-18 and EfficientNet-Lite0 against PyTorch, with weights that a formula gives on both sides
//! (`fixtures/families/backbones.py`).

use candle_core::{DType, Device, Module, Tensor};
use cuaderno::candle_core;
use cuaderno::models::{efficientnet_lite0, resnet18};
use cuaderno::nn::{Layer, Sequential};

use crate::fixture::{Case, Fixture};

/// Numbers in [0, 1) that look random.
fn numbers(place: u64, shape: &[usize]) -> Vec<f64> {
    let count = shape.iter().product::<usize>() as u64;
    let modulus = 1 << 32;
    let mixed = (0..count).map(|i| (i * 2_654_435_761 + place * 40503 + 12345) % modulus);
    let mixed = mixed.map(|n| (n ^ (n >> 15)) * 2_246_822_519 % modulus);
    mixed
        .map(|n| (n >> 8) as f64 / f64::from(1 << 24))
        .collect()
}

fn tensor(values: impl Iterator<Item = f64>, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = values.map(|value| value as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn formula(place: u64, name: &str, shape: &[usize]) -> Tensor {
    let u = numbers(place, shape).into_iter();
    let is_scale = name.ends_with("running_var") || name.ends_with("weight");
    match shape {
        [_] if is_scale => tensor(u.map(|u| 0.5 + u), shape),
        [_] => tensor(u.map(|u| u - 0.5), shape),
        [_, inputs @ ..] => {
            let scale = (6.0 / inputs.iter().product::<usize>() as f64).powf(0.5);
            tensor(u.map(|u| (2.0 * u - 1.0) * scale), shape)
        }
        [] => unreachable!("no parameter is a single number"),
    }
}

/// Gives the network the formula's weights under PyTorch's names, and compares names, shapes and
/// logits.
fn agrees(case: &Case, network: &Sequential) {
    let parameters = network.parameters();
    let theirs: Vec<(String, Vec<usize>)> = case.get("parameters");
    assert_eq!(parameters.len(), theirs.len());
    for (place, (name, shape)) in (0..).zip(&theirs) {
        let parameter = parameters.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(&parameter.dims(), shape, "{name}");
        parameter.set(&formula(place, name, shape)).unwrap();
    }
    let [height, width]: [usize; 2] = case.get("size");
    let shape = [2, 3, height, width];
    let images = tensor(
        numbers(1000, &shape).into_iter().map(|u| u * 4.0 - 2.0),
        &shape,
    );
    let logits = network.forward(&images).unwrap();
    let expected = case.tensor("output");
    let scale = expected
        .abs()
        .unwrap()
        .max_all()
        .unwrap()
        .to_scalar::<f32>()
        .unwrap();
    let difference = (logits - expected).unwrap().abs().unwrap();
    let difference = difference.max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(scale > 0.1, "{}: logits that tell nothing", case.name);
    assert!(
        difference < 1e-4 * scale.max(1.0),
        "{}: {difference}",
        case.name
    );
}

#[test]
fn networks_with_pytorch_s_weights_compute_what_pytorch_does() {
    let fixture = Fixture::load("training/backbones");
    let cases: Vec<_> = fixture
        .cases()
        .filter(|case| case.dtype == DType::F32)
        .collect();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let [height, width]: [usize; 2] = case.get("size");
        let input = [3, height, width];
        let plan = match case.name {
            "resnet18" | "resnet18_odd" => resnet18(input, 10),
            "efficientnet_lite0" | "efficientnet_lite0_odd" => efficientnet_lite0(input, 10),
            other => panic!("{other} is no network"),
        };
        agrees(&case, &plan.build(1).unwrap());
    }
}
