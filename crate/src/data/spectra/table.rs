//! Spectra in a CSV table: a spectrum a row, a band a column.

use candle_core::{Device, Tensor};
use csv::{ReaderBuilder, StringRecord};

use super::array::MOST_NUMBERS;
use super::{Spectra, numbered};
use crate::{Error, Result};

/// How a column of labels may be called.
const LABELS: [&str; 4] = ["label", "labels", "class", "material"];

/// Reads the content of the table called `file`.
pub(super) fn parse(file: &str, content: &[u8]) -> Result<Spectra> {
    let bad = |error: csv::Error| Error::data(file, error);
    let mut reader = reader(content);
    let names = reader.headers().map_err(bad)?.clone();
    let (columns, wavelengths) = bands(file, &names)?;
    let label = names.iter().position(is_label);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(bad)? {
        let row = labels.len() + 1;
        let wrong = |problem: String| Err(Error::data(file, format!("row {row} {problem}")));
        if record.len() != names.len() {
            let (found, expected) = (record.len(), names.len());
            return wrong(format!(
                "has {found} fields, but line 1 names {expected} columns"
            ));
        }
        if values.len() + columns.len() > MOST_NUMBERS {
            return wrong(format!(
                "is one too many: more than {MOST_NUMBERS} numbers are not read; cut the table into \
                 parts"
            ));
        }
        for &column in &columns {
            let Ok(value) = record[column].trim().parse::<f32>() else {
                return wrong(format!(
                    "has `{:.40}` in column `{}`, but a number is expected",
                    &record[column], &names[column]
                ));
            };
            values.push(value);
        }
        let label = label.map_or("", |column| record[column].trim());
        labels.push((!label.is_empty()).then(|| label.to_owned()));
    }
    if labels.is_empty() {
        let problem = "there is no row below the names of the columns";
        return Err(Error::data(file, problem));
    }
    let tensor = Tensor::from_vec(values, (labels.len(), columns.len()), &Device::Cpu)?;
    let spectra = Spectra::new(tensor).and_then(|spectra| spectra.with_wavelengths(wavelengths));
    let mut spectra = spectra.map_err(|error| error.at(file))?;
    (spectra.labels, spectra.classes) = numbered(&labels);
    Ok(spectra)
}

/// Reads a table of one column: the label of each spectrum, below a name.
pub(super) fn parse_labels(file: &str, content: &[u8]) -> Result<Vec<Option<String>>> {
    let bad = |error: csv::Error| Error::data(file, error);
    let mut reader = reader(content);
    let columns = reader.headers().map_err(bad)?.len();
    if columns != 1 {
        let problem =
            format!("line 1 names {columns} columns, but labels are a column of their own");
        return Err(Error::data(file, problem));
    }
    let label = |record: csv::Result<StringRecord>| {
        let record = record.map_err(bad)?;
        let label = record.get(0).unwrap_or_default().trim();
        Ok((!label.is_empty()).then(|| label.to_owned()))
    };
    reader.records().map(label).collect()
}

fn reader(content: &[u8]) -> csv::Reader<&[u8]> {
    // Spreadsheets put a mark before UTF-8.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let names = content.split(|&byte| byte == b'\n').next().unwrap_or(&[]);
    let count = |separator: u8| names.iter().filter(|&&byte| byte == separator).count();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|&s| count(s));
    ReaderBuilder::new()
        .delimiter(separator.unwrap_or(b','))
        .flexible(true)
        .from_reader(content)
}

fn is_label(name: &str) -> bool {
    LABELS
        .iter()
        .any(|label| name.trim().eq_ignore_ascii_case(label))
}

/// The columns that are bands, and their wavelengths.
fn bands(file: &str, names: &StringRecord) -> Result<(Vec<usize>, Vec<f64>)> {
    let (mut columns, mut wavelengths) = (Vec::new(), Vec::new());
    for (column, name) in names.iter().enumerate() {
        match name.trim().parse::<f64>() {
            Ok(wavelength) => {
                columns.push(column);
                wavelengths.push(wavelength);
            }
            Err(_) if is_label(name) => {}
            Err(_) => {
                return Err(Error::data(
                    file,
                    format!(
                        "line 1 names column {} `{name:.40}`, but a band is named by its wavelength, \
                         such as `428.0`, and labels are in a column `label`; take other columns out",
                        column + 1
                    ),
                ));
            }
        }
    }
    if columns.is_empty() {
        let problem =
            "line 1 names no band; expected is a wavelength for each column, such as 428.0";
        return Err(Error::data(file, problem));
    }
    Ok((columns, wavelengths))
}
