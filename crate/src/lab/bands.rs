//! Results of a lab and their bands.

use crate::{Error, Result, Table};

/// Collects the results of a lab, each with the band it should lie in, for the last cell of a notebook
/// to check.
///
/// ```
/// use cuaderno::prelude::*;
/// let mut bands = Bands::new();
/// bands.at_most("test BCE", 0.093, 0.096);
/// bands.between("accuracy", 0.964, 0.955, 1.0);
/// assert!(bands.check()?.to_string().contains("accuracy"));
///
/// bands.at_least("trustworthiness", 0.61, 0.98);
/// let error = bands.check().unwrap_err().to_string();
/// assert!(error.contains("1 of 3 results") && error.contains("trustworthiness is 0.6100"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bands(Vec<Band>);

#[derive(Clone, Debug)]
struct Band {
    name: String,
    value: f64,
    low: f64,
    high: f64,
}

impl Bands {
    /// No results yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects a result between two limits, inclusive.
    pub fn between(&mut self, name: &str, value: f64, low: f64, high: f64) {
        self.0.push(Band {
            name: name.to_owned(),
            value,
            low,
            high,
        });
    }

    /// Expects a result of at most `high`.
    pub fn at_most(&mut self, name: &str, value: f64, high: f64) {
        self.between(name, value, f64::NEG_INFINITY, high);
    }

    /// Expects a result of at least `low`.
    pub fn at_least(&mut self, name: &str, value: f64, low: f64) {
        self.between(name, value, low, f64::INFINITY);
    }

    /// All results with their bands, as a table.
    ///
    /// # Errors
    /// If a result is outside its band or NaN; the error names all such results.
    pub fn check(&self) -> Result<Table> {
        let outside: Vec<String> = (self.0.iter())
            .filter(|band| !band.holds())
            .map(|band| format!("{} is {:.4} ({})", band.name, band.value, band.limits()))
            .collect();
        if !outside.is_empty() {
            return Err(Error::Lab(format!(
                "{} of {} results are outside their bands: {}.",
                outside.len(),
                self.0.len(),
                outside.join("; ")
            )));
        }
        let mut table = Table::new(&["result", "value", "band"]);
        for band in &self.0 {
            table.row(&[&band.name, &format!("{:.4}", band.value), &band.limits()])?;
        }
        table.note = format!("all {} results are in their bands", self.0.len());
        Ok(table)
    }
}

impl Band {
    fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.value)
    }

    fn limits(&self) -> String {
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) => format!("{:.4} to {:.4}", self.low, self.high),
            (true, false) => format!("at least {:.4}", self.low),
            _ => format!("at most {:.4}", self.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_belong_to_the_band_and_nan_to_none() {
        let mut bands = Bands::new();
        bands.between("on the limit", 1.0, 1.0, 2.0);
        assert!(bands.check().is_ok());
        bands.at_most("diverged", f64::NAN, 1.0);
        let error = bands.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "1 of 2 results are outside their bands: diverged is NaN (at most 1.0000)."
        );
    }
}
