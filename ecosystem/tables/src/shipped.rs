//! UCI Wine: 178 wines of three cultivators (Aeberhard and Forina 1992).

use cuaderno::{Error, Result};
use polars::prelude::*;

use crate::read::parse;

/// All of UCI Wine, which is shipped with Cuaderno: `class`, 1 to 3, and 13 measurements.
///
/// # Errors
/// Only if polars cannot make the frame.
pub fn wine() -> Result<DataFrame> {
    const FILE: &str = "wine.csv";
    let bytes = cuaderno_datasets::shipped(FILE);
    let bytes = bytes.ok_or_else(|| Error::data(FILE, "it is not shipped"))?;
    let number = DataType::Float64;
    let schema = [
        ("class", DataType::UInt32),
        ("alcohol", number.clone()),
        ("malic_acid", number.clone()),
        ("ash", number.clone()),
        ("alcalinity_of_ash", number.clone()),
        ("magnesium", number.clone()),
        ("total_phenols", number.clone()),
        ("flavanoids", number.clone()),
        ("nonflavanoid_phenols", number.clone()),
        ("proanthocyanins", number.clone()),
        ("colour_intensity", number.clone()),
        ("hue", number.clone()),
        ("od280_od315", number.clone()),
        ("proline", number),
    ];
    let table = parse(FILE, bytes, &schema)?;
    println!(
        "UCI Wine: {} wines, shipped with Cuaderno (complete)",
        table.height()
    );
    Ok(table)
}
