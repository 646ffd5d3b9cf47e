//! Probes: cells that ask an exercise's function about inputs that nobody knows beforehand, and what
//! the answers are worth.

mod question;
mod standard;
mod verdict;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::notebook::Cell;

pub use question::{hex, mac, question};
pub use standard::Standard;

/// The cell that asks for a grader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// Its cell.
    pub id: String,
    /// What asks.
    pub source: String,
    /// How many inputs it draws.
    pub cases: u32,
    /// How far a number may be from the solution's, as a part of that where it is above 1.
    pub tolerance: f64,
}

impl Probe {
    /// How many inputs, unless its metadata say another number.
    const CASES: u32 = 32;
    /// How close to the solution, unless its metadata say otherwise.
    const TOLERANCE: f64 = 1e-4;

    /// The probe in `cell`.
    ///
    /// # Errors
    /// If its metadata say something that no probe can be asked.
    pub fn of(cell: Cell) -> Result<Self> {
        let id = cell.id().to_owned();
        let (cases, tolerance) = (cell.note("cases"), cell.note("tolerance"));
        let cases = match cases {
            Value::Null => Some(Self::CASES),
            cases => (cases.as_u64().filter(|cases| (4..=1000).contains(cases)))
                .map(|cases| cases as u32),
        };
        let tolerance = match tolerance {
            Value::Null => Some(Self::TOLERANCE),
            tolerance => tolerance.as_f64().filter(|it| (0.0..1.0).contains(it)),
        };
        let (Some(cases), Some(tolerance)) = (cases, tolerance) else {
            bail!(
                "the probe `{id}` must have between 4 and 1000 `cases` and a `tolerance` from 0 to \
                 below 1 in `metadata.cuaderno`"
            )
        };
        Ok(Self {
            source: cell.source(),
            id,
            cases,
            tolerance,
        })
    }
}
