//! Convolutions, pooling and upsampling against PyTorch, fused and composed.

use cuaderno::nn::{GlobalAvgPool, GlobalMaxPool, Layer, Pass};
use cuaderno::ops::{
    self, Activation, Conv1dOptions, Conv2dOptions, ConvTranspose1dOptions, ConvTranspose2dOptions,
    Level, Pool1d, Pool2d, Resize, fallback,
};
use cuaderno::prelude::*;

use crate::fixture::{Case, Fixture};

/// Runs every case of a fixture on each SIMD level, and composed of candle's own operations.
fn for_each_case(name: &str, run: impl Fn(&Case)) {
    let fixture = Fixture::load(name);
    for level in Level::available() {
        let _level = level.force().unwrap();
        fixture.cases().for_each(|case| run(&case));
    }
    let _fallback = fallback::force();
    fixture.cases().for_each(|case| run(&case));
}

fn pair(case: &Case, key: &str) -> [usize; 2] {
    [case.get(key); 2]
}

#[test]
fn conv1d() {
    for_each_case("conv/conv1d", |case| {
        let config = Conv1dOptions {
            stride: case.get("stride"),
            padding: case.get("padding"),
            dilation: case.get("dilation"),
            groups: case.get("groups"),
        };
        let (x, weight, bias) = (
            case.var("input"),
            case.var("weight"),
            case.optional_var("bias"),
        );
        let y = ops::conv1d(&x, &weight, bias.as_deref(), config, Activation::Linear);
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn conv2d() {
    for_each_case("conv/conv2d", |case| {
        let config = Conv2dOptions {
            stride: pair(case, "stride"),
            padding: pair(case, "padding"),
            dilation: pair(case, "dilation"),
            groups: case.get("groups"),
        };
        let (x, weight, bias) = (
            case.var("input"),
            case.var("weight"),
            case.optional_var("bias"),
        );
        let y = ops::conv2d(&x, &weight, bias.as_deref(), config, Activation::Linear);
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn conv_transpose1d() {
    for_each_case("conv/conv_transpose1d", |case| {
        let config = ConvTranspose1dOptions {
            stride: case.get("stride"),
            padding: case.get("padding"),
            output_padding: case.get("output_padding"),
            dilation: case.get("dilation"),
            groups: case.get("groups"),
        };
        let (x, weight, bias) = (
            case.var("input"),
            case.var("weight"),
            case.optional_var("bias"),
        );
        let y = ops::conv_transpose1d(&x, &weight, bias.as_deref(), config, Activation::Linear);
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn conv_transpose2d() {
    for_each_case("conv/conv_transpose2d", |case| {
        let config = ConvTranspose2dOptions {
            stride: pair(case, "stride"),
            padding: pair(case, "padding"),
            output_padding: pair(case, "output_padding"),
            dilation: pair(case, "dilation"),
            groups: case.get("groups"),
        };
        let (x, weight, bias) = (
            case.var("input"),
            case.var("weight"),
            case.optional_var("bias"),
        );
        let y = ops::conv_transpose2d(&x, &weight, bias.as_deref(), config, Activation::Linear);
        case.check(&[("output", &y.unwrap())]);
    });
}

fn windows(case: &Case) -> Pool2d {
    Pool2d {
        kernel: pair(case, "kernel"),
        stride: pair(case, "stride"),
        padding: pair(case, "padding"),
        ceil_mode: case.get("ceil_mode"),
    }
}

#[test]
fn max_pool2d() {
    for_each_case("conv/max_pool2d", |case| {
        let y = ops::max_pool2d(&case.var("input"), windows(case));
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn avg_pool2d() {
    for_each_case("conv/avg_pool2d", |case| {
        let y = ops::avg_pool2d(&case.var("input"), windows(case), case.get("count_padding"));
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn pool1d() {
    for_each_case("conv/pool1d", |case| {
        let windows = Pool1d {
            kernel: case.get("kernel"),
            stride: case.get("stride"),
            padding: case.get("padding"),
            ceil_mode: case.get("ceil_mode"),
        };
        let x = case.var("input");
        let y = match case.get::<String>("kind").as_str() {
            "max" => ops::max_pool1d(&x, windows),
            kind => ops::avg_pool1d(&x, windows, kind == "average"),
        };
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn global_pool() {
    for_each_case("conv/global_pool", |case| {
        let layer: &dyn Layer = match case.get::<String>("kind").as_str() {
            "max" => &GlobalMaxPool,
            _ => &GlobalAvgPool,
        };
        let y = layer.apply(&case.var("input"), &mut Pass::Evaluate);
        case.check(&[("output", &y.unwrap())]);
    });
}

/// With the first seed that drops the channels that PyTorch dropped.
#[test]
fn dropout2d() {
    for_each_case("conv/dropout2d", |case| {
        let (input, probability) = (case.tensor("input"), case.get("probability"));
        let run =
            |input: &Tensor, seed| ops::dropout2d(input, probability, &mut Rng::new(seed)).unwrap();
        let dropped = |output: &Tensor| {
            let zeros = output.eq(0.0).unwrap().flatten_all().unwrap();
            zeros.to_vec1::<u8>().unwrap()
        };
        let by_pytorch = dropped(&case.tensor("output"));
        let seed = (0..20_000).find(|&seed| dropped(&run(&input, seed)) == by_pytorch);
        let output = run(&case.var("input"), seed.expect("a seed"));
        case.check(&[("output", &output)]);
    });
}

#[test]
fn upsample_nearest2d() {
    for_each_case("conv/upsample_nearest2d", |case| {
        let y = ops::upsample_nearest2d(&case.var("input"), Resize::To(case.get("size")));
        case.check(&[("output", &y.unwrap())]);
    });
}

#[test]
fn upsample_bilinear2d() {
    for_each_case("conv/upsample_bilinear2d", |case| {
        let size = Resize::To(case.get("size"));
        let y = ops::upsample_bilinear2d(&case.var("input"), size, case.get("align_corners"));
        case.check(&[("output", &y.unwrap())]);
    });
}
