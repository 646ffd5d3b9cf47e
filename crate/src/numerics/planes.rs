//! Operations that treat every channel of every image alike: pooling and upsampling.

use std::{
    marker::PhantomData,
    slice::{ChunksExact, ChunksExactMut},
};

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{
    float::Float,
    simd::{Simd, WithSimd},
    storage::{Elements, elements},
};

/// An operation on a plane `[height, width]` of images `[batch, channels, height, width]`.
pub trait Planewise: Send + Sync {
    /// The operation's name in candle's errors.
    const NAME: &'static str;

    /// Height and width of the result.
    fn output_size(&self) -> [usize; 2];

    /// Writes all of `y`. `line` is a scratch buffer.
    fn forward<T: Float, S: Simd>(&self, x: &[T], y: &mut [T], line: &mut Vec<T>);

    /// Writes the gradient of x over zeros, from the gradient of y.
    fn backward<T: Float, S: Simd>(
        &self,
        x: &[T],
        y: &[T],
        y_gradient: &[T],
        x_gradient: &mut [T],
        line: &mut Vec<T>,
    );
}

/// Applies `operation` to the contiguous planes of `x` as one operation with a gradient.
pub fn apply<T: Float, P: Planewise + 'static>(operation: P, x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Planes::<T, P> {
        operation,
        element: PhantomData,
    })
}

struct Planes<T, P> {
    operation: P,
    element: PhantomData<T>,
}

/// Elements below which a task is not worth its own thread.
const TASK: usize = 1 << 15;

/// The number of planes of `plane` elements in a task. It does not affect the result.
fn planes_a_task(plane: usize) -> usize {
    (TASK / plane).max(1)
}

impl<T: Float, P: Planewise> CustomOp1 for Planes<T, P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = elements::<T>(x, layout)?;
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let [rows, columns] = self.operation.output_size();
        let mut y = vec![T::zero(); batch * channels * rows * columns];
        if !y.is_empty() {
            T::dispatch(Forward {
                operation: &self.operation,
                plane: height * width,
                x,
                y: &mut y,
            });
        }
        let shape = Shape::from((batch, channels, rows, columns));
        Ok((T::to_cpu_storage_owned(y), shape))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let mut x_gradient = vec![T::zero(); x.elem_count()];
        if y.elem_count() > 0 {
            let (_, _, height, width) = x.dims4()?;
            let gradient = gradient.contiguous()?;
            T::dispatch(Backward {
                operation: &self.operation,
                plane: height * width,
                x: &Elements::of(x)?,
                y: &Elements::of(y)?,
                y_gradient: &Elements::of(&gradient)?,
                x_gradient: &mut x_gradient,
            });
        }
        Ok(Some(Tensor::from_vec(x_gradient, x.shape(), &Device::Cpu)?))
    }
}

/// All planes in parallel, then those of one task one after the other.
struct Forward<'a, T, P> {
    operation: &'a P,
    plane: usize,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Float, P: Planewise> WithSimd for Forward<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let operation = self.operation;
        let [rows, columns] = operation.output_size();
        let planes = planes_a_task(self.plane);
        let x = self.x.par_chunks(planes * self.plane);
        let y = self.y.par_chunks_mut(planes * rows * columns);
        x.zip(y).for_each(|(x, y)| {
            simd.vectorize(ForwardTask {
                operation,
                x: x.chunks_exact(self.plane),
                y: y.chunks_exact_mut(rows * columns),
            });
        });
    }
}

struct ForwardTask<'a, T, P> {
    operation: &'a P,
    x: ChunksExact<'a, T>,
    y: ChunksExactMut<'a, T>,
}

impl<T: Float, P: Planewise> WithSimd for ForwardTask<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut line = vec![];
        for (x, y) in self.x.zip(self.y) {
            self.operation.forward::<T, S>(x, y, &mut line);
        }
    }
}

struct Backward<'a, T, P> {
    operation: &'a P,
    plane: usize,
    x: &'a [T],
    y: &'a [T],
    y_gradient: &'a [T],
    x_gradient: &'a mut [T],
}

impl<T: Float, P: Planewise> WithSimd for Backward<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let operation = self.operation;
        let [rows, columns] = operation.output_size();
        let planes = planes_a_task(self.plane);
        let (task, y_task) = (planes * self.plane, planes * rows * columns);
        let y = self.y.par_chunks(y_task);
        self.x_gradient
            .par_chunks_mut(task)
            .zip(self.x.par_chunks(task))
            .zip(y.zip(self.y_gradient.par_chunks(y_task)))
            .for_each(|((x_gradient, x), (y, y_gradient))| {
                simd.vectorize(BackwardTask {
                    operation,
                    x: x.chunks_exact(self.plane),
                    y: y.chunks_exact(rows * columns),
                    y_gradient: y_gradient.chunks_exact(rows * columns),
                    x_gradient: x_gradient.chunks_exact_mut(self.plane),
                });
            });
    }
}

struct BackwardTask<'a, T, P> {
    operation: &'a P,
    x: ChunksExact<'a, T>,
    y: ChunksExact<'a, T>,
    y_gradient: ChunksExact<'a, T>,
    x_gradient: ChunksExactMut<'a, T>,
}

impl<T: Float, P: Planewise> WithSimd for BackwardTask<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut line = vec![];
        let outputs = self.y.zip(self.y_gradient);
        for ((x, (y, y_gradient)), x_gradient) in self.x.zip(outputs).zip(self.x_gradient) {
            let operation = self.operation;
            operation.backward::<T, S>(x, y, y_gradient, x_gradient, &mut line);
        }
    }
}
