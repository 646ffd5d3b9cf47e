//! What a frame can do in this workbook that it cannot in polars.

use std::fs::{self, File};
use std::path::Path;

use cuaderno::candle_core::{Device, Tensor};
use cuaderno::{Error, Result};
use polars::prelude::*;

use crate::of_polars;

/// Tensors and files of a [`DataFrame`].
pub trait Frame {
    /// Columns of numbers as a tensor `[rows, columns]` of f32, in the order in which they are named.
    ///
    /// # Errors
    /// If there is no such column, or one holds something else than numbers, or nothing in a row.
    fn tensor(&self, columns: &[&str]) -> Result<Tensor>;

    /// A column of whole numbers from 0 on as labels `[rows]` of u32.
    ///
    /// # Errors
    /// If there is no such column, or a row of it is no such number.
    fn labels(&self, column: &str) -> Result<Tensor>;

    /// Writes a CSV file: a line of names, and a line a row.
    ///
    /// # Errors
    /// If the file cannot be written.
    fn save_csv(&self, path: impl AsRef<Path>) -> Result<()>;

    /// Writes a Parquet file, which keeps the types and is smaller.
    ///
    /// # Errors
    /// If the file cannot be written.
    fn save_parquet(&self, path: impl AsRef<Path>) -> Result<()>;
}

impl Frame for DataFrame {
    fn tensor(&self, columns: &[&str]) -> Result<Tensor> {
        let mut values = vec![0f32; self.height() * columns.len()];
        for (place, &name) in columns.iter().enumerate() {
            let numbers = numbers(self, name, &DataType::Float32)?;
            let numbers = numbers.f32().map_err(of_polars(name))?;
            let places = values.iter_mut().skip(place).step_by(columns.len());
            for ((row, number), value) in numbers.iter().enumerate().zip(places) {
                *value = number.ok_or_else(|| no_value(name, row))?;
            }
        }
        Ok(Tensor::from_vec(
            values,
            (self.height(), columns.len()),
            &Device::Cpu,
        )?)
    }

    fn labels(&self, column: &str) -> Result<Tensor> {
        let numbers = numbers(self, column, &DataType::Float64)?;
        let numbers = numbers.f64().map_err(of_polars(column))?;
        let mut labels = Vec::with_capacity(self.height());
        for (row, number) in numbers.iter().enumerate() {
            let number = number.ok_or_else(|| no_value(column, row))?;
            let label = number as u32;
            if f64::from(label) != number {
                let problem = format!("row {} is {number}, but a label is 0, 1, 2, …", row + 1);
                return Err(Error::data(format!("column `{column}`"), problem));
            }
            labels.push(label);
        }
        Ok(Tensor::from_vec(labels, self.height(), &Device::Cpu)?)
    }

    fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut table = self.clone();
        save(path.as_ref(), |file| {
            CsvWriter::new(file).finish(&mut table)
        })
    }

    fn save_parquet(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut table = self.clone();
        save(path.as_ref(), |file| {
            ParquetWriter::new(file).finish(&mut table).map(|_| ())
        })
    }
}

/// A column of numbers, as `kind`.
fn numbers(table: &DataFrame, name: &str, kind: &DataType) -> Result<Column> {
    let Some(column) = table.columns().iter().find(|column| column.name() == name) else {
        let names: Vec<&str> = table.columns().iter().map(|c| c.name().as_str()).collect();
        return Err(Error::argument(
            "the column",
            name,
            format!("one of: {}", names.join(", ")),
        ));
    };
    let found = column.dtype();
    if !found.is_primitive_numeric() && *found != DataType::Boolean {
        let problem = format!("it is {found}, but expected are numbers");
        return Err(Error::data(format!("column `{name}`"), problem));
    }
    column.cast(kind).map_err(of_polars(name))
}

fn no_value(column: &str, row: usize) -> Error {
    Error::data(
        format!("column `{column}`"),
        format!(
            "row {} has no value, which a tensor cannot hold: drop or fill it",
            row + 1
        ),
    )
}

/// Writes a file whole or not at all.
fn save(path: &Path, write: impl FnOnce(&File) -> PolarsResult<()>) -> Result<()> {
    let unfinished = path.with_added_extension("unfinished");
    let io = |error| Error::io(path, error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let file = File::create(&unfinished).map_err(io)?;
    let written = write(&file).map_err(of_polars(path.display()));
    match written {
        Ok(()) => fs::rename(&unfinished, path).map_err(io),
        Err(error) => {
            // What was written is of no use; the error says what is wrong.
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}
