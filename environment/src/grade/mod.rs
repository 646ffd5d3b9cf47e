//! `cargo cuaderno grade`: submissions scored in boxes. Nothing that a student's code says of itself
//! earns points: it is asked questions under a secret seed, and its answers are compared, outside of
//! the box, with those of the solution.

mod examination;
mod examiner;
mod execution;
mod formats;
mod grades;
mod input;
mod manual;
mod merge;
mod prepare;
mod result;
mod scoring;
mod similar;
mod submission;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};

use crate::files;
use crate::probe::{hex, mac};
use crate::release::{ReleasedLab, sha256};
use crate::sandbox::{Limits, Sandbox};
use crate::toolchain::Toolchain;
use examination::Room;
use execution::Executed;
use formats::Format;
use input::{Input, Partition};
use prepare::{PrepareArguments, Prepared};
use result::{GradeResult, Receipt, SCHEMA, State};
use scoring::Reference;
use submission::{Answers, Submission};

pub use examiner::run as examine;
pub use grades::{GradesCommand, run as grades};

/// What to do: to grade, where nothing else is said.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct GradeCommand {
    #[command(subcommand)]
    before: Option<Before>,
    #[command(flatten)]
    arguments: Option<GradeArguments>,
}

/// What can be done before there are submissions.
#[derive(Subcommand)]
enum Before {
    /// Build what the boxes of a release need, which `grade` does otherwise.
    Prepare(PrepareArguments),
}

/// What to grade, with which release, and where the results go.
#[derive(Args)]
pub struct GradeArguments {
    /// Notebooks, or folders of them.
    #[arg(required = true, value_name = "SUBMISSION")]
    submissions: Vec<PathBuf>,
    /// The `release.json` of the release that they answer.
    #[arg(long, value_name = "FILE")]
    release: PathBuf,
    /// Where the results go; those that are there already are kept.
    #[arg(long, value_name = "DIR", default_value = "grades")]
    out: PathBuf,
    /// Grade only this part of the submissions: `0/4`, `1/4`, `2/4` or `3/4`.
    #[arg(long, value_name = "I/N", value_parser = Partition::parse)]
    partition: Option<Partition>,
    /// How many submissions to grade at a time; each may need 7 GiB of memory.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// A name for this run; each name draws its own questions.
    #[arg(long, value_name = "NAME", default_value = "1")]
    run: String,
    /// How long one cell may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Execute each notebook as a whole, too, in a box of its own, for the feedback page. It takes a
    /// minute a submission and earns nothing.
    #[arg(long)]
    execute: bool,
    /// More formats.
    #[arg(long, value_enum, value_delimiter = ',')]
    format: Vec<Format>,
    /// Grade the submission of this result once more, and say whether the numbers are the same.
    #[arg(long, value_name = "RESULT")]
    replay: Option<PathBuf>,
}

/// All submissions have a score, though some may wait for marks by hand.
const SCORED: u8 = 0;
/// What was given is no release, or there are no submissions.
const BAD_INPUT: u8 = 2;
/// Some submissions have no score.
const UNSCORED: u8 = 3;
/// No sandbox: nothing ran.
const NO_SANDBOX: u8 = 4;

/// How long a box may live besides the time of its cells, in seconds.
const STARTING: u64 = 120;
/// How many scratch folders a box of the engine has: `/tmp`, `/dev/shm` and the engine's own.
const SCRATCH_FOLDERS: u64 = 3;
/// How many of its cells may take all of their time before the box is ended.
const SLOW_CELLS: u64 = 8;

/// Does what the command says.
///
/// # Errors
/// If the results cannot be written or the engine cannot be built.
pub fn run(command: GradeCommand) -> Result<ExitCode> {
    match command {
        GradeCommand {
            before: Some(Before::Prepare(arguments)),
            ..
        } => prepare::run(&arguments),
        GradeCommand { arguments, .. } => grade(arguments.context("nothing says what to grade")?),
    }
}

/// Grades the submissions and says what came of it in the exit status.
fn grade(arguments: GradeArguments) -> Result<ExitCode> {
    let input = Input::read(&arguments);
    let input = match input {
        Ok(input) => input,
        Err(error) => return Ok(failed(&error, BAD_INPUT)),
    };
    // Before anything of a submission is read.
    let sandbox = match Sandbox::find() {
        Ok(sandbox) => sandbox,
        Err(error) => return Ok(failed(&error, NO_SANDBOX)),
    };
    if arguments.jobs > 1 && !sandbox.makes_several() {
        let error = anyhow::anyhow!(
            "--jobs {} needs boxes by bubblewrap, and here Landlock makes them, one at a time; give \
             --jobs 1, and --partition for more containers",
            arguments.jobs
        );
        return Ok(failed(&error, BAD_INPUT));
    }
    let limits = Limits::new(STARTING + SLOW_CELLS * arguments.timeout);
    if let Err(error) = ensure_memory(arguments.jobs, &limits, total_memory()) {
        return Ok(failed(&error, BAD_INPUT));
    }
    for folder in [
        results_folder(&arguments.out),
        executed_folder(&arguments.out),
    ] {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let toolchain = Toolchain::discover()?;
    let prepared = Prepared::of(&input.manifest, &toolchain)?;
    let room = Room::new(sandbox, &toolchain, prepared, limits)?;
    let grader = Grader {
        arguments: &arguments,
        input: &input,
        room: &room,
        toolchain: &toolchain,
        cpu: cpu(),
        references: Mutex::default(),
        graded: AtomicUsize::new(0),
    };
    if let Some(result) = &arguments.replay {
        return grader.replay(result);
    }
    let results = grader.all()?;
    write_feedback(&arguments.out, &results)?;
    let results: Vec<_> = results.into_iter().map(|(result, _)| result).collect();
    write_all(&arguments.out, &results, &arguments.format)?;
    let unscored = results.iter().filter(|result| !result.has_score()).count();
    println!(
        "{} submissions, {unscored} without a score: {}",
        results.len(),
        arguments.out.join("grades.csv").display()
    );
    Ok(ExitCode::from(if unscored > 0 { UNSCORED } else { SCORED }))
}

fn failed(error: &anyhow::Error, status: u8) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(status)
}

/// Refuses more boxes at a time than there is memory for: the kernel would end what an honest
/// submission runs, and that looks like a process that ended by itself.
fn ensure_memory(jobs: usize, limits: &Limits, total: Option<u64>) -> Result<()> {
    let (Some(total), true) = (total, jobs > 1) else {
        return Ok(());
    };
    let one = limits.memory + SCRATCH_FOLDERS * limits.scratch;
    let need = one.saturating_mul(jobs as u64);
    ensure!(
        need <= total,
        "--jobs {jobs} may need {} GiB, and this machine has {}; give --jobs {}",
        need.div_ceil(1 << 30),
        total >> 30,
        (total / one).max(1)
    );
    Ok(())
}

/// The memory of this machine, in bytes, where the kernel says it.
fn total_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// How long it takes to grade so many more, if so many took this long.
fn time_left(taken: Duration, graded: usize, left: usize) -> String {
    if graded == 0 {
        return String::new();
    }
    let minutes = taken.as_secs_f64() / graded as f64 * left as f64 / 60.0;
    format!("; {minutes:.0} min left")
}

fn results_folder(out: &Path) -> PathBuf {
    out.join("results")
}

/// What boxes said of whole notebooks, apart from the results.
fn executed_folder(out: &Path) -> PathBuf {
    out.join("executed")
}

struct Grader<'a> {
    arguments: &'a GradeArguments,
    input: &'a Input,
    room: &'a Room,
    toolchain: &'a Toolchain,
    cpu: String,
    /// The labs that have been asked for, with what their solutions answer, or why they do not.
    references: Mutex<BTreeMap<String, Arc<Result<Reference<'a>, String>>>>,
    /// How many results are new. Those that were there tell nothing of the time that is left.
    graded: AtomicUsize,
}

impl<'a> Grader<'a> {
    /// The results of all submissions, in order; new ones are written as soon as they are there.
    fn all(&self) -> Result<Vec<(GradeResult, Option<Executed>)>> {
        let submissions = &self.input.submissions;
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = Mutex::new(BTreeMap::new());
        let start = Instant::now();
        let work = || -> Result<()> {
            loop {
                let at = next.fetch_add(1, Ordering::SeqCst);
                let Some((name, path)) = submissions.get(at) else {
                    return Ok(());
                };
                let (result, executed) = self.one(name, path)?;
                let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                let left = submissions.len() - done;
                println!(
                    "{done} of {}  {name}: {}{}",
                    submissions.len(),
                    in_short(&result),
                    time_left(start.elapsed(), self.graded.load(Ordering::SeqCst), left)
                );
                results
                    .lock()
                    .map_err(|_| anyhow::anyhow!("a grading thread panicked"))?
                    .insert(at, (result, executed));
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.arguments.jobs.max(1))
                .map(|_| scope.spawn(work))
                .collect();
            let ends = workers.into_iter().map(|worker| match worker.join() {
                Ok(end) => end,
                Err(_) => bail!("a grading thread panicked"),
            });
            ends.collect::<Result<Vec<()>>>()
        })?;
        let results = results
            .into_inner()
            .map_err(|_| anyhow::anyhow!("a grading thread panicked"))?;
        Ok(results.into_values().collect())
    }

    /// One submission's result, and what became of its notebook as a whole: those that are there, or
    /// new ones, which are written.
    ///
    /// # Errors
    /// If they cannot be written.
    fn one(&self, name: &str, path: &Path) -> Result<(GradeResult, Option<Executed>)> {
        let submission = Submission::read(path);
        let bytes = submission.as_ref().map_or(&[][..], |it| &it.bytes);
        let hash = sha256(bytes);
        let result = self.unscored(name, hash.clone());
        // Whatever else the result depends on is part of the release.
        let key = sha256(format!("{hash}\n{}", result.conditions()).as_bytes());
        let file_name = format!("{name}--{}.json", &key[..16]);
        let file = results_folder(&self.arguments.out).join(&file_name);
        let executed = self.executed(&submission, &file_name)?;
        let secret = &self.input.manifest.secret;
        let result = match kept(&file, secret) {
            Some(kept) => kept,
            None => {
                let mut result = self.graded(result, submission);
                result.sign(secret);
                let text = serde_json::to_string_pretty(&result)? + "\n";
                files::write(&file, text.as_bytes())?;
                self.graded.fetch_add(1, Ordering::SeqCst);
                result
            }
        };
        // Also of a run that was ended before it came to this.
        remove_outdated(name, &file, secret)?;
        Ok((result, executed))
    }

    /// What became of the notebook as a whole, if that was asked for, now or earlier.
    fn executed(
        &self,
        submission: &Result<Submission>,
        file_name: &str,
    ) -> Result<Option<Executed>> {
        let file = executed_folder(&self.arguments.out).join(file_name);
        if let Some(executed) = Executed::read(&file) {
            return Ok(Some(executed));
        }
        let labs = &self.input.manifest.labs;
        // What cannot be read has no score, and the result says why.
        let found = submission.as_ref().ok().filter(|_| self.arguments.execute);
        let found = found.and_then(|it| Answers::best_of(&it.notebook, labs).ok());
        let Some((lab, answers)) = found else {
            return Ok(None);
        };
        match Executed::of(&answers, lab, self.room, self.arguments.timeout) {
            Ok(executed) => {
                executed.write(&file)?;
                Ok(Some(executed))
            }
            Err(why) => {
                // Tried again next time. What a box says may hold lines that a CI takes for commands.
                let why = format!("{why:#}");
                eprintln!(
                    "{file_name}: the notebook was not executed: {}",
                    why.escape_debug()
                );
                Ok(None)
            }
        }
    }

    /// A result of which nothing is known yet.
    fn unscored(&self, name: &str, hash: String) -> GradeResult {
        GradeResult {
            schema: SCHEMA,
            submission: name.to_owned(),
            lab: String::new(),
            release: format!("sha256:{}", self.input.release),
            run: self.arguments.run.clone(),
            state: State::GraderError,
            says: None,
            probes: vec![],
            manual: vec![],
            flags: vec![],
            receipt: self.receipt(hash),
        }
    }

    fn graded(&self, mut result: GradeResult, submission: Result<Submission>) -> GradeResult {
        let found =
            submission.and_then(|it| Answers::best_of(&it.notebook, &self.input.manifest.labs));
        let (lab, answers) = match found {
            Ok(found) => found,
            Err(error) => {
                result.state = State::Unreadable;
                result.says = Some(format!("{error:#}."));
                return result;
            }
        };
        result.lab.clone_from(&lab.file);
        result.flags = answers.flags.iter().cloned().collect();
        result.manual = scoring::manual(lab, &answers);
        let reference = self.reference(lab);
        let scored = match reference.as_ref() {
            Ok(reference) => reference
                .score(&answers, self.room)
                .map_err(|error| format!("{error:#}")),
            Err(why) => Err(why.clone()),
        };
        match scored {
            Ok(probes) => {
                result.probes = probes;
                result.state = match result.manual.is_empty() {
                    true => State::Graded,
                    false => State::Manual,
                };
            }
            Err(why) => result.says = Some(why),
        }
        result
    }

    fn reference(&self, lab: &'a ReleasedLab) -> Arc<Result<Reference<'a>, String>> {
        // Whoever comes second waits for the first.
        let mut references = self
            .references
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = references.entry(lab.file.clone()).or_insert_with(|| {
            let Input { manifest, .. } = self.input;
            let GradeArguments { run, timeout, .. } = self.arguments;
            let reference = Reference::of(manifest, lab, run, self.room, *timeout);
            Arc::new(reference.map_err(|error| format!("{error:#}")))
        });
        found.clone()
    }

    fn receipt(&self, submission_sha256: String) -> Receipt {
        let (limits, sandbox) = (self.room.limits(), self.room.sandbox());
        // By Landlock each file is bounded, and not what lies in scratch in all.
        let bounded = match sandbox.bounds_scratch() {
            true => "scratch",
            false => "file",
        };
        let limits = [
            ("seconds", limits.seconds),
            ("seconds-a-cell", self.arguments.timeout),
            ("memory", limits.memory),
            ("processes", limits.processes),
            (bounded, limits.scratch),
        ];
        let seed = mac(
            &self.input.manifest.secret,
            &format!("seed\n{}", self.arguments.run),
        );
        Receipt {
            grader: format!("cuaderno {}", env!("CARGO_PKG_VERSION")),
            toolchain: self.toolchain.version.clone(),
            cpu: self.cpu.clone(),
            sandbox: sandbox.name().to_owned(),
            limits: limits.map(|(name, value)| (name.to_owned(), value)).into(),
            seed_id: hex(&seed[..8]),
            submission_sha256,
            mac: String::new(),
        }
    }

    /// Grades the submission of an earlier result again.
    fn replay(&self, earlier: &Path) -> Result<ExitCode> {
        let text = std::fs::read(earlier).with_context(|| earlier.display().to_string())?;
        let earlier: GradeResult = serde_json::from_slice(&text)?;
        if !earlier.is_sealed(&self.input.manifest.secret) {
            let error = anyhow::anyhow!("the result was changed, or is one of another release");
            return Ok(failed(&error, BAD_INPUT));
        }
        let [(name, path)] = &self.input.submissions[..] else {
            let error = anyhow::anyhow!("--replay takes one submission, the one of the result");
            return Ok(failed(&error, BAD_INPUT));
        };
        if earlier.run != self.arguments.run {
            let error = anyhow::anyhow!(
                "the result is one of run {}; give it with --run",
                earlier.run
            );
            return Ok(failed(&error, BAD_INPUT));
        }
        let submission = Submission::read(path);
        let hash = sha256(submission.as_ref().map_or(&[][..], |it| &it.bytes));
        if hash != earlier.receipt.submission_sha256 {
            let error = anyhow::anyhow!("{} is not the notebook of the result", path.display());
            return Ok(failed(&error, BAD_INPUT));
        }
        let again = self.graded(self.unscored(name, hash), submission);
        // Marks that were entered since change the state, and say nothing of the probes.
        let is_same = (&again.probes, again.has_score()) == (&earlier.probes, earlier.has_score());
        println!("then  {}\nnow   {}", in_short(&earlier), in_short(&again));
        println!(
            "{}",
            if is_same {
                "The same."
            } else {
                "Not the same."
            }
        );
        Ok(ExitCode::from(if is_same { SCORED } else { UNSCORED }))
    }
}

fn in_short(result: &GradeResult) -> String {
    match result.has_score() {
        true => format!("{} of {} points", result.earned(), result.points()),
        false => format!(
            "{}, {}",
            formats::state(result.state),
            // It may quote what was handed in.
            result.says.as_deref().unwrap_or_default().escape_debug()
        ),
    }
}

/// The result in the file, if it is one and final.
fn kept(file: &Path, secret: &str) -> Option<GradeResult> {
    let result: GradeResult = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    (result.is_sealed(secret) && result.state != State::GraderError).then_some(result)
}

/// Removes earlier results of the submission that have no score: `newest` takes their place.
fn remove_outdated(name: &str, newest: &Path, secret: &str) -> Result<()> {
    let begins = format!("{name}--");
    for entry in std::fs::read_dir(newest.parent().unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        let is_candidate = path.file_name().is_some_and(|file| {
            let file = file.to_string_lossy();
            file.starts_with(&begins) && file.ends_with(".json")
        });
        if !is_candidate || path == newest {
            continue;
        }
        let text = std::fs::read(&path).unwrap_or_default();
        let is_outdated = serde_json::from_slice(&text).is_ok_and(|result: GradeResult| {
            result.submission == name && !result.has_score() && result.is_sealed(secret)
        });
        if is_outdated {
            std::fs::remove_file(&path)
                .with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    Ok(())
}

/// Writes a page for each student.
fn write_feedback(out: &Path, results: &[(GradeResult, Option<Executed>)]) -> Result<()> {
    let folder = out.join("feedback");
    std::fs::create_dir_all(&folder)?;
    for (result, executed) in results {
        let page = folder.join(format!("{}.html", result.submission));
        let text = formats::feedback(result, executed.as_ref());
        files::write(&page, text.as_bytes())?;
    }
    Ok(())
}

/// Writes what else is made from results.
fn write_all(out: &Path, results: &[GradeResult], wanted: &[Format]) -> Result<()> {
    files::write(&out.join("grades.csv"), formats::csv(results)?.as_bytes())?;
    if wanted.contains(&Format::Junit) {
        files::write(&out.join("junit.xml"), formats::junit(results).as_bytes())?;
    }
    if wanted.contains(&Format::Gradescope) {
        let folder = out.join("gradescope");
        std::fs::create_dir_all(&folder)?;
        // Without a score there is nothing to upload.
        for result in results.iter().filter(|result| result.has_score()) {
            let text = formats::gradescope(result).to_string();
            files::write(
                &folder.join(format!("{}.json", result.submission)),
                text.as_bytes(),
            )?;
        }
    }
    if wanted.contains(&Format::Github) {
        results
            .iter()
            .for_each(|result| print!("{}", formats::github(result)));
    }
    Ok(())
}

fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches(['\t', ' ', ':']).to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_tells_nothing_of_the_time_left() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_left(minute, 0, 30), "");
        assert_eq!(time_left(minute, 2, 10), "; 5 min left");
    }

    #[test]
    fn no_more_boxes_are_made_than_there_is_memory_for() {
        let check = |jobs, gibibytes: u64| {
            ensure_memory(jobs, &Limits::new(0), Some(gibibytes << 30))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            check(8, 16).unwrap_err(),
            "--jobs 8 may need 56 GiB, and this machine has 16; give --jobs 2"
        );
        assert_eq!(check(2, 16), Ok(()));
        assert!(check(2, 4).unwrap_err().ends_with("give --jobs 1"));
        assert_eq!(check(1, 4), Ok(()));
        assert!(total_memory().unwrap() > 0);
    }

    #[test]
    fn only_earlier_results_without_a_score_are_removed() {
        let desk = tempfile::tempdir().unwrap();
        let at = |name: &str| desk.path().join(name);
        let write = |file: &str, name: &str, state: State, secret: &str| {
            let mut result = GradeResult::example();
            (result.submission, result.state) = (name.to_owned(), state);
            result.sign(secret);
            std::fs::write(at(file), serde_json::to_string(&result).unwrap()).unwrap();
        };
        write("ada--1.json", "ada", State::Unreadable, "s");
        write("ada--2.json", "ada", State::Manual, "s");
        write("ada--3.json", "ada", State::GraderError, "another");
        write("ada--b--4.json", "ada--b", State::GraderError, "s");
        write("ada--5.json", "ada", State::GraderError, "s");
        remove_outdated("ada", &at("ada--5.json"), "s").unwrap();
        assert!(!at("ada--1.json").exists());
        for kept in [
            "ada--2.json",
            "ada--3.json",
            "ada--b--4.json",
            "ada--5.json",
        ] {
            assert!(at(kept).exists(), "{kept}");
        }
    }
}
