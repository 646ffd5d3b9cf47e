//! Runs one workload on request: the crate's side of `compare.py`.
//!
//! ```text
//! workloads NAME [--level portable|avx2|avx512]
//! ```
//! builds the workload, says `ready` and answers lines on standard input: `run SECONDS` with the
//! median milliseconds of a step, `losses N` with the losses of N steps, and `export FILE` with
//! `exported`, having written the weights, the batch and the first steps' noise, or the data, to
//! that safetensors file.

mod augmentation;
mod classic;
mod dense;
mod images;
mod resnet;
mod text;
mod word_vectors;
mod workload;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cuaderno::ops::Level;
use workload::Workload;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is measured.
trait Task {
    /// How many steps the median is taken of at least.
    fn least_steps(&self) -> usize;

    /// Does it once. Returns a figure that the other side must reach too: the loss, for instance.
    fn step(&mut self) -> cuaderno::Result<f64>;

    /// Writes what the other side needs to do the same.
    fn export(&self, path: &Path) -> cuaderno::Result<()>;
}

impl Task for Workload {
    fn least_steps(&self) -> usize {
        3
    }

    fn step(&mut self) -> cuaderno::Result<f64> {
        self.step()
    }

    fn export(&self, path: &Path) -> cuaderno::Result<()> {
        self.export(path)
    }
}

fn build(name: &str) -> cuaderno::Result<Box<dyn Task>> {
    Ok(if classic::NAMES.contains(&name) {
        Box::new(classic::build(name)?)
    } else if name == augmentation::NAME {
        Box::new(augmentation::build()?)
    } else if name == word_vectors::NAME {
        Box::new(word_vectors::build()?)
    } else {
        Box::new(workload::build(name)?)
    })
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workloads: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, level) = match arguments[..] {
        [name] => (name, Level::detected()),
        [name, "--level", "portable"] => (name, Level::Portable),
        [name, "--level", "avx2"] => (name, Level::Avx2),
        [name, "--level", "avx512"] => (name, Level::Avx512),
        _ => return Err("usage: workloads NAME [--level portable|avx2|avx512]".into()),
    };
    let _forced = level.force()?;
    let mut workload = build(name)?;
    answer("ready");
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("run", seconds)) => answer(&median_step(&mut *workload, seconds.parse()?)?),
            Some(("losses", steps)) => {
                let losses: cuaderno::Result<Vec<String>> = (0..steps.parse()?)
                    .map(|_| Ok(workload.step()?.to_string()))
                    .collect();
                answer(&losses?.join(" "));
            }
            Some(("export", path)) => {
                workload.export(path.as_ref())?;
                answer("exported");
            }
            _ => return Err(format!("{line}: expected run, losses or export").into()),
        }
    }
    Ok(())
}

fn answer(line: &str) {
    println!("{line}");
    // Whoever asked waits for the line.
    let _ = std::io::stdout().flush();
}

/// The median milliseconds of the steps that fit into that time.
fn median_step(task: &mut dyn Task, seconds: f64) -> Result<String> {
    let end = Instant::now() + Duration::try_from_secs_f64(seconds)?;
    let mut times = Vec::new();
    while times.len() < task.least_steps() || Instant::now() < end {
        let start = Instant::now();
        task.step()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2].to_string())
}
