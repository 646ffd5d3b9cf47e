//! `cargo cuaderno bench`: how long the notebook engine makes a student wait.

mod client;
mod interrupts;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Subcommand;
use client::Client;

use crate::engine::{self, EngineThread, Interrupts, Settings, Support};
use crate::toolchain::Toolchain;
use crate::{setup, workbook};

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Time cells of each kind on the engine itself and through a kernel; prints a table.
    Cells,
    /// Time 200 cells in one kernel: whether it becomes slow or large.
    Session,
    /// Time what an interrupt, a time limit and Ctrl-C take to act, whatever the session is doing.
    Interrupts,
}

/// The code of a kind of cell, given a number that makes its names new.
type Cell = fn(usize) -> String;

/// What every notebook begins with.
const PRELUDE: &str = "use cuaderno::prelude::*;";
const TABLES_CELL: &str = ":dep cuaderno-tables\nuse cuaderno_tables::prelude::*;";
/// How often each kind of cell is run; the table shows the median.
const REPEATS: usize = 9;

/// How long a student reads before running the first cell.
const READING: Duration = Duration::from_secs(15);
/// Cells of a long session; the first and the last few are compared.
const LONG_SESSION: usize = 200;
const FEW: usize = 10;

/// The kinds of cells that are measured. Those come last that leave variables and types behind, which
/// each later cell compiles again.
const KINDS: [(&str, Cell); 5] = [
    ("expression `1 + 1`", |_| "1 + 1".to_owned()),
    ("`println!`", |i| format!("println!(\"{{}}\", 1 + {i});")),
    ("plot", plot_cell),
    ("tensors, variables kept", tensor_cell),
    ("struct, forward pass and one training step", training_cell),
];
/// Cells that are answered with an error, which must not take longer than the fourth kind.
const WRONG: (&str, Cell) = ("tensors, a wrong type in the last line", wrong_cell);

/// Measures and prints.
///
/// # Errors
/// If the engine or a kernel does not start, or a measured cell fails.
pub fn run(command: BenchCommand) -> Result<()> {
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    match command {
        BenchCommand::Cells => {
            engine::prebuild(&toolchain, &support, &[&[setup::TABLES.to_owned()]])?;
            println!("Through Jupyter's messages:");
            measure_kernel()?;
            // Last: an engine changes the folder and the environment of its process.
            println!("\nThe engine itself:");
            measure_engine(&toolchain, &support)
        }
        BenchCommand::Session => measure_session(),
        BenchCommand::Interrupts => interrupts::measure(&toolchain, &support),
    }
}

fn measure_engine(toolchain: &Toolchain, support: &Support) -> Result<()> {
    let start = Instant::now();
    let settings = Settings {
        working_directory: workbook::root(),
        interrupts: Interrupts::default(),
        live: false,
    };
    let mut engine = EngineThread::start(toolchain, support, settings)?;
    row("engine ready", &[start.elapsed()]);
    let mut time = |code: &str| {
        let result = engine.execute(code, None, None, &|_, _| None, Box::new(|_| {}));
        let failure = result.failure.map(|failure| failure.readable());
        Ok((result.duration, failure))
    };
    for code in [PRELUDE, &tensor_cell(usize::MAX)] {
        if let (_, Some(failure)) = time(code)? {
            bail!("The measured cell failed:\n{code}\n{failure}");
        }
    }
    row("first tensor cell done, from the start", &[start.elapsed()]);
    measure_kinds(time)
}

fn measure_kernel() -> Result<()> {
    let (mut client, known) = Client::start()?;
    row("kernel has said who it is", &[known]);
    client.execute(PRELUDE)?;
    client.execute(&tensor_cell(usize::MAX))?;
    row("first tensor cell done, from the start", &[client.age()]);
    drop(client);

    let (mut client, _) = Client::start()?;
    std::thread::sleep(READING.saturating_sub(client.age()));
    let first = client.execute(PRELUDE)? + client.execute(&tensor_cell(usize::MAX))?;
    row("first tensor cell of a kernel that had 15 s", &[first]);
    measure_kinds(|code| client.answer(code))?;
    measure_tables(&mut client)
}

/// Cells with tables, which a notebook asks for.
fn measure_tables(client: &mut Client) -> Result<()> {
    let dep = client.execute(TABLES_CELL)?;
    row("`:dep cuaderno-tables`, built before", &[dep]);
    std::thread::sleep(READING);
    let first = client.execute("let table = wine()?;\ntable.head(Some(5))")?;
    row("first cell with a table, 15 s later", &[first]);
    let later = (0..REPEATS).map(|i| client.execute(&format!("table.head(Some({i}))")));
    row("a table shown", &later.collect::<Result<Vec<_>>>()?);
    Ok(())
}

/// Measures each kind of cell; `time` tells how long a cell took, and its error.
fn measure_kinds(mut time: impl FnMut(&str) -> Result<(Duration, Option<String>)>) -> Result<()> {
    let right = KINDS.map(|kind| (kind, false));
    for ((name, cell), is_wrong) in right.into_iter().chain([(WRONG, true)]) {
        let mut times = Vec::new();
        for code in (0..REPEATS).map(cell) {
            match time(&code)? {
                (duration, failure) if failure.is_some() == is_wrong => times.push(duration),
                (_, Some(failure)) => bail!("The measured cell failed:\n{code}\n{failure}"),
                (_, None) => bail!("The measured cell should fail:\n{code}"),
            }
        }
        row(name, &times);
    }
    Ok(())
}

/// Whether a long session becomes slow or large.
fn measure_session() -> Result<()> {
    let (mut client, _) = Client::start()?;
    client.execute(PRELUDE)?;
    let mut times = Vec::new();
    let mut first_memory = 0.0;
    for i in 0..LONG_SESSION {
        times.push(client.execute(&session_cell(i))?);
        if i == FEW {
            first_memory = client.megabytes()?;
        }
    }
    row("the first ten of 200 cells", &times[..FEW]);
    row("the last ten of 200 cells", &times[LONG_SESSION - FEW..]);
    println!(
        "{:<44} {first_memory:>7.0} MB",
        "the kernel's memory after ten"
    );
    println!(
        "{:<44} {:>7.0} MB",
        "the kernel's memory after 200",
        client.megabytes()?
    );
    Ok(())
}

fn row(name: &str, times: &[Duration]) {
    let mut seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    let (fastest, slowest) = (seconds[0], seconds[seconds.len() - 1]);
    let median = seconds[seconds.len() / 2];
    if seconds.len() == 1 {
        println!("{name:<44} {median:>7.2} s");
    } else {
        println!(
            "{name:<44} {median:>7.2} s   ({fastest:.2} to {slowest:.2}, {} times)",
            seconds.len()
        );
    }
}

fn tensor_cell(i: usize) -> String {
    format!(
        "let t{i} = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((2, 3))?;\n\
         let s{i} = (t{i}.matmul(&t{i}.t()?)? + 1.0)?;\n\
         println!(\"{{s{i}}}\");"
    )
}

fn wrong_cell(i: usize) -> String {
    format!("{}\nlet w{i}: f64 = &t{i};", tensor_cell(i))
}

fn training_cell(i: usize) -> String {
    format!(
        "struct Net{i} {{ weight: Var, bias: Var }}\n\
         impl Module for Net{i} {{\n    \
             fn forward(&self, x: &Tensor) -> cuaderno::candle_core::Result<Tensor> {{\n        \
                 x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?.relu()\n    \
             }}\n\
         }}\n\
         let mut rng{i} = Rng::new({i});\n\
         let net{i} = Net{i} {{\n    \
             weight: Var::from_tensor(&rng{i}.normal(0.0, 0.1, &[1, 4])?)?,\n    \
             bias: Var::from_tensor(&rng{i}.uniform(0.0, 0.1, &[1])?)?,\n\
         }};\n\
         let x{i} = rng{i}.normal(0.0, 1.0, &[8, 4])?;\n\
         let loss{i} = net{i}.forward(&x{i})?.sqr()?.mean_all()?;\n\
         let gradients{i} = loss{i}.backward()?;\n\
         let step{i} = (gradients{i}.get(&net{i}.weight).unwrap() * 0.1)?;\n\
         net{i}.weight.set(&(net{i}.weight.as_tensor() - step{i})?)?;\n\
         println!(\"loss {{}}\", loss{i}.to_scalar::<f32>()?);"
    )
}

fn plot_cell(i: usize) -> String {
    format!("image_grid(&Rng::new({i}).uniform(0.0, 1.0, &[8, 1, 28, 28])?, 8)?")
}

/// Cells of a session that keeps few variables, as a student's does who tries things out.
fn session_cell(i: usize) -> String {
    format!("let t = (Tensor::arange(0f32, 6., &Device::Cpu)? * {i}.0)?;\nprintln!(\"{{t}}\");")
}
