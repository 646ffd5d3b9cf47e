//! `cargo cuaderno run`: notebooks executed headless on the engine, without Jupyter or Python.

mod notebook;
mod printer;
mod results;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::engine::{CellOutput, EngineThread, Failure, Interrupts, Settings};
use crate::toolchain::Toolchain;
use crate::{setup, workbook};
use notebook::Notebook;
use printer::Printer;
use results::Results;

/// How much a notebook does; cells read it with `Profile::current()`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// A small sample and few epochs: checks that every cell works.
    Quick,
    /// What the course asks.
    Full,
}

#[derive(Args)]
pub struct RunArguments {
    /// Numbers (09) or paths of notebooks.
    #[arg(required = true, value_name = "NUMBER|PATH")]
    notebooks: Vec<String>,
    /// How much the notebooks do.
    #[arg(long, value_enum, default_value = "full")]
    profile: Profile,
    /// Where the executed notebooks and their figures go.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// How long one cell may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
    /// Go on after a cell that fails; the command still fails at the end.
    #[arg(long)]
    keep_going: bool,
}

/// Exit status of a command that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the notebooks one after the other on one engine.
///
/// # Errors
/// Where nothing could be run: an unknown notebook, a support crate that does not compile. A cell
/// that fails is reported and gives exit status 1.
pub fn run(arguments: RunArguments) -> Result<ExitCode> {
    let paths: Vec<PathBuf> = arguments
        .notebooks
        .iter()
        .map(|name| workbook::notebook(name))
        .collect::<Result<_>>()?;
    let notebooks: Vec<Notebook> = paths
        .iter()
        .map(|path| Notebook::read(path))
        .collect::<Result<_>>()?;
    let results = Results::new(&arguments.out)?;
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    let interrupts = stop_on_ctrl_c()?;
    // SAFETY: the engine, whose threads read the environment, has not started.
    unsafe { std::env::set_var("CUADERNO_PROFILE", name_of(arguments.profile)) };

    let start = Instant::now();
    println!("Starting the notebook engine ...");
    let settings = Settings {
        working_directory: folder_of(&paths[0]),
        interrupts: interrupts.clone(),
        live: false,
    };
    let mut engine = EngineThread::start(&toolchain, &support, settings)?;
    println!("The engine is ready ({}).", seconds(start.elapsed()));

    let limit = Duration::from_secs(arguments.timeout);
    let mut reports = Vec::new();
    for (index, (path, notebook)) in paths.iter().zip(notebooks).enumerate() {
        if index > 0 {
            engine.reset(folder_of(path))?;
        }
        println!(
            "\n{} ({} profile)",
            path.display(),
            name_of(arguments.profile)
        );
        let mut execution = Execution {
            engine: &mut engine,
            limit,
            keep_going: arguments.keep_going,
        };
        let report = execution.of(notebook, path, &results)?;
        let stop = report.failed > 0 && !arguments.keep_going;
        reports.push(report);
        if stop || interrupts.count() > 0 {
            break;
        }
    }
    drop(engine);

    println!();
    for report in &reports {
        println!("{}", report.summary());
    }
    Ok(if interrupts.count() > 0 {
        ExitCode::from(INTERRUPTED)
    } else if reports.iter().any(|report| report.failed > 0) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

struct Execution<'a> {
    engine: &'a mut EngineThread,
    limit: Duration,
    keep_going: bool,
}

impl Execution<'_> {
    fn of(&mut self, mut notebook: Notebook, path: &Path, results: &Results) -> Result<Report> {
        let start = Instant::now();
        let mut report = Report::new(path);
        let cells = notebook.code_cells();
        let count = cells.len();
        let mut executed = Vec::new();
        for (number, cell) in (1..).zip(cells) {
            let code = cell.source();
            let title = first_line(&code);
            println!("  cell {number:>2} of {count}  {title}");
            let printer = Arc::new(Mutex::new(Printer::default()));
            let on_output = {
                let printer = printer.clone();
                move |output: &CellOutput| lock(&printer).take(output)
            };
            let result = self
                .engine
                .execute(&code, Some(self.limit), &nobody, Box::new(on_output));
            let output = lock(&printer).finish().to_vec();
            println!("    {}", seconds(result.duration));
            report.notes.extend(notes(&output));
            report.figures += results.save_figures(path, number, &output)?;
            // At the end of the notebook: a thread of the cell may go on to print.
            executed.push((cell, number, printer, result.failure.clone()));
            report.executed += 1;
            if let Some(failure) = result.failure {
                report.failed += 1;
                eprintln!("{}", failure_message(path, number, &title, &failure));
                if !self.keep_going {
                    break;
                }
            }
            if result.interrupted {
                break;
            }
        }
        for (cell, number, printer, failure) in executed {
            cell.set_result(number, lock(&printer).finish(), failure.as_ref());
        }
        report.of = count;
        report.duration = start.elapsed();
        report.result = results.save(path, &notebook)?;
        report.figure_folder = results.figure_folder(path);
        Ok(report)
    }
}

/// What became of one notebook.
struct Report {
    name: String,
    executed: usize,
    of: usize,
    failed: usize,
    figures: usize,
    duration: Duration,
    notes: Vec<String>,
    result: PathBuf,
    figure_folder: PathBuf,
}

impl Report {
    fn new(path: &Path) -> Self {
        Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            executed: 0,
            of: 0,
            failed: 0,
            figures: 0,
            duration: Duration::ZERO,
            notes: vec![],
            result: PathBuf::new(),
            figure_folder: PathBuf::new(),
        }
    }

    fn summary(&self) -> String {
        let mut text = format!("{}: {} of {} cells ran", self.name, self.executed, self.of);
        if self.failed > 0 {
            text += &format!(", {} failed", self.failed);
        }
        text += &format!(
            " in {}\n  notebook  {}",
            seconds(self.duration),
            self.result.display()
        );
        if self.figures > 0 {
            text += &format!(
                "\n  figures   {} in {}",
                self.figures,
                self.figure_folder.display()
            );
        }
        for note in &self.notes {
            text += &format!("\n  {note}");
        }
        text
    }
}

fn stop_on_ctrl_c() -> Result<Interrupts> {
    let interrupts = Interrupts::default();
    let counter = interrupts.clone();
    ctrlc::set_handler(move || {
        counter.add();
        match counter.count() {
            1 => eprintln!("Stopping; what was executed is kept. Ctrl-C again ends the cell."),
            2 => {}
            _ => std::process::exit(INTERRUPTED.into()),
        }
    })
    .context("Ctrl-C cannot be handled")?;
    Ok(interrupts)
}

fn failure_message(path: &Path, number: usize, title: &str, failure: &Failure) -> String {
    let details = failure.readable().replace('\n', "\n  ");
    format!(
        "\nerror in {}, cell {number}, which begins `{title}`:\n  {details}",
        path.display()
    )
}

/// Nobody sits at a headless run.
fn nobody(_prompt: &str, _hidden: bool) -> Option<String> {
    None
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines of a cell's output by which it says that it did something else than was asked, such as
/// going on with a sample.
fn notes(output: &[CellOutput]) -> Vec<String> {
    let texts = output.iter().filter_map(|output| match output {
        CellOutput::Text(_, text) => Some(text),
        _ => None,
    });
    texts
        .flat_map(|text| text.lines())
        .filter(|line| line.starts_with("NOTE: "))
        .map(str::to_owned)
        .collect()
}

fn name_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Quick => "quick",
        Profile::Full => "full",
    }
}

fn folder_of(notebook: &Path) -> &Path {
    notebook.parent().unwrap_or(Path::new("/"))
}

fn first_line(code: &str) -> String {
    let lines = code.lines().map(str::trim);
    let line = lines
        .clone()
        .find(|line| !line.is_empty() && !line.starts_with("//"));
    line.or(lines.clone().next()).unwrap_or_default().to_owned()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
