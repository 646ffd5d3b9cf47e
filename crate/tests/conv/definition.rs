//! The kernels against the definition in f64, on every SIMD level and with any number of threads.

use candle_core::{DType, Tensor, Var};
use cuaderno::{
    candle_core,
    ops::{Activation, Conv2dOptions, ConvTranspose2dOptions, Level, fallback},
};
use proptest::prelude::*;

use crate::cases::{Case, Operation, by_tiles, convolution, resize, values};

/// Result and gradients of all arguments, for the gradient 1 of the sum of squares of the result.
fn everything(case: &Case, dtype: DType) -> Vec<Tensor> {
    let variables: Vec<Var> = case
        .arguments()
        .iter()
        .map(|argument| Var::from_tensor(&argument.to_dtype(dtype).unwrap()).unwrap())
        .collect();
    let arguments: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = case.run(&arguments).unwrap();
    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let gradients = variables.iter().map(|v| gradients.get(v).unwrap().clone());
    std::iter::once(y.clone()).chain(gradients).collect()
}

/// The convolution by its definition, one product after the other, with channels in no group.
fn definition(case: &Case) -> Vec<f64> {
    let arguments = case.arguments();
    let (x, weight, bias) = (
        values(&arguments[0]),
        values(&arguments[1]),
        values(&arguments[2]),
    );
    let y = case.run(&arguments).unwrap();
    let [batch, inputs, height, width] = case.input;
    let (outputs, rows, columns) = (y.dims()[1], y.dims()[2], y.dims()[3]);
    let (stride, padding, dilation, groups, kernel, activation, transposed) = match &case.operation
    {
        Operation::Conv {
            config,
            kernel,
            activation,
            ..
        } => {
            let Conv2dOptions {
                stride,
                padding,
                dilation,
                groups,
            } = *config;
            (stride, padding, dilation, groups, kernel, activation, false)
        }
        Operation::ConvTranspose {
            config,
            kernel,
            activation,
            ..
        } => {
            let ConvTranspose2dOptions {
                stride,
                padding,
                dilation,
                groups,
                ..
            } = *config;
            (stride, padding, dilation, groups, kernel, activation, true)
        }
        other => panic!("{other:?} is no convolution"),
    };
    let mut sums: Vec<f64> = (0..y.elem_count())
        .map(|at| bias[at / (rows * columns) % outputs])
        .collect();
    let (small, big) = match transposed {
        true => ([height, width], [rows, columns]),
        false => ([rows, columns], [height, width]),
    };
    for image in 0..batch {
        for output in 0..outputs {
            for input in 0..inputs {
                if output / (outputs / groups) != input / (inputs / groups) {
                    continue;
                }
                let matrix = match transposed {
                    true => input * (outputs / groups) + output % (outputs / groups),
                    false => output * (inputs / groups) + input % (inputs / groups),
                };
                for tap in 0..kernel[0] * kernel[1] {
                    let (a, b) = (tap / kernel[1], tap % kernel[1]);
                    for at in 0..small[0] * small[1] {
                        let (i, j) = (at / small[1], at % small[1]);
                        let y = (i * stride[0] + a * dilation[0]).wrapping_sub(padding[0]);
                        let x_at = (j * stride[1] + b * dilation[1]).wrapping_sub(padding[1]);
                        if y >= big[0] || x_at >= big[1] {
                            continue;
                        }
                        let far = y * big[1] + x_at;
                        let (from, to) = if transposed { (at, far) } else { (far, at) };
                        let weight = weight[matrix * kernel[0] * kernel[1] + tap];
                        sums[(image * outputs + output) * rows * columns + to] +=
                            weight * x[(image * inputs + input) * height * width + from];
                    }
                }
            }
        }
    }
    for sum in &mut sums {
        *sum = match activation {
            Activation::Linear => *sum,
            Activation::Relu => sum.max(0.0),
            Activation::LeakyRelu { negative_slope } if *sum < 0.0 => *sum * negative_slope,
            Activation::LeakyRelu { .. } => *sum,
            Activation::Tanh => sum.tanh(),
            other => panic!("{other:?} is not drawn"),
        };
    }
    sums
}

/// Every element within `tolerance` of the largest one.
fn close(found: &[f64], expected: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    near(found, expected, tolerance * largest(expected))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(1e-30, |largest, x| largest.max(x.abs()))
}

/// Every element within `distance` of what it should be.
fn near(found: &[f64], expected: &[f64], distance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        prop_assert!(
            (f - e).abs() <= distance,
            "element {at}: {f} instead of {e}"
        );
    }
    Ok(())
}

/// Products of at most a few thousand terms, summed in f32 in another order.
const TOLERANCE: f64 = 1e-5;

/// What rounding errors of each of `everything` grow with: the largest element. A bias has few
/// elements, and the terms of its gradient may cancel in all of them; their errors do not. A term is
/// at most twice the result, and where a tanh is flat its error is of that size too.
fn scales(expected: &[Tensor]) -> Vec<f64> {
    let mut scales: Vec<f64> = expected.iter().map(|x| largest(&values(x))).collect();
    if let [y, _, _, bias] = expected {
        let terms = values(y).iter().map(|y| 2.0 * y.abs()).sum::<f64>();
        scales[3] = scales[3].max(terms / bias.elem_count().max(1) as f64);
    }
    scales
}

fn levels_agree(case: &Case) -> Result<(), TestCaseError> {
    let expected = everything(case, DType::F64);
    let scales = scales(&expected);
    for level in Level::available() {
        let _level = level.force().unwrap();
        let found = everything(case, DType::F32);
        for ((expected, found), scale) in expected.iter().zip(found).zip(&scales) {
            near(&values(&found), &values(expected), TOLERANCE * scale)?;
        }
        for (expected, found) in expected.iter().zip(everything(case, DType::F64)) {
            close(&values(&found), &values(expected), 1e-12)?;
        }
    }
    let _composed = fallback::force();
    if case.input[0] == 0 {
        // candle gives an empty sum no gradient
        let y = case.run(&case.arguments()).unwrap();
        prop_assert_eq!(y.dims(), expected[0].dims());
        return Ok(());
    }
    for (expected, found) in expected.iter().zip(everything(case, DType::F64)) {
        close(&values(&found), &values(expected), 1e-12)?;
    }
    Ok(())
}

fn threads_agree(case: &Case) -> Result<(), TestCaseError> {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| everything(case, DType::F32))
    };
    let alone = with(1);
    for threads in [2, 3] {
        for (alone, together) in alone.iter().zip(with(threads)) {
            let bits = |tensor: &Tensor| -> Vec<u32> {
                let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                values.into_iter().map(f32::to_bits).collect()
            };
            prop_assert!(bits(alone) == bits(&together), "with {threads} threads");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn convolutions_are_what_they_are_defined_to_be(case in convolution(9, 20)) {
        let y = case.run(&case.arguments()).unwrap();
        close(&values(&y), &definition(&case), 1e-12)?;
    }

    #[test]
    fn convolutions_by_tiles_are_what_they_are_defined_to_be(case in by_tiles(9)) {
        let y = case.run(&case.arguments()).unwrap();
        close(&values(&y), &definition(&case), 1e-12)?;
    }

    #[test]
    fn convolutions_by_tiles_agree_on_every_level(case in by_tiles(20)) {
        levels_agree(&case)?;
    }

    #[test]
    fn the_bits_of_convolutions_by_tiles_do_not_depend_on_the_threads(case in by_tiles(20)) {
        threads_agree(&case)?;
    }

    #[test]
    fn convolutions_agree_on_every_level(case in convolution(20, 40)) {
        levels_agree(&case)?;
    }

    #[test]
    fn pools_and_upsamplings_agree_on_every_level(case in resize(12)) {
        levels_agree(&case)?;
    }

    #[test]
    fn the_bits_of_convolutions_do_not_depend_on_the_threads(case in convolution(20, 40)) {
        threads_agree(&case)?;
    }

    #[test]
    fn the_bits_of_pools_do_not_depend_on_the_threads(case in resize(12)) {
        threads_agree(&case)?;
    }
}

/// Large enough that images are cut into bands, batches into parts and channels into blocks.
fn large(transposed: bool) -> Case {
    let kernel = [3, 3];
    let activation = Activation::Relu;
    let operation = if transposed {
        let config = ConvTranspose2dOptions {
            stride: [2, 2],
            padding: [1, 1],
            output_padding: [1, 0],
            ..ConvTranspose2dOptions::default()
        };
        Operation::ConvTranspose {
            config,
            outputs: 21,
            kernel,
            activation,
        }
    } else {
        let config = Conv2dOptions {
            padding: [1, 1],
            ..Conv2dOptions::default()
        };
        Operation::Conv {
            config,
            outputs: 70,
            kernel,
            activation,
        }
    };
    Case {
        operation,
        input: [3, 37, 61, 67],
        seed: 1,
    }
}

#[test]
fn large_convolutions_agree_on_every_level_and_with_any_number_of_threads() {
    for transposed in [false, true] {
        let case = large(transposed);
        levels_agree(&case).unwrap();
        threads_agree(&case).unwrap();
    }
}
