//! `cargo cuaderno run`: notebooks executed headless on the engine, without Jupyter or Python.

#[cfg(target_os = "linux")]
mod boxed;
mod printer;
mod results;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::engine::{CellOutput, EngineThread, Failure, Interrupts, Settings};
use crate::notebook::Notebook;
use crate::profile::{Profile, ProfileArguments};
use crate::toolchain::Toolchain;
use crate::{setup, workbook};
use printer::Printer;
use results::Results;

#[derive(Args)]
pub struct RunArguments {
    /// Numbers (09) or paths of notebooks.
    #[arg(required = true, value_name = "NUMBER|PATH")]
    notebooks: Vec<String>,
    #[command(flatten)]
    profile: ProfileArguments,
    /// Where the executed notebooks and their figures go.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// How long one cell may take; without it half an hour, and a night in the profile `course`.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Go on after a cell that fails and a notebook that cannot be read; the command still fails at
    /// the end.
    #[arg(long)]
    keep_going: bool,
    /// Run in a box that has no network and sees nothing of yours but the notebooks' folder.
    #[cfg(target_os = "linux")]
    #[arg(long)]
    sandbox: bool,
}

/// How long one cell may take by default, in seconds: in the profiles for a lesson, and in that for a
/// night, where one cell may train a network for hours.
const LESSON: u64 = 1800;
const NIGHT: u64 = 12 * 3600;

impl RunArguments {
    /// One notebook, with what else is the default.
    pub fn of(notebook: String, profile: ProfileArguments, out: PathBuf) -> Self {
        Self {
            notebooks: vec![notebook],
            profile,
            out,
            timeout: None,
            keep_going: false,
            #[cfg(target_os = "linux")]
            sandbox: false,
        }
    }

    /// How long one cell may take, in seconds.
    fn timeout(&self) -> u64 {
        self.timeout.unwrap_or(match self.profile.profile() {
            Profile::Quick | Profile::Full => LESSON,
            Profile::Course => NIGHT,
        })
    }
}

/// What became of a run.
pub struct Outcome {
    /// The executed notebooks.
    pub executed: Vec<PathBuf>,
    status: u8,
}

impl Outcome {
    /// Whether every cell of every notebook ran.
    pub fn is_success(&self) -> bool {
        self.status == SUCCESS
    }

    pub fn exit(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;

/// Tag of a cell whose error is meant: it is shown and the run goes on.
const RAISES_EXCEPTION: &str = "raises-exception";

/// Tag of a cell that is not run and stays as it is.
const SKIP_EXECUTION: &str = "skip-execution";

/// Exit status of a command that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the notebooks one after the other on one engine.
///
/// # Errors
/// Where nothing could be run: an unknown notebook, a support crate that does not compile. A cell
/// that fails is reported and gives exit status 1.
pub fn run(arguments: RunArguments) -> Result<ExitCode> {
    #[cfg(target_os = "linux")]
    if arguments.sandbox {
        return boxed::run(&arguments);
    }
    Ok(notebooks(arguments)?.exit())
}

/// As [`run`], for another command, which hears what became of it.
///
/// # Errors
/// As [`run`].
pub fn notebooks(arguments: RunArguments) -> Result<Outcome> {
    let mut notebooks: Vec<(PathBuf, Notebook)> = Vec::new();
    let mut errors = Vec::new();
    for name in &arguments.notebooks {
        match open(name) {
            Ok((path, _)) if notebooks.iter().any(|(other, _)| *other == path) => {}
            Ok(notebook) => notebooks.push(notebook),
            Err(error) if arguments.keep_going => {
                eprintln!("error: {error:#}");
                errors.push(error);
            }
            Err(error) => return Err(error),
        }
    }
    if notebooks.is_empty() {
        return Ok(Outcome {
            executed: Vec::new(),
            status: FAILURE,
        });
    }
    let paths: Vec<PathBuf> = notebooks.iter().map(|(path, _)| path.clone()).collect();
    let results = Results::new(&arguments.out, &paths)?;
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    let interrupts = stop_on_ctrl_c()?;
    for (name, value) in arguments.profile.variables() {
        // SAFETY: the engine, whose threads read the environment, has not started.
        unsafe { std::env::set_var(name, value) };
    }

    let start = Instant::now();
    println!("Starting the notebook engine ...");
    let settings = Settings {
        working_directory: folder_of(&paths[0]),
        interrupts: interrupts.clone(),
        live: false,
    };
    let mut engine = EngineThread::start(&toolchain, &support, settings)?;
    println!("The engine is ready ({}).", seconds(start.elapsed()));

    let limit = Duration::from_secs(arguments.timeout());
    let mut reports = Vec::new();
    for (index, (path, notebook)) in notebooks.into_iter().enumerate() {
        if index > 0 {
            engine.reset(folder_of(&path))?;
        }
        println!(
            "\n{} ({} profile)",
            path.display(),
            arguments.profile.name()
        );
        let mut execution = Execution {
            engine: &mut engine,
            limit,
            keep_going: arguments.keep_going,
        };
        let failed = match execution.of(notebook, &path, &results) {
            Ok(report) => {
                let failed = report.failed > 0;
                reports.push(report);
                failed
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                errors.push(error);
                true
            }
        };
        if (failed && !arguments.keep_going) || interrupts.count() > 0 {
            break;
        }
    }
    drop(engine);

    println!();
    for report in &reports {
        println!("{}", report.summary());
    }
    for error in &errors {
        println!("error: {error:#}");
    }
    let status = if interrupts.count() > 0 {
        INTERRUPTED
    } else if !errors.is_empty() || reports.iter().any(|report| report.failed > 0) {
        FAILURE
    } else {
        SUCCESS
    };
    let executed = reports.into_iter().map(|report| report.result).collect();
    Ok(Outcome { executed, status })
}

/// The notebook that `name` means, and where it lies: one path for one notebook, however it was
/// written.
fn open(name: &str) -> Result<(PathBuf, Notebook)> {
    let path = workbook::notebook(name)?;
    let folder = folder_of(&path);
    let folder = folder
        .canonicalize()
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let path = folder.join(path.file_name().unwrap_or_default());
    let notebook = Notebook::read(&path)?;
    Ok((path, notebook))
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
        report.notes.extend(notebook.mended().map(|mended| {
            let note = format!("NOTE: {} was {mended}", report.file);
            println!("  {note}");
            note
        }));
        let cells = notebook.code_cells();
        let count = cells.len();
        let mut executed = Vec::new();
        for (number, cell) in (1..).zip(cells) {
            let code = cell.source();
            let title = first_line(&code);
            if cell.has_tag(SKIP_EXECUTION) {
                println!(
                    "  cell {number:>2} of {count}  skipped, as its tag `{SKIP_EXECUTION}` says"
                );
                report.skipped += 1;
                continue;
            }
            println!("  cell {number:>2} of {count}  {title}");
            let printer = Arc::new(Mutex::new(Printer::default()));
            let on_output = {
                let printer = printer.clone();
                move |output: &CellOutput| lock(&printer).take(output)
            };
            let result = self.engine.execute(
                &code,
                Some(number),
                Some(self.limit),
                &nobody,
                Box::new(on_output),
            );
            let output = lock(&printer).finish().to_vec();
            println!("    {}", seconds(result.duration));
            report.notes.extend(notes(&output));
            report.figures += results.save_figures(path, number, &output)?;
            let expected = cell.has_tag(RAISES_EXCEPTION);
            // At the end of the notebook: a thread of the cell may go on to print.
            executed.push((cell, number, printer, result.failure.clone()));
            report.executed += 1;
            match result.failure {
                Some(failure) if expected && is_exception(&failure) => println!(
                    "    the error that its tag `{RAISES_EXCEPTION}` expects:\n    {}",
                    failure.readable().replace('\n', "\n    ")
                ),
                Some(failure) => {
                    report.failed += 1;
                    eprintln!("{}", failure_message(path, number, &title, &failure));
                    if !self.keep_going {
                        break;
                    }
                }
                None if expected => {
                    let note = format!(
                        "NOTE: {}, cell {number} is tagged `{RAISES_EXCEPTION}`, but raised no error",
                        report.file
                    );
                    println!("    {note}");
                    report.notes.push(note);
                }
                None => {}
            }
            if result.interrupted {
                break;
            }
        }
        for (cell, number, printer, failure) in executed {
            cell.set_result(number, lock(&printer).finish(), failure.as_ref())?;
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
    file: String,
    executed: usize,
    skipped: usize,
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
        let text = |name: Option<&OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
        Self {
            name: text(path.file_stem()),
            file: text(path.file_name()),
            executed: 0,
            skipped: 0,
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
        if self.skipped > 0 {
            text += &format!(", {} skipped", self.skipped);
        }
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

/// Whether it is the cell's own error. A tag excuses neither a time limit nor a lost process.
fn is_exception(failure: &Failure) -> bool {
    !["Timeout", "Interrupted", "ProcessLost"].contains(&failure.name)
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        run: RunArguments,
    }

    #[test]
    fn a_cell_has_half_an_hour_or_a_night_or_what_was_asked() {
        let timeout = |arguments: &str| {
            let words = ["run", "09"]
                .into_iter()
                .chain(arguments.split_whitespace());
            Command::parse_from(words).run.timeout()
        };
        assert_eq!(timeout(""), 30 * 60);
        assert_eq!(timeout("--profile course"), 12 * 60 * 60);
        assert_eq!(timeout("--profile course --timeout 60"), 60);
    }
}
