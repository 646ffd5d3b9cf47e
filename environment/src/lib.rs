//! What the `cuaderno` command does: prepare the workbook, run its notebooks, look after its data.

pub mod bench;
pub mod data_command;
pub mod doctor;
pub mod engine;
mod files;
#[cfg(target_os = "linux")]
pub mod grade;
pub mod jupyter_lab;
pub mod kernel;
mod media;
mod notebook;
pub mod present;
mod probe;
mod profile;
pub mod python;
pub mod release;
pub mod run;
#[cfg(target_os = "linux")]
pub mod sandbox;
pub mod setup;
pub mod toolchain;
pub mod workbook;
