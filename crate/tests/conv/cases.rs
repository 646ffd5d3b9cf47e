//! Random operations with shapes that fit, and their definitions as loops over single numbers.

use candle_core::{DType, Device, Tensor};
use cuaderno::{
    Result, Rng, candle_core,
    ops::{self, Activation, Conv2dOptions, ConvTranspose2dOptions, Pool2d, Resize},
};
use proptest::prelude::*;

/// An operation and the sizes of its input.
#[derive(Clone, Debug)]
pub struct Case {
    pub operation: Operation,
    pub input: [usize; 4],
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub enum Operation {
    Conv {
        config: Conv2dOptions,
        outputs: usize,
        kernel: [usize; 2],
        activation: Activation,
    },
    ConvTranspose {
        config: ConvTranspose2dOptions,
        outputs: usize,
        kernel: [usize; 2],
        activation: Activation,
    },
    MaxPool(Pool2d),
    AvgPool(Pool2d, bool),
    Nearest([usize; 2]),
    Bilinear([usize; 2], bool),
}

impl Case {
    /// The input, and weight and bias where the operation has them: random numbers in f64.
    pub fn arguments(&self) -> Vec<Tensor> {
        let mut shapes = vec![self.input.to_vec()];
        match &self.operation {
            Operation::Conv {
                config,
                outputs,
                kernel: [height, width],
                ..
            } => {
                let inputs = self.input[1] / config.groups;
                shapes.push(vec![*outputs, inputs, *height, *width]);
                shapes.push(vec![*outputs]);
            }
            Operation::ConvTranspose {
                config,
                outputs,
                kernel: [height, width],
                ..
            } => {
                let per_group = outputs / config.groups;
                shapes.push(vec![self.input[1], per_group, *height, *width]);
                shapes.push(vec![*outputs]);
            }
            _ => {}
        }
        let mut rng = Rng::new(self.seed);
        shapes
            .iter()
            .map(|shape| {
                // Weights such that sums are of the size of their terms, where tanh has a slope.
                let terms = if shape.len() == 4 {
                    shape[1..].iter().product()
                } else {
                    1
                };
                let deviation = if std::ptr::eq(shape, &shapes[0]) {
                    1.0
                } else {
                    (terms as f32).powf(-0.5)
                };
                let values = rng.normal(0.0, deviation, shape).unwrap();
                values.to_dtype(DType::F64).unwrap()
            })
            .collect()
    }

    /// Runs the operation.
    pub fn run(&self, arguments: &[Tensor]) -> Result<Tensor> {
        let x = &arguments[0];
        match self.operation.clone() {
            Operation::Conv {
                config, activation, ..
            } => ops::conv2d(x, &arguments[1], Some(&arguments[2]), config, activation),
            Operation::ConvTranspose {
                config, activation, ..
            } => ops::conv_transpose2d(x, &arguments[1], Some(&arguments[2]), config, activation),
            Operation::MaxPool(windows) => ops::max_pool2d(x, windows),
            Operation::AvgPool(windows, count) => ops::avg_pool2d(x, windows, count),
            Operation::Nearest(size) => ops::upsample_nearest2d(x, Resize::To(size)),
            Operation::Bilinear(size, align) => {
                ops::upsample_bilinear2d(x, Resize::To(size), align)
            }
        }
    }
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Linear),
        Just(Activation::Relu),
        Just(Activation::LeakyRelu {
            negative_slope: 0.1
        }),
        Just(Activation::Tanh),
    ]
}

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

prop_compose! {
    /// Convolutions and transposed convolutions of images up to `size`, with up to `channels`
    /// channels in a group; batches of 0 to 3.
    pub fn convolution(size: usize, channels: usize)(
        (transposed, groups, batch) in (any::<bool>(), 1..4usize, 0..4usize),
        (inputs, outputs) in (1..=channels, 1..=channels),
        (kernel, stride, dilation) in (pair(1..5), pair(1..4), pair(1..3)),
        (padding, extra, more) in (pair(0..4), pair(0..size), pair(0..3)),
        activation in activation(),
        seed in any::<u64>(),
    ) -> Case {
        let (inputs, outputs) = (inputs * groups, outputs * groups);
        let span = |i: usize| (kernel[i] - 1) * dilation[i] + 1;
        if transposed {
            // Large enough that the padding leaves at least one pixel.
            let side = |i: usize| {
                let least = (2 * padding[i] + 1).saturating_sub(span(i)).div_ceil(stride[i]) + 1;
                least + extra[i] / 2
            };
            let output_padding = [0, 1].map(|i| more[i] % stride[i].max(dilation[i]));
            let config = ConvTranspose2dOptions { stride, padding, output_padding, dilation, groups };
            let operation = Operation::ConvTranspose { config, outputs, kernel, activation };
            Case { operation, input: [batch, inputs, side(0), side(1)], seed }
        } else {
            let side = |i: usize| span(i).saturating_sub(2 * padding[i]).max(1) + extra[i];
            let config = Conv2dOptions { stride, padding, dilation, groups };
            let operation = Operation::Conv { config, outputs, kernel, activation };
            Case { operation, input: [batch, inputs, side(0), side(1)], seed }
        }
    }
}

prop_compose! {
    /// Kernels of 3 x 3 in stride 1 with enough channels to run by tiles.
    pub fn by_tiles(size: usize)(
        (transposed, batch, groups) in (any::<bool>(), 1..4usize, 1..3usize),
        (inputs, outputs) in (32..40usize, 32..80usize),
        (padding, sides) in (pair(0..4), pair(7..7 + size)),
        activation in activation(),
        seed in any::<u64>(),
    ) -> Case {
        let (inputs, outputs, kernel) = (inputs * groups, outputs * groups, [3, 3]);
        let operation = if transposed {
            let config = ConvTranspose2dOptions { padding, groups, ..ConvTranspose2dOptions::default() };
            Operation::ConvTranspose { config, outputs, kernel, activation }
        } else {
            let config = Conv2dOptions { padding, groups, ..Conv2dOptions::default() };
            Operation::Conv { config, outputs, kernel, activation }
        };
        Case { operation, input: [batch, inputs, sides[0], sides[1]], seed }
    }
}

prop_compose! {
    /// Pools and upsamplings of images up to `size`; batches of 0 to 2.
    pub fn resize(size: usize)(
        (kind, align, ceil_mode) in (0..4u8, any::<bool>(), any::<bool>()),
        (batch, channels) in (0..3usize, 1..3usize),
        (kernel, stride, reach) in (pair(1..5), pair(1..5), pair(0..3)),
        (extra, target) in (pair(0..size), pair(1..2 * size)),
        seed in any::<u64>(),
    ) -> Case {
        let padding = [0, 1].map(|i| reach[i].min(kernel[i] / 2));
        let windows = Pool2d { kernel, stride, padding, ceil_mode };
        let operation = match kind {
            0 => Operation::MaxPool(windows),
            1 => Operation::AvgPool(windows, align),
            2 => Operation::Nearest(target),
            _ => Operation::Bilinear(target, align),
        };
        let side = |i: usize| kernel[i] + extra[i];
        Case { operation, input: [batch, channels, side(0), side(1)], seed }
    }
}

/// All numbers of a tensor, as f64.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A tensor of f64 on the CPU.
pub fn tensor(values: Vec<f64>, shape: &[usize]) -> Tensor {
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}
