//! The fully connected layer as a single operation.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor};

use super::{
    activation::{Activation, Loop},
    fallback,
    gradient::for_variable,
};
use crate::numerics::{
    for_float,
    gemm::{self, Matrix},
    simd::{self, Float, Simd, WithSimd},
    storage::{Elements, elements},
};
use crate::{Error, Result};

/// `activation(x · weightᵀ + bias)` over the last dimension, with `x` `[.., inputs]` of two or more
/// dimensions, `weight` `[outputs, inputs]`, `bias` `[outputs]` and a result `[.., outputs]`.
///
/// ```
/// use cuaderno::{ops::{self, Activation}, prelude::*};
///
/// let x = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
/// let weight = Tensor::new(&[[1f32, 1.0], [-1.0, -1.0]], &Device::Cpu)?;
/// let bias = Tensor::new(&[0.5f32, 0.5], &Device::Cpu)?;
/// let y = ops::linear(&x, &weight, Some(&bias), Activation::Relu)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[3.5, 0.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, or the element types differ.
pub fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    check(x, weight, bias)?;
    activation.check()?;
    if !fallback::fused(x) {
        return composed(x, weight, bias, activation);
    }
    if activation.derivative_needs_input() {
        return activation.apply(&linear(x, weight, bias, Activation::Linear)?);
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    for_float!(x.dtype(), T => {
        let op = Linear::<T> { activation, element: PhantomData };
        Ok(match bias {
            Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op)?,
            None => x.apply_op2(&weight, op)?,
        })
    })
}

fn check(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<()> {
    let fits = x.rank() >= 2
        && weight.rank() == 2
        && x.dims().last() == weight.dims().last()
        && bias.is_none_or(|bias| bias.dims() == &weight.dims()[..1]);
    if !fits {
        let bias = bias.map_or(String::new(), |bias| format!(" and bias {:?}", bias.dims()));
        return Err(Error::shape(
            "linear",
            format!(
                "x {:?} does not fit weight {:?}{bias}; they must be [.., inputs], [outputs, inputs] and [outputs].",
                x.dims(),
                weight.dims(),
            ),
        ));
    }
    if x.dtype() != weight.dtype() || bias.is_some_and(|bias| bias.dtype() != x.dtype()) {
        return Err(Error::argument(
            "the element type of the weight or the bias",
            format!("{:?}", weight.dtype()),
            format!(
                "that of x, {:?}: convert one with `.to_dtype(..)?`",
                x.dtype()
            ),
        ));
    }
    Ok(())
}

fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let shape = output_shape(x.dims(), outputs);
    let rows = shape[..shape.len() - 1].iter().product::<usize>();
    let mut y = x.reshape((rows, inputs))?.matmul(&weight.t()?)?;
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    activation.composed(&y.reshape(shape)?)
}

fn output_shape(x: &[usize], outputs: usize) -> Vec<usize> {
    [&x[..x.len() - 1], &[outputs]].concat()
}

struct Linear<T> {
    activation: Activation,
    element: PhantomData<T>,
}

impl<T: Float> Linear<T> {
    fn forward(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (weight, weight_layout): (&CpuStorage, &Layout),
        bias: &[T],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (outputs, inputs) = weight_layout.shape().dims2()?;
        let shape = output_shape(x_layout.dims(), outputs);
        let rows = shape[..shape.len() - 1].iter().product();
        let mut y = gemm::product(
            Matrix::new(elements(x, x_layout)?, rows, inputs),
            Matrix::new(elements(weight, weight_layout)?, outputs, inputs).transposed(),
        );
        if self.activation != Activation::Linear || !bias.is_empty() {
            T::dispatch(Finish {
                activation: self.activation,
                y: &mut y,
                bias,
            });
        }
        Ok((T::to_cpu_storage_owned(y), shape.into()))
    }

    /// The gradients of `x`, `weight` and `bias`, each only if it is tracked.
    fn backward(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let (outputs, inputs) = weight.dims2()?;
        let gradient = gradient.contiguous()?;
        let gradient = Elements::<T>::of(&gradient)?;
        let rows = gradient.len() / outputs.max(1);
        let bias = bias.filter(|bias| bias.track_op());

        let mut sums = vec![T::zero(); if bias.is_some() { outputs } else { 0 }];
        let before = T::dispatch(Unwind {
            activation: self.activation,
            y: &Elements::<T>::of(y)?,
            gradient: &gradient,
            columns: outputs,
            sums: &mut sums,
        });
        // The gradient before the activation.
        let before = before.as_deref().unwrap_or(&gradient);
        let before = Matrix::new(before, rows, outputs);

        let of_x = if x.track_op() {
            let weight = Elements::<T>::of(weight)?;
            let values = gemm::product(before, Matrix::new(&weight, outputs, inputs));
            for_variable(x, values)?
        } else {
            None
        };
        let of_weight = if weight.track_op() {
            let x = Elements::<T>::of(x)?;
            let values = gemm::product(before.transposed(), Matrix::new(&x, rows, inputs));
            for_variable(weight, values)?
        } else {
            None
        };
        let of_bias = bias.map(|bias| for_variable(bias, sums));
        Ok([of_x, of_weight, of_bias.transpose()?.flatten()])
    }
}

impl<T: Float> CustomOp2 for Linear<T> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward((x, x_layout), (weight, weight_layout), &[])
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let [x, weight, _] = self.backward(x, weight, None, y, gradient)?;
        Ok((x, weight))
    }
}

impl<T: Float> CustomOp3 for Linear<T> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let bias = elements(bias, bias_layout)?;
        self.forward((x, x_layout), (weight, weight_layout), bias)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [x, weight, bias] = self.backward(x, weight, Some(bias), y, gradient)?;
        Ok((x, weight, bias))
    }
}

/// Adds the bias, if there is one, to each row of the product, and applies the activation.
struct Finish<'a, T> {
    activation: Activation,
    y: &'a mut [T],
    bias: &'a [T],
}

impl<T: Float> WithSimd for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let activation = self.activation;
        activation.forward::<T, S, _>(self)
    }
}

impl<T: Float> Loop<T> for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self, f: impl Fn(T) -> T) {
        if self.bias.is_empty() {
            for y in self.y {
                *y = f(*y);
            }
            return;
        }
        for row in self.y.chunks_exact_mut(self.bias.len()) {
            for (y, &bias) in row.iter_mut().zip(self.bias) {
                *y = f(*y + bias);
            }
        }
    }
}

/// Propagates the gradient back through the activation and, if `sums` has room for them, sums its
/// columns in the same pass. Returns `None` if the activation is linear, which leaves the gradient
/// unchanged.
struct Unwind<'a, T> {
    activation: Activation,
    y: &'a [T],
    gradient: &'a [T],
    columns: usize,
    sums: &'a mut [T],
}

impl<T: Float> WithSimd for Unwind<'_, T> {
    type Output = Option<Vec<T>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Option<Vec<T>> {
        if self.activation == Activation::Linear {
            sum_columns(self.gradient, self.columns, self.sums);
            return None;
        }
        let activation = self.activation;
        Some(activation.derivative::<T, S, _>(self))
    }
}

impl<T: Float> Loop<T> for Unwind<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn run(self, derivative: impl Fn(T) -> T) -> Vec<T> {
        let before = simd::zip_map(self.y, self.gradient, |y, g| g * derivative(y));
        sum_columns(&before, self.columns, self.sums);
        before
    }
}

/// Adds up each column of `values` in blocks, because a single long sum in f32 would lose digits.
#[inline(always)]
fn sum_columns<T: Float>(values: &[T], columns: usize, sums: &mut [T]) {
    const BLOCK: usize = 64;
    if sums.is_empty() {
        return;
    }
    let mut partial = vec![T::zero(); columns];
    for block in values.chunks(BLOCK * columns) {
        partial.fill(T::zero());
        for row in block.chunks_exact(columns) {
            for (sum, &value) in partial.iter_mut().zip(row) {
                *sum += value;
            }
        }
        for (sum, &value) in sums.iter_mut().zip(&partial) {
            *sum += value;
        }
    }
}
