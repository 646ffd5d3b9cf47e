//! Pools and upsamplings of infinite numbers, of what is not a number, of any layout and of nothing.

use candle_core::{DType, Device, Tensor};
use cuaderno::{
    candle_core::{self, Var},
    ops::{self, Activation, Conv2dOptions, Level, Pool2d, Resize, fallback},
};

use crate::cases::values;

/// Runs a test on the fused operations, then on the composed ones.
fn fused_and_composed(test: impl Fn()) {
    test();
    let _forced = fallback::force();
    test();
}

#[test]
fn the_largest_of_a_window_is_not_a_number_wherever_that_is() {
    fused_and_composed(|| {
        for at in 0..4 {
            let mut window = [1.0, -1.0, f64::INFINITY, 2.0];
            window[at] = f64::NAN;
            let x = Tensor::new(&window, &Device::Cpu).unwrap();
            let x = x.reshape((1, 1, 2, 2)).unwrap();
            let y = values(&ops::max_pool2d(&x, Pool2d::square(2)).unwrap());
            assert!(y[0].is_nan(), "{y:?} with NaN at {at}");
        }
    });
}

#[test]
fn pools_and_upsamplings_take_any_layout() {
    fused_and_composed(|| {
        let x = Tensor::arange(0.0, 96.0, &Device::Cpu).unwrap();
        let x = x.reshape((2, 4, 4, 3)).unwrap();
        let x = x.permute((0, 3, 1, 2)).unwrap();
        let rows = x.contiguous().unwrap();
        for operation in [
            (|x| ops::max_pool2d(x, Pool2d::square(2))) as fn(&Tensor) -> cuaderno::Result<Tensor>,
            |x| ops::avg_pool2d(x, Pool2d::square(2), true),
            |x| ops::avg_pool2d(x, Pool2d::square(2), false),
            |x| ops::upsample_nearest2d(x, Resize::By(2)),
            |x| ops::upsample_bilinear2d(x, Resize::By(2), false),
        ] {
            assert_eq!(
                values(&operation(&x).unwrap()),
                values(&operation(&rows).unwrap())
            );
        }
    });
}

#[test]
fn pools_refuse_images_without_channels_and_take_batches_without_images() {
    fused_and_composed(|| {
        let zeros = |shape: [usize; 4]| Tensor::zeros(&shape, DType::F64, &Device::Cpu).unwrap();
        let windows = Pool2d::square(2);
        for pool in [
            (|x, windows| ops::max_pool2d(x, windows))
                as fn(&Tensor, Pool2d) -> cuaderno::Result<Tensor>,
            |x, windows| ops::avg_pool2d(x, windows, true),
        ] {
            let error = pool(&zeros([1, 0, 4, 4]), windows).unwrap_err().to_string();
            assert!(error.contains("[1, 0, 4, 4]"), "{error}");
            assert!(error.contains("one channel or more"), "{error}");
            let y = pool(&zeros([0, 1, 4, 4]), windows).unwrap();
            assert_eq!(y.dims(), [0, 1, 2, 2]);
        }
    });
}

/// What PyTorch 2.15 gives: an infinite pixel makes what it has a share in infinite, and what it
/// has a share of 0 in no number.
#[test]
fn infinite_pixels_are_interpolated_as_in_pytorch() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    fused_and_composed(|| {
        let resized = |x: Tensor, size, align_corners| {
            let y = ops::upsample_bilinear2d(&x, Resize::To(size), align_corners).unwrap();
            // NaN is equal to itself as text.
            format!("{:?}", values(&y))
        };
        let mut image = vec![0.0; 16];
        image[6] = INF;
        let image = Tensor::from_vec(image, (1, 1, 4, 4), &Device::Cpu).unwrap();
        let beside = [0.0, 0.0, 0.0, NAN, NAN, NAN, NAN, 0.0];
        let within = [0.0, 0.0, 0.0, INF, INF, INF, INF, 0.0];
        let expected = [[beside].as_slice(), &[within; 4], &[[0.0; 8]; 3]].concat();
        let expected = format!("{:?}", expected.concat());
        assert_eq!(resized(image, [8, 8], false), expected);

        let row = Tensor::new(&[1.0, INF, 2.0, -INF], &Device::Cpu).unwrap();
        let row = row.reshape((1, 1, 1, 4)).unwrap();
        for align_corners in [false, true] {
            let same = resized(row.clone(), [1, 4], align_corners);
            assert_eq!(same, format!("{:?}", [1.0, NAN, 2.0, NAN]));
        }
    });
}

/// What PyTorch 2.15 gives: ReLU passes on the gradient where a sum is no number, leaky ReLU has
/// its slope there.
#[test]
fn convolutions_with_relu_pass_the_gradient_of_what_is_not_a_number() {
    let x = Tensor::full(f64::NAN, (1, 1, 5, 7), &Device::Cpu).unwrap();
    let weight = Tensor::ones((1, 1, 3, 3), DType::F64, &Device::Cpu).unwrap();
    let windows = Conv2dOptions {
        padding: [1, 1],
        ..Conv2dOptions::default()
    };
    let leaky = Activation::LeakyRelu {
        negative_slope: 0.25,
    };
    let check = || {
        for (activation, slope) in [(Activation::Relu, 1.0), (leaky, 0.25)] {
            let bias = Var::zeros(1, DType::F64, &Device::Cpu).unwrap();
            let y = ops::conv2d(&x, &weight, Some(&bias), windows, activation).unwrap();
            let gradients = ops::backward(&y.sum_all().unwrap()).unwrap();
            let gradient = values(gradients.get(&bias).unwrap());
            assert_eq!(gradient, [35.0 * slope], "{activation:?}");
        }
    };
    for level in Level::available() {
        let _forced = level.force().unwrap();
        check();
    }
    let _forced = fallback::force();
    check();
}
