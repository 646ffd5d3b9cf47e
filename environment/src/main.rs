//! The `cuaderno` command. Under other names the same binary is a part of the notebook engine: its
//! runtime process, and the `cargo` that the engine calls to compile a cell.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use cuaderno_environment::{
    bench, data_command, doctor, engine, jupyter_lab, kernel, present, release, run, setup,
};
#[cfg(target_os = "linux")]
use cuaderno_environment::{grade, sandbox};

/// Deep-learning notebooks in Rust.
#[derive(Parser)]
#[command(name = "cuaderno", bin_name = "cargo cuaderno", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Execute notebooks headless and keep their results in `runs/`.
    Run(run::RunArguments),
    /// Cut the students' versions of labs, after a trial of every known answer.
    Release(release::ReleaseArguments),
    /// Score submissions in boxes, by secret questions.
    #[cfg(target_os = "linux")]
    Grade(grade::GradeCommand),
    /// Merge results and enter marks given by hand.
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Grades(grade::GradesCommand),
    /// List, fetch and verify the data sets.
    #[command(subcommand)]
    Data(data_command::DataCommand),
    /// Say what is there and what is missing for each command.
    Doctor,
    /// Build what notebook cells need, so that the first `run` need not.
    Setup,
    /// Open the notebooks in JupyterLab.
    Lab(jupyter_lab::LabArguments),
    /// Execute a notebook and open it as slides.
    Present(present::PresentArguments),
    /// Be the kernel that Jupyter talks to, or install it.
    Kernel(kernel::KernelArguments),
    /// Measure the notebook engine.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Give up all rights and become a program: the first step in a box.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Boxed(sandbox::BoxedArguments),
    /// Keep a box and clear away what it leaves.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Keep(sandbox::KeeperArguments),
    /// Run a submission in a box and ask it.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Examine,
    /// Try the ways out of a box.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Escapes(sandbox::EscapeArguments),
}

fn main() -> ExitCode {
    if let Some(exit) = engine::act_as_part() {
        return exit;
    }
    match dispatch(Arguments::parse().command) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(arguments) => return run::run(arguments),
        Command::Release(arguments) => return release::run(arguments),
        #[cfg(target_os = "linux")]
        Command::Grade(command) => return grade::run(command),
        #[cfg(target_os = "linux")]
        Command::Grades(command) => return grade::grades(command),
        #[cfg(target_os = "linux")]
        Command::Boxed(arguments) => return sandbox::enter(arguments),
        #[cfg(target_os = "linux")]
        Command::Keep(arguments) => return sandbox::keep(arguments),
        #[cfg(target_os = "linux")]
        Command::Examine => return grade::examine(),
        #[cfg(target_os = "linux")]
        Command::Escapes(arguments) => return Ok(sandbox::attempt(arguments)),
        Command::Data(command) => data_command::run(command)?,
        Command::Present(arguments) => return present::run(arguments),
        Command::Doctor => return doctor::run(),
        Command::Lab(arguments) => jupyter_lab::run(arguments)?,
        Command::Kernel(arguments) => return kernel::run(arguments),
        Command::Setup => setup::run()?,
        Command::Bench(command) => bench::run(command)?,
    }
    Ok(ExitCode::SUCCESS)
}
