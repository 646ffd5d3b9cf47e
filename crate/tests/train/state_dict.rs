//! PyTorch's state dicts.

use std::path::PathBuf;

use candle_core::{DType, Device, Module, Tensor};
use cuaderno::candle_core;
use cuaderno::nn::{BatchNorm, Conv2d, Dense, Flatten, Layer, Parameter, Parameters, Sequential};

use crate::fixture::Fixture;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/training")
        .join(name)
}

#[test]
fn a_network_with_pytorch_s_weights_computes_what_pytorch_does() {
    let network = Sequential::input(&[1, 6, 6])
        .then("conv", Conv2d::filters(2))
        .then("norm", BatchNorm::of_channels())
        .then("flatten", Flatten)
        .then("output", Dense::units(3))
        .build(1)
        .unwrap();
    network.parameters().load(path("state_dict.pth")).unwrap();
    let fixture = Fixture::load("training/state_dict");
    let case = fixture
        .cases()
        .find(|case| case.dtype == DType::F32)
        .unwrap();
    case.compare("output", &network.forward(&case.tensor("input")).unwrap());
}

#[test]
fn views_are_read_by_their_strides() {
    let model = |shape: &[usize]| {
        let zeros = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        Parameters::new().with("weight", &Parameter::new(&zeros).unwrap())
    };
    let transposed = model(&[3, 2]);
    transposed.load(path("transposed.pth")).unwrap();
    let weight = transposed.get("weight").unwrap().tensor();
    let expected = [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]];
    assert_eq!(weight.to_vec2::<f32>().unwrap(), expected);

    let view = model(&[4]);
    view.load(path("view.pth")).unwrap();
    let weight = view.get("weight").unwrap().tensor();
    assert_eq!(weight.to_vec1::<f32>().unwrap(), [2.0, 3.0, 4.0, 5.0]);
}
