//! Embeddings: a row of a table for each id.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};

use super::{fallback, gradient::for_variable};
use crate::numerics::{
    for_float,
    simd::Float,
    storage::{Elements, elements},
};
use crate::{Error, Result};

/// The rows of `weight`, `[vocabulary, dimensions]`, at `ids`: for ids `[batch, time]` a tensor
/// `[batch, time, dimensions]`. As in PyTorch's `F.embedding`, the row of the id `padding` gets no
/// gradient, so it keeps its value (usually zeros).
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let table = Tensor::new(&[[0f32, 0.0], [1.0, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let words = Tensor::new(&[2u32, 0], &Device::Cpu)?;
/// let vectors = ops::embedding(&words, &table, Some(0))?;
/// assert_eq!(vectors.to_vec2::<f32>()?, [[3.0, 4.0], [0.0, 0.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If an id is not below the size of the vocabulary, the ids are not integers, or the table is not
/// a matrix.
pub fn embedding(ids: &Tensor, weight: &Tensor, padding: Option<u32>) -> Result<Tensor> {
    let &[vocabulary, dimensions] = weight.dims() else {
        return Err(Error::shape(
            "embedding",
            format!(
                "the table is {:?}, but it must be [vocabulary, dimensions].",
                weight.dims()
            ),
        ));
    };
    let rows = check_ids(ids, vocabulary)?;
    let mut shape = ids.dims().to_vec();
    shape.push(dimensions);
    if !fallback::fused(weight) {
        return composed(&rows, weight, padding, shape);
    }
    for_float!(weight.dtype(), T => Ok(weight.contiguous()?.apply_op1(Embedding::<T> {
        rows,
        padding,
        shape: shape.into(),
        element: PhantomData,
    })?))
}

/// The ids in row-major order.
fn check_ids(ids: &Tensor, vocabulary: usize) -> Result<Vec<u32>> {
    if !ids.dtype().is_int() {
        return Err(Error::argument(
            "the element type of the ids",
            format!("{:?}", ids.dtype()),
            "a whole number, such as u32",
        ));
    }
    let ids = ids.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let row = |(position, id): (usize, i64)| match u32::try_from(id) {
        Ok(row) if (row as usize) < vocabulary => Ok(row),
        _ => Err(Error::argument(
            "an id of embedding",
            format!("{id} (position {position})"),
            format!("a row of the table: at least 0 and below {vocabulary}"),
        )),
    };
    ids.into_iter().enumerate().map(row).collect()
}

fn composed(
    rows: &[u32],
    weight: &Tensor,
    padding: Option<u32>,
    shape: Vec<usize>,
) -> Result<Tensor> {
    if rows.is_empty() {
        return Ok(Tensor::zeros(shape, weight.dtype(), weight.device())?);
    }
    let ids = Tensor::from_slice(rows, rows.len(), weight.device())?;
    let vectors = weight.contiguous()?.index_select(&ids, 0)?;
    let vectors = match padding {
        Some(padding) => ids
            .eq(padding)?
            .unsqueeze(1)?
            .broadcast_as(vectors.shape())?
            .contiguous()?
            .where_cond(&vectors.detach(), &vectors)?,
        None => vectors,
    };
    Ok(vectors.reshape(shape)?)
}

struct Embedding<T> {
    /// The row of the table that each vector comes from.
    rows: Vec<u32>,
    padding: Option<u32>,
    shape: Shape,
    element: PhantomData<T>,
}

impl<T: Float> CustomOp1 for Embedding<T> {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn cpu_fwd(
        &self,
        weight: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let table = elements::<T>(weight, layout)?;
        let dimensions = layout.dims()[1];
        let mut vectors = Vec::with_capacity(self.shape.elem_count());
        for &row in &self.rows {
            vectors.extend_from_slice(&table[row as usize * dimensions..][..dimensions]);
        }
        Ok((T::to_cpu_storage_owned(vectors), self.shape.clone()))
    }

    fn bwd(
        &self,
        weight: &Tensor,
        _vectors: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let dimensions = weight.dim(1)?;
        let gradient = gradient.contiguous()?;
        let gradient = Elements::<T>::of(&gradient)?;
        let mut table = vec![T::zero(); weight.elem_count()];
        // In the order of the ids, so that sums do not depend on the number of threads.
        for (position, &row) in self.rows.iter().enumerate() {
            if Some(row) == self.padding {
                continue;
            }
            let to = &mut table[row as usize * dimensions..][..dimensions];
            for (to, &from) in to.iter_mut().zip(&gradient[position * dimensions..]) {
                *to += from;
            }
        }
        for_variable(weight, table)
    }
}
