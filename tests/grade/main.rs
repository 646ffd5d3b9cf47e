//! `grade` and `grades`, as an instructor types them.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod crates;
mod faults;
mod lab;
mod odd;
mod runs;
