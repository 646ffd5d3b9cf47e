//! Convolutions and transposed convolutions in one and two dimensions, with PyTorch's layouts.
//!
//! All of them, and all their gradients, are products of matrices that are never stored:
//! [`geometry`] tells which positions each tap connects, [`pack`] copies images and weights into a
//! layout in which every tap is a constant offset, and [`kernel`] computes tiles of sums in
//! registers.

use candle_core::Tensor;

mod composed;
mod depthwise;
mod epilogue;
mod fused;
mod geometry;
mod images;
mod kernel;
mod pack;
mod sweep;
mod weights;
mod winograd;

use self::{
    epilogue::Epilogue,
    fused::Convolution,
    geometry::{Axis, Direction, Geometry},
};
use super::{Activation, fallback};
use crate::numerics::for_float;
use crate::{Error, Result};

/// How the kernel of [`conv2d`] moves over the image; pairs are (vertical, horizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// The distance between neighbouring positions of the kernel.
    pub stride: [usize; 2],
    /// Zeros on each side of the image.
    pub padding: [usize; 2],
    /// The distance between neighbouring elements of the kernel.
    pub dilation: [usize; 2],
    /// Groups of channels that share no weights.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Self {
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
        }
    }
}

/// How the kernel of [`conv_transpose2d`] moves; pairs are (vertical, horizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2dOptions {
    /// The distance in the output between the windows of neighbouring inputs.
    pub stride: [usize; 2],
    /// Rows and columns cut off on each side of the output.
    pub padding: [usize; 2],
    /// Rows and columns added at the end of the output, fewer than stride or dilation.
    pub output_padding: [usize; 2],
    /// The distance between neighbouring elements of the kernel.
    pub dilation: [usize; 2],
    /// Groups of channels that share no weights.
    pub groups: usize,
}

impl Default for ConvTranspose2dOptions {
    /// Stride 1, no padding, no output padding, dilation 1, one group.
    fn default() -> Self {
        Self {
            stride: [1, 1],
            padding: [0, 0],
            output_padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
        }
    }
}

/// How the kernel of [`conv1d`] moves over the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv1dOptions {
    /// The distance between neighbouring positions of the kernel.
    pub stride: usize,
    /// Zeros on each side of the sequence.
    pub padding: usize,
    /// The distance between neighbouring elements of the kernel.
    pub dilation: usize,
    /// Groups of channels that share no weights.
    pub groups: usize,
}

impl Default for Conv1dOptions {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
        }
    }
}

/// How the kernel of [`conv_transpose1d`] moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose1dOptions {
    /// The distance in the output between the windows of neighbouring inputs.
    pub stride: usize,
    /// Elements cut off on each side of the output.
    pub padding: usize,
    /// Elements added at the end of the output, fewer than stride or dilation.
    pub output_padding: usize,
    /// The distance between neighbouring elements of the kernel.
    pub dilation: usize,
    /// Groups of channels that share no weights.
    pub groups: usize,
}

impl Default for ConvTranspose1dOptions {
    /// Stride 1, no padding, no output padding, dilation 1, one group.
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            output_padding: 0,
            dilation: 1,
            groups: 1,
        }
    }
}

/// `activation(convolution of x with weight + bias)`, like `torch.nn.functional.conv2d`. `x` is
/// `[batch, inputs, height, width]`, `weight` `[outputs, inputs / groups, kernel height, kernel
/// width]` and `bias` `[outputs]`. The result is `[batch, outputs, rows, columns]` with `rows =
/// (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down.
///
/// ```
/// use cuaderno::{ops::{self, Activation, Conv2dOptions}, prelude::*};
///
/// let image = Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// let edges = Tensor::new(&[-1f32, 1.0], &Device::Cpu)?.reshape((1, 1, 1, 2))?;
/// let config = Conv2dOptions { stride: [2, 1], ..Conv2dOptions::default() };
/// let y = ops::conv2d(&image, &edges, None, config, Activation::Linear)?;
/// assert_eq!(y.squeeze(0)?.squeeze(0)?.to_vec2::<f32>()?, [[1.0; 3]; 2]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit each other, or the kernel is larger than the padded image.
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: Conv2dOptions,
    activation: Activation,
) -> Result<Tensor> {
    const NAME: &str = "conv2d";
    let Conv2dOptions {
        stride,
        padding,
        dilation,
        groups,
    } = config;
    let shapes = Shapes::new(NAME, x, weight, groups, [stride, dilation])?;
    if shapes.inputs != shapes.weight[1] * groups {
        return Err(shapes.mismatch(
            "the weight's second number must be the input's channels divided by the groups",
        ));
    }
    let axis = |i: usize| -> Result<Axis> {
        let (size, kernel) = (shapes.size[i], shapes.weight[2 + i]);
        let padded = size + 2 * padding[i];
        let span = (kernel - 1) * dilation[i] + 1;
        let room = padded.checked_sub(span).ok_or_else(|| {
            shapes.mismatch(&format!(
                "the kernel spans {span}, but the image with its padding only {padded}; use a smaller kernel or more padding"
            ))
        })?;
        Ok(Axis {
            big: size,
            small: room / stride[i] + 1,
            kernel,
            stride: stride[i],
            padding: padding[i],
            dilation: dilation[i],
        })
    };
    let geometry = Geometry {
        batch: shapes.batch,
        big_channels: shapes.inputs,
        small_channels: shapes.weight[0],
        groups,
        rows: axis(0)?,
        columns: axis(1)?,
    };
    shapes.check_bias(bias, shapes.weight[0])?;
    run(
        NAME,
        (x, weight, bias),
        geometry,
        Direction::Gather,
        activation,
    )
}

/// `activation(transposed convolution of x with weight + bias)`, like
/// `torch.nn.functional.conv_transpose2d`. `x` is `[batch, inputs, height, width]`, `weight`
/// `[inputs, outputs / groups, kernel height, kernel width]` and `bias` `[outputs]`. The result is
/// `[batch, outputs, rows, columns]` with `rows = (height - 1) stride - 2 padding + dilation
/// (kernel - 1) + output_padding + 1`.
///
/// ```
/// use cuaderno::{ops::{self, Activation, ConvTranspose2dOptions}, prelude::*};
///
/// let latent = Tensor::ones((1, 8, 7, 7), DType::F32, &Device::Cpu)?;
/// let weight = Tensor::ones((8, 4, 3, 3), DType::F32, &Device::Cpu)?;
/// let config = ConvTranspose2dOptions {
///     stride: [2, 2],
///     padding: [1, 1],
///     output_padding: [1, 1],
///     ..ConvTranspose2dOptions::default()
/// };
/// let y = ops::conv_transpose2d(&latent, &weight, None, config, Activation::Relu)?;
/// assert_eq!(y.dims(), [1, 4, 14, 14]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit each other, or the padding leaves nothing of the output.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: ConvTranspose2dOptions,
    activation: Activation,
) -> Result<Tensor> {
    const NAME: &str = "conv_transpose2d";
    let ConvTranspose2dOptions {
        stride,
        padding,
        output_padding,
        dilation,
        groups,
    } = config;
    let shapes = Shapes::new(NAME, x, weight, groups, [stride, dilation])?;
    if shapes.inputs != shapes.weight[0] {
        return Err(shapes.mismatch("the weight's first number must be the input's channels"));
    }
    let axis = |i: usize| -> Result<Axis> {
        let (size, kernel) = (shapes.size[i], shapes.weight[2 + i]);
        if output_padding[i] >= stride[i].max(dilation[i]) {
            return Err(Error::argument(
                "output_padding",
                output_padding[i],
                format!(
                    "less than the stride ({}) or the dilation ({})",
                    stride[i], dilation[i]
                ),
            ));
        }
        let whole = match size {
            0 => 0,
            _ => (size - 1) * stride[i] + (kernel - 1) * dilation[i] + 1 + output_padding[i],
        };
        let big = whole
            .checked_sub(2 * padding[i])
            .filter(|&big| big > 0 || size == 0);
        let big = big.ok_or_else(|| {
            shapes.mismatch(&format!(
                "the padding {} on both sides leaves nothing of the {whole} rows or columns of the output; use less padding",
                padding[i]
            ))
        })?;
        Ok(Axis {
            big,
            small: size,
            kernel,
            stride: stride[i],
            padding: padding[i],
            dilation: dilation[i],
        })
    };
    let outputs = shapes.weight[1] * groups;
    let geometry = Geometry {
        batch: shapes.batch,
        big_channels: outputs,
        small_channels: shapes.inputs,
        groups,
        rows: axis(0)?,
        columns: axis(1)?,
    };
    shapes.check_bias(bias, outputs)?;
    run(
        NAME,
        (x, weight, bias),
        geometry,
        Direction::Scatter,
        activation,
    )
}

/// [`conv2d`] in one dimension, with `x` `[batch, inputs, length]` and `weight` `[outputs, inputs /
/// groups, kernel]`.
///
/// # Errors
/// If the shapes do not fit each other, or the kernel is longer than the padded sequence.
pub fn conv1d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: Conv1dOptions,
    activation: Activation,
) -> Result<Tensor> {
    let (x, weight) = as_images("conv1d", x, weight)?;
    let config = Conv2dOptions {
        stride: [1, config.stride],
        padding: [0, config.padding],
        dilation: [1, config.dilation],
        groups: config.groups,
    };
    Ok(conv2d(&x, &weight, bias, config, activation)?.squeeze(2)?)
}

/// [`conv_transpose2d`] in one dimension, with `x` `[batch, inputs, length]` and `weight` `[inputs,
/// outputs / groups, kernel]`.
///
/// # Errors
/// If the shapes do not fit each other, or the padding leaves nothing of the output.
pub fn conv_transpose1d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: ConvTranspose1dOptions,
    activation: Activation,
) -> Result<Tensor> {
    let (x, weight) = as_images("conv_transpose1d", x, weight)?;
    let config = ConvTranspose2dOptions {
        stride: [1, config.stride],
        padding: [0, config.padding],
        output_padding: [0, config.output_padding],
        dilation: [1, config.dilation],
        groups: config.groups,
    };
    Ok(conv_transpose2d(&x, &weight, bias, config, activation)?.squeeze(2)?)
}

/// A sequence as an image of one row, or its weight as that of such an image.
fn as_images(operation: &'static str, x: &Tensor, weight: &Tensor) -> Result<(Tensor, Tensor)> {
    if x.rank() != 3 || weight.rank() != 3 {
        return Err(Error::shape(
            operation,
            format!(
                "the input is {:?} and the weight {:?}, but both must have three dimensions: [batch, channels, length] and [channels, channels, kernel].",
                x.dims(),
                weight.dims()
            ),
        ));
    }
    Ok((x.unsqueeze(2)?, weight.unsqueeze(2)?))
}

/// The shapes of an operation, for its checks and its errors.
struct Shapes {
    operation: &'static str,
    batch: usize,
    inputs: usize,
    size: [usize; 2],
    weight: [usize; 4],
    groups: usize,
}

impl Shapes {
    fn new(
        operation: &'static str,
        x: &Tensor,
        weight: &Tensor,
        groups: usize,
        positive: [[usize; 2]; 2],
    ) -> Result<Self> {
        let (&[batch, inputs, height, width], &[a, b, rows, columns]) = (x.dims(), weight.dims())
        else {
            return Err(Error::shape(
                operation,
                format!(
                    "the input is {:?} and the weight {:?}, but both must have four dimensions: [batch, channels, height, width] and [channels, channels, kernel height, kernel width].",
                    x.dims(),
                    weight.dims()
                ),
            ));
        };
        for (name, values) in ["the stride", "the dilation"].into_iter().zip(positive) {
            if values.contains(&0) {
                return Err(Error::argument(name, format!("{values:?}"), "1 or more"));
            }
        }
        let shapes = Self {
            operation,
            batch,
            inputs,
            size: [height, width],
            weight: [a, b, rows, columns],
            groups,
        };
        if groups == 0 || inputs % groups != 0 || a % groups != 0 {
            return Err(shapes.mismatch(
                "the groups must divide the input's channels and the weight's first number",
            ));
        }
        if shapes.weight.contains(&0) || inputs == 0 {
            return Err(shapes.mismatch("channels and kernel must not be empty"));
        }
        Ok(shapes)
    }

    fn mismatch(&self, advice: &str) -> Error {
        let [height, width] = self.size;
        Error::shape(
            self.operation,
            format!(
                "the input is {:?} and the weight {:?} with {} group(s): {advice}.",
                [self.batch, self.inputs, height, width],
                self.weight,
                self.groups,
            ),
        )
    }

    fn check_bias(&self, bias: Option<&Tensor>, outputs: usize) -> Result<()> {
        match bias {
            Some(bias) if bias.dims() != [outputs] => Err(self.mismatch(&format!(
                "the bias is {:?}, but it must be [{outputs}], one number for each output channel",
                bias.dims()
            ))),
            _ => Ok(()),
        }
    }
}

fn run(
    name: &'static str,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    geometry: Geometry,
    direction: Direction,
    activation: Activation,
) -> Result<Tensor> {
    if !fallback::fused(x) {
        let shape = match direction {
            Direction::Gather => geometry.small_shape(),
            Direction::Scatter => geometry.big_shape(),
        };
        // Candle panics on products of empty matrices.
        if x.elem_count() == 0 {
            return Ok(Tensor::zeros(&shape, x.dtype(), x.device())?);
        }
        let y = match direction {
            Direction::Gather => composed::gather(x, weight, bias, &geometry)?,
            Direction::Scatter => composed::scatter(x, weight, bias, &geometry)?,
        };
        return activation.apply(&y);
    }
    let epilogue = match activation {
        Activation::Relu => Epilogue::Relu,
        Activation::LeakyRelu { negative_slope } if negative_slope >= 0.0 => {
            Epilogue::LeakyRelu(negative_slope)
        }
        _ => Epilogue::Identity,
    };
    let arguments = (x, weight, bias);
    let y: Result<Tensor> = for_float!(x.dtype(), T => {
        Ok(Convolution::<T>::apply(name, geometry, direction, epilogue, arguments)?)
    });
    match epilogue {
        Epilogue::Identity => activation.apply(&y?),
        _ => y,
    }
}
