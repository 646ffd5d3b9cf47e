//! Tables in a notebook: [polars], with what connects it to the rest of the workbook.
//!
//! A notebook asks for it in its first cell, with `:dep cuaderno-tables`:
//!
//! ```ignore
//! :dep cuaderno-tables
//! use cuaderno::prelude::*;
//! use cuaderno_tables::prelude::*;
//! let wine = wine()?;
//! let (x, y) = (wine.tensor(&["alcohol", "hue"])?, wine.labels("class")?);
//! wine
//! ```

mod frame;
mod html;
mod read;
mod reports;
mod shipped;
mod tensor;

use cuaderno::Error;
use polars::prelude::PolarsError;

pub use frame::Frame;
pub use polars;
pub use read::{read_csv, read_history, read_parquet};
pub use reports::ToFrame;
pub use shipped::wine;
pub use tensor::frame_from_tensor;

/// What a notebook with tables begins with: `use cuaderno_tables::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Frame, ToFrame, frame_from_tensor, read_csv, read_history, read_parquet, wine,
    };
    pub use polars::prelude::*;
}

/// What polars says of `what`.
fn of_polars(what: impl std::fmt::Display) -> impl FnOnce(PolarsError) -> Error {
    move |error| Error::data(what, error)
}
