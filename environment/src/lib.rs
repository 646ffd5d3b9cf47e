//! What the `cuaderno` command does: prepare the workbook, run its notebooks, look after its data.

pub mod bench;
pub mod data_command;
pub mod doctor;
pub mod engine;
mod files;
pub mod jupyter_lab;
pub mod kernel;
mod media;
mod notebook;
pub mod present;
mod profile;
pub mod python;
pub mod release;
pub mod run;
pub mod setup;
pub mod toolchain;
pub mod workbook;
