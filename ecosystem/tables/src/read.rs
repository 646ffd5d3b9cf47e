//! Reading tables whose columns are known, and checked.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use csv::{ByteRecord, ReaderBuilder};
use cuaderno::{Error, Result};
use polars::prelude::*;

use crate::of_polars;

/// Reads a table from a CSV file that has exactly the columns of `schema`, in this order, below a
/// line of their names. A field with nothing in it becomes a null.
///
/// The types are `Boolean` (`true` or `false`), `Int32`, `Int64`, `UInt32`, `UInt64`, `Float32`,
/// `Float64` and `String`; read anything else as `String`, and let polars convert it.
///
/// ```ignore
/// let schema = [("class", DataType::Int64), ("alcohol", DataType::Float64)];
/// let table = read_csv("alcohol.csv", &schema)?;
/// ```
///
/// # Errors
/// If the file cannot be read, or the table is another one: the sentence names the column and the
/// row, what was expected and what is there. Rows are counted from 1, without the names.
pub fn read_csv(path: impl AsRef<Path>, schema: &[(&str, DataType)]) -> Result<DataFrame> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    parse(&path.display().to_string(), file, schema)
}

/// Reads what [`History::save_csv`](cuaderno::train::History::save_csv) wrote: `epoch`, `seconds`,
/// `learning_rate`, and mean and standard deviation of each part.
///
/// # Errors
/// If the file cannot be read or is no log of a training.
pub fn read_history(path: impl AsRef<Path>) -> Result<DataFrame> {
    let path = path.as_ref();
    let mut reader =
        csv::Reader::from_path(path).map_err(|error| Error::data(path.display(), error))?;
    let names = reader.headers();
    let names = names.map_err(|error| Error::data(path.display(), error))?;
    let kind = |name| match name {
        "epoch" => DataType::UInt64,
        _ => DataType::Float64,
    };
    let first = ["epoch", "seconds", "learning_rate"];
    let others = names.iter().skip(first.len());
    let schema: Vec<_> = (first.into_iter().chain(others))
        .map(|name| (name, kind(name)))
        .collect();
    read_csv(path, &schema)
}

/// Reads a table from a Parquet file that has exactly the columns of `schema`, in this order.
///
/// # Errors
/// If the file cannot be read, or the table is another one: the sentence names the column, what was
/// expected and what is there.
pub fn read_parquet(path: impl AsRef<Path>, schema: &[(&str, DataType)]) -> Result<DataFrame> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let table = ParquetReader::new(file).finish();
    let table = table.map_err(of_polars(path.display()))?;
    let names: Vec<&str> = table.columns().iter().map(|c| c.name().as_str()).collect();
    check_names(&names, schema).map_err(|problem| Error::data(path.display(), problem))?;
    for (column, (name, expected)) in table.columns().iter().zip(schema) {
        if column.dtype() != expected {
            let found = column.dtype();
            let problem = format!("column `{name}` is {found}, but expected is {expected}");
            return Err(Error::data(path.display(), problem));
        }
    }
    Ok(table)
}

/// Reads the content of a CSV file called `file`.
pub(crate) fn parse(
    file: &str,
    content: impl Read,
    schema: &[(&str, DataType)],
) -> Result<DataFrame> {
    let bad = |problem: String| Error::data(file, problem);
    let mut columns = Vec::new();
    for (name, kind) in schema {
        let column = column(kind).ok_or_else(|| {
            bad(format!(
                "column `{name}` cannot be read as {kind}; read it as str and convert it"
            ))
        })?;
        columns.push(column);
    }
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(content);
    let names = reader.headers().map_err(|error| bad(error.to_string()))?;
    let names: Vec<&str> = names.iter().collect();
    let names_problem = check_names(&names, schema);
    names_problem.map_err(|problem| bad(problem + &separator_advice(&names)))?;
    let mut record = ByteRecord::new();
    let mut row = 0;
    let mut next = |record: &mut ByteRecord| reader.read_byte_record(record);
    while next(&mut record).map_err(|error| bad(error.to_string()))? {
        row += 1;
        if record.len() != schema.len() {
            let (found, expected) = (record.len(), schema.len());
            let advice = if found > expected {
                ": a number has a point, not a comma, and text with a comma stands in quotes"
            } else {
                ""
            };
            return Err(bad(format!(
                "row {row} has {found} fields, but expected are {expected}{advice}"
            )));
        }
        for ((field, (name, kind)), column) in record.iter().zip(schema).zip(&mut columns) {
            let text = std::str::from_utf8(field).ok();
            if !text.is_some_and(|text| column.push(text.trim())) {
                let found = String::from_utf8_lossy(field);
                let advice = match found.replace(',', ".").trim().parse::<f64>() {
                    Ok(_) if found.contains(',') => ": a number has a point, not a comma",
                    _ => "",
                };
                return Err(bad(format!(
                    "column `{name}`, row {row}: expected is {kind}, but found is `{found}`{advice}"
                )));
            }
        }
    }
    let columns = columns.into_iter().zip(schema);
    let columns = columns
        .map(|(column, (name, _))| column.finish(name))
        .collect();
    DataFrame::new(row, columns).map_err(of_polars(file))
}

/// What to do where all names are in one field, because they are not separated by commas.
fn separator_advice(names: &[&str]) -> String {
    let separator = |name: &str| [';', '\t', '|'].into_iter().find(|&c| name.contains(c));
    match names {
        [all] => separator(all).map(|c| format!(": separate the columns by `,`, not by {c:?}")),
        _ => None,
    }
    .unwrap_or_default()
}

/// What is wrong with the names of the columns.
fn check_names(found: &[&str], schema: &[(&str, DataType)]) -> std::result::Result<(), String> {
    if found.is_empty() && !schema.is_empty() {
        let names: Vec<&str> = schema.iter().map(|(name, _)| *name).collect();
        let names = names.join(",");
        return Err(format!(
            "row 0, that of the names, is missing: the file is empty, but expected is `{names}`"
        ));
    }
    let at = |place: usize| (found.get(place), schema.get(place).map(|(name, _)| name));
    for place in 0..found.len().max(schema.len()) {
        let problem = match at(place) {
            (Some(found), Some(expected)) if found == expected => continue,
            (Some(found), Some(expected)) => {
                format!("is `{found}`, but expected is `{expected}`")
            }
            (Some(found), None) => format!("is `{found}`, but no more are expected"),
            (None, expected) => {
                format!("is missing, expected is `{}`", expected.unwrap_or(&""))
            }
        };
        return Err(format!("column {} {problem}", place + 1));
    }
    Ok(())
}

/// A column that grows.
trait Growing {
    /// Adds a value, if the text is one.
    fn push(&mut self, text: &str) -> bool;
    fn finish(self: Box<Self>, name: &str) -> Column;
}

struct Values<T>(Vec<Option<T>>);

impl<T: FromStr> Growing for Values<T>
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    fn push(&mut self, text: &str) -> bool {
        let value = if text.is_empty() {
            Ok(None)
        } else {
            text.parse().map(Some)
        };
        let is_one = value.is_ok();
        self.0.extend(value);
        is_one
    }

    fn finish(self: Box<Self>, name: &str) -> Column {
        Series::new(name.into(), self.0).into_column()
    }
}

/// An empty column of values of a type that can be read.
fn column(kind: &DataType) -> Option<Box<dyn Growing>> {
    Some(match kind {
        DataType::Boolean => Box::new(Values::<bool>(Vec::new())),
        DataType::Int32 => Box::new(Values::<i32>(Vec::new())),
        DataType::Int64 => Box::new(Values::<i64>(Vec::new())),
        DataType::UInt32 => Box::new(Values::<u32>(Vec::new())),
        DataType::UInt64 => Box::new(Values::<u64>(Vec::new())),
        DataType::Float32 => Box::new(Values::<f32>(Vec::new())),
        DataType::Float64 => Box::new(Values::<f64>(Vec::new())),
        DataType::String => Box::new(Values::<String>(Vec::new())),
        _ => return None,
    })
}
