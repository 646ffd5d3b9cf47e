//! What candle 0.11 gets wrong, one test each, named after the defect. Our operations get it right.

use candle_core::{DType, Device, Result, Tensor, Var};
use cuaderno::{
    candle_core,
    ops::{self, Activation, Conv1dOptions, Conv2dOptions, ConvTranspose1dOptions, Pool2d, Resize},
};

fn ones(shape: &[usize]) -> Var {
    Var::ones(shape, DType::F64, &Device::Cpu).unwrap()
}

fn counting(shape: &[usize]) -> Var {
    let count = shape.iter().product::<usize>() as f64;
    let values = Tensor::arange(0.0, count, &Device::Cpu).unwrap();
    Var::from_tensor(&values.reshape(shape).unwrap()).unwrap()
}

fn gradient(y: &Tensor, of: &Var) -> Vec<f64> {
    let gradients = y.sum_all().unwrap().backward().unwrap();
    let gradient = gradients.get(of).expect("there is no gradient");
    gradient.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn max_pool2d_gradient_is_divided_by_the_size_of_the_window() {
    let x = counting(&[1, 1, 2, 2]);
    let y = ops::max_pool2d(&x, Pool2d::square(2)).unwrap();
    assert_eq!(gradient(&y, &x), [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn max_pool2d_gradient_goes_to_every_tie() {
    let x = ones(&[1, 1, 2, 2]);
    let y = ops::max_pool2d(&x, Pool2d::square(2)).unwrap();
    assert_eq!(gradient(&y, &x), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn max_pool2d_gradient_is_wrong_on_odd_sizes() {
    let x = counting(&[1, 1, 3, 3]);
    let y = ops::max_pool2d(&x, Pool2d::square(2)).unwrap();
    assert_eq!(
        gradient(&y, &x),
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    );
}

#[test]
fn max_pool2d_has_no_gradient_where_kernel_and_stride_differ() {
    let x = counting(&[1, 1, 1, 4]);
    let windows = Pool2d {
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 0],
        ceil_mode: false,
    };
    let y = ops::max_pool2d(&x, windows).unwrap();
    assert_eq!(gradient(&y, &x), [0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn avg_pool2d_gradient_is_wrong_on_odd_sizes() {
    let x = counting(&[1, 1, 3, 3]);
    let y = ops::avg_pool2d(&x, Pool2d::square(2), true).unwrap();
    let quarter = 0.25;
    let expected = [quarter, quarter, 0.0, quarter, quarter, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(gradient(&y, &x), expected);
}

#[test]
fn avg_pool2d_has_no_gradient_with_overlapping_windows() {
    let x = counting(&[1, 1, 1, 3]);
    let windows = Pool2d {
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 0],
        ceil_mode: false,
    };
    let y = ops::avg_pool2d(&x, windows, true).unwrap();
    assert_eq!(gradient(&y, &x), [0.5, 1.0, 0.5]);
}

#[test]
fn upsample_nearest2d_overwrites_the_gradient_of_a_skip_connection() -> Result<()> {
    let x = counting(&[1, 1, 1, 2]);
    for upsampling_first in [true, false] {
        let middle = (x.as_tensor() * 1.0)?;
        let skip = (&middle * 10.0)?.sum_all()?;
        let upsampled = ops::upsample_nearest2d(&middle, Resize::By(2))
            .unwrap()
            .sum_all()?;
        let sum = match upsampling_first {
            true => (upsampled + skip)?,
            false => (skip + upsampled)?,
        };
        assert_eq!(gradient(&sum, &x), [14.0, 14.0]);
    }
    Ok(())
}

#[test]
fn upsample_bilinear2d_has_no_gradient() {
    let x = counting(&[1, 1, 1, 2]);
    let y = ops::upsample_bilinear2d(&x, Resize::To([1, 4]), false).unwrap();
    assert_eq!(gradient(&y, &x), [2.0, 2.0]);
}

#[test]
fn conv_transpose1d_has_no_gradient() {
    let (x, weight) = (counting(&[1, 1, 3]), counting(&[1, 1, 2]));
    let config = ConvTranspose1dOptions {
        stride: 2,
        ..ConvTranspose1dOptions::default()
    };
    let y = ops::conv_transpose1d(&x, &weight, None, config, Activation::Linear).unwrap();
    assert_eq!(gradient(&y, &x), [1.0, 1.0, 1.0]);
    assert_eq!(gradient(&y, &weight), [3.0, 3.0]);
}

#[test]
fn conv1d_gradient_of_the_kernel_is_wrong() {
    let (x, weight) = (counting(&[1, 1, 4]), counting(&[1, 1, 2]));
    let y = ops::conv1d(
        &x,
        &weight,
        None,
        Conv1dOptions::default(),
        Activation::Linear,
    )
    .unwrap();
    assert_eq!(gradient(&y, &weight), [3.0, 6.0]);
}

#[test]
fn conv2d_with_a_stride_fails_where_height_and_width_leave_different_remainders() {
    let (x, weight) = (counting(&[1, 1, 3, 4]), ones(&[1, 1, 1, 1]));
    let config = Conv2dOptions {
        stride: [2, 2],
        ..Conv2dOptions::default()
    };
    let y = ops::conv2d(&x, &weight, None, config, Activation::Linear).unwrap();
    let expected = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    assert_eq!(gradient(&y, &x), expected);
}

#[test]
fn relu_has_the_derivative_1_at_0() {
    let (x, weight) = (ones(&[1, 1, 1, 1]), ones(&[1, 1, 1, 1]));
    let bias = Var::new(&[-1f64], &Device::Cpu).unwrap();
    let config = Conv2dOptions::default();
    let y = ops::conv2d(&x, &weight, Some(&bias), config, Activation::Relu).unwrap();
    assert_eq!(gradient(&y, &x), [0.0]);
}

#[test]
fn what_is_not_a_number_does_not_vanish() {
    let x = Tensor::full(f32::NAN, (1, 1, 4, 4), &Device::Cpu).unwrap();
    let weight = Tensor::ones((1, 1, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let config = Conv2dOptions::default();
    let convolved = ops::conv2d(&x, &weight, None, config, Activation::Relu).unwrap();
    let pooled = ops::max_pool2d(&x, Pool2d::square(2)).unwrap();
    let overlapping = Pool2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        ceil_mode: false,
    };
    let overlapping = ops::max_pool2d(&x, overlapping).unwrap();
    for y in [convolved, pooled, overlapping] {
        let values = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|value| value.is_nan()), "{values:?}");
    }
}
