//! A frame of a tensor.

use cuaderno::candle_core::{DType, Tensor};
use cuaderno::{Error, Result};
use polars::prelude::*;

use crate::of_polars;

/// The columns of `tensor` `[rows, columns]`, or `[rows]` for one, under `names`. They keep the
/// tensor's type: f32, f64, u32 or i64.
///
/// # Errors
/// If the tensor has another shape or type, there is not a name for each column, or a name is there
/// twice.
pub fn frame_from_tensor(tensor: &Tensor, names: &[&str]) -> Result<DataFrame> {
    let columns = match tensor.rank() {
        1 => tensor.unsqueeze(1)?,
        2 => tensor.clone(),
        _ => {
            return Err(Error::shape(
                "frame_from_tensor",
                format!("a table is [rows, columns], but got {:?}.", tensor.dims()),
            ));
        }
    };
    let (rows, width) = columns.dims2()?;
    if names.len() != width {
        return Err(Error::shape(
            "frame_from_tensor",
            format!("there are {width} columns but {} names.", names.len()),
        ));
    }
    let column = |(place, &name): (usize, &&str)| {
        let values = columns.narrow(1, place, 1)?.flatten_all()?;
        let name = name.into();
        Ok(match values.dtype() {
            DType::F32 => Column::new(name, values.to_vec1::<f32>()?),
            DType::F64 => Column::new(name, values.to_vec1::<f64>()?),
            DType::U32 => Column::new(name, values.to_vec1::<u32>()?),
            DType::I64 => Column::new(name, values.to_vec1::<i64>()?),
            other => {
                return Err(Error::argument(
                    "the tensor's type",
                    other.as_str(),
                    "f32, f64, u32 or i64",
                ));
            }
        })
    };
    let columns: Vec<Column> = names
        .iter()
        .enumerate()
        .map(column)
        .collect::<Result<_>>()?;
    DataFrame::new(rows, columns).map_err(of_polars("frame_from_tensor"))
}
