//! The notebook engine: evcxr with the support crate linked in, a `cargo` that compiles a cell
//! without asking the real one, and a runtime process that tells a failure from a success.

mod answer;
mod carets;
mod cargo;
mod cell;
mod channel;
mod collected;
mod collector;
mod completion;
mod definitions;
mod dependencies;
mod description;
mod diagnostics;
mod failure;
mod gradients;
mod handover;
mod hints;
mod impls;
mod includes;
mod input;
pub mod kept;
mod limits;
mod literals;
mod macros;
mod offered;
mod origins;
mod output;
mod page;
mod place;
mod prebuilt;
mod progress;
mod reading;
mod runtime;
mod scanner;
mod session;
mod source;
mod stand_ins;
mod support;
mod syntax;
mod thread;
mod variables;
mod whole_numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, EvalCallbacks, EvalContext, EvalOutputs};

pub use cuaderno_protocol::Contents;
pub use evcxr::Completions;
pub use failure::Failure;
pub use limits::{Interrupts, Processes};
pub use offered::asked_for;
pub use output::{CellOutput, OnOutput, Stream};
pub use page::Page;
pub use prebuilt::Prebuilt;
pub use reading::{Depth, asks_for_crates, ends_within_a_token};
pub use support::Support;
pub use thread::EngineThread;

use crate::toolchain::Toolchain;
use crate::workbook;
use answer::Answer;
use cell::Cell;
use collector::Collector;
use completion::Names;
use definitions::Definitions;
use dependencies::Dependencies;
use diagnostics::Report;
use failure::Cells;
use gradients::Gradients;
use impls::Impls;
use limits::{EndedBy, Verdict, Watch};
use place::EarlierCell;
use session::{Facts, LITERALS, Session, WORKING_DIRECTORY};
use source::Replaced;
use variables::{Gone, Variables};
use whole_numbers::WholeNumbers;

/// What evcxr says where the analyser knows nothing.
pub const NOTHING_KNOWN: &str = "No documentation found";
/// The engine runs this binary again as `cuaderno runtime`.
const RUNTIME: &str = "runtime";

/// Acts as the engine's runtime process or as its cargo, if this process was started as one.
pub fn act_as_part() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next().map(PathBuf::from).unwrap_or_default();
    match name.file_stem().and_then(|name| name.to_str()) {
        Some("cargo") => return Some(cargo::main()),
        // evcxr asks rustup for the tools first; failing sends it to the path, where ours are.
        Some("rustup") => return Some(ExitCode::FAILURE),
        Some(handover::NAME) => return Some(handover::main()),
        Some(session::STOCK) => return Some(act_as_stock()),
        _ => {}
    }
    let is_runtime = std::env::var_os(session::SESSION).is_some()
        && arguments.next().is_some_and(|argument| argument == RUNTIME);
    is_runtime.then(runtime::main)
}

fn act_as_stock() -> ExitCode {
    match evcxr_jupyter::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// evcxr's own front end in a session like ours. This process must become it: the session's folder
/// lasts as long as the process does.
pub fn stock(toolchain: &Toolchain, support: &Support) -> Result<Command> {
    let working_directory = std::env::current_dir()?;
    let session = std::mem::ManuallyDrop::new(Session::create(toolchain, support, false)?);
    set_working_directory(&session, &working_directory)?;
    enter(&session, toolchain)?;
    let mut stock = Command::new(session.folder().join("bin").join(session::STOCK));
    // It brings a kernelspec that is there up to date, and would write itself into it.
    stock.env("JUPYTER_PATH", session.folder());
    stock.current_dir(working_directory);
    Ok(stock)
}

/// Builds crates that notebooks may ask for by their names, of each notebook in `sets`.
///
/// # Errors
/// If one cannot be built.
pub fn prebuild(
    toolchain: &Toolchain,
    support: &Support,
    sets: &[&[String]],
) -> Result<Vec<Prebuilt>> {
    let session = Session::create(toolchain, support, false)?;
    let facts = Facts::of(session.folder())?;
    let one = |names: &&[String]| Dependencies::prebuild(session.folder(), &facts, names);
    sets.iter().map(one).collect()
}

/// Whether a notebook may ask for the crate by its `name` alone.
///
/// # Errors
/// If it cannot be read which ones those are.
pub fn is_offered(name: &str) -> Result<bool> {
    Ok(Support::shows(name) || offered::crates(&workbook::ecosystem())?.contains_key(name))
}

/// evcxr and what belongs to it, on the thread that [`EngineThread`] starts.
struct Engine {
    // Dropped in this order: the engine's processes end before their folder goes.
    context: CommandContext,
    collector: Collector,
    watch: Watch,
    session: Session,
    processes: Processes,
    /// Runtime processes so far.
    started: u64,
    /// The items that cells have defined.
    definitions: Definitions,
    impls: Impls,
    /// Where the code that evcxr got for the running cell is not where it is in the cell.
    moved: BTreeMap<usize, (usize, usize)>,
    /// That code.
    marked: String,
    /// Variables to which the running cell gives new values without a look at the old ones.
    replaced: Vec<String>,
    gone: Gone,
    /// Cells that ran, as evcxr had them.
    cells: Vec<EarlierCell>,
    rustc: PathBuf,
    gradients: Gradients,
    whole_numbers: WholeNumbers,
    /// The names that the analyser may offer.
    names: Names,
}

/// What an engine is started with.
pub struct Settings<'a> {
    /// The folder that cells run in; absolute.
    pub working_directory: &'a Path,
    /// Stops the running cell.
    pub interrupts: Interrupts,
    /// Whether somebody watches while cells run.
    pub live: bool,
}

/// Asks the user for a line: a prompt, and whether to hide what is typed. Nothing comes back where
/// nobody can be asked.
pub type AskUser<'a> = &'a dyn Fn(&str, bool) -> Option<String>;

/// What became of a cell.
pub struct CellResult {
    pub failure: Option<Failure>,
    /// The user interrupted it, and it may still have ended well.
    pub interrupted: bool,
    pub duration: Duration,
}

impl Engine {
    /// Starts an engine. One process can hold one.
    pub fn start(toolchain: &Toolchain, support: &Support, settings: Settings) -> Result<Self> {
        let session = Session::create(toolchain, support, settings.live)?;
        set_working_directory(&session, settings.working_directory)?;
        enter(&session, toolchain)?;
        let mut runtime = Command::new(session.own_binary());
        runtime.arg(RUNTIME);
        // The allocator of the cells keeps what a training step frees: the next step needs it again,
        // and memory given back faults in page by page.
        runtime.env("MIMALLOC_PURGE_DELAY", "-1");
        // Candle has threads of its own for sums and products of tensors, which wait for work beside
        // those of the operations here: every hand-over costs more than a second thread gains.
        if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
            runtime.env("CANDLE_NUM_THREADS", "1");
        }
        let collector = Collector::new(channel::open(&mut runtime)?);
        let (context, _) = EvalContext::with_subprocess_command(runtime)
            .map_err(|error| anyhow!("The notebook engine does not start: {error}"))?;
        // Where a `:dep` line names a folder, it is seen from the notebook.
        std::env::set_current_dir(settings.working_directory)?;
        let context = CommandContext::with_eval_context(context);
        let processes = Processes::new(context.process_handle(), session.folder());
        let watch = Watch::new(processes.clone(), collector.clone(), settings.interrupts);
        let mut engine = Self {
            context,
            collector,
            watch,
            session,
            processes,
            started: 1,
            definitions: Definitions::default(),
            impls: Impls::default(),
            moved: BTreeMap::new(),
            marked: String::new(),
            replaced: Vec::new(),
            gone: Gone::default(),
            cells: Vec::new(),
            rustc: toolchain.rustc.clone(),
            gradients: Gradients::default(),
            whole_numbers: WholeNumbers::default(),
            names: Names::new(toolchain, support),
        };
        engine.allow_question_marks()?;
        Ok(engine)
    }

    /// The processes that work for this engine, for those who must end them from another thread.
    pub fn processes(&self) -> Processes {
        self.processes.clone()
    }

    /// Whether the running cell must end.
    pub fn verdict(&self) -> Verdict {
        self.watch.verdict()
    }

    /// The folder of this engine, which must go with it.
    pub fn folder(&self) -> &Path {
        self.session.folder()
    }

    /// Runs a cell, to the student that of `number`, for at most `limit`; `on_output` sees what it
    /// prints and shows, as it comes.
    pub fn execute(
        &mut self,
        code: &str,
        number: Option<usize>,
        limit: Option<Duration>,
        ask_user: AskUser,
        mut on_output: OnOutput,
    ) -> CellResult {
        let start = Instant::now();
        let types = self.types();
        let before: BTreeSet<String> = types.keys().cloned().collect();
        let definitions: BTreeSet<String> = self
            .context
            .defined_item_names()
            .map(str::to_owned)
            .collect();
        let ended = |failure: Option<Failure>| CellResult {
            failure,
            interrupted: false,
            duration: start.elapsed(),
        };
        if let Some(name) = reading::asks_about(code, |name| before.contains(name)) {
            return ended(self.tell_about(name, &mut *on_output).err());
        }
        let known = |name: &str| before.contains(name) || definitions.contains(name);
        let literals = self.session.folder().join(LITERALS);
        let prepared = reading::prepare(code, known).and_then(|cell| {
            let short = literals::shorten(&cell, &literals);
            short.map_err(|error| format!("The session's folder cannot be written: {error}."))
        });
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(sentence) => return ended(Some(Failure::refused(sentence))),
        };
        let new = cell::names(&prepared);
        let session = hints::Session {
            gone: &self.gone,
            variables: &types,
            definitions: &definitions,
        };
        if let Some(answer) = self.unreadable(&prepared, &session) {
            let place = in_cell(answer.place.as_deref(), number);
            let here = before.union(&definitions).cloned().collect();
            self.gone.after_failure(new, &here, place.as_deref());
            return ended(Some(Failure::of_answer(answer)));
        }
        let folder = self.session.folder();
        if reading::restarts(&prepared) {
            Dependencies::forget(folder);
        } else if reading::asks_for_crates(&prepared)
            && let Some(sentence) = Dependencies::outdated(folder)
        {
            return ended(Some(Failure::refused(sentence)));
        }
        let (cut, whole_numbers) = self.whole_numbers.warnings(&prepared, &types);
        let warnings = self.gradients.warnings(code) + &cut;
        if !warnings.is_empty() {
            on_output(&CellOutput::Text(Stream::Stderr, warnings));
        }
        self.collector.begin(on_output);
        self.watch.begin(limit);
        let collector = self.collector.clone();
        let mut callbacks = EvalCallbacks {
            input_reader: &|request| {
                let answer = ask_user(&collector.prompt(), request.is_password);
                collector.answer(answer)
            },
        };
        let result = self.run(&prepared, &mut callbacks);
        let ended_by = self.watch.end();
        let lost = matches!(result, Err(evcxr::Error::SubprocessTerminated(_)));
        if lost {
            Dependencies::forget(self.session.folder());
        }
        if lost || reading::restarts(&prepared) {
            self.wait_for_new_process();
        } else if !self.processes.are_alive() {
            // Ended while the cell was analysed or compiled: the engine has not noticed.
            self.restart();
        }
        if let Ok(outputs) = &result
            && !outputs.content_by_mime_type.is_empty()
        {
            let contents = outputs.content_by_mime_type.clone();
            self.collector.show(Contents {
                by_type: contents.into_iter().collect(),
                size: None,
            });
        }
        let refused = matches!(result, Err(evcxr::Error::CompilationErrors(_)));
        // Last, where the result is read that they are about.
        let warnings = self.gone.warnings(&prepared) + &carets::warnings(&prepared);
        if !refused && !warnings.is_empty() {
            self.collector.say(Stream::Stderr, warnings);
        }
        let collected = self.collector.take();
        let generated = self.context.last_source().unwrap_or_default();
        if collected.error.is_some() || collected.panicked.is_some() {
            self.take_back_replaced(&generated);
        }
        let after = self.variables();
        let succeeded = result.is_ok();
        if reading::restarts(&prepared) {
            self.gone = Gone::default();
        } else if succeeded || refused {
            self.gone.after_cell(&prepared, succeeded, &before, &after);
        }
        let variables = Variables::new(before.clone(), after.clone(), &new);
        let cells = Cells {
            prepared: &prepared,
            marked: &self.marked,
            earlier: &self.cells,
            generated: &generated,
        };
        let session = hints::Session {
            gone: &self.gone,
            variables: &types,
            definitions: &definitions,
        };
        let report = Report::read(self.session.folder()).filter(|_| refused && ended_by.is_none());
        let (failure, place) = match report {
            Some(report) => {
                let answer = answer::answer(&report, &cells, &self.moved, &session);
                let place = answer.place.clone();
                (Some(Failure::of_answer(answer)), place)
            }
            None => {
                let failure = Failure::of(&cells, result, &collected, ended_by, &variables);
                let report = collected.panicked.as_ref().or(collected.error.as_ref());
                let place = report.and_then(|report| cells.line_of(report));
                (
                    failure,
                    place.and_then(|place| Some(place.split_once(": ")?.0.to_owned())),
                )
            }
        };
        if failure.is_none() {
            self.whole_numbers = whole_numbers;
        } else {
            let here: BTreeSet<String> = after.union(&definitions).cloned().collect();
            let place = in_cell(place.as_deref(), number);
            self.gone.after_failure(new, &here, place.as_deref());
        }
        if succeeded {
            self.cells.push(EarlierCell {
                number,
                code: prepared,
            });
        }
        CellResult {
            failure,
            interrupted: ended_by == Some(EndedBy::Interrupt),
            duration: start.elapsed(),
        }
    }

    /// The answer to a cell that cannot be read.
    fn unreadable(&self, code: &str, session: &hints::Session) -> Option<Answer> {
        let rust = cell::rust_of(code);
        let start = code.len() - rust.len();
        let lines = code[..start].matches('\n').count();
        if let Some(found) = syntax::unbalanced(rust, lines) {
            return Some(answer::unbalanced(&found, code, start));
        }
        let report = syntax::report(code, rust, &self.rustc, self.session.folder())?;
        answer::unreadable(&report, code, session)
    }

    /// Shows what is known of `name`.
    fn tell_about(
        &mut self,
        name: &str,
        on_output: &mut dyn FnMut(&CellOutput),
    ) -> Result<(), Failure> {
        let paths = [name.to_owned(), format!("cuaderno::prelude::{name}")];
        let found = paths.iter().find_map(|path| {
            let found = self.describe(path, path.len()).ok();
            found.filter(|(text, _)| text != NOTHING_KNOWN)
        });
        match found {
            Some((text, html)) => {
                let contents = Contents::text(text).with("text/html", html);
                on_output(&CellOutput::Value(contents));
                Ok(())
            }
            None => Err(Failure::refused(format!(
                "Nothing is known of `{name}`: no variable, function or type has this name here."
            ))),
        }
    }

    /// What the failed cell of `generated` would only have replaced, the store has kept, and evcxr has
    /// forgotten.
    fn take_back_replaced(&mut self, generated: &str) {
        let names = std::mem::take(&mut self.replaced);
        let cell: Vec<_> = names
            .iter()
            .filter_map(|name| source::taking_back(generated, name))
            .collect();
        if !cell.is_empty() && self.processes.are_alive() {
            // Where it fails, the variables are lost, and the failure says so.
            let _ = self.context.execute(&cell.join("\n"));
        }
    }

    /// Runs a cell, unless it is one that evcxr would not run to its end.
    fn run(
        &mut self,
        code: &str,
        callbacks: &mut EvalCallbacks,
    ) -> Result<EvalOutputs, evcxr::Error> {
        let cell = Cell::read(code).map_err(|unread| unread.message(code))?;
        let later = self.definitions.with(&cell);
        let makes_items = |name: &str| later.makes_items(name);
        let marked = self.impls.mark(code, &cell, &makes_items);
        self.moved = marked.moved;
        self.marked.clone_from(&marked.code);
        Report::remove(self.session.folder())?;
        self.lose_variables(&marked.code, &cell)?;
        for sentence in cell.what_does_not_last(&makes_items) {
            self.collector.say(Stream::Stderr, format!("{sentence}\n"));
        }
        let names = self.context.variables_and_types().map(|(name, _)| name);
        let replaced = Replaced {
            names: cell.replaced(names),
        };
        replaced.write(self.session.folder())?;
        let outputs = self.context.execute_with_callbacks(&marked.code, callbacks);
        Replaced::default().write(self.session.folder())?;
        self.replaced = replaced.names;
        let outputs = outputs?;
        if !cell.statements().is_empty() {
            self.definitions = Definitions::of_source(&self.context.last_source()?);
            self.impls = marked.impls;
        }
        Ok(outputs)
    }

    /// Drops the variables that would be read as what they are not if `cell` defined what it does.
    fn lose_variables(&mut self, code: &str, cell: &Cell) -> Result<(), evcxr::Error> {
        let later = self.definitions.with(cell);
        let changed = |(name, kind): (&str, &str)| {
            let by = self.definitions.changed_for(kind, &later)?;
            Some((name.to_owned(), by.to_owned()))
        };
        let lost: BTreeMap<_, _> = self
            .context
            .variables_and_types()
            .filter_map(changed)
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        // A cell that does not compile defines nothing, so that no variable need go.
        let errors = self.context.check(code)?;
        let report = Report::read(self.session.folder());
        if report.is_some_and(|report| !report.can_be_mended()) {
            return Err(evcxr::Error::CompilationErrors(errors));
        }
        let drop = |name: &str| {
            // A value that can be copied is not moved away; a `String` in its place is. The line
            // must not begin as a command.
            format!(
                "{{ ::std::mem::drop({name}); }} let {name} = ::std::string::String::new(); \
                 ::std::mem::drop({name});"
            )
        };
        let drops: String = lost.keys().map(|name| drop(name)).collect();
        self.context.execute(&drops)?;
        for (name, by) in &lost {
            let sentence =
                format!("`{name}` is lost: its type depends on {by}, which this cell changes.\n");
            self.collector.say(Stream::Stderr, sentence);
        }
        self.gone.of_an_old_type.extend(lost.into_keys());
        Ok(())
    }

    /// What could stand at byte `position` of `code`, best first.
    ///
    /// # Errors
    /// If the analyser cannot tell.
    pub fn completions(&mut self, code: &str, position: usize) -> Result<Completions> {
        let found = self.context.completions(code, position)?;
        let definitions = self.context.defined_item_names().map(str::to_owned);
        let session = definitions.chain(self.variables()).collect();
        Ok(self.names.best_first(found, code, &session))
    }

    /// What is known of the expression before byte `position` of `code`, as text and as HTML.
    ///
    /// # Errors
    /// If the analyser cannot tell.
    pub fn describe(&mut self, code: &str, position: usize) -> Result<(String, String)> {
        let (text, html) = self.context.hover_at(code, position)?;
        Ok(match text == NOTHING_KNOWN {
            true => (text, html),
            false => description::printed(&html),
        })
    }

    /// Forgets all variables and definitions and starts a new runtime process in
    /// `working_directory`; what the engine has learned of the types stays warm.
    ///
    /// # Errors
    /// If no process can be started.
    pub fn reset(&mut self, working_directory: &Path) -> Result<()> {
        set_working_directory(&self.session, working_directory)?;
        std::env::set_current_dir(working_directory)?;
        self.context
            .execute(":clear")
            .map_err(|error| anyhow!("The notebook engine does not restart: {error}"))?;
        self.wait_for_new_process();
        self.definitions = Definitions::default();
        self.impls = Impls::default();
        self.gone = Gone::default();
        self.cells.clear();
        self.gradients = Gradients::default();
        self.whole_numbers = WholeNumbers::default();
        self.allow_question_marks()
    }

    /// The first `?` of a session lets evcxr compile its cell twice.
    fn allow_question_marks(&mut self) -> Result<()> {
        self.context
            .execute("Ok::<(), std::fmt::Error>(())?;")
            .map_err(|error| anyhow!("The notebook engine cannot run a cell: {error}"))?;
        Ok(())
    }

    fn restart(&mut self) {
        // It fails only where no process can be started; the next cell says so.
        let _ = self.context.execute(":restart");
        Dependencies::forget(self.session.folder());
        self.wait_for_new_process();
    }

    fn wait_for_new_process(&mut self) {
        self.started += 1;
        self.collector.wait_for_process(self.started);
    }

    fn variables(&self) -> BTreeSet<String> {
        self.types().into_keys().collect()
    }

    /// The variables and their types.
    fn types(&self) -> BTreeMap<String, String> {
        let variables = self.context.variables_and_types();
        variables
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect()
    }
}

/// A line of a cell, in the words that a later one is told.
fn in_cell(line: Option<&str>, number: Option<usize>) -> Option<String> {
    match (line, number) {
        (Some(line), Some(number)) => Some(format!("{line} of cell {number}")),
        (Some(line), None) => Some(line.to_owned()),
        (None, Some(number)) => Some(format!("cell {number}")),
        (None, None) => None,
    }
}

fn set_working_directory(session: &Session, directory: &Path) -> Result<()> {
    let path = directory
        .to_str()
        .context("the notebook's folder is not UTF-8")?;
    Ok(std::fs::write(
        session.folder().join(WORKING_DIRECTORY),
        path,
    )?)
}

/// Lets this process, and with it the engine, find the session's tools.
fn enter(session: &Session, toolchain: &Toolchain) -> Result<()> {
    let folder = session.folder();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = [folder.join("bin"), toolchain.sysroot.join("bin")];
    let path = std::env::join_paths(tools.into_iter().chain(std::env::split_paths(&path)))?;
    std::env::set_current_dir(folder)?;
    // SAFETY: called before the engine starts its threads; those that run do not read the
    // environment.
    unsafe {
        std::env::set_var("PATH", path);
        std::env::set_var("CARGO_HOME", folder.join("cargo-home"));
        std::env::set_var("EVCXR_CONFIG_DIR", folder);
        std::env::set_var(session::SESSION, folder);
        std::env::remove_var("CARGO");
        std::env::remove_var("EVCXR_TMPDIR");
    }
    Ok(())
}
